package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/cellar-go/cellar/internal/ui"
	"github.com/cellar-go/cellar/papermill"
)

// cellProgress shows which cell runs: on a terminal one line that is redrawn, with the time left; else a line for each that has ended.
type cellProgress struct {
	c    *cobra.Command
	live bool

	mu      sync.Mutex
	run     *papermill.Progress
	current papermill.Cell
	open    bool // a line is drawn
	stop    chan struct{}
}

func newCellProgress(c *cobra.Command, live bool, output string) *cellProgress {
	p := &cellProgress{c: c, live: live, run: papermill.NewProgress(output), stop: make(chan struct{})}
	if live {
		go func() {
			for tick := time.NewTicker(time.Second); ; {
				select {
				case <-tick.C:
					p.mu.Lock()
					p.draw()
					p.mu.Unlock()
				case <-p.stop:
					tick.Stop()
					return
				}
			}
		}()
	}
	return p
}

func (p *cellProgress) begin(cells []papermill.Cell) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.run.Begin(cells)
}

func (p *cellProgress) cell(cell papermill.Cell) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.run.Cell(cell)
	if cell.Type != "code" {
		return
	}
	p.current = cell
	switch {
	case cell.Status == papermill.Running:
		p.draw()
	case p.live:
		p.erase()
		if cell.Status == papermill.Failed {
			fmt.Fprintf(p.c.ErrOrStderr(), "failed %s\n", nameOf(cell))
		}
	default:
		fmt.Fprintf(p.c.ErrOrStderr(), "%-9s %s  %s\n", cell.Status, nameOf(cell), ui.Duration(cell.Ended.Sub(cell.Started)))
	}
}

// draw writes the line of the cell that runs.
func (p *cellProgress) draw() {
	if !p.live || p.current.Status != papermill.Running {
		return
	}
	now := time.Now()
	done, all := p.run.Done()
	took := ui.Duration(now.Sub(p.current.Started).Truncate(time.Second))
	if left, known := p.run.Left(now); known && left >= time.Second {
		took += ", about " + ui.Duration(left.Round(time.Second)) + " left"
	}
	fmt.Fprint(p.c.ErrOrStderr(), "\r\033[K"+ui.Bar(ui.Columns(p.c.ErrOrStderr()), done, all, nameOf(p.current), took))
	p.open = true
}

func (p *cellProgress) erase() {
	if p.open {
		fmt.Fprint(p.c.ErrOrStderr(), "\r\033[K")
		p.open = false
	}
}

// note writes a line that stays.
func (p *cellProgress) note(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
	fmt.Fprintln(p.c.ErrOrStderr(), line)
	p.draw()
}

// close ends the drawing; it may be called twice.
func (p *cellProgress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
	p.current = papermill.Cell{}
	select {
	case <-p.stop:
	default:
		close(p.stop)
	}
}

// nameOf is how progress calls a cell.
func nameOf(cell papermill.Cell) string {
	name := fmt.Sprintf("cell %d", cell.Number)
	switch {
	case cell.Number == 0:
		name = "injected parameters"
	case cell.ID != "":
		name += " (" + cell.ID + ")"
	}
	if cell.Replayed {
		name += " again"
	}
	return name
}
