package display

import (
	"fmt"
	"html"
	"iter"
	"strings"
	"sync"
	"time"
)

// Bar is a bar that grows with the work done. Its methods may be called by several goroutines.
type Bar struct {
	label  string
	mu     sync.Mutex
	handle Handle
	total  int
	done   int
	ended  bool
	start  time.Time
	drawn  time.Time
}

// Progress shows a bar for n pieces of work, behind a label if there is one; n ≤ 0: nobody knows how many there are.
func Progress(n int, label ...string) *Bar {
	b := &Bar{label: strings.Join(label, " "), total: n, start: time.Now()}
	b.draw()
	return b
}

// Add tells that n more pieces are done.
func (b *Bar) Add(n int) { b.change(func() { b.done += n }) }

// Set tells how many pieces are done.
func (b *Bar) Set(done int) { b.change(func() { b.done = done }) }

// Done ends the work, wherever it stands, and shows it as it is.
func (b *Bar) Done() { b.change(func() { b.ended = true }) }

func (b *Bar) change(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.over()
	f()
	if pause := min(max(redraw, time.Since(b.start)/100), time.Second); b.over() != was || !b.over() && time.Since(b.drawn) >= pause {
		b.draw()
	}
}

// redraw is how long a bar stays as it is at least: work that is done in small pieces is not slowed down by it.
const redraw = 100 * time.Millisecond

func (b *Bar) over() bool { return b.ended || b.total > 0 && b.done >= b.total }

func (b *Bar) draw() {
	b.drawn = time.Now()
	value := ""
	if b.total > 0 || b.over() {
		value = fmt.Sprintf(` value="%d" max="%d"`, b.done, max(b.total, b.done, 1))
	}
	b.handle.put(bundle("text/html", fmt.Sprintf(`<label>%s <progress%s style="width:20em;vertical-align:middle"></progress> %s</label>`,
		html.EscapeString(b.label), value, html.EscapeString(b.numbers())), b.text()))
}

// text is the bar in one line.
func (b *Bar) text() string {
	label := b.label
	if label != "" {
		label += " "
	}
	if b.total <= 0 {
		return label + b.numbers()
	}
	const width = 30
	full := min(max(width*b.done/b.total, 0), width)
	return label + "|" + strings.Repeat("█", full) + strings.Repeat("·", width-full) + "| " + b.numbers()
}

// numbers say how far the work is, how long it took, and how long it will take if it goes on as it did.
func (b *Bar) numbers() string {
	passed := time.Since(b.start)
	times := clock(passed)
	if left := b.total - b.done; left > 0 && b.done > 0 && !b.over() {
		times += " < " + clock(time.Duration(float64(passed)/float64(b.done)*float64(left)))
	}
	if b.total <= 0 {
		return fmt.Sprintf("%d [%s]", b.done, times)
	}
	return fmt.Sprintf("%d/%d [%s]", b.done, b.total, times)
}

func clock(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%02d:%02d", s/60, s%60)
}

// Track goes through items and shows how far it is: for i, item := range display.Track(items).
func Track[T any](items []T, label ...string) iter.Seq2[int, T] {
	return func(yield func(int, T) bool) {
		for i := range TrackN(len(items), label...) {
			if !yield(i, items[i]) {
				return
			}
		}
	}
}

// TrackN counts from 0 to n-1 and shows how far it is: for i := range display.TrackN(1000).
func TrackN(n int, label ...string) iter.Seq[int] {
	return func(yield func(int) bool) {
		b := Progress(n, label...)
		defer b.Done()
		for i := range n {
			if !yield(i) {
				return
			}
			b.Add(1)
		}
	}
}
