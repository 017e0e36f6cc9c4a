package step

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/assetlib/table"
	"github.com/cellar-go/cellar/display"
)

type row struct{ N int }

// try runs a program on the input `in`, and gives its result and what was read back of the output `out`.
func try(t *testing.T, given []row, in *[]row, code func(), out any) (*Result, Specification) {
	t.Helper()
	dir := t.TempDir()
	input := filepath.Join(dir, "in.parquet")
	f, err := os.Create(input)
	if err != nil {
		t.Fatal(err)
	}
	info, err := table.Write(f, given)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	s := Specification{Inputs: map[string]Input{"n/in": {File: input, Content: info.Content}}, Outputs: map[string]string{"n/out": filepath.Join(dir, "out.parquet")},
		Displays: filepath.Join(dir, "displays"), Result: filepath.Join(dir, "result")}
	file := filepath.Join(dir, "spec")
	if err := s.Write(file); err != nil {
		t.Fatal(err)
	}
	err = run(Program{Inputs: []Value{{"n/in", in}}, Run: code, Outputs: []Value{{"n/out", out}}}, file)
	r, readErr := ReadResult(s.Result)
	if readErr != nil {
		t.Fatal(readErr)
	}
	if (err != nil) != (r.Failure != nil) {
		t.Errorf("error %v, failure %+v", err, r.Failure)
	}
	return r, s
}

func TestStep(t *testing.T) {
	var in []row
	var out []row
	r, s := try(t, []row{{1}, {2}}, &in, func() {
		in = in[1:] // the variable is the code's own
		for _, x := range in {
			out = append(out, row{x.N * 10})
		}
		display.Markdown("*done*")
		Show(len(out))
		if text, err := ReadFile("step_test.go"); err != nil || len(text) == 0 {
			panic("no source")
		}
	}, &out)
	if r.Failure != nil {
		t.Fatal(r.Failure)
	}
	if got := r.Outputs["n/out"]; got.Kind != "table" || got.Rows != 1 || !reflect.DeepEqual(r.Opened, []string{"step_test.go"}) {
		t.Errorf("%+v, opened %v", got, r.Opened)
	}
	f, err := os.Open(s.Outputs["n/out"])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, _ := f.Stat()
	var back []row
	if err := table.Read(f, info.Size(), &back); err != nil || !reflect.DeepEqual(back, []row{{20}}) {
		t.Errorf("read back %v, %v", back, err)
	}
	shown, err := os.ReadFile(s.Displays)
	if err != nil || string(shown) != "{\"data\":{\"text/markdown\":\"*done*\",\"text/plain\":\"*done*\"}}\n{\"data\":{\"text/plain\":\"1\"}}\n" {
		t.Errorf("shown %s, %v", shown, err)
	}
}

// lossy comes back as something else than it was.
type lossy struct{ n int }

func (l lossy) MarshalBinary() ([]byte, error)  { return []byte{byte(l.n)}, nil }
func (l *lossy) UnmarshalBinary(b []byte) error { l.n = int(b[0]) + 1; return nil }

func TestFailures(t *testing.T) {
	var in, out []row
	var channel chan int
	var loses []lossy
	for _, test := range []struct {
		name, kind, message string
		code                func()
		out                 any
	}{
		{"panic", "panic", "boom", func() { panic("boom") }, &out},
		{"an error", "panic", "no such thing", func() { panic(errors.New("no such thing")) }, &out},
		{"nil map", "panic", "assignment to entry in nil map", func() { var m map[int]int; m[1] = 2 }, &out},
		{"a write into the input", "changed", "changes its input n/in in place", func() { in[0].N = 7 }, &out},
		{"a channel", "value", "chan", func() { channel = make(chan int) }, &channel},
		{"what does not come back", "value", "does not come back as it went", func() { loses = []lossy{{1}} }, &loses},
	} {
		t.Run(test.name, func(t *testing.T) {
			in, out = nil, nil
			r, _ := try(t, []row{{1}}, &in, test.code, test.out)
			if r.Failure == nil || r.Failure.Kind != test.kind || !strings.Contains(r.Failure.Message, test.message) {
				t.Errorf("%+v", r.Failure)
			}
			if len(r.Outputs) > 0 {
				t.Errorf("outputs of a failed step: %v", r.Outputs)
			}
		})
	}
}

func TestFunction(t *testing.T) {
	p := Function(func(a []row, b int) ([]row, error) {
		if b == 0 {
			return nil, errors.New("b is zero")
		}
		return append(a, row{b}), nil
	}, []string{"n/a", "n/b"}, []string{"n/out"})
	*p.Inputs[0].Pointer.(*[]row) = []row{{1}}
	if f := call(p.Run); f == nil || f.Message != "b is zero" {
		t.Errorf("%+v", f)
	}
	*p.Inputs[1].Pointer.(*int) = 5
	if f := call(p.Run); f != nil {
		t.Fatal(f)
	}
	if got := *p.Outputs[0].Pointer.(*[]row); !reflect.DeepEqual(got, []row{{1}, {5}}) {
		t.Errorf("%v", got)
	}
}

func FuzzReadResult(f *testing.F) {
	f.Add(`{"format":1,"failure":{"kind":"panic"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(t.TempDir(), "r")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if r, err := ReadResult(file); err == nil && r.Format != version {
			t.Error("a result of another format was read")
		}
	})
}
