package table

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// A timestamp column holds instants. The zones that the values were in go into the key-values of their column chunk, as runs, where
// there are others than UTC: "America/New_York" for a zone of the IANA database, "-05:00 EST" for any other.

const zoneKey = "cellar.zones"

// zones collects the zones of one chunk's values in order.
type zones struct {
	names []string
	index map[string]int
	runs  []zoneRun
	other bool // one is not UTC
	iana  map[*time.Location]*time.Location
}

type zoneRun struct {
	zone  int
	count uint64
}

// add notes the zone of the next value, and names it; UTC is "".
func (z *zones) add(t time.Time) string {
	name := ""
	if t.Location() != time.UTC {
		name = z.name(t)
	}
	if n := len(z.runs); n > 0 && z.names[z.runs[n-1].zone] == name {
		z.runs[n-1].count++
		return name
	}
	i, known := z.index[name]
	if !known {
		if z.index == nil {
			z.index = map[string]int{}
		}
		i = len(z.names)
		z.index[name], z.names = i, append(z.names, name)
		z.other = z.other || name != ""
	}
	z.runs = append(z.runs, zoneRun{i, 1})
	return name
}

func (z *zones) name(t time.Time) string {
	abbreviation, offset := t.Zone()
	if offset == 0 && abbreviation == "UTC" {
		return ""
	}
	loc := t.Location()
	known, tried := z.iana[loc]
	if !tried {
		if z.iana == nil {
			z.iana = map[*time.Location]*time.Location{}
		}
		if strings.Contains(loc.String(), "/") {
			known, _ = time.LoadLocation(loc.String())
		}
		z.iana[loc] = known
	}
	if known != nil { // a fixed zone may bear the name of a real one
		if a, o := t.In(known).Zone(); a == abbreviation && o == offset {
			return loc.String()
		}
	}
	sign := '+'
	if offset < 0 {
		sign, offset = '-', -offset
	}
	s := fmt.Sprintf("%c%02d:%02d", sign, offset/3600, offset/60%60)
	if offset%60 != 0 {
		s += fmt.Sprintf(":%02d", offset%60)
	}
	if abbreviation != "" {
		s += " " + abbreviation
	}
	return s
}

// zoneText is the JSON form of zones in a file; Runs alternates zone index and count, as uvarints.
type zoneText struct {
	Zones []string `json:"zones"`
	Runs  []byte   `json:"runs"`
}

func (z *zones) text() string {
	t := zoneText{Zones: make([]string, len(z.names))}
	for i, n := range z.names {
		t.Zones[i] = n
		if n == "" {
			t.Zones[i] = "UTC"
		}
	}
	for _, r := range z.runs {
		t.Runs = binary.AppendUvarint(binary.AppendUvarint(t.Runs, uint64(r.zone)), r.count)
	}
	b, _ := json.Marshal(t) // strings and bytes always encode
	return string(b)
}

// zoneCursor gives the zones of a chunk's values in order.
type zoneCursor struct {
	names []string
	locs  []*time.Location
	runs  []byte
	zone  int
	left  uint64
}

func readZones(text string) *zoneCursor {
	var t zoneText
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		damage("its time zones are unreadable: %v", err)
	}
	c := &zoneCursor{runs: t.Runs}
	for _, name := range t.Zones {
		loc := parseZone(name)
		if loc == time.UTC {
			name = ""
		}
		c.names, c.locs = append(c.names, name), append(c.locs, loc)
	}
	return c
}

// next is the zone of the next values, and for how many of them, at most max.
func (c *zoneCursor) next(max uint64) (zone int, count uint64) {
	for c.left == 0 {
		zone, n := binary.Uvarint(c.runs)
		if n <= 0 || zone >= uint64(len(c.locs)) {
			damage("its time zones end early")
		}
		count, m := binary.Uvarint(c.runs[n:])
		if m <= 0 {
			damage("its time zones end early")
		}
		c.zone, c.left, c.runs = int(zone), count, c.runs[n+m:]
	}
	count = min(max, c.left)
	c.left -= count
	return c.zone, count
}

func parseZone(s string) *time.Location {
	if s == "UTC" {
		return time.UTC
	}
	if s == "" || s[0] != '+' && s[0] != '-' {
		loc, err := time.LoadLocation(s)
		if err != nil || s == "Local" || s == "" {
			cannotRead("install tzdata, or import _ \"time/tzdata\" in the program", "the time zone %q is not in this machine's database", s)
		}
		return loc
	}
	clock, abbreviation, _ := strings.Cut(s[1:], " ")
	var h, m, sec int
	if n, err := fmt.Sscanf(clock+":00", "%d:%d:%d", &h, &m, &sec); n < 3 {
		damage("the time zone %q is malformed: %v", s, err)
	}
	offset := h*3600 + m*60 + sec
	if s[0] == '-' {
		offset = -offset
	}
	return time.FixedZone(abbreviation, offset)
}
