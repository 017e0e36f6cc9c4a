package classic

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// bar draws progress as tqdm does.
type bar struct {
	w       io.Writer
	columns int // of the terminal; 0 where it is none
	total   int
	done    int
	what    string
	started time.Time
	drawn   time.Time
	last    int // characters of what stands there
}

func newBar(w *os.File, cells int) *bar {
	b := &bar{w: w, total: cells, what: "Executing", started: time.Now()}
	b.columns, _, _ = term.GetSize(int(w.Fd()))
	b.draw()
	return b
}

// describe shows what a cell says that it does.
func (b *bar) describe(source string) {
	if b == nil {
		return
	}
	_, after, found := strings.Cut(source, "papermill_description=")
	if words := strings.Fields(after); found && len(words) > 0 {
		b.what = "Executing " + words[0]
		b.draw()
	}
}

// step says that one more cell is done.
func (b *bar) step() {
	if b == nil {
		return
	}
	b.done++
	if time.Since(b.drawn) >= 100*time.Millisecond {
		b.draw()
	}
}

// close leaves the bar where it is: full, if no cell failed.
func (b *bar) close() {
	if b == nil {
		return
	}
	b.draw()
	fmt.Fprintln(b.w)
}

func (b *bar) draw() {
	b.drawn = time.Now()
	text := b.text(time.Since(b.started))
	length := utf8.RuneCountInString(text)
	fmt.Fprint(b.w, "\r"+text+strings.Repeat(" ", max(0, b.last-length)))
	b.last = length
}

func (b *bar) text(elapsed time.Duration) string {
	left, rate := "?", "?cell/s"
	if b.done > 0 && elapsed > 0 {
		perSecond := float64(b.done) / elapsed.Seconds()
		left = clock(time.Duration(float64(b.total-b.done) / perSecond * float64(time.Second)))
		if rate = fmt.Sprintf("%5.2fcell/s", perSecond); perSecond < 1 {
			rate = fmt.Sprintf("%5.2fs/cell", 1/perSecond)
		}
	}
	if b.total == 0 {
		return fmt.Sprintf("%s: 0cell [%s, ?cell/s]", b.what, clock(elapsed))
	}
	part := float64(b.done) / float64(b.total)
	before := fmt.Sprintf("%s: %3.0f%%|", b.what, part*100)
	after := fmt.Sprintf("| %d/%d [%s<%s, %s]", b.done, b.total, clock(elapsed), left, rate)
	width := 10
	if b.columns > 0 {
		width = max(1, b.columns-utf8.RuneCountInString(before+after))
	}
	return before + blocks(part, width) + after
}

// blocks is a bar in eighths of a character.
func blocks(part float64, width int) string {
	const eighths = " ▏▎▍▌▋▊▉█"
	n := int(math.Floor(part * float64(width) * 8))
	text := strings.Repeat("█", n/8)
	if n/8 < width {
		text += string([]rune(eighths)[n%8]) + strings.Repeat(" ", width-n/8-1)
	}
	return text
}

func clock(d time.Duration) string {
	s := int(d.Seconds())
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%02d:%02d", s/60, s%60)
}
