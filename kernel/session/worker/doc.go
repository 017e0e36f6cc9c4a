// Package worker is the process in which the cells of a session live: it loads their plugins, runs them, and tells the session what
// came of it.
//
// The session builds a program from it with the user's toolchain and module graph; its package main is a call of Main and blank
// imports, nothing else, because the linker would take whatever else it held for a cell's. It knows plugins, not cells: no source, no
// types. Start reading at Main; cure.go holds the one thing that the plugin package leaves undone.
package worker
