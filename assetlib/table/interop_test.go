package table_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cellar-go/cellar/assetlib/table"
	"github.com/cellar-go/cellar/internal/testkit"
)

// shared is the type of the rows that check_interop.py makes too.
type shared struct {
	ID     int64
	Small  int8 `parquet:"small"`
	Count  uint32
	X      float64
	Y      *float32
	Name   string
	Raw    []byte
	Flag   bool
	At     time.Time
	Day    time.Time `parquet:",date"`
	Tags   []string
	Counts map[string]int64
	Pos    point
	Deep   []deep
}

type deep struct {
	K string
	V []*int64
}

func sharedRows() []shared {
	utc := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }
	return []shared{
		{1, -1, 1, 1.5, at(float32(1.5)), "a", []byte{0}, true, utc(2013, 1, 1), utc(2013, 1, 1), []string{"x", "y"}, map[string]int64{"b": 2, "a": 1}, point{1, 2}, []deep{{"a", []*int64{at(int64(1)), nil}}}},
		{2, 0, 2, math.NaN(), nil, "", nil, false, time.Time{}, utc(1969, 12, 31), []string{}, map[string]int64{}, point{3, 4}, []deep{{"b", nil}, {"c", []*int64{}}}},
		{3, 127, math.MaxUint32, math.Copysign(0, -1), at(float32(2.5)), "ü", []byte{}, true, utc(2262, 1, 1), time.Time{}, nil, nil, point{5, 6}, []deep{}},
	}
}

type seenByPython struct {
	Arrow, Polars, DuckDB map[string]string
	Rows                  []int
	First                 map[string]any
}

func TestPython(t *testing.T) {
	py, dir := testkit.Python(t), t.TempDir()
	written := map[string]any{
		"shared": sharedRows(), "wide": wide(200_000), "everything": []everything{full(), {}}, "empty": []shared{},
		"map": map[string]float64{"rmse": 1.5}, "number": 42, "duration": []struct{ D time.Duration }{{time.Second}},
	}
	for name, v := range written {
		b, _ := store(t, v)
		if err := os.WriteFile(filepath.Join(dir, name+".parquet"), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(py, "testdata/check_interop.py", dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var seen map[string]seenByPython
	if err := json.Unmarshal(bytes.ReplaceAll(bytes.ReplaceAll(out, []byte("NaN"), []byte(`"NaN"`)), []byte("-Infinity"), []byte(`"-Inf"`)), &seen); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, rows := range map[string]int{"shared": 3, "wide": 200_000, "everything": 2, "empty": 0, "map": 1, "number": 1} {
		if got := seen[name+".parquet"].Rows; !reflect.DeepEqual(got, []int{rows, rows, rows}) {
			t.Errorf("%s: pyarrow, polars, duckdb see %v rows, want %d", name, got, rows)
		}
	}
	t.Run("types", func(t *testing.T) { pythonTypes(t, seen) })
	t.Run("foreign files", func(t *testing.T) { readForeign(t, dir) })
}

// pythonTypes checks that users of the three libraries see the types that they expect.
func pythonTypes(t *testing.T, seen map[string]seenByPython) {
	s := seen["shared.parquet"]
	for column, want := range map[string][3]string{
		"ID":     {"int64", "Int64", "BIGINT"},
		"small":  {"int8", "Int8", "TINYINT"},
		"Count":  {"uint32", "UInt32", "UINTEGER"},
		"X":      {"double", "Float64", "DOUBLE"},
		"Y":      {"float", "Float32", "FLOAT"},
		"Name":   {"string", "String", "VARCHAR"},
		"Raw":    {"binary", "Binary", "BLOB"},
		"Flag":   {"bool", "Boolean", "BOOLEAN"},
		"At":     {"timestamp[ns, tz=UTC]", "Datetime(time_unit='ns', time_zone='UTC')", "TIMESTAMPTZ_NS"},
		"Day":    {"date32[day]", "Date", "DATE"},
		"Tags":   {"list<element: string not null>", "List(String)", "VARCHAR[]"},
		"Counts": {"map<string, int64", "Map(String, Int64)", "MAP(VARCHAR, BIGINT)"},
		"Pos":    {"struct<X: double not null, Y: double not null>", "Struct({'X': Float64, 'Y': Float64})", "STRUCT(X DOUBLE, Y DOUBLE)"},
	} {
		got := [3]string{strings.Split(s.Arrow[column], " ('")[0], s.Polars[column], s.DuckDB[column]}
		if got != want {
			t.Errorf("column %s is %q, want %q", column, got, want)
		}
	}
	if got := fmt.Sprint(s.First["At"], s.First["Name"], s.First["Tags"], s.First["Deep"]); got != "2013-01-01 00:00:00+00:00a[x y] [map[K:a V:[1 <nil>]]]" {
		t.Errorf("pyarrow's first row: %s", got)
	}
	if got := seen["map.parquet"].Arrow["value"]; !strings.HasPrefix(got, "map<string, double") {
		t.Errorf("a map is %s", got)
	}
	if got := seen["everything.parquet"].Arrow["day"]; got != "date32[day]" {
		t.Errorf("a day is %s", got)
	}
}

func readForeign(t *testing.T, dir string) {
	open := func(name string) ([]byte, table.Info) {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		info, err := table.Hash(bytes.NewReader(b), int64(len(b)))
		if err != nil && name != "py_lz4.parquet" {
			t.Errorf("Hash(%s): %v", name, err)
		}
		return b, info
	}
	rows := sharedRows()
	_, ours := store(t, rows)
	for _, name := range []string{"py_default", "py_zstd", "py_gzip", "py_none", "py_encodings"} {
		b, info := open(name + ".parquet")
		var back []shared
		if err := load(b, &back); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !table.Equal(rows, back) {
			t.Errorf("%s: read\n%+v\nwant\n%+v", name, back, rows)
		}
		if info.Content != ours.Content {
			t.Errorf("%s: its content hash differs from that of the rows that Go wrote:\n%+v\n%+v", name, info.Columns, ours.Columns)
		}
	}
	if b, _ := open("pl_default.parquet"); true {
		var back []struct {
			ID   int64
			Name string
			At   time.Time
			Deep []deep
		}
		if err := load(b, &back); err != nil || len(back) != 3 || back[2].Name != "ü" || !back[0].At.Equal(rows[0].At) {
			t.Errorf("polars: %+v, %v", back, err)
		}
	}
	b, _ := open("py_lz4.parquet")
	var back []shared
	if err := load(b, &back); err == nil || !strings.Contains(err.Error(), "compression LZ4_RAW is not supported") {
		t.Errorf("lz4: %v", err)
	}
	b, _ = open("py_many.parquet")
	var many []struct {
		N int64
		L []int64
		S string
	}
	if err := load(b, &many); err != nil || len(many) != 300_000 {
		t.Fatalf("many: %d, %v", len(many), err)
	}
	for i, r := range many {
		if r.N != int64(i) || len(r.L) != i%4 || r.S != fmt.Sprintf("s%d", i%1000) || len(r.L) > 0 && r.L[len(r.L)-1] != int64(i%4-1) {
			t.Fatalf("many: row %d is %+v", i, r)
		}
	}
	_, same := store(t, many)
	if _, info := open("py_many.parquet"); info.Content != same.Content {
		t.Errorf("many: %v, want %v", info, same)
	}
	b, _ = open("py_foreign.parquet")
	decl, typ, imports, err := table.GoType(bytes.NewReader(b), int64(len(b)), "Foreign")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "foreign.golden", fmt.Sprintf("%s\n// %s %v\n", decl, typ, imports))
	var foreign []Foreign
	if err := load(b, &foreign); err != nil {
		t.Fatal(err)
	}
	if f := foreign[1]; *f.Price != "-0.05" || f.Half != -2 || f.Clock != 0 || f.Micros.Year() != 1500 || f.Kind != "b" || f.Nested != nil {
		t.Errorf("%+v", f)
	}
}
