package project

import (
	"github.com/cellar-go/cellar/assetlib/graph"
)

// Select picks definitions by graph's syntax, with the words stale (stale or missing), fresh and missing for their condition.
func (s *Snapshot) Select(expression string) ([]*graph.Definition, error) {
	return s.catalog.graph.Select(expression, func(word string) (func(*graph.Definition) bool, bool) {
		conditions := map[string][]Condition{"stale": {Stale, Missing}, "missing": {Missing}, "fresh": {Fresh}, "broken": {Broken}}[word]
		if conditions == nil {
			return nil, false
		}
		return func(d *graph.Definition) bool {
			for _, c := range conditions {
				if s.states[d].Condition == c {
					return true
				}
			}
			return false
		}, true
	})
}

// Lacking are the problems of files that may define assets which a selection means and could not find: those of all files that can't be
// read, unless the selection names each asset.
func (s *Snapshot) Lacking(expression string) []error {
	if !s.catalog.graph.Named(expression) {
		return s.catalog.problems
	}
	return nil
}
