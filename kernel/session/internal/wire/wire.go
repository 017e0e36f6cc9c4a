// Package wire is what the session and its worker process say to each other: JSON values over two pipes, and marks in the worker's
// stdout and stderr that tell how far the output had come when something was said.
//
// It imports neither side. Both are always built from the same source, so the format has no version. Start reading at Request.
package wire

import (
	"fmt"
	"time"

	"github.com/cellar-go/cellar/display"
	"github.com/cellar-go/cellar/display/comm"
)

// Files of the worker process: requests come in on Requests, replies go out on Replies, the runtime's last words on Crash.
const (
	Requests = 3
	Replies  = 4
	Crash    = 5
)

// Nonce names the environment variable with a random word that makes this worker's marks its own.
const Nonce = "CELLAR_WORKER_NONCE"

// Memory names the environment variable with the number of bytes that the worker may hold; 0: not known.
const Memory = "CELLAR_WORKER_MEMORY"

// Request goes to the worker.
type Request struct {
	Op       string   `json:"op"` // link, load, interrupt, answer, input, end, values, held, code, comm, chdir, setenv, args, flags, surroundings, foreign
	ID       int      `json:"id,omitempty"`
	File     string   `json:"file,omitempty"`     // load: the plugin, or the object file to be linked
	Entry    string   `json:"entry,omitempty"`    // load: its function to run; none for a plugin of imports
	Packages string   `json:"packages,omitempty"` // load: where an object's packages are, as the compiler's -importcfg; none for a plugin
	Free     bool     `json:"free,omitempty"`     // interrupt: memory is short
	Quiet    bool     `json:"quiet,omitempty"`    // code: no goroutine of the user's is at the variables
	Input    bool     `json:"input,omitempty"`    // load: the cell may read its stdin; args: flag.Parse reads them
	Names    []string `json:"names,omitempty"`    // link; values, held and code; flags; args; chdir: the folder; setenv: name and value
	Data     []byte   `json:"data,omitempty"`     // answer
	Error    string   `json:"error,omitempty"`    // answer

	Comm *comm.Packet `json:"comm,omitempty"` // comm: for the handler of its comm
}

// Reply comes from the worker.
type Reply struct {
	Op          string            `json:"op"` // ready, done, display, comm, call, input, end, values, goroutine, stuck
	ID          int               `json:"id,omitempty"`
	Mark        int               `json:"mark,omitempty"` // display, comm, done: the mark in the output that it stands behind
	Bundle      *display.Bundle   `json:"bundle,omitempty"`
	Comm        *comm.Packet      `json:"comm,omitempty"`
	Handler     int               `json:"handler,omitempty"` // display, comm: the comm request whose handler shows it
	Taken       bool              `json:"taken,omitempty"`   // done: the packet had a handler
	Panic       *Panic            `json:"panic,omitempty"`
	Refused     string            `json:"refused,omitempty"`  // why a plugin could not be loaded: the worker is of no use any more
	Unlinked    string            `json:"unlinked,omitempty"` // why an object could not be linked: as a plugin it may
	Interrupted bool              `json:"interrupted,omitempty"`
	Deadlock    bool              `json:"deadlock,omitempty"` // because nothing could wake the cell
	Polls       bool              `json:"polls,omitempty"`    // ready: loops may poll, and need no checks
	Left        string            `json:"left,omitempty"`     // what the goroutine of an interrupted cell is still in
	Halted      string            `json:"halted,omitempty"`   // what that was stopped in
	Load        time.Duration     `json:"load,omitempty"`
	Run         time.Duration     `json:"run,omitempty"`
	Step        int               `json:"step,omitempty"`       // done: the statement that ran last
	Goroutines  int               `json:"goroutines,omitempty"` // done: that live on
	Cured       int               `json:"cured,omitempty"`      // itabs and types that had been built before the plugin brought its own
	Method      string            `json:"method,omitempty"`
	Data        []byte            `json:"data,omitempty"`
	Values      map[string]string `json:"values,omitempty"`
	Dir         string            `json:"dir,omitempty"`   // surroundings
	Names       []string          `json:"names,omitempty"` // surroundings: the environment
	Error       string            `json:"error,omitempty"` // why a request could not be done
}

// Panic is how a cell or a goroutine of one ended.
type Panic struct {
	Value  string  `json:"value"`
	Ended  bool    `json:"ended,omitempty"` // no panic: the goroutine ended itself, Value says how
	Trace  string  `json:"trace"`
	Frames []Frame `json:"frames"`
}

// Frame is one call of a trace, innermost first.
type Frame struct {
	Function string `json:"function"`
	File     string `json:"file"` // of the standard library: within its src
	Line     int    `json:"line"`
}

// Mark is what the worker writes into its stdout (and at the end of a cell also its stderr). Terminals do not show it.
func Mark(nonce string, n int) string { return fmt.Sprintf("%s%d\x1b\\", MarkPrefix(nonce), n) }

// MarkPrefix is how every mark of a worker begins.
func MarkPrefix(nonce string) string { return "\x1b_cellar:" + nonce + ":" }
