package classic

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"syscall"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/papermill/template"
)

// exception is an error as Python would print it in the last line of a traceback, which is what scripts look for.
type exception struct {
	class   string
	message string
	code    int   // to exit with
	cause   error // in our words, shown before; nil where they would say the same
}

func (e *exception) Error() string {
	if e.message == "" {
		return e.class
	}
	return e.class + ": " + e.message
}

func (e *exception) Unwrap() error { return e.cause }

func raise(class, format string, args ...any) *exception {
	return &exception{class: class, message: fmt.Sprintf(format, args...), code: 1}
}

func (e *exception) because(cause error) *exception {
	e.cause = cause
	return e
}

// papermillError is the exception for what Papermill itself finds wrong.
func papermillError(format string, args ...any) *exception {
	return raise("papermill.exceptions.PapermillException", format, args...)
}

// osErrors are the classes of Python's errors of the system, and its words.
var osErrors = map[syscall.Errno][2]string{
	syscall.ENOENT:  {"FileNotFoundError", "No such file or directory"},
	syscall.EACCES:  {"PermissionError", "Permission denied"},
	syscall.EPERM:   {"PermissionError", "Operation not permitted"},
	syscall.EISDIR:  {"IsADirectoryError", "Is a directory"},
	syscall.ENOTDIR: {"NotADirectoryError", "Not a directory"},
	syscall.EEXIST:  {"FileExistsError", "File exists"},
	syscall.ENOSPC:  {"OSError", "No space left on device"},
	syscall.EROFS:   {"OSError", "Read-only file system"},
	syscall.EPIPE:   {"BrokenPipeError", "Broken pipe"},
}

// osError is the exception of an error of the system, nil if it is none.
func osError(err error) *exception {
	var number syscall.Errno
	var path *fs.PathError
	var program *exec.Error
	name := ""
	switch {
	case errors.As(err, &program):
		name, number = program.Name, syscall.ENOENT
	case errors.As(err, &number) && errors.As(err, &path):
		name = path.Path
	default:
		return nil
	}
	known, ok := osErrors[number]
	if !ok {
		known = [2]string{"OSError", number.Error()}
	}
	return raise(known[0], "[Errno %d] %s: %s", int(number), known[1], template.Quote(name))
}

// pythonError is the exception of any error.
func pythonError(err error) error {
	var e *exception
	var c *clickError
	var done exit
	if err == nil || errors.As(err, &e) || errors.As(err, &c) || errors.As(err, &done) {
		return err
	}
	said := osError(err)
	var python *template.Error
	if said == nil && errors.As(err, &python) {
		said = raise(python.Class, "%s", python.Message)
	}
	if said == nil {
		said = papermillError("%s", plainMessage(err))
	}
	if fault.Hint(err) != "" {
		said.cause = err
	}
	return said
}
