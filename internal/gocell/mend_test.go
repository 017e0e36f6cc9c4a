package gocell

import (
	"fmt"
	"strings"
	"testing"
)

// The cursor is |; the word that stands for what is typed is ¿.
func TestMend(t *testing.T) {
	for _, test := range []struct{ source, want string }{
		{"x := pt.|", "x := pt.¿"},
		{"fmt.Println(pt.|)\ny := 1", "fmt.Println(pt.¿)\ny := 1"},
		{"fmt.Println(pt.|", "fmt.Println(pt.¿)"},
		{"for i, q := range pts {\n\tq.|", "for i, q := range pts {\n\tq.¿}"},
		{"for i, q := range pts {\n\tq.|\n}\nfmt.Println(1)", "for i, q := range pts {\n\tq.¿\n}\nfmt.Println(1)"},
		{"for i, q := range |", "for i, q := range ¿ {}"},
		{"if x := f(|", "if x := f(¿); _ {}"},
		{"if f(func() {\n\tfor range |", "if f(func() {\n\tfor range ¿ {}}) {}"},
		{"func f(a int) {\n\ta|\nfunc g() {}\n", "func f(a int) {\n\ta¿}\nfunc g() {}\n"},
		{"p := T{a: 1, |", "p := T{a: 1, ¿}"},
		{"p := []T{{|", "p := []T{{¿}}"},
		{"switch v {\ncase |", "switch v {\ncase ¿:}"},
		{"switch v {\ncase 1:\n\tx.|", "switch v {\ncase 1:\n\tx.¿}"},
		{"var b |", "var b ¿"},
		{"type T struct {\n\ta |", "type T struct {\n\ta ¿}"},
		{"func (t *T) M() |", "func (t *T) M() ¿"},
		{"m := map[|", "m := map[¿] int"},
		{"go |", "go ¿()"},
		{"a, |", "a, ¿"},
		// What is broken before the cursor's line goes, its braces stay.
		{"x := [1,\ny := 2\ny.|", "        \ny := 2\ny.¿"},
		{"for i := rang x {\n\ty := 1\n\ty.|\n}", "                {\n\ty := 1\n\ty.¿\n}"},
		{"y := 1 2\nz := 3\nz|", "        \nz := 3\nz¿"},
		{"f(1, , x.|", "       x.¿"},
		{"%go get x\n!ls\nx.|", "         \n   \nx.¿"},
	} {
		at := strings.IndexByte(test.source, '|')
		source := test.source[:at] + test.source[at+1:]
		p := At(source, at)
		word := source[p.Start:at] + "¿"
		word = strings.ReplaceAll(word, "¿", "ż")
		got, ok := Mend(source, p.Start, at, word)
		if !ok {
			t.Errorf("%q: nothing", test.source)
			continue
		}
		if got = strings.ReplaceAll(got, "ż", "¿"); got != test.want {
			t.Errorf("%q:\n%q, want\n%q", test.source, got, test.want)
		}
	}
}

func TestCallAt(t *testing.T) {
	for source, want := range map[string]string{
		"f(|": "f 0", "f(a, |)": "f 1", "x.Do(1, g(2), |": "x.Do 2", "f(func() { | })": "", "f(a[|": "f 0", "(a + |": "", "T{|": "T 0", "f[int](|": "f[int] 0", "f(1)\n|": "", "f(\"a, b(|": "f 0",
		"f(T{a: |}, 1)": "f(T 0", "if f(x, |": "if f 1",
	} {
		at := strings.IndexByte(source, '|')
		call, ok := CallAt(source[:at], at)
		got := ""
		if ok {
			got = fmt.Sprint(source[:call.Name], " ", call.Arg)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", source, got, want)
		}
	}
}

func TestAt(t *testing.T) {
	for source, want := range map[string]Place{
		"x := \"ab|":    {Inside: 9, Start: 5},
		"x := `a\nb|":   {Inside: 9, Start: 5},
		"x := 1 // so|": {Inside: 2, Start: 7},
		"%go ge|":       {Start: 0, Magic: true},
		"x := 1\n!ls |": {Start: 7, Magic: true},
		"x := a.bé|":    {Start: 7},
		"x := \"ab\"|":  {Start: 9},
		"//| as|":       {Inside: 2, Start: 0},
		"a /* b */ cd|": {Start: 10},
	} {
		at := strings.LastIndexByte(source, '|')
		if got := At(source[:at], at); got != want {
			t.Errorf("%q: %+v, want %+v", source, got, want)
		}
	}
}

// Of every place in a text something can be made, and it parses; a text that is right stays as it is.
func TestMendEveryPlace(t *testing.T) {
	lost, n := 0, 0
	library(t, func(cell string) {
		if len(cell) > 1500 {
			return
		}
		for at := 0; at <= len(cell); at += 5 {
			p := At(cell[:at], at)
			if p.Inside != 0 {
				continue
			}
			n++
			text, ok := Mend(cell[:at], p.Start, at, "ż")
			if !ok {
				lost++
				if lost < 10 {
					t.Logf("nothing: %q", cell[:at])
				}
				continue
			}
			if !good(text) || text[p.Start:p.Start+2] != "ż" {
				t.Errorf("%q", text)
			}
		}
	}, "sort", "strings", "sync")
	t.Logf("%d of %d places are lost", lost, n)
	if lost*100 > n {
		t.Errorf("%d of %d places are lost", lost, n)
	}
}

func FuzzMend(f *testing.F) {
	f.Add("x := [1,\ny.", 10)
	f.Add("if f(func() {\n\tfor range ", 26)
	f.Fuzz(func(t *testing.T, source string, at int) {
		if at < 0 || at > len(source) {
			return
		}
		p := At(source, at)
		if p.Magic || p.Inside != 0 {
			return
		}
		if text, ok := Mend(source, p.Start, at, "w"); ok && (!good(text) || text[p.Start] != 'w') {
			t.Errorf("%q", text)
		}
		CallAt(source, at)
	})
}

func good(text string) bool { _, err := Parse("cell", text); return err == nil }

func BenchmarkMendNoGo(b *testing.B) {
	text := strings.Repeat("This is no Go (at all), {and long\n", 2000)
	for b.Loop() {
		Mend(text, len(text), len(text), "x")
	}
}

func BenchmarkAssessNoGo(b *testing.B) {
	text := strings.Repeat("This is no Go (at all), {and long\n", 2000)
	for b.Loop() {
		Assess(text)
	}
}
