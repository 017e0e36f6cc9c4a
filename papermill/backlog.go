package papermill

import (
	"fmt"
	"strings"
	"time"

	"github.com/cellar-go/cellar/internal/jupyter"
)

// backlog tells how many of a kernel's messages were on their way at once. A socket of ZeroMQ drops what is beyond its limit, so where there
// were never as many, none was dropped: that is all that can be known of a kernel that doesn't number its messages.
//
// A message was sent no earlier than its date says, by the same clock as ours. What came after that date was still on its way then.
type backlog struct {
	most      int   // messages that are too many
	mostBytes int64 // and bytes

	zone *time.Duration // what its dates lack, of a kernel that gives local time without its zone, or as if it were universal

	came  []arrival // of those that may have been on their way with the next one
	bytes int64     // of these
	full  bool      // they were too many
}

type arrival struct {
	at   time.Time
	size int64
}

// take takes in a message of iopub.
func (b *backlog) take(m *jupyter.Message) {
	if b.full {
		return
	}
	sent, ok := sentAt(m.Header.Date)
	if ok && b.zone == nil { // the first one was not on its way for long
		d := m.Came.Sub(sent).Round(zones)
		b.zone = &d
	}
	if ok {
		sent = sent.Add(*b.zone)
	}
	if ok && sent.Before(m.Came.Add(time.Second)) { // else nobody knows by which clock it goes: all since the cell's begin count
		arrived := 0
		for arrived < len(b.came) && !b.came[arrived].at.After(sent) {
			b.bytes -= b.came[arrived].size
			arrived++
		}
		b.came = b.came[arrived:]
	}
	b.came = append(b.came, arrival{m.Came, m.Size})
	b.bytes += m.Size
	b.full = len(b.came) >= b.most || b.bytes >= b.mostBytes
}

// reset begins anew, and says what was too much, if something was.
func (b *backlog) reset() (tooMuch string) {
	switch {
	case b.full && len(b.came) >= b.most:
		tooMuch = fmt.Sprintf("%d messages", b.most)
	case b.full:
		tooMuch = fmt.Sprintf("%d bytes of messages", b.mostBytes)
	}
	b.came, b.bytes, b.full = b.came[:0], 0, false
	return tooMuch
}

// zones is what all zones of time differ by, or a multiple of it.
const zones = 15 * time.Minute

// sentAt reads the date of a header, which may lack its zone. xeus leaves out the zeros at the begin of its microseconds; where that can't be told from the zeros that
// others leave out at the end, the earlier time is the safe one.
func sentAt(date string) (time.Time, bool) {
	if whole, fraction, ok := strings.Cut(date, "."); ok {
		digits := strings.TrimRight(fraction, "Z")
		if n := len(digits); n != 3 && n < 6 {
			date = whole + "." + strings.Repeat("0", 6-n) + fraction
		}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05"} { // a fraction is read with each
		if t, err := time.Parse(layout, date); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
