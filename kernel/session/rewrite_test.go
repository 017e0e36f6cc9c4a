package session

import (
	"debug/elf"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestWorkerMain reads the symbols of the worker: what its package main held beside main would be taken for a cell's.
func TestWorkerMain(t *testing.T) {
	s := start(t, Options{})
	f, err := elf.Open(s.program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	var own []string
	for _, x := range symbols {
		if strings.HasPrefix(x.Name, "main.") && elf.ST_TYPE(x.Info) != elf.STT_FILE {
			own = append(own, x.Name)
		}
	}
	slices.Sort(own)
	if got := strings.Join(slices.Compact(own), " "); got != "main.main" && got != "main..inittask main.main" {
		t.Errorf("the worker's package main holds %s", got)
	}
}

var fuzzed struct {
	sync.Once
	s   *Session
	err error
}

// FuzzRewrite gives any text as a cell: it gets a plain error, or a unit that parses and type-checks.
func FuzzRewrite(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txt")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range strings.Split(string(text), "-- cell")[1:] {
			_, cell, _ := strings.Cut(part, "--\n")
			cell, _, _ = strings.Cut(cell, "-- out --")
			f.Add(cell)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		fuzzed.Do(func() {
			if fuzzed.s, fuzzed.err = Start(t.Context(), Options{}); fuzzed.err == nil {
				fuzzed.err = fuzzed.s.Ready(t.Context())
			}
		})
		if fuzzed.err != nil {
			t.Fatal(fuzzed.err)
		}
		s := fuzzed.s
		known := func(path string) (string, error) {
			if p := s.ps.get(path); p != nil {
				return p.Name, nil
			}
			return "", errors.New("not known")
		}
		u := newUniverse()
		for name, path := range map[string]string{"fmt": "fmt", "time": "time", "strings": "strings"} {
			u.imports[name] = path
		}
		src, err := read(Cell{Name: "cell[1]", Source: text}, "cell[1]", known)
		if err != nil {
			return
		}
		_, unit, err := s.rewrite(u, src)
		if err != nil {
			if strings.Contains(err.Error(), "please report") {
				t.Fatalf("%s\n%v", text, err)
			}
			return
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, "unit.go", unit.text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatalf("%s\nbecame\n%s\n%v", text, unit.text, err)
		}
		conf := types.Config{Importer: s.importer, Sizes: types.SizesFor("gc", goarch)}
		if _, err := conf.Check("main", fset, []*ast.File{file}, nil); err != nil {
			t.Fatalf("%s\nbecame\n%s\n%v", text, unit.text, err)
		}
	})
}
