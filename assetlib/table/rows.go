package table

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Row is a row whose type nobody knows: its columns in file order. It encodes as a JSON object in that order.
type Row struct {
	Columns []string
	Values  []any // nil, bool, int64, uint64, float32, float64, string, []byte, time.Time, time.Duration, Row, []any
}

// Rows reads up to limit rows from offset on; a negative limit reads all.
func (f *File) Rows(limit, offset int) (rows []Row, err error) {
	at := ""
	defer rescue(&err, func() string { return f.name + at })
	if limit < 0 {
		limit = int(f.meta.NumRows)
	}
	names := make([]string, len(f.root.kids))
	for i, k := range f.root.kids {
		names[i] = k.name
	}
	for g := range f.meta.RowGroups {
		n := int(f.meta.RowGroups[g].NumRows)
		if offset >= n {
			offset -= n
			continue
		}
		take := min(n-offset, limit-len(rows))
		if take <= 0 {
			break
		}
		first := len(rows)
		for range take {
			rows = append(rows, Row{names, make([]any, len(names))})
		}
		for i, k := range f.root.kids {
			at = fmt.Sprintf(": column %q", k.path)
			read := f.dynamic(g, k, offset+take)
			for range offset {
				read()
			}
			for r := range take {
				rows[first+r].Values[i] = read()
			}
		}
		offset = 0
	}
	return rows, nil
}

// dynamic reads the first rows of a column in a row group, one value a call.
func (f *File) dynamic(g int, n *node, rows int) func() any {
	a := &assembler{}
	read := a.dynamic(n)
	for _, cur := range a.cursors {
		begun := 0
		f.load(g, cur, func(p *page) bool { // a row is whole when the next one has begun
			begun += countRows(p)
			return begun <= rows
		})
	}
	return read
}

func countRows(p *page) int {
	if p.reps == nil {
		return p.entries
	}
	return countLevel(p.reps, 0)
}

// dynamic is value without a Go type.
func (a *assembler) dynamic(n *node) func() any {
	first := len(a.cursors)
	if n.form == leafNode {
		c := &cursor{n: n}
		a.cursors = append(a.cursors, c)
		return func() any {
			if c.def() < n.maxDef {
				c.entry++
				return nil
			}
			v := c.any(n.leaf)
			c.entry++
			c.value++
			return v
		}
	}
	var kids []func() any
	var names []string
	for _, k := range n.kids {
		kids, names = append(kids, a.dynamic(k)), append(names, k.name)
	}
	cursors, absent := a.cursors[first:], a.absent(first)
	if n.form == groupNode {
		return func() any {
			if n.optional && absent(n.def) {
				return nil
			}
			row := Row{names, make([]any, len(kids))}
			for i, kid := range kids {
				row.Values[i] = kid()
			}
			return row
		}
	}
	text := n.form == mapNode && n.kids[0].form == leafNode && n.kids[0].leaf.class == cString
	return func() any {
		if n.optional && absent(n.def) {
			return nil
		}
		var row Row // of a map with text keys, which looks like a struct
		list := []any{}
		if !absent(n.def + 1) {
			for range cursors[0].run(n.rep) {
				switch {
				case text:
					key, _ := kids[0]().(string)
					row.Columns, row.Values = append(row.Columns, key), append(row.Values, kids[1]())
				case n.form == mapNode:
					list = append(list, Row{names, []any{kids[0](), kids[1]()}})
				default:
					list = append(list, kids[0]())
				}
			}
			settle(cursors, n.rep)
		}
		if text {
			return row
		}
		return list
	}
}

// any is the next value.
func (c *cursor) any(t leafType) any {
	switch t.class {
	case cBool:
		return c.bools[c.value] != 0
	case cInt:
		return c.integer(t.bits == 64, false)
	case cUint:
		return uint64(c.integer(t.bits == 64, true))
	case cFloat:
		if t.bits == 32 {
			return math.Float32frombits(c.u32[c.value])
		}
		return math.Float64frombits(c.u64[c.value])
	case cHalf:
		return halfToFloat(c.str[c.value])
	case cString:
		return c.str[c.value]
	case cDecimal:
		return c.decimal(t)
	case cDate:
		return c.time(t).Format(time.DateOnly)
	case cTimestamp:
		return c.time(t)
	case cTime:
		return c.duration(t)
	case cUUID:
		b := c.str[c.value]
		return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	}
	return []byte(c.str[c.value])
}

// MarshalJSON keeps the order of the columns.
func (r Row) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range r.Columns {
		if i > 0 {
			b.WriteByte(',')
		}
		k, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		v, err := marshal(r.Values[i])
		if err != nil {
			return nil, err
		}
		b.Write(k)
		b.WriteByte(':')
		b.Write(v)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// marshal encodes a value; numbers that JSON lacks are text, durations are text as well.
func marshal(v any) ([]byte, error) {
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return json.Marshal(strconv.FormatFloat(v, 'g', -1, 64))
		}
	case float32:
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return json.Marshal(strconv.FormatFloat(f, 'g', -1, 32))
		}
	case time.Time:
		return json.Marshal(v.Format(time.RFC3339Nano)) // time's own MarshalJSON refuses years beyond 9999
	case time.Duration:
		return json.Marshal(v.String())
	case []any:
		parts := make([]json.RawMessage, len(v))
		for i, e := range v {
			b, err := marshal(e)
			if err != nil {
				return nil, err
			}
			parts[i] = b
		}
		return json.Marshal(parts)
	}
	return json.Marshal(v)
}

// Cells is the row as text for a table; a null is empty.
func (r Row) Cells() []string {
	out := make([]string, len(r.Values))
	for i, v := range r.Values {
		out[i] = cell(v)
	}
	return out
}

func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case Row, []any:
		b, err := marshal(v)
		if err != nil {
			return "!" + err.Error()
		}
		return string(b)
	}
	return fmt.Sprint(v)
}
