package session

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestTypesBeforePlugins: a cell uses types that no package in the worker has; then comes a plugin that has them too. They must be one.
func TestTypesBeforePlugins(t *testing.T) {
	dir := t.TempDir()
	module(t, dir, "package shape\n"+`
import ("iter"; "strings"; "sync/atomic")

type More = struct{ A int; B []*strings.Builder }

func Slice() any   { return []*strings.Builder{new(strings.Builder)} }
func Map() any     { return map[string]map[rune][]float32{"a": nil} }
func Func() any    { return func(strings.Builder, ...float32) (chan<- bool, error) { return nil, nil } }
func Struct() any  { return More{A: 1} }
func Array() any   { return [3]chan strings.Builder{} }
func Generic() any { return new(atomic.Pointer[strings.Builder]) }
func Seq() any     { return iter.Seq[strings.Builder](func(func(strings.Builder) bool) {}) }
func Is(v any) (is [7]bool) {
	_, is[0] = v.([]*strings.Builder)
	_, is[1] = v.(map[string]map[rune][]float32)
	_, is[2] = v.(func(strings.Builder, ...float32) (chan<- bool, error))
	_, is[3] = v.(More)
	_, is[4] = v.([3]chan strings.Builder)
	_, is[5] = v.(*atomic.Pointer[strings.Builder])
	_, is[6] = v.(iter.Seq[strings.Builder])
	return is
}
type Named interface{ Name() string }
func NameOf(v any) string { if n, ok := v.(Named); ok { return n.Name() }; return "none" }
`)
	mine := `[]any{[]*strings.Builder{}, map[string]map[rune][]float32{}, func(strings.Builder, ...float32) (chan<- bool, error) { return nil, nil },
		struct{ A int; B []*strings.Builder }{}, [3]chan strings.Builder{}, new(atomic.Pointer[strings.Builder]), iter.Seq[strings.Builder](nil)}`
	is := `func is(v any) (is [7]bool) {
	_, is[0] = v.([]*strings.Builder)
	_, is[1] = v.(map[string]map[rune][]float32)
	_, is[2] = v.(func(strings.Builder, ...float32) (chan<- bool, error))
	_, is[3] = v.(struct{ A int; B []*strings.Builder })
	_, is[4] = v.([3]chan strings.Builder)
	_, is[5] = v.(*atomic.Pointer[strings.Builder])
	_, is[6] = v.(iter.Seq[strings.Builder])
	return is
}
type named struct{}
func (named) Name() string { return "cell" }
var n any = named{}
_, before := n.(interface{ Name() string })`
	theirs := "[]any{shape.Slice(), shape.Map(), shape.Func(), shape.Struct(), shape.Array(), shape.Generic(), shape.Seq()}"
	check := `wrong := []string{}
for i := range mine {
	want := [7]bool{}
	want[i] = true
	if is(mine[i]) != want { wrong = append(wrong, fmt.Sprintf("mine %d here", i)) }
	if is(theirs[i]) != want { wrong = append(wrong, fmt.Sprintf("theirs %d here", i)) }
	if shape.Is(mine[i]) != want { wrong = append(wrong, fmt.Sprintf("mine %d there", i)) }
	if shape.Is(theirs[i]) != want { wrong = append(wrong, fmt.Sprintf("theirs %d there", i)) }
	if reflect.TypeOf(mine[i]) != reflect.TypeOf(theirs[i]) { wrong = append(wrong, fmt.Sprintf("reflected %d", i)) }
}
fmt.Println(wrong, shape.NameOf(n))`
	s := start(t, Options{Dir: dir})
	for _, source := range []string{
		"import (\"fmt\"; \"iter\"; \"reflect\"; \"strings\"; \"sync/atomic\")", is, "mine := " + mine, "import \"example.com/user/shape\"", "theirs := " + theirs,
	} {
		if got := play(t.Context(), s, Cell{Source: source}); got != "" {
			t.Fatalf("%s\ngave %s", source, got)
		}
	}
	for _, linked := range []bool{true, false, true} { // a plugin between linked cells
		builtins := s.tools.builtins
		if !linked {
			s.tools.builtins = nil
		}
		if got := play(t.Context(), s, Cell{Source: check}); got != "[] cell\n" {
			t.Errorf("linked %v: got %s", linked, got)
		}
		s.tools.builtins = builtins
	}
}

// TestNamedMaps hands a map that reflection made to a variable of a named type: both must hash keys alike, for which the compiler asks to keep
// the unnamed type (golang/go 37716).
func TestNamedMaps(t *testing.T) {
	s := start(t, Options{})
	got := play(t.Context(), s, Cell{Source: `import "reflect"
type key struct { a, b int32; c float64 }
k := key{1, 2, 3}
made := reflect.MakeMap(reflect.MapOf(reflect.TypeOf(k), reflect.TypeOf(true)))
made.SetMapIndex(reflect.ValueOf(k), reflect.ValueOf(true))
type named map[key]bool
var n named
reflect.ValueOf(&n).Elem().Set(made)
n[k]`})
	if got != "= true\n" {
		t.Errorf("got %s", got)
	}
	// And the other way round: reflection was first, in a cell that did not name the map.
	for _, c := range []struct{ source, want string }{
		{"type other struct { a, b int32; c float64 }\no := other{1, 2, 3}\nmade = reflect.MakeMap(reflect.MapOf(reflect.TypeOf(o), reflect.TypeOf(true)))\nmade.SetMapIndex(reflect.ValueOf(o), reflect.ValueOf(true))", ""},
		{"type late map[other]bool\nvar l late\nreflect.ValueOf(&l).Elem().Set(made)\nl[o]", "= true\n"},
		{"made.Interface().(map[other]bool)[o]", "= true\n"},
		{"l[other{4, 5, 6}] = true\nmade.MapIndex(reflect.ValueOf(other{4, 5, 6})).IsValid()", "= true\n"},
		{"type later map[other]bool\nlater(l)[o]", "= true\n"},
	} {
		if got := play(t.Context(), s, Cell{Source: c.source}); got != c.want {
			t.Errorf("%s\ngave %s", c.source, got)
		}
	}
}

// TestLinkedMemory loads cells while goroutines of other cells allocate, grow their stacks, and hold pointers to types of cells in globals,
// closures, channels and maps, with the collector always at work: a wrong pointer mask or stack map would lose or corrupt a value.
func TestLinkedMemory(t *testing.T) {
	s := start(t, Options{})
	prepare := `import ("fmt"; "runtime"; "runtime/debug"; "sync"; "sync/atomic")
debug.SetGCPercent(5)
type node struct{ next *node; name string; load []byte; m map[string]*node }
func build(n int) *node { var head *node; for i := range n { head = &node{head, fmt.Sprint("n", i), make([]byte, 64+i%100), map[string]*node{"self": nil}}; head.m["self"] = head }; return head }
func deep(n int, keep *node) int { var pad [256]byte; pad[n%256] = 1; if n == 0 { return len(keep.name) }; here := keep; return deep(n-1, here.m["self"]) + int(pad[n%256]) }
func check(head *node, n int) bool { for i := n - 1; i >= 0; i-- { if head == nil || head.name != fmt.Sprint("n", i) || head.m["self"] != head || len(head.load) != 64+i%100 { return false }; head = head.next }; return head == nil }
var stop atomic.Bool
var bad, rounds atomic.Int64
var workers sync.WaitGroup
for range 6 { workers.Go(func() { for !stop.Load() { h := build(40); f := func() *node { return h }; if deep(200, f()) != 203 || !check(f(), 40) { bad.Add(1) }; rounds.Add(1) } }) }`
	if got := play(t.Context(), s, Cell{Source: prepare}); strings.Contains(got, "error") {
		t.Fatal(got)
	}
	for i := range 60 {
		source := fmt.Sprintf("var g%d = build(%d)\ntype t%[1]d struct { *node; extra map[int]*t%[1]d }\nvar h%[1]d = &t%[1]d{g%[1]d, map[int]*t%[1]d{}}\nh%[1]d.extra[1] = h%[1]d", i, 10+i)
		if got := play(t.Context(), s, Cell{Source: source}); got != "" {
			t.Fatal(got)
		}
	}
	var all strings.Builder
	for i := range 60 {
		fmt.Fprintf(&all, "if !check(g%d, %d) || h%[1]d.extra[1] != h%[1]d || h%[1]d.node != g%[1]d { fmt.Println(\"lost\", %[1]d) }\n", i, 10+i)
	}
	if got := play(t.Context(), s, Cell{Source: "stop.Store(true)\nworkers.Wait()\nruntime.GC()\n" + all.String() + "fmt.Println(bad.Load(), rounds.Load() > 100)"}); got != "0 true\n" {
		t.Errorf("got %s", got)
	}
}

// TestLinkedInCorners uses what needs more of a linker than plain code: profiles and traces of linked functions, closures over several
// packages, assembly that nothing in the worker calls, and functions that inline others.
func TestLinkedInCorners(t *testing.T) {
	s := start(t, Options{})
	for _, c := range []struct{ source, want string }{
		{"import (\"bytes\"; \"fmt\"; \"runtime\"; \"runtime/pprof\"; \"strings\"; \"time\")\nfunc where() string { pc, _, line, _ := runtime.Caller(1); return fmt.Sprint(runtime.FuncForPC(pc).Name() != \"\", line) }\nwhere()", "= true 3\n"},
		{"var profile bytes.Buffer\npprof.StartCPUProfile(&profile)\nspin := 0\nfor t := time.Now(); time.Since(t) < 300*time.Millisecond; { for i := range 100000 { spin += i } }\npprof.StopCPUProfile()\nprofile.Len() > 0", "= true\n"},
		{"import (\"math/big\"; \"crypto/sha512\"; \"hash/crc32\"; \"math/bits\")\nn := new(big.Int).Exp(big.NewInt(3), big.NewInt(200), nil)\nfmt.Println(n.BitLen(), sha512.Sum512([]byte(\"x\"))[0], crc32.ChecksumIEEE([]byte(\"x\")), bits.OnesCount(7))", "317 164 2363233923 3\n"},
		{"stack := make([]byte, 10000)\nstrings.Contains(string(stack[:runtime.Stack(stack, true)]), \"main.\")", "= true\n"},
		{"f := func(xs ...int) (sum int) { defer func() { sum *= 2 }(); for _, x := range xs { sum += x }; return }\nf(1, 2, 3)", "= 12\n"},
	} {
		if got := play(t.Context(), s, Cell{Source: c.source}); got != c.want {
			t.Errorf("%s\ngave %s", c.source, got)
		}
	}
}

// TestLinkedNearPrograms that the toolchain makes position-independent.
func TestLinkedNearPrograms(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/pie\n\ngo 1.26\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	options := Options{Dir: dir, Env: append(os.Environ(), "GOFLAGS=-buildmode=pie")}
	s := start(t, options)
	r, err := s.Run(t.Context(), Cell{Source: "import \"fmt\"\nx := 20\nfmt.Sprint(x + 1)"}, func(Event) {})
	if err != nil || r.Plugin != "" || r.Value == nil || r.Value.Data["text/plain"] != "21" {
		t.Errorf("%+v, %v", r, err)
	}
	specify(t, start(t, options), "testdata/extend.txt")
}

// TestLinkedDefers: the compiler wraps what is deferred, and notes what it wraps, which may be far away.
func TestLinkedDefers(t *testing.T) {
	s := start(t, Options{})
	r, err := s.Run(t.Context(), Cell{Source: "import (\"sync\"; \"os\")\nvar mu sync.Mutex\nfunc f() int { mu.Lock(); defer mu.Unlock(); for range 2 { file, _ := os.Open(os.DevNull); defer file.Close() }; return 7 }\nf()"}, func(Event) {})
	if err != nil || r.Plugin != "" || r.Value == nil || r.Value.Data["text/plain"] != "7" {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestLinkedAssembly calls a function of the assembler's: the code behind the call has to find its goroutine again, where the thread keeps it.
func TestLinkedAssembly(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the assembly is of amd64")
	}
	for _, mode := range []string{"exe", "pie"} {
		dir := t.TempDir()
		for name, text := range map[string]string{
			"go.mod":          "module example.com/sums\n\ngo 1.26\n",
			"sum/sum.go":      "package sum\n\nfunc add(a, b int) int\n\nfunc Add(a, b int) int { return add(a, b) }\n",
			"sum/add_amd64.s": "TEXT ·add(SB), 4, $0-24\n\tMOVQ a+0(FP), AX\n\tADDQ b+8(FP), AX\n\tMOVQ AX, ret+16(FP)\n\tRET\n",
		} {
			file := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		s := start(t, Options{Dir: dir, Env: append(os.Environ(), "GOFLAGS=-buildmode="+mode)})
		r, err := s.Run(t.Context(), Cell{Source: "import \"example.com/sums/sum\"\nfunc deep(n int) int { if n == 0 { return sum.Add(1, 2) }; return sum.Add(deep(n-1), 1) }\ngrown := make(chan int)\ngo func() { grown <- deep(100_000) }()\ndeep(10) + <-grown"}, func(Event) {})
		if err != nil || r.Plugin != "" || r.Value == nil || r.Value.Data["text/plain"] != "100016" {
			t.Errorf("%s: %+v, %v", mode, r, err)
		}
	}
}
