// Package live is what the code of a cell calls in the worker: the places of the session's variables, the checks that let a cell be
// interrupted, the value that it shows, and calls to the kernel.
//
// Every cell is linked with it, so it imports as little as can be. The rewriter writes the calls, and users only Call. It knows no
// cell and no wire: the worker sets the hooks in Hooks. Start reading at Slot and Check.
package live
