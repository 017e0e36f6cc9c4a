package project

import (
	"github.com/cellar-go/cellar/extract/golang"
	"github.com/cellar-go/cellar/papermill"
)

// Needed says which cells of a notebook that a former run has done have to run again for the rest: in Go those whose slice says so, in other
// languages, and where nobody can tell, all.
func Needed(language string, done, rest []papermill.Cell) []bool {
	all := make([]bool, len(done))
	for i := range all {
		all[i] = true
	}
	if language != "go" {
		return all
	}
	var sources []golang.Source
	first := 0 // code cell that is not done
	for i, c := range append(done[:len(done):len(done)], rest...) {
		if c.Type != "code" {
			continue
		}
		if i < len(done) {
			first++
		}
		sources = append(sources, golang.Source{ID: c.ID, Number: c.Number, Text: c.Source(), Tags: c.Tags()})
	}
	needed, err := golang.Read("notebook", sources).Needed(first)
	if err != nil {
		return all
	}
	at := 0
	for i, c := range done {
		if c.Type == "code" {
			all[i] = needed[at]
			at++
		}
	}
	return all
}
