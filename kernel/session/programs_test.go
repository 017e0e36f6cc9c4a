package session

import (
	"context"
	"errors"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	programs = flag.String("programs", "", "which of Go's own test programs TestGoPrograms runs: globs below $GOROOT/test; else those of testdata/programs.list")
	shapes   = flag.String("shapes", "", "how TestGoPrograms cuts them into cells: whole,parts,statements; else each in one of these ways")
)

// TestGoPrograms runs programs that test the Go distribution, as they are in one cell, with a cell for each declaration, and with the body
// of main as statements of a cell. What they print is what go run prints: such a program prints nothing, or what its .out file says.
func TestGoPrograms(t *testing.T) {
	folder := filepath.Join(runtime.GOROOT(), "test")
	if _, err := os.Stat(folder); err != nil {
		t.Skip("this Go distribution comes without its test folder")
	}
	var list []string // of lines: a name, and the shapes where not all are right
	if *programs != "" {
		for _, pattern := range strings.Split(*programs, ",") {
			files, _ := filepath.Glob(filepath.Join(folder, pattern))
			for _, f := range files {
				name, _ := filepath.Rel(folder, f)
				list = append(list, name)
			}
		}
	} else {
		text, err := os.ReadFile("testdata/programs.list")
		if err != nil {
			t.Fatal(err)
		}
		list = strings.Split(string(text), "\n")
	}
	all := []string{"whole", "parts", "statements"}
	for i, line := range list {
		line, _, _ = strings.Cut(line, "#")
		name, some, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if *programs != "" && !strings.Contains("\n"+string(text), "\n// run\n") {
			continue
		}
		ways := all
		if some != "" {
			ways = strings.Split(some, ",")
		}
		if *shapes == "" {
			ways = ways[i%len(ways):][:1]
		}
		expected, _ := os.ReadFile(filepath.Join(folder, strings.TrimSuffix(name, ".go")+".out"))
		for _, shape := range ways {
			if *shapes != "" && !strings.Contains(*shapes, shape) {
				continue
			}
			t.Run(name+"/"+shape, func(t *testing.T) {
				t.Parallel()
				cells := []string{string(text)}
				if shape != "whole" {
					cells = cut(t, string(text), shape == "statements")
				}
				s := start(t, Options{})
				var mu sync.Mutex
				var got strings.Builder
				for i, cell := range cells {
					ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
					_, err := s.Run(ctx, Cell{Source: cell}, func(e Event) {
						mu.Lock()
						defer mu.Unlock()
						got.WriteString(e.Text)
					})
					cancel()
					var ended *EndedError
					if i == len(cells)-1 && errors.As(err, &ended) && strings.Contains(ended.Reason, "with code 0") {
						continue
					}
					if err != nil {
						t.Fatalf("cell %d of %d:\n%s\n%v", i+1, len(cells), cell, err)
					}
				}
				if got.String() != string(expected) {
					t.Errorf("got\n%s\nwant\n%s", got.String(), expected)
				}
			})
		}
	}
}

// cut makes cells of a program: its imports, then its declarations so that each comes when what it names is there, those that need each
// other together, then main or its statements.
func cut(t *testing.T, text string, statements bool) []string {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	at := func(p token.Pos) int { return fset.Position(p).Offset }
	type part struct {
		text  string
		needs map[string]bool
	}
	var imports strings.Builder
	var parts []part
	owner := map[string][]int{} // name → the parts that declare it
	last := ""
	for _, d := range file.Decls {
		from := at(d.Pos())
		p := part{needs: map[string]bool{}}
		var names []string
		switch d := d.(type) {
		case *ast.GenDecl:
			if d.Tok == token.IMPORT {
				imports.WriteString(text[from:at(d.End())] + "\n")
				continue
			}
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.ValueSpec:
					for _, n := range s.Names {
						names = append(names, n.Name)
					}
				case *ast.TypeSpec:
					names = append(names, s.Name.Name)
				}
			}
		case *ast.FuncDecl:
			if d.Doc != nil {
				from = at(d.Doc.Pos())
			}
			if d.Recv == nil && d.Name.Name == "main" {
				last = text[from:at(d.End())]
				if statements {
					last = text[at(d.Body.Lbrace)+1 : at(d.Body.Rbrace)]
				}
				continue
			}
			if d.Recv != nil { // with its type: a method that comes later makes another type
				ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
					if id, ok := n.(*ast.Ident); ok && len(names) == 0 {
						names = append(names, id.Name)
					}
					return true
				})
			} else if d.Name.Name != "init" {
				names = append(names, d.Name.Name)
			}
		}
		p.text = text[from:at(d.End())]
		ast.Inspect(d, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				p.needs[id.Name] = true
			}
			return true
		})
		for _, n := range names {
			owner[n] = append(owner[n], len(parts))
			p.needs[n] = true
		}
		parts = append(parts, p)
	}
	// Tarjan: components come out with what they need before them.
	var cells []string
	if imports.Len() > 0 {
		cells = append(cells, imports.String())
	}
	index, low, on := make([]int, len(parts)), make([]int, len(parts)), make([]bool, len(parts))
	var stack []int
	count := 0
	var visit func(i int)
	visit = func(i int) {
		count++
		index[i], low[i] = count, count
		stack, on[i] = append(stack, i), true
		for _, name := range sortedKeys(parts[i].needs) {
			for _, j := range owner[name] {
				if index[j] == 0 {
					visit(j)
					low[i] = min(low[i], low[j])
				} else if on[j] {
					low[i] = min(low[i], index[j])
				}
			}
		}
		if low[i] == index[i] {
			together := map[int]bool{}
			for {
				j := stack[len(stack)-1]
				stack, on[j] = stack[:len(stack)-1], false
				together[j] = true
				if j == i {
					break
				}
			}
			var cell strings.Builder
			for j := range parts {
				if together[j] {
					cell.WriteString(parts[j].text + "\n")
				}
			}
			cells = append(cells, cell.String())
		}
	}
	for i := range parts {
		if index[i] == 0 {
			visit(i)
		}
	}
	// The longest programs have hundreds of declarations, and each cell takes its time: neighbours are put together.
	const most = 12
	for len(cells) > most {
		var joined []string
		for i := 0; i < len(cells); i += 2 {
			joined = append(joined, strings.Join(cells[i:min(i+2, len(cells))], "\n"))
		}
		cells = joined
	}
	return append(cells, last)
}
