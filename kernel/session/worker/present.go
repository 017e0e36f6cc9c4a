package worker

import "github.com/cellar-go/cellar/display"

// present makes a bundle of the values of a cell's last expression. The text of a value is the user's code too.
func present(values []any) *display.Bundle {
	if shown := display.OfAll(values...); len(shown.Data) > 0 {
		return &shown
	}
	return nil // the cell has shown it already
}
