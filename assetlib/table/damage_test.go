package table_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cellar-go/cellar/assetlib/table"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/parquet-go/parquet-go"
)

// useAll does everything that can be done with a file; it must end in a value or an error, never in a panic.
func useAll(t testing.TB, b []byte) (failed error) {
	t.Helper()
	r, size := bytes.NewReader(b), int64(len(b))
	note := func(err error) {
		if err != nil && failed == nil {
			failed = err
		}
	}
	f, err := table.Open(r, size)
	note(err)
	if err == nil {
		_, err := f.Rows(5, 1)
		note(err)
		_, err = f.Info()
		note(err)
		_, _, _, err = table.GoType(r, size, "T")
		note(err)
	}
	note(table.Verify(r, size))
	for _, ptr := range []any{new([]shared), new([]wideRow), new(everything), new(map[string]float64), new([]*deep)} {
		if err := table.Read(r, size, ptr); err == nil {
			if _, err := table.Write(new(counter), reflect.ValueOf(ptr).Elem().Interface()); err != nil && !strings.Contains(err.Error(), "can't be stored") {
				t.Errorf("what was read can't be written: %v", err)
			}
		}
	}
	return failed
}

func TestCutFile(t *testing.T) {
	b, _ := store(t, sharedRows())
	for n := range b {
		var rows []shared
		err := load(b[:n], &rows)
		if err == nil {
			t.Fatalf("%d of %d bytes were read", n, len(b))
		}
		if !errors.Is(err, fault.ErrCorrupt) || fault.ExitCode(err) != int(fault.Storage) || fault.Hint(err) == "" {
			t.Fatalf("%d of %d bytes: %v", n, len(b), err)
		}
	}
	path := filepath.Join(t.TempDir(), "cut.parquet")
	if err := os.WriteFile(path, b[:len(b)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := table.Open(f, int64(len(b)/2)); err == nil || !strings.Contains(err.Error(), "cut.parquet is damaged: it does not end as a Parquet file ends") {
		t.Error(err)
	}
	if _, err := table.Open(f, int64(len(b))); err == nil || !strings.Contains(err.Error(), "cut short") {
		t.Error(err)
	}
}

// TestFlippedBytes changes every byte of a file in turn. What is not noticed by Read is noticed by Verify.
func TestFlippedBytes(t *testing.T) {
	b, info := store(t, sharedRows())
	for i := range b {
		bad := bytes.Clone(b)
		bad[i] ^= 0x55
		useAll(t, bad)
		if found, err := table.Hash(bytes.NewReader(bad), int64(len(bad))); err == nil && found.Content != info.Content {
			if err := table.Verify(bytes.NewReader(bad), int64(len(bad))); err == nil {
				t.Fatalf("byte %d: other values pass Verify", i)
			}
		}
	}
}

// TestFilesOfParquetGo reads what parquet-go's own writer makes, and refuses what it is known to spoil.
func TestFilesOfParquetGo(t *testing.T) {
	type row struct {
		A int64     `parquet:"a,delta"`
		S string    `parquet:"s,dict"`
		L []string  `parquet:"l,list"`
		R []int32   `parquet:"r"` // a bare repeated field
		T time.Time `parquet:"t,timestamp(microsecond)"`
		P *float64  `parquet:"p,optional"`
		U [16]byte  `parquet:"u,uuid"`
	}
	in := []row{{1, "x", []string{"a", "b"}, []int32{1, 2, 3}, time.Unix(7, 0).UTC(), at(1.5), [16]byte{1}}, {-5, "", nil, nil, time.Unix(0, 1000).UTC(), nil, [16]byte{}}}
	var b bytes.Buffer
	w := parquet.NewGenericWriter[row](&b, parquet.Compression(&parquet.Zstd))
	if _, err := w.Write(in); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var out []struct {
		A int64     `parquet:"a"`
		S string    `parquet:"s"`
		L []string  `parquet:"l"`
		R []int32   `parquet:"r"`
		T time.Time `parquet:"t"`
		P *float64  `parquet:"p"`
		U [16]byte  `parquet:"u"`
	}
	if err := load(b.Bytes(), &out); err != nil {
		t.Fatal(err)
	}
	if o := out[0]; o.A != 1 || o.S != "x" || len(o.L) != 2 || len(o.R) != 3 || o.R[2] != 3 || !o.T.Equal(in[0].T) || *o.P != 1.5 || o.U != in[0].U {
		t.Errorf("%+v", o)
	}
	if o := out[1]; o.A != -5 || o.P != nil || o.T.Nanosecond() != 1000 || len(o.L)+len(o.R) != 0 {
		t.Errorf("%+v", o)
	}
	b.Reset()
	lz := parquet.NewGenericWriter[point](&b, parquet.Compression(&parquet.Lz4Raw))
	if _, err := lz.Write([]point{{1, 2}}); err != nil {
		t.Fatal(err)
	}
	if err := lz.Close(); err != nil {
		t.Fatal(err)
	}
	var points []point
	if err := load(b.Bytes(), &points); err == nil || !strings.Contains(err.Error(), "LZ4_RAW is not supported") || fault.Hint(err) == "" {
		t.Errorf("LZ4_RAW: %v", err)
	}
}

func TestVerifyFindsChangedValues(t *testing.T) {
	a, _ := store(t, []struct{ A, B int64 }{{1, 2}})
	b, _ := store(t, []struct{ A, B int64 }{{1, 3}})
	for i := range a { // the pages of b under the footer of a
		if a[i] != b[i] {
			a[i] = b[i]
			break
		}
	}
	err := table.Verify(bytes.NewReader(a), int64(len(a)))
	if err == nil || !strings.Contains(err.Error(), `column "B" has other values`) || !errors.Is(err, fault.ErrCorrupt) {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	for _, v := range []any{sharedRows(), wide(300), full(), map[string]float64{"a": 1}, []*deep{{"a", nil}}} {
		b, _ := store(f, v)
		f.Add(b)
	}
	seeds, err := filepath.Glob("testdata/*.parquet")
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range seeds {
		b, err := os.ReadFile(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { useAll(t, b) })
}

func FuzzRoundTrip(f *testing.F) {
	f.Add(int64(1), "a", []byte("b"), 1.5, uint8(3), int64(5))
	f.Add(int64(-1), "", []byte{}, 0.0, uint8(0), int64(-1<<62))
	f.Fuzz(func(t *testing.T, i int64, s string, raw []byte, x float64, n uint8, ns int64) {
		if strings.ToValidUTF8(s, "") != s {
			return
		}
		v := full()
		v.I64, v.S, v.B, v.F64 = i, s, raw, x
		v.T = time.Unix(0, ns).In(time.FixedZone(s, int(i%50000)))
		v.L = make([]int32, n)
		for k := range v.L {
			v.L[k] = int32(i) * int32(k)
		}
		v.M = map[string]float64{s: x, string(rune(n)): 1}
		v.LL = append(v.LL, strings.Split(s, "a"))
		rows := make([]everything, int(n)*9)
		for k := range rows {
			rows[k] = v
			rows[k].I = k
		}
		b, _ := store(t, rows)
		var back []everything
		if err := load(b, &back); err != nil || !table.Equal(rows, back) {
			t.Fatalf("came back different: %v", err)
		}
		if err := table.Verify(bytes.NewReader(b), int64(len(b))); err != nil {
			t.Fatal(err)
		}
	})
}
