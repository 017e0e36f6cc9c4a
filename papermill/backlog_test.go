package papermill

import (
	"fmt"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/jupyter"
)

// TestBacklog sends messages at a pace, each of which takes its time.
func TestBacklog(t *testing.T) {
	const most = 500
	begin := time.Date(2026, 11, 1, 12, 0, 0, 123456000, time.UTC)
	const micros = "2006-01-02T15:04:05.000000Z"
	xeus := func(t time.Time) string {
		return fmt.Sprintf("%s.%dZ", t.Format("2006-01-02T15:04:05"), t.Nanosecond()/1000)
	}
	iso := func(layout string) func(time.Time) string {
		return func(t time.Time) string { return t.Format(layout) }
	}
	for name, c := range map[string]struct {
		messages     int
		every, takes time.Duration
		date         func(time.Time) string
		full         bool
	}{
		"one by one":            {5000, time.Millisecond, time.Microsecond, iso(micros), false},
		"quick":                 {5000, 10 * time.Microsecond, time.Millisecond, iso(micros), false},
		"a flood":               {5000, 10 * time.Microsecond, 6 * time.Millisecond, iso(micros), true},
		"few":                   {most - 1, 0, time.Hour, iso(micros), false},
		"too many":              {most, 0, time.Hour, iso(micros), true},
		"milliseconds":          {5000, 10 * time.Microsecond, time.Millisecond, iso("2006-01-02T15:04:05.000Z"), false},
		"milliseconds, a flood": {5000, 10 * time.Microsecond, 6 * time.Millisecond, iso("2006-01-02T15:04:05.000Z"), true},
		"seconds hide a flood":  {5000, 10 * time.Microsecond, time.Microsecond, iso("2006-01-02T15:04:05Z"), true},
		"xeus's microseconds":   {50000, 100 * time.Microsecond, time.Millisecond, xeus, false},
		"xeus, a flood":         {50000, 10 * time.Microsecond, 6 * time.Millisecond, xeus, true},
		"another zone": {5000, time.Millisecond, time.Microsecond, func(t time.Time) string {
			return t.In(time.FixedZone("", 3600)).Format("2006-01-02T15:04:05.000000-07:00")
		}, false},
		"another zone, as Java writes it": {5000, time.Millisecond, time.Microsecond, func(t time.Time) string {
			return t.In(time.FixedZone("", -3600)).Format("2006-01-02T15:04:05.000-0700")
		}, false},
		"local time as if universal":         {5000, time.Millisecond, time.Microsecond, func(t time.Time) string { return t.Add(time.Hour).Format(micros) }, false},
		"local time without a zone":          {5000, time.Millisecond, time.Microsecond, func(t time.Time) string { return t.Add(-345 * time.Minute).Format("2006-01-02T15:04:05.000") }, false},
		"local time without a zone, a flood": {5000, 10 * time.Microsecond, 6 * time.Millisecond, func(t time.Time) string { return t.Add(-345 * time.Minute).Format("2006-01-02T15:04:05.000") }, true},
		"after minutes, at once":             {most, 0, 15 * time.Minute, iso(micros), true},
		"another clock":                      {5000, time.Millisecond, time.Microsecond, func(t time.Time) string { return t.Add(time.Minute).Format(micros) }, true},
		"no date, many":                      {most, time.Second, 0, func(time.Time) string { return "" }, true},
		"no date, few":                       {most - 1, time.Second, 0, func(time.Time) string { return "" }, false},
	} {
		b := backlog{most: most, mostBytes: 1 << 20}
		first := &jupyter.Message{Came: begin}
		first.Header.Date = c.date(begin)
		b.take(first)
		b.reset()
		for i := range c.messages {
			sent := begin.Add(time.Duration(i) * c.every)
			m := &jupyter.Message{Came: sent.Add(c.takes)}
			m.Header.Date = c.date(sent)
			b.take(m)
		}
		if got := b.reset(); (got == "500 messages") != c.full || b.reset() != "" {
			t.Errorf("%s: %q", name, got)
		}
	}

	large := func(every time.Duration) string {
		b := backlog{most: most, mostBytes: 1 << 20}
		for i := range 5 {
			sent := begin.Add(time.Duration(i) * every)
			m := &jupyter.Message{Came: sent.Add(time.Millisecond), Size: 1 << 18}
			m.Header.Date = sent.Format(micros)
			b.take(m)
		}
		return b.reset()
	}
	if slow, quick := large(time.Second), large(time.Microsecond); slow != "" || quick != "1048576 bytes of messages" {
		t.Errorf("large ones: %q, at once %q", slow, quick)
	}
}
