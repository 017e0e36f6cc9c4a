package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Sentinels: what callers tell apart with errors.Is.
var (
	// ErrNoGit: the folder is in no git repository, so versions have no commit.
	ErrNoGit = errors.New("not in a git repository")
	// ErrNotFound: the asset, version, object or file is not there.
	ErrNotFound = errors.New("not found")
	// ErrCorrupt: bytes on disk are not what their name or footer says.
	ErrCorrupt = errors.New("damaged")
)

// Kind classes a mistake by what the user has to look at; each is an exit code of the command line.
type Kind int

const (
	Failed      Kind = 1   // a cell or a step ran and failed
	Usage       Kind = 2   // the command was called wrongly
	Input       Kind = 3   // a notebook, a definition or a value is wrong
	Environment Kind = 4   // a program, a kernel or credentials are missing
	Storage     Kind = 5   // the disk, the store or a server
	Interrupted Kind = 130 // stopped by the user
)

// String names a kind as a kernel names its errors.
func (k Kind) String() string {
	switch k {
	case Usage:
		return "UsageError"
	case Input:
		return "InputError"
	case Environment:
		return "EnvironmentError"
	case Storage:
		return "StorageError"
	case Interrupted:
		return "Interrupted"
	}
	return "Error"
}

// Mistake is an error that the user can put right. It is shown without a stack.
type Mistake struct {
	Kind    Kind
	Message string // names the file, the cell and the line where there are any
	Hint    string // what to do about it; may be empty
	Err     error  // the cause; may be nil
}

// New makes a Mistake; an error among args stays reachable through errors.Is and errors.As.
func New(kind Kind, hint, format string, args ...any) *Mistake {
	m := &Mistake{Kind: kind, Hint: hint}
	shown := slices.Clone(args)
	for i, a := range args {
		if err, ok := a.(error); ok {
			m.Err = err
			shown[i] = strings.TrimPrefix(err.Error(), "cellar: ") // the program's name stands at the front only
		}
	}
	m.Message = fmt.Sprintf(strings.ReplaceAll(format, "%w", "%v"), shown...)
	return m
}

// Missing makes a Mistake of kind Input that is ErrNotFound, which its sentence need not say again.
func Missing(hint, format string, args ...any) *Mistake {
	m := New(Input, hint, format, args...)
	m.Err = ErrNotFound
	return m
}

func (m *Mistake) Error() string {
	if strings.HasPrefix(m.Message, "cellar: ") {
		return m.Message
	}
	return "cellar: " + m.Message
}

func (m *Mistake) Unwrap() error { return m.Err }

// Hint is the advice of the outermost Mistake in err's chain that has one.
func Hint(err error) string {
	for err != nil {
		var m *Mistake
		if !errors.As(err, &m) {
			return ""
		}
		if m.Hint != "" {
			return m.Hint
		}
		err = m.Err
	}
	return ""
}

// ExitCode maps an error to the exit code of a command: 0 for nil, 130 for a cancelled context, 1 for what has no class.
func ExitCode(err error) int {
	var m *Mistake
	switch {
	case err == nil:
		return 0
	case errors.As(err, &m):
		return int(m.Kind)
	case errors.Is(err, context.Canceled):
		return int(Interrupted)
	}
	return int(Failed)
}
