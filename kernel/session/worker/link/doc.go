// Package link makes one program of code that is loaded piece by piece: it links a compiled cell in memory against what the process
// already holds, and sees to it that what the plugin package brings shares its types with what is there.
//
// The go command's own linker puts the standard library's descriptors, its tables and the C linker's work into each plugin: a quarter of a
// second and three megabytes a cell. Here only what is new is placed: functions, variables and types that have no name yet in the
// process. It knows object files (internal/goobj), ELF names and the runtime's list of modules; it must not know cells, sessions or
// pipes. Start reading at Linker.Load in link.go; then resolve.go (which symbols are new), process.go (what is there),
// place.go (memory and relocations), functab.go (what tracebacks and the collector read) and module.go (the runtime's side).
// Cure, for plugins, is in cure.go.
package link
