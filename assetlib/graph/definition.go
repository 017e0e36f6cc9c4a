package graph

import (
	"fmt"
	"strings"
)

// Definition computes one asset, or several from one cell. It was found by reading source, never by running it.
type Definition struct {
	Assets   []Asset  `json:"assets"`
	Language string   `json:"language"`
	File     string   `json:"file"`             // slash path in the repository
	Cell     string   `json:"cell,omitempty"`   // the cell's id, of a notebook
	Number   int      `json:"number,omitempty"` // the cell's place on the page, from 1
	Func     string   `json:"func,omitempty"`   // the function's name, of a source file
	Line     int      `json:"line,omitempty"`
	Inputs   []Input  `json:"inputs,omitempty"`
	Code     string   `json:"code"`              // code version: hash of the normalised slice
	Imports  []string `json:"imports,omitempty"` // packages that the slice imports, but std's
	Files    []string `json:"files,omitempty"`   // string constants of the slice that may name files it reads, as written
	Reads    []string `json:"reads,omitempty"`   // patterns that the options declare, relative to File's folder
	Group    string   `json:"group,omitempty"`
	Tags     []string `json:"tags,omitempty"`
	Env      []string `json:"env,omitempty"`      // variables passed to the step, part of the key
	Secrets  []string `json:"secrets,omitempty"`  // variables passed to the step, never in a key
	Refresh  string   `json:"refresh,omitempty"`  // duration after which an observation is stale
	Live     bool     `json:"live,omitempty"`     // runs in the session without being kept
	Unpinned string   `json:"unpinned,omitempty"` // why equal keys may have unequal values, such as "imports net/http"
	Doc      string   `json:"doc,omitempty"`      // the text above the cell or the function
	Problem  error    `json:"-"`                  // why it can't be computed; the rest of the graph is not affected
}

// Asset is one output of a definition.
type Asset struct {
	Key  string `json:"key"`  // notebook or package + "/" + name, unless set by hand
	Name string `json:"name"` // the variable or result that is its value
}

// Input is an upstream asset, and how the definition names it.
type Input struct {
	Key  string `json:"key"`
	Name string `json:"name,omitempty"` // the variable or parameter; "" for load("key")
	At   string `json:"at,omitempty"`   // a revision, for load("key", at("…"))
}

// Place names where the definition stands, for people.
func (d *Definition) Place() string {
	switch {
	case d.Func != "":
		return fmt.Sprintf("%s:%d (func %s)", d.File, d.Line, d.Func)
	case d.Cell != "":
		return fmt.Sprintf("%s, cell %d (%s)", d.File, d.Number, d.Cell)
	}
	return d.File
}

// Keys are the assets' keys.
func (d *Definition) Keys() []string {
	keys := make([]string, len(d.Assets))
	for i, a := range d.Assets {
		keys[i] = a.Key
	}
	return keys
}

// Fold makes names equal that differ in case and underscores only, as Go's, Python's and the keys' spellings of one name do.
func Fold(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }
