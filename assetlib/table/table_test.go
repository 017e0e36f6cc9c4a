package table_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cellar-go/cellar/assetlib/table"
	"github.com/cellar-go/cellar/internal/fault"
	"gonum.org/v1/gonum/mat"
)

func store(t testing.TB, v any) ([]byte, table.Info) {
	t.Helper()
	var b bytes.Buffer
	info, err := table.Write(&b, v)
	if err != nil {
		t.Fatalf("Write(%T): %v", v, err)
	}
	return b.Bytes(), info
}

func load(b []byte, ptr any) error { return table.Read(bytes.NewReader(b), int64(len(b)), ptr) }

func at[T any](v T) *T { return &v }

type point struct{ X, Y float64 }

type Base struct {
	ID   int64
	Note string
}

type Color uint8

type everything struct {
	Base
	Bool   bool
	I8     int8
	I16    int16
	I32    int32
	I64    int64
	I      int
	U8     uint8
	U16    uint16
	U32    uint32
	U64    uint64
	U      uint
	F32    float32
	F64    float64
	S      string `json:"text,omitempty"`
	B      []byte
	Fixed  [4]byte
	Array  [3]float32
	Color  Color
	T      time.Time
	D      time.Duration
	Day    time.Time `parquet:"day,date"`
	P      *int
	PS     *string
	PT     *time.Time
	Nested point
	PN     *point
	L      []int32
	LP     []*int
	LL     [][]string
	LS     []point
	LPS    []*point
	M      map[string]float64
	MI     map[int16][]string
	MM     map[Color]map[string]*point
	MS     map[point]bool
	MT     map[time.Time]string
	Set    map[string]struct{}
	Addr   netip.Addr
	Big    *big.Int
	Matrix *mat.Dense
	URL    url.URL
	Anon   struct{ A, B int }
	Skip   chan int `parquet:"-"`
}

func full() everything {
	u, _ := url.Parse("https://me:secret@example.org/a?b=c")
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		panic(err)
	}
	return everything{
		Base: Base{7, "ünï"}, Bool: true, I8: -128, I16: -32768, I32: math.MinInt32, I64: math.MinInt64, I: -1,
		U8: 255, U16: 65535, U32: math.MaxUint32, U64: math.MaxUint64, U: 1, F32: float32(math.Inf(-1)), F64: math.NaN(), S: "s",
		B: []byte{0, 255}, Fixed: [4]byte{1, 2, 3, 4}, Array: [3]float32{1, 2, float32(math.Copysign(0, -1))}, Color: 3,
		T: time.Date(2013, 7, 1, 5, 6, 7, 8, newYork), D: -time.Hour, Day: time.Date(2013, 1, 2, 0, 0, 0, 0, time.UTC),
		P: at(5), PS: at(""), PT: at(time.Date(1969, 1, 1, 0, 0, 0, 1, time.FixedZone("", -5*3600))),
		Nested: point{1, 2}, PN: &point{3, 4}, L: []int32{1, 2, 3}, LP: []*int{at(1), nil, at(3)},
		LL: [][]string{{"a"}, nil, {}, {"b", "c"}}, LS: []point{{1, 2}}, LPS: []*point{nil, {1, 2}},
		M: map[string]float64{"b": 2, "a": math.NaN()}, MI: map[int16][]string{-1: {"x"}, 2: nil, 1: {}},
		MM: map[Color]map[string]*point{1: {"p": nil, "q": {1, 2}}, 2: nil, 3: {}}, MS: map[point]bool{{1, 2}: true, {0, 5}: false},
		MT:  map[time.Time]string{time.Unix(5, 0).UTC(): "five"},
		Set: map[string]struct{}{"in": {}}, Addr: netip.MustParseAddr("fe80::1%eth0"), Big: big.NewInt(-1 << 40),
		Matrix: mat.NewDense(2, 2, []float64{1, 2, 3, 4}), URL: *u, Anon: struct{ A, B int }{1, 2},
	}
}

// shapes are values of many types; each must come back equal.
func shapes() map[string]any {
	many := make([]point, 5000)
	for i := range many {
		many[i] = point{float64(i), -float64(i)}
	}
	return map[string]any{
		"everything":         []everything{{}, full(), {}},
		"one struct":         full(),
		"zero struct":        everything{},
		"pointer to struct":  &Base{1, "x"},
		"pointers to rows":   []*Base{{1, "a"}, {2, "b"}},
		"many rows":          many,
		"empty table":        []point{},
		"int":                42,
		"string":             "héllo",
		"float":              math.Inf(1),
		"-0":                 math.Copysign(0, -1),
		"bool":               true,
		"bytes":              []byte("raw"),
		"nil bytes":          []byte(nil),
		"empty bytes":        []byte{},
		"time":               time.Date(2020, 2, 29, 1, 2, 3, 4, time.UTC),
		"zero time":          time.Time{},
		"duration":           3 * time.Second,
		"map":                map[string]float64{"rmse": 1.5, "": 0},
		"nil map":            map[string]int(nil),
		"empty map":          map[string]int{},
		"floats":             []float64{1, math.NaN(), math.Copysign(0, -1)},
		"nil slice":          []float64(nil),
		"empty slice":        []float64{},
		"nested maps":        map[string]map[string][]int{"a": {"b": {1}, "c": nil}, "d": nil, "e": {}},
		"matrix":             mat.NewDense(1, 2, []float64{1, 2}),
		"big":                big.NewInt(99),
		"named":              Color(9),
		"array":              [2][]string{{"a"}, nil},
		"slice of pointers":  []*float64{at(1.0), nil},
		"slice of times":     []time.Time{{}, time.Unix(1, 2).UTC(), time.Unix(1, 2).In(time.FixedZone("X", 3661))},
		"no fields":          struct{}{},
		"array of no length": [0]int{},
		"rows of nothing":    []struct{}{{}, {}},
		"a slice in a slice": [][]point{{{1, 2}}, nil, {}},
		"embedded pointer":   []struct{ *Base }{{nil}, {&Base{1, "z"}}},
		"embedded time":      []struct{ time.Time }{{time.Unix(9, 0).UTC()}},
		"pointer to array":   struct{ P *[2]int }{&[2]int{1, 2}},
		"single pointer":     map[string]struct{ P *int }{"a": {at(1)}, "b": {nil}},
		"map of pointers":    map[netip.Addr]*big.Int{netip.MustParseAddr("1.2.3.4"): big.NewInt(4)},
		"maps of one array":  map[[1]string][1]*int{{"k"}: {at(3)}},
	}
}

func TestRoundTrip(t *testing.T) {
	for name, v := range shapes() {
		t.Run(name, func(t *testing.T) {
			b, info := store(t, v)
			back := reflect.New(reflect.TypeOf(v))
			if err := load(b, back.Interface()); err != nil {
				t.Fatal(err)
			}
			if !table.Equal(v, back.Elem().Interface()) {
				t.Fatalf("went:\n%+v\ncame back:\n%+v", v, back.Elem().Interface())
			}
			if err := table.Verify(bytes.NewReader(b), int64(len(b))); err != nil {
				t.Error(err)
			}
			again, _ := store(t, back.Elem().Interface())
			if !bytes.Equal(b, again) {
				t.Error("the value that came back is stored as other bytes")
			}
			seen, err := table.Inspect(bytes.NewReader(b), int64(len(b)))
			if err != nil || !reflect.DeepEqual(seen, info) {
				t.Errorf("Inspect: %+v, %v; Write: %+v", seen, err, info)
			}
			f, err := table.Open(bytes.NewReader(b), int64(len(b)))
			if err != nil {
				t.Fatal(err)
			}
			rows, err := f.Rows(2, 0)
			if err != nil || len(rows) != int(min(2, info.Rows)) {
				t.Fatalf("Rows: %d rows, %v", len(rows), err)
			}
			if _, err := json.Marshal(rows); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestBytesDoNotDependOnProcessors(t *testing.T) {
	rows := wide(1_200_000)
	first, _ := store(t, rows)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	second, _ := store(t, rows)
	if !bytes.Equal(first, second) {
		t.Error("the bytes differ between 1 and more processors")
	}
	var back []wideRow
	if err := load(first, &back); err != nil || !table.Equal(rows, back) {
		t.Errorf("%d rows came back different: %v", len(back), err)
	}
	if err := table.Verify(bytes.NewReader(first), int64(len(first))); err != nil {
		t.Error(err)
	}
	f, err := table.Open(bytes.NewReader(first), int64(len(first)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.Rows(3, 1<<19-1) // across row groups
	if err != nil || len(got) != 3 || got[1].Values[0] != rows[1<<19].ID || got[2].Values[2] != rows[1<<19+1].Name {
		t.Errorf("rows across groups: %v, %v", got, err)
	}
}

type (
	loop    struct{ Next *loop }
	loopA   struct{ B []loopB }
	loopB   struct{ A map[string]loopA }
	private struct {
		A int
		b string
	}
	withIface struct{ Deep struct{ Any any } }
	twice     struct {
		Base
		ID int
	}
)

func TestRefusedTypes(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{
		{loop{}, "Next: table_test.loop contains itself"},
		{[]loopA{}, "B[].A[…]: table_test.loopA contains itself"},
		{private{}, "b: b is unexported and would be lost"},
		{[]withIface{}, "Deep.Any: an interface"},
		{make(chan int), "chan int can't be stored"},
		{struct{ F func() }{}, "F: func() can't be stored"},
		{struct{ C complex128 }{}, "C: complex128 can't be stored"},
		{struct{ P **int }{}, "P: **int has two kinds of nil"},
		{struct{ P *[]int }{}, "P: *[]int has two kinds of nil"},
		{map[*int]string{}, "map keys of type *int can't be put in order"},
		{[]twice{}, `ID: column "ID" is already that of Base.ID`},
		{struct {
			N int `parquet:",date"`
		}{}, "N: the tag `date` is for time.Time"},
		{errors.New("x"), "errors.errorString can't be stored: s: s is unexported"},
		{map[string]any{}, "an interface"},
	} {
		err := table.Check(reflect.TypeOf(c.v))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Check(%T) = %v, want %q", c.v, err, c.want)
		}
		var b bytes.Buffer
		if _, err := table.Write(&b, c.v); err == nil || b.Len() > 0 {
			t.Errorf("Write(%T) = %v after %d bytes", c.v, err, b.Len())
		}
		if fault.ExitCode(err) != int(fault.Input) {
			t.Errorf("%T: exit code %d", c.v, fault.ExitCode(err))
		}
	}
	if _, err := table.Write(&bytes.Buffer{}, nil); err == nil {
		t.Error("nil was stored")
	}
	if _, err := table.Write(&bytes.Buffer{}, (*Base)(nil)); err == nil {
		t.Error("a nil pointer was stored")
	}
}

func TestRefusedValues(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{
		{[]Base{{}, {1, "\xff"}}, `column "Note", row 1, can't be stored: "\xff" is not UTF-8`},
		{[]struct{ T time.Time }{{time.Date(1500, 1, 1, 0, 0, 0, 0, time.UTC)}}, "1677 to 2262"},
		{struct{ T *time.Time }{&time.Time{}}, "points at the zero time"},
		{map[float64]int{math.NaN(): 1, math.NaN(): 2}, "two keys of the map can't be told apart"},
		{map[time.Time]int{{}: 1}, "the zero time can't be the key of a map"},
		{[]*Base{{}, nil}, `row 1, can't be stored: the row is a nil pointer`},
		{struct {
			D time.Time `parquet:",date"`
		}{time.Unix(1, 0).UTC()}, "is not midnight UTC"},
	} {
		_, err := table.Write(&bytes.Buffer{}, c.v)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%T: %v, want %q", c.v, err, c.want)
		}
	}
}

// TestSchemaIsCompared guards against the silent zeros of readers that do not look: narrowing, nulls, missing columns.
func TestSchemaIsCompared(t *testing.T) {
	b, _ := store(t, []struct {
		N int64
		P *int64
		L []*int
		F float64
		T time.Time
	}{{N: 1 << 40, L: []*int{nil}}, {P: at(int64(1))}})
	for _, c := range []struct {
		ptr  any
		want string
	}{
		{&[]struct{ N int32 }{}, `column "N"`},
		{&[]struct{ N uint64 }{}, "can't hold every value"},
		{&[]struct{ N string }{}, "it is int64, and string can't hold every value of that (use int64)"},
		{&[]struct{ F float32 }{}, "use float64"},
		{&[]struct{ P int64 }{}, `column "P", row 0, does not fit: it is null, and int64 has no null (use *int64)`},
		{&[]struct{ L []int }{}, `column "L", row 0, does not fit: it is null`},
		{&[]struct{ L [3]*int }{}, "a list has 1 elements, and [3]*int has 3"},
		{&[]struct{ Missing int }{}, `there is no column "Missing" for the field Missing; there are N, P, L, F, T`},
		{&[]struct{ T map[string]int }{}, "can't hold"},
		{&struct{ N int64 }{}, "the file is a table of 2 rows"},
	} {
		before := reflect.ValueOf(c.ptr).Elem().Interface()
		err := load(b, c.ptr)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%T: %v, want %q", c.ptr, err, c.want)
		}
		if !reflect.DeepEqual(before, reflect.ValueOf(c.ptr).Elem().Interface()) {
			t.Errorf("%T was changed by a failed Read", c.ptr)
		}
	}
	var fewer []struct {
		F float64
		P *int64
	}
	if err := load(b, &fewer); err != nil || len(fewer) != 2 || *fewer[1].P != 1 {
		t.Errorf("a projection: %v, %v", fewer, err)
	}
	narrow, _ := store(t, []struct {
		N int8
		U uint32
		F float32
	}{{-5, math.MaxUint32, 1.5}})
	var wider []struct {
		N int
		U int64
		F float64
	}
	if err := load(narrow, &wider); err != nil || wider[0].N != -5 || wider[0].U != math.MaxUint32 || wider[0].F != 1.5 {
		t.Errorf("widening: %v, %v", wider, err)
	}
}

func TestMonotonicClockAndLocal(t *testing.T) {
	now := time.Now()
	b, _ := store(t, []time.Time{now})
	var back []time.Time
	if err := load(b, &back); err != nil || !back[0].Equal(now) || back[0].Format(time.RFC3339Nano) != now.Format(time.RFC3339Nano) {
		t.Errorf("%v came back as %v, %v", now, back, err)
	}
}

func TestEqual(t *testing.T) {
	a, b := full(), full()
	if !table.Equal(a, b) || !table.Equal(&a, b) {
		t.Error("equal values differ")
	}
	b.LPS[1].X = 9
	if table.Equal(a, b) {
		t.Error("a deep difference is not seen")
	}
	for _, c := range []struct {
		a, b any
		want bool
	}{
		{math.NaN(), math.NaN(), true},
		{0.0, math.Copysign(0, -1), false},
		{[]int(nil), []int{}, false},
		{[]point(nil), []point{}, true},
		{map[string]int(nil), map[string]int{}, false},
		{map[string]float64{"a": math.NaN()}, map[string]float64{"a": math.NaN()}, true},
		{1, int64(1), false},
		{nil, nil, true},
		{nil, 1, false},
		{(*int)(nil), (*int)(nil), true},
		{time.Unix(0, 0).UTC(), time.Unix(0, 0).In(time.FixedZone("X", 3600)), false},
		{big.NewInt(5), big.NewInt(5), true},
		{make(chan int), make(chan int), false},
	} {
		if got := table.Equal(c.a, c.b); got != c.want {
			t.Errorf("Equal(%v, %v) = %v", c.a, c.b, got)
		}
	}
}

// TestHashFollowsTheValues: what the content hash must and must not see.
func TestHashFollowsTheValues(t *testing.T) {
	content := func(v any) string { _, info := store(t, v); return info.Content }
	type r struct {
		F float64
		P *float64
	}
	one := content([]r{{1, at(2.0)}})
	if one == content([]r{{1, nil}}) || one == content([]r{{1, at(2.5)}}) || one == content([]r{{1, at(2.0)}, {1, at(2.0)}}) {
		t.Error("a change of values is not seen")
	}
	if content([]r{{0, nil}}) == content([]r{{math.Copysign(0, -1), nil}}) {
		t.Error("0 and -0 have one hash")
	}
	odd := math.Float64frombits(math.Float64bits(math.NaN()) ^ 1)
	if content([]r{{math.NaN(), nil}}) != content([]r{{odd, nil}}) {
		t.Error("two NaNs have two hashes")
	}
	type notNull struct{ F, P float64 }
	if one != content([]notNull{{1, 2}}) {
		t.Error("nullability without a null changes the hash")
	}
	type order struct {
		P *float64
		F float64
	}
	if one == content([]order{{at(2.0), 1}}) {
		t.Error("the order of columns is not seen")
	}
	utc := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	if content([]time.Time{utc}) == content([]time.Time{utc.In(time.FixedZone("", 3600))}) {
		t.Error("the zone is not seen")
	}
	if content([]string{"a", "bc"}) == content([]string{"ab", "c"}) {
		t.Error("the limits of strings are not seen")
	}
	if content([][]int{{1}, {2}}) == content([][]int{{1, 2}}) {
		t.Error("the limits of lists are not seen")
	}
}
