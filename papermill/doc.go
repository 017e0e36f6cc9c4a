// Package papermill runs notebooks as steps: parameters in, an executed notebook out, on any Jupyter kernel.
//
// It writes into a notebook what Papermill writes (docs/formats/notebook.md). Below it are the rooms for notebooks (nbformat), kernels
// (kernels) and parameters (parameters). It must not know assets, the store, or how our own kernel works, which it starts as a program
// like any other. Start reading at Run.
package papermill
