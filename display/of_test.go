package display

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image"
	"io"
	"io/fs"
	"maps"
	"math/big"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/quick"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files")

type place struct {
	Name string
	Lat  float64
	note *string
}

type celsius float64

func (c celsius) String() string { return fmt.Sprintf("%.1f °C", float64(c)) }

// reading and station tell less of themselves than their fields do; sealed and wrong tell all.
type reading struct {
	Place string
	Value celsius
	Age   time.Duration
}

func (r reading) String() string { return r.Place }

type station struct{ Name string }

func (s *station) String() string { return "station" }

type sealed struct{ n int }

func (s sealed) String() string { return fmt.Sprint("sealed ", s.n) }

type wrong struct{ Line int }

func (w wrong) Error() string { return fmt.Sprint("wrong in line ", w.Line) }

type shower struct{}

func (shower) Display() Bundle { return Bundle{Data: map[string]any{"text/html": "<b>"}} }

type bundler struct{ N int }

func (b bundler) MIMEBundle() map[string]any { return map[string]any{"text/latex": "$x$"} }

type page struct{}

func (page) HTML() string { return "<h2>page</h2>" }
func (page) PNG() []byte  { return []byte{1} }

type node struct {
	V    int
	Next *node
}

type shy struct{}

func (shy) String() string { panic("not today") }

type appointment struct{ at time.Time }

type board struct{ rows, columns int }

func (b board) Dims() (int, int)    { return b.rows, b.columns }
func (b board) At(i, j int) float64 { return float64(i) + float64(j)/10 }

type spectrum struct{ row []complex128 }

func (s *spectrum) Dims() (int, int)       { return 1, len(s.row) }
func (s *spectrum) At(i, j int) complex128 { return s.row[j] }

type length float64

type plot struct{}

func (*plot) WriterTo(w, h length, format string) (io.WriterTo, error) {
	return strings.NewReader("the picture"), nil
}

func number(n int) *int { return &n }

// How values are shown: testdata/of.golden.
func TestOf(t *testing.T) {
	note := "a <b>"
	circle := &node{V: 1}
	circle.Next = circle
	around := map[string]any{}
	around["me"] = around
	deep := []any{}
	for range 100 {
		deep = []any{deep}
	}
	var builder strings.Builder
	builder.WriteString("built")
	var shared struct {
		N       atomic.Int64
		On      atomic.Bool
		At      atomic.Pointer[place]
		Any     atomic.Value
		Free, L sync.Mutex
		R, W    sync.RWMutex
		Once, O sync.Once
		Group   sync.WaitGroup
		Map     sync.Map
	}
	shared.N.Store(5)
	shared.On.Store(true)
	shared.At.Store(&place{"x", 1, nil})
	shared.Any.Store("any")
	shared.L.Lock()
	shared.R.RLock()
	shared.W.Lock()
	shared.O.Do(func() {})
	shared.Group.Add(2)
	shared.Map.Store("a", 1)
	notFound := &fs.PathError{Op: "open", Path: "x.json", Err: fs.ErrNotExist}
	cases := []struct {
		name string
		v    any
	}{
		{"nothing", nil},
		{"a nil pointer", (*place)(nil)},
		{"a nil picture", (*image.Gray)(nil)},
		{"a nil Shower", (*shower)(nil)},
		{"a text", "a\nb"},
		{"bytes that are text", []byte("abc")},
		{"a line of bytes", []byte("abc\n")},
		{"bytes of several lines", []byte("a \"b\"\n\tc\n")},
		{"bytes of no text", []byte("abc\x00")},
		{"JSON", json.RawMessage(`{"a":1}`)},
		{"bytes within", struct {
			B, None []byte
			Raw     map[string]json.RawMessage
		}{[]byte("hi"), nil, map[string]json.RawMessage{"n": json.RawMessage("1")}}},
		{"bytes in a column", []struct{ B []byte }{{[]byte("hi")}, {[]byte{0, 1}}}},
		{"a Stringer", celsius(21)},
		{"a struct", place{"here", 1.5, nil}},
		{"a pointer to a struct", &place{"here", 1.5, &note}},
		{"a list", &node{1, &node{2, nil}}},
		{"a circle of pointers", circle},
		{"a map that holds itself", around},
		{"slices in slices in slices", deep},
		{"a String that panics", shy{}},
		{"a function", func(int) string { return "" }},
		{"a channel", make(chan place, 3)},
		{"fields of a cell's own type", struct {
			at   time.Time
			note *string
			next *node
		}{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), &note, &node{V: 1}}},
		{"fields of another package's", appointment{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}},
		{"what std's types point to", &http.Request{Method: "GET", URL: &url.URL{Path: "/x"}, Response: &http.Response{}}},
		{"numbers", []float64{1, 2.5}},
		{"a Shower", shower{}},
		{"a MIMEBundler", bundler{3}},
		{"methods that are named as forms", page{}},
		{"an error", errors.New("alone")},
		{"an error that wraps", fmt.Errorf("load <config>: %w", notFound)},
		{"errors joined", errors.Join(errors.New("one"), fmt.Errorf("two: %w", io.EOF))},
		{"structs", []place{{"<x>", 1.5, &note}, {"y", -20, nil}}},
		{"structs with long texts", []place{{strings.Repeat("long ", 100), 1.5, nil}, {"y\nz", 2, nil}}},
		{"pointers to structs", []*place{{"x", 1, nil}, nil}},
		{"pointers in columns", []struct{ N *int }{{number(3)}, {nil}}},
		{"no structs", []place{}},
		{"maps", []map[string]any{{"b": 1, "a": "x"}, {"c": nil}}},
		{"a map", map[string]int{"b": 2, "a": 1}},
		{"a map of structs", map[int]place{3: {"x", 1, nil}, -1: {"y", 2, nil}}},
		{"rows of several lengths", [][]int{{1, 2, 3}, {4}, nil}},
		{"an array of arrays", [2][2]string{{"a", "b"}, {"c", "d"}}},
		{"Stringers", []celsius{1, 2}},
		{"structs that are Stringers", []reading{{"here", 21, time.Second}, {"there", 3, 0}}},
		{"pointers to structs that are Stringers by them", []*station{{"here"}, nil}},
		{"one of them", reading{"here", 21, time.Second}},
		{"a map of them", map[string]reading{"a": {"here", 21, time.Second}}},
		{"Stringers whose fields nobody sees", []sealed{{1}}},
		{"Stringers by what they embed", []struct{ sealed }{{sealed{1}}}},
		{"Stringers of the standard library", []url.URL{{Path: "/x"}}},
		{"times", []time.Time{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}},
		{"numbers without end", []*big.Int{big.NewInt(3)}},
		{"errors of one type", []wrong{{1}}},
		{"interfaces", []any{1, "1", 1.0, 2.5, int64(1), celsius(1), time.Second, nil, true, 'x', place{"x", 1, nil}, &place{"y", 2, nil}, []int{1}, []any{"n"},
			map[string]any{"a": 1}, map[string]int{"a": 1}, []byte("b"), struct{ A any }{"1"}, number(3), (*place)(nil), errors.New("e")}},
		{"errors", []error{errors.New("e"), fmt.Errorf("f: %w", io.EOF), notFound, nil}},
		{"what pointers to std's values say", struct {
			N *big.Int
			V big.Int
			D map[string]time.Duration
			A []netip.Addr
			B strings.Builder
		}{big.NewInt(3), *big.NewInt(4), map[string]time.Duration{"a": time.Second}, []netip.Addr{netip.MustParseAddr("::1")}, builder}},
		{"what package sync holds", &shared},
		{"a matrix", board{2, 3}},
		{"a matrix by its pointer's methods", spectrum{[]complex128{1, 2i}}},
		{"matrices within", struct{ M any }{&spectrum{[]complex128{1, 2i}}}},
		{"a picture", image.NewGray(image.Rect(0, 0, 2, 2))},
		{"what writes itself as gonum's plots do", &plot{}},
	}
	var b strings.Builder
	for _, c := range cases {
		write(&b, c.name, Of(c.v))
	}
	write(&b, "two values", OfAll(1, "x"))
	write(&b, "values of several lines", OfAll([]byte("a\nb\n"), nil))
	write(&b, "a table, a picture and a text", OfAll([]place{{"x", 1.5, nil}}, Bundle{Data: map[string]any{"image/png": []byte("png"), "text/plain": "<PNG>"}}, "<x>"))
	golden(t, "testdata/of.golden", b.String())
}

// write writes all forms of a bundle.
func write(b *strings.Builder, name string, shown Bundle) {
	fmt.Fprintf(b, "=== %s\n", name)
	for _, mime := range slices.Sorted(maps.Keys(shown.Data)) {
		text, ok := shown.Data[mime].(string)
		if !ok {
			encoded, _ := json.Marshal(shown.Data[mime])
			text = string(encoded)
		}
		fmt.Fprintf(b, "--- %s\n%s\n", mime, text)
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		for i, line := range strings.Split(got, "\n") {
			if wanted := strings.Split(string(want), "\n"); i >= len(wanted) || line != wanted[i] {
				t.Fatalf("%s:%d: got %q; -update rewrites the file", file, i+1, line)
			}
		}
		t.Fatalf("%s has lines that were not got; -update rewrites the file", file)
	}
}

// What is too large is cut, and says how large it is.
func TestOfHuge(t *testing.T) {
	rows := make([]place, 1_000_000)
	wide := make([][]int, 3)
	for i := range wide {
		wide[i] = make([]int, 5000)
	}
	many := map[int]int{}
	for i := range mostOrdered + 1 {
		many[i] = i
	}
	for _, c := range []struct {
		name  string
		v     any
		says  string
		bytes int
	}{
		{"rows", rows, "1000000 rows × 3 columns, the first 20 rows shown", 30_000},
		{"columns", wide, "3 rows × 5000 columns, the first ", 40_000},
		{"numbers", make([]int, 1_000_000), "… (1000000 in all)", 10_000},
		{"bytes", make([]byte, 1_000_000), "(1 MB in all)", 1000},
		{"a text", strings.Repeat("é", 1_000_000), "é… (2 MB in all)", textLimit + 100},
		{"a map", many, "100001 rows × 1 column, the first 20 rows shown, in no order", 30_000},
		{"a picture", image.NewGray(image.Rect(0, 0, 10_000, 10_000)), "<*image.Gray, 10000×10000>", 200_000},
		{"text within", []any{strings.Repeat("x", 1_000_000), 1}, "MB in all", textLimit + 100},
	} {
		b := Of(c.v)
		encoded, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		if text := b.Data["text/plain"].(string); !strings.Contains(text, c.says) || len(encoded) > c.bytes {
			t.Errorf("%s: %d bytes; its text ends with …%q", c.name, len(encoded), text[max(0, len(text)-100):])
		}
	}
}

// The text of a value is what fmt prints, but for what the printer's comment says.
func TestTextIsFmts(t *testing.T) {
	type inner struct {
		A [2]bool
		B map[string]int8
		C *celsius
	}
	type all struct {
		S    string
		N    []int
		F    map[float64][]string
		M    map[[2]int]uint8
		In   []inner
		C    complex64
		D    time.Duration
		T    celsius
		By   []byte
		Long [300]bool
	}
	check := func(v all, s []string, m map[string]inner, b [3][]byte) bool {
		for i := range v.In {
			v.In[i].C = nil
		}
		for key := range m {
			m[key] = inner{}
		}
		for _, b := range []*[]byte{&v.By, &b[0], &b[1], &b[2]} {
			*b = append(*b, 0) // no text
		}
		for _, v := range []any{v, s, m, b, map[int]any{1: v.N, 2: nil, 3: v.D, 4: errors.New("e"), 5: struct{ e error }{}}, &v} {
			if got, want := valueText(reflect.ValueOf(v), 1<<30), fmt.Sprintf("%+v", v); got != want {
				t.Logf("got  %s\nwant %s", got, want)
				return false
			}
		}
		return true
	}
	if err := quick.Check(check, nil); err != nil {
		t.Error(err)
	}
}
