package table

import (
	"fmt"
	"io"
	"runtime"

	"github.com/cellar-go/cellar/internal/fault"
)

// Deep inside a page or a nested value an error has no one to return to: it is raised as a panic of these types, and turned into a
// fault by the one who knows column and row.

type refusal string                          // the value can't be stored as it is
type damaged string                          // the file's bytes contradict themselves
type mismatch string                         // the file is sound, but holds what the Go type can't
type unsupported struct{ what, hint string } // the file is sound, but uses what we do not read
type failure struct{ error }                 // reading failed

func refuse(format string, args ...any) { panic(refusal(fmt.Sprintf(format, args...))) }
func damage(format string, args ...any) { panic(damaged(fmt.Sprintf(format, args...))) }
func misfit(format string, args ...any) { panic(mismatch(fmt.Sprintf(format, args...))) }

// cannotRead takes the way out as well.
func cannotRead(hint, format string, args ...any) {
	panic(unsupported{fmt.Sprintf(format, args...), hint})
}

// rescue turns a panic below into *err. where says, at that moment, what was being worked on.
func rescue(err *error, where func() string) {
	r := recover()
	if r == nil {
		return
	}
	at := where()
	const again = "write the file again: `cellar materialize --force` for an asset, its own writer for a file from elsewhere"
	switch r := r.(type) {
	case refusal:
		*err = fault.New(fault.Input, "change the value, or the type of the field, so that it can be stored", "%s can't be stored: %s", at, string(r))
	case mismatch:
		*err = fault.New(fault.Input, "read it into a type that holds it; `cellar show` prints the columns", "%s does not fit: %s", at, string(r))
	case unsupported:
		*err = fault.New(fault.Input, r.hint, "%s can't be read: %s", at, r.what)
	case damaged:
		*err = fault.New(fault.Storage, again, "%s is %w: %s", at, fault.ErrCorrupt, string(r))
	case failure:
		*err = fault.New(fault.Storage, "", "%s: %w", at, r.error)
	case runtime.Error: // what a malformed file does to a decoder
		*err = fault.New(fault.Storage, again, "%s is %w: malformed Parquet (%v)", at, fault.ErrCorrupt, r)
	default: // a method of the user's type
		*err = fault.New(fault.Input, "see the stack of the method in the type", "%s: panic: %v", at, r)
	}
}

// otherWriter is the way out of a file that other programs read.
const otherWriter = "write the file again with snappy or zstd compression and standard encodings"

// fileName names r in errors, if it has a name.
func fileName(r io.ReaderAt) string {
	if f, ok := r.(interface{ Name() string }); ok {
		return "Parquet file " + f.Name()
	}
	return "Parquet file"
}
