// Package cellarstored is what load, materialize and assets become in a cell of the live session.
//
// Cells import it, so it depends on the standard library, display and the session's call to the kernel alone; its reader of Parquet is
// linked into the worker once (package parquet). It knows paths of stored values, and nothing of graphs or stores. Its name is one that
// no notebook uses for something else. Start reading at Load.
package cellarstored

import (
	"encoding/json"
	"errors"

	"github.com/cellar-go/cellar/display"
	"github.com/cellar-go/cellar/kernel/session/live"
)

// Read reads a stored value into *T. The worker's Parquet reader sets it.
var Read func(file string, pointer any) error

// Load is the stored value of an asset. A value that can't be read stops the cell.
func Load[T any](file, asset string) T {
	var value T
	if err := Read(file, &value); err != nil {
		panic(errors.New("load " + asset + ": " + err.Error()))
	}
	return value
}

// Report is an answer of the kernel, shown as a cell's value.
type Report struct{ Bundle display.Bundle }

// Display shows the report.
func (r Report) Display() display.Bundle { return r.Bundle }

// Ask has the kernel do something with assets and gives its report; a failure stops the cell.
func Ask(method, argument string) Report {
	answer, err := live.Call(method, []byte(argument))
	if err != nil {
		panic(err)
	}
	var r Report
	if err := json.Unmarshal(answer, &r.Bundle); err != nil {
		panic(err)
	}
	return r
}
