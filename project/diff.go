package project

import (
	"fmt"
	"strings"
)

// unified is the change of a text as `diff -u` writes it; "" for none. Before is nil for a new text, after for one that goes.
func unified(name string, before, after *string) string {
	lines := func(s *string) []string {
		if s == nil || *s == "" {
			return nil
		}
		return strings.Split(strings.TrimSuffix(*s, "\n"), "\n")
	}
	side := func(s *string) string {
		if s == nil {
			return "/dev/null"
		}
		return name
	}
	a, b := lines(before), lines(after)
	edits := script(a, b)
	var out strings.Builder
	const context = 3
	for start := 0; start < len(edits); {
		if edits[start].mark == ' ' {
			start++
			continue
		}
		end, first := start, max(0, start-context)
		for i := start; i < len(edits) && i <= end+2*context; i++ {
			if edits[i].mark != ' ' {
				end = i
			}
		}
		last := min(len(edits), end+context+1)
		counts := map[byte]int{}
		for _, e := range edits[first:last] {
			counts[e.mark]++
		}
		fmt.Fprintf(&out, "@@ -%d,%d +%d,%d @@\n", edits[first].a+min(1, len(a)), counts[' ']+counts['-'], edits[first].b+min(1, len(b)), counts[' ']+counts['+'])
		for _, e := range edits[first:last] {
			fmt.Fprintf(&out, "%c%s\n", e.mark, e.text)
		}
		start = last
	}
	if out.Len() == 0 {
		return ""
	}
	return fmt.Sprintf("--- %s\n+++ %s\n%s", side(before), side(after), out.String())
}

type line struct {
	mark byte // ' ', '-', '+'
	text string
	a, b int // lines of the two texts above it
}

// script turns a to b by a longest common subsequence; cells and files are short.
func script(a, b []string) []line {
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if common[i][j] = max(common[i+1][j], common[i][j+1]); a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	var all []line
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			all = append(all, line{' ', a[i], i, j})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			all = append(all, line{'-', a[i], i, j})
			i++
		default:
			all = append(all, line{'+', b[j], i, j})
			j++
		}
	}
	return all
}
