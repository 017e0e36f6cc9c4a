package project

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/cellar-go/cellar/assetlib/graph"
)

// withoutInputs drops the input lines: while one upstream value is not known they can't be compared.
func withoutInputs(lines []string) []string {
	var kept []string
	for _, l := range lines {
		if !strings.HasPrefix(l, "input ") {
			kept = append(kept, l)
		}
	}
	return append(kept, "input *")
}

func unique(list []string) []string {
	var out []string
	for _, l := range list {
		if l != "" && !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}

// differences says in words how two lists of key lines differ.
func (s *Snapshot) differences(d *graph.Definition, before, now []string) []string {
	var reasons []string
	index := func(lines []string) map[string]string {
		m := map[string]string{}
		for _, l := range lines {
			kind, rest, _ := strings.Cut(l, " ")
			name, value, _ := strings.Cut(rest, " ")
			switch kind {
			case "code", "go", "observed":
				m[kind] = rest
			case "input", "file": // names that may have spaces
				if last := strings.LastIndex(rest, " "); last >= 0 {
					name, value = rest[:last], rest[last+1:]
				}
				m[kind+" "+name] = value
			default:
				m[kind+" "+name] = value
			}
		}
		return m
	}
	old, new := index(before), index(now)
	_, inputsUnknown := new["input *"]
	names := map[string]bool{}
	for n := range old {
		names[n] = true
	}
	for n := range new {
		names[n] = true
	}
	var ordered []string
	for n := range names {
		ordered = append(ordered, n)
	}
	slices.Sort(ordered)
	for _, n := range ordered {
		was, had := old[n]
		is, has := new[n]
		if was == is && had == has {
			continue
		}
		kind, name, _ := strings.Cut(n, " ")
		how := "changed"
		if !had {
			how = "is new"
		} else if !has {
			how = "is gone"
		}
		switch kind {
		case "code":
			reasons = append(reasons, "code changed ("+s.where(d)+")")
		case "go":
			reasons = append(reasons, fmt.Sprintf("Go language version changed: %s, now %s", was, is))
		case "input":
			if !inputsUnknown {
				reasons = append(reasons, fmt.Sprintf("input %s %s", name, how))
			}
		case "module":
			v := func(s string) string { f, _, _ := strings.Cut(s, " "); return f }
			reasons = append(reasons, strings.TrimSpace(fmt.Sprintf("module %s %s %s", name, how, versions(v(was), v(is)))))
		case "local":
			reasons = append(reasons, fmt.Sprintf("package %s %s", path.Base(name), how))
		case "file":
			reasons = append(reasons, fmt.Sprintf("file %s %s", name, how))
		case "env":
			variable, _, _ := strings.Cut(name, "=")
			reasons = append(reasons, "environment variable "+variable+" changed")
		case "observed":
			reasons = append(reasons, "its observation of "+was+" is too old")
		}
	}
	return reasons
}

func versions(was, is string) string {
	if was == "" || is == "" || was == is {
		return ""
	}
	return was + " → " + is
}

func (s *Snapshot) where(d *graph.Definition) string {
	if d.Func != "" {
		return "function " + d.Func
	}
	return fmt.Sprintf("cell %d", d.Number)
}
