// Package kernels finds the Jupyter kernels of this machine, starts one, talks to it and leaves nothing of it behind.
//
// It knows kernelspecs, processes and the messages of internal/jupyter; what is executed, and what becomes of the outputs, is its
// callers' business. Our own kernel is a program like any other to it. ipykernel it knows better: launcher.py starts it so that it drops no
// output, and cheaply as a fork in a Pool. Start reading at Find, then Start.
package kernels
