package session

import (
	"strings"
	"testing"
)

// Cells that follow each other are told by the first and the last of them.
func TestRuns(t *testing.T) {
	for cells, want := range map[string]string{
		"cell[1]":                 "cell[1]",
		"cell[1] cell[2]":         "cell[1], cell[2]",
		"cell[1] cell[2] cell[3]": "cell[1] to cell[3]",
		"cell[1] cell[3] cell[4] cell[5] x cell[6] cell[9]": "cell[1], cell[3] to cell[5], x, cell[6], cell[9]",
	} {
		if got := runs(strings.Fields(cells)); got != want {
			t.Errorf("%s: %s, want %s", cells, got, want)
		}
	}
}
