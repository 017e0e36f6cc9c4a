package ui

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// Progress shows how far many tasks are of which some run at the same time: a line for each that has ended, and, where lines may be redrawn,
// below them a line for each that runs and one for all. Several goroutines may use it.
type Progress struct {
	w     io.Writer
	live  bool
	width func() int // of the terminal now; see Columns
	total int
	begun time.Time
	over  chan struct{}

	mu            sync.Mutex
	ended, failed int
	running       []task
	drawn         int // lines that are redrawn
}

type task struct {
	key, name, step string
	begun           time.Time
}

// NewProgress shows so many tasks; live: w is a terminal where lines may be redrawn.
func NewProgress(w io.Writer, live bool, total int) *Progress {
	p := &Progress{w: w, live: live, width: func() int { return Columns(w) }, total: total, begun: time.Now(), over: make(chan struct{})}
	if live {
		go p.tick()
	}
	return p
}

// tick draws again what time has changed.
func (p *Progress) tick() {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			p.mu.Lock()
			if p.drawn > 0 {
				p.redraw("")
			}
			p.mu.Unlock()
		case <-p.over:
			return
		}
	}
}

// Begin shows a task that runs. The key is what Step and End call it by; the name is shown.
func (p *Progress) Begin(key, name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running = append(p.running, task{key: key, name: name, begun: time.Now()})
	p.redraw("")
}

// Step shows what a task that runs is doing.
func (p *Progress) Step(key, step string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := p.find(key); i >= 0 {
		p.running[i].step = step
		p.redraw("")
	}
}

// End shows what became of a task that ran.
func (p *Progress) End(key, status string, failed bool, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.find(key)
	if i < 0 {
		return
	}
	name := p.running[i].name
	p.running = slices.Delete(p.running, i, i+1)
	if p.ended++; failed {
		p.failed++
	}
	p.redraw(fmt.Sprintf("%-6s %s  %s\n", status, name, Duration(took)))
}

// Note writes a line that stays.
func (p *Progress) Note(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.over: // what comes after it is written by now
	default:
		p.redraw(line + "\n")
	}
}

// Close takes what is redrawn off the terminal. Nothing may be called after it.
func (p *Progress) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.over)
	io.WriteString(p.w, p.erase())
}

func (p *Progress) find(key string) int {
	return slices.IndexFunc(p.running, func(t task) bool { return t.key == key })
}

func (p *Progress) erase() string {
	if p.drawn == 0 {
		return ""
	}
	up := p.drawn
	p.drawn = 0
	return fmt.Sprintf("\r\033[%dA\033[J", up)
}

// redraw writes lines that stay, and below them what is redrawn.
func (p *Progress) redraw(stay string) {
	text := p.erase() + stay
	if p.live {
		var lines strings.Builder
		columns := p.width()
		for _, t := range p.running {
			fmt.Fprintln(&lines, Line(columns, "…      ", t.name, fmt.Sprintf("  %s  %s", Duration(time.Since(t.begun)), t.step)))
		}
		failed := ""
		if p.failed > 0 {
			failed = fmt.Sprintf(", %d failed", p.failed)
		}
		left := ""
		if rest := time.Duration(float64(time.Since(p.begun)) / float64(max(1, p.ended)) * float64(p.total-p.ended)); p.ended > 0 && rest >= time.Second {
			left = ", about " + Duration(rest.Round(time.Second)) + " left"
		}
		fmt.Fprintln(&lines, Line(columns, "", fmt.Sprintf("%d of %d ended%s%s", p.ended, p.total, failed, left), ""))
		// Without wrapping: a line that took two would not be erased.
		text += "\033[?7l" + lines.String() + "\033[?7h"
		p.drawn = len(p.running) + 1
	}
	io.WriteString(p.w, text)
}
