package table_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cellar-go/cellar/assetlib/table"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

// Foreign is what GoType makes of py_foreign.parquet, as the golden file says.
type Foreign struct {
	Price   *string       `parquet:"price"`
	Half    float32       `parquet:"half"`
	Clock   time.Duration `parquet:"clock"`
	Local   time.Time     `parquet:"local"`
	Micros  time.Time     `parquet:"micros"`
	Kind    string        `parquet:"kind"`
	BigText string        `parquet:"big text"`
	Nothing *int32        `parquet:"nothing"`
	Fixed   [2]byte       `parquet:"fixed"`
	X2nd    *int16        `parquet:"2nd"`
	Nested  [][]int32     `parquet:"nested"`
}

func TestGoType(t *testing.T) {
	var out bytes.Buffer
	for _, v := range []any{
		[]wideRow{}, sharedRows(), full(), map[string]float64{"a": 1}, []float64{1}, map[int8][]*point{}, at(3), time.Second,
		[]struct {
			A int `parquet:"my col"`
			B int `parquet:"my-col"`
			C int `parquet:"größe"`
			D int `parquet:"日付"`
			E int `json:"dep_delay"`
			F int "parquet:\"a`b\""
		}{},
	} {
		b, _ := store(t, v)
		decl, typ, imports, err := table.GoType(bytes.NewReader(b), int64(len(b)), "Stored")
		if err != nil {
			t.Fatalf("%T: %v", v, err)
		}
		fmt.Fprintf(&out, "// %T → %s %v\n%s\n", v, typ, imports, decl)
	}
	golden(t, "gotype.golden", out.String())
	b, _ := store(t, []point{})
	if _, _, _, err := table.GoType(bytes.NewReader(b), int64(len(b)), "not a name"); err == nil {
		t.Error("a name that is none was taken")
	}
}
