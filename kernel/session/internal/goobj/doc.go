// Package goobj reads the object files of Go's compiler and assembler: which symbols they define, what these refer to, and their content.
//
// cmd/internal/goobj describes the format; it is the same since Go 1.20, while the numbers of relocations differ from version to version:
// those here are Go 1.26's. It knows files only; it must not know processes or the linker that places what it reads. Start reading at
// Open.
package goobj
