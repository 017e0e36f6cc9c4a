// Package notebooks is the real pipeline: the flights of New York in 2013, from files to next week's plan, in Go notebooks.
//
// It holds notebooks and their data, no code of its own: this file keeps the modules that they import in go.mod. It knows the
// packages that any user may import (display, gonum), and must not know how cells are run. Start reading at flights.ipynb.
package notebooks

import (
	_ "gonum.org/v1/gonum/integrate"
	_ "gonum.org/v1/gonum/mat"
	_ "gonum.org/v1/gonum/stat"
	_ "gonum.org/v1/plot"
	_ "gonum.org/v1/plot/palette/brewer"
	_ "gonum.org/v1/plot/plotter"
	_ "gonum.org/v1/plot/vg"
	_ "gonum.org/v1/plot/vg/draw"
	_ "gonum.org/v1/plot/vg/vgimg"
)
