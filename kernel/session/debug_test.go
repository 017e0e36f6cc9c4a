package session

import (
	"fmt"
	"os"
	"testing"
)

func TestDebug(t *testing.T) {
	file := os.Getenv("CELLS")
	if file == "" {
		t.SkipNow()
	}
	debugUnit = func(s string) { fmt.Println("=====\n" + s) }
	s := start(t, Options{})
	text, _ := os.ReadFile(file)
	for _, c := range splitCells(string(text)) {
		fmt.Println("-----\n" + play(t.Context(), s, Cell{Source: c}))
	}
}
func splitCells(s string) []string {
	var out []string
	cur := ""
	for _, l := range splitLines(s) {
		if l == "##" {
			out = append(out, cur)
			cur = ""
		} else {
			cur += l + "\n"
		}
	}
	return append(out, cur)
}
func splitLines(s string) []string {
	var o []string
	c := ""
	for _, r := range s {
		if r == '\n' {
			o = append(o, c)
			c = ""
		} else {
			c += string(r)
		}
	}
	return append(o, c)
}
