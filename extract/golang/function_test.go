package golang

import (
	"fmt"
	"strings"
	"testing"
)

const functions = `package pipeline

import "math"

// Features is one row per flight.
//
//cellar:asset key=flights/features group=core
func Features(flights []Flight, weather []Weather) ([]Feature, error) { return build(flights), nil }

//cellar:asset
func Split(features []Feature) (train, test []Feature) { return features[1:], features[:1] }

func build(f []Flight) []Feature { _ = math.Pi; return nil }
func other() {}

type Flight struct{ Delay int }
type Weather struct{}
type Feature struct{}
func (f Flight) Late() bool { return f.Delay > 15 }
`

func TestFunctions(t *testing.T) {
	read := func(text string) []*Function {
		all, problems := Functions(map[string][]byte{"pipeline/features.go": []byte(text)})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		return all
	}
	all := read(functions)
	d := all[0].Definition
	if got := fmt.Sprint(d.Keys(), d.Inputs, d.Imports, d.Group, d.Doc, d.Line); got != "[flights/features] [{flights/flights flights } {flights/weather weather }] [math]coreFeatures is one row per flight.8" {
		t.Error(got)
	}
	if got := fmt.Sprint(all[1].Definition.Keys(), all[1].Definition.Inputs); got != "[pipeline/train pipeline/test] [{pipeline/features features }]" {
		t.Error(got)
	}
	for edit, changes := range map[string]bool{"f.Delay > 15=>f.Delay > 16": true, "math.Pi=>math.E": true, "Delay int=>Delay int64": true, "other() {}=>other() { return }": false, "one row per=>a row per": false} {
		from, to, _ := strings.Cut(edit, "=>")
		if changed := read(strings.Replace(functions, from, to, 1))[0].Definition.Code != d.Code; changed != changes {
			t.Errorf("%s: changed %v", edit, changed)
		}
	}
	const maps = "package p\n//cellar:asset\nfunc F() map[string]int { return M{k: 1} }\ntype M map[string]int\nconst k = \"x\"\nvar _ = register(1)\nfunc register(int) int { return 0 }"
	for _, edit := range []string{"\"x\"=>\"y\"", "register(1)=>register(2)"} {
		from, to, _ := strings.Cut(edit, "=>")
		if read(maps)[0].Definition.Code == read(strings.Replace(maps, from, to, 1))[0].Definition.Code {
			t.Errorf("%s does not change the code version", edit)
		}
	}
	for text, want := range map[string]string{
		"package p\n//cellar:asset\nfunc f() int { return 1 }":                 "not exported",
		"package p\n//cellar:asset\nfunc F() {}":                               "returns no value",
		"package p\n//cellar:asset\nfunc F() (int, int) { return 1, 2 }":       "without names",
		"package p\n//cellar:asset colour=red\nfunc F() int { return 1 }":      "unknown option",
		"package main\n//cellar:asset\nfunc F() int { return 1 }":              "package main",
		"package p\n//cellar:asset\nfunc F[T any](t T) int { return 1 }":       "type parameters",
		"package p\ntype T int\n//cellar:asset\nfunc (T) F() int { return 1 }": "method",
		"package p\n//cellar:asset\nfunc F(x ...int) int { return 1 }":         "names no asset",
	} {
		if p := read(text)[0].Definition.Problem; p == nil || !strings.Contains(p.Error(), want) {
			t.Errorf("%q: %v", text, p)
		}
	}
}

func TestSnake(t *testing.T) {
	for in, want := range map[string]string{"TrainSet": "train_set", "features": "features", "HTTPServer": "http_server", "A": "a"} {
		if got := snake(in); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}
