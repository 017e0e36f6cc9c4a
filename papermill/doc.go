// Package papermill runs notebooks as steps: parameters in, an executed notebook out, on any Jupyter kernel.
//
// It finds and drives kernels, and writes into a notebook what Papermill writes (docs/formats/notebook.md). It knows the
// messages of internal/jupyter and the notebooks of nbformat; it must not know assets, the store, or how our own kernel works,
// which it starts as a program like any other.
// Start reading at Run; kernel.go drives one kernel, parameters.go and inject.go make the injected cell.
package papermill
