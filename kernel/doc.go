// Package kernel is the Jupyter kernel for Go: it answers a front-end's requests with a live session.
//
// It knows the meaning of Jupyter's messages, where a kernelspec is installed, and what the machine needs. It does not know how a
// cell is run (package session, below it), how messages travel (internal/jupyter), nor assets: whoever starts it may put a hook
// before each cell. Start reading at Serve, then kernel.run.
package kernel
