package testkit

import (
	"fmt"
	"slices"
	"strings"
)

// Asset is a line of `cellar list --json`.
type Asset struct {
	Asset   string   `json:"asset"`
	Status  string   `json:"status"`
	Kind    string   `json:"kind"`
	Version string   `json:"version"`
	Rows    int64    `json:"rows"`
	Columns int      `json:"columns"`
	Commit  string   `json:"commit"`
	Clean   bool     `json:"clean"`
	Inputs  []string `json:"inputs"`
	Defined string   `json:"defined"`
	File    string   `json:"file"`
}

// List gives the project's assets by name.
func (p *Project) List() map[string]Asset {
	p.t.Helper()
	var lines []Asset
	p.JSON(&lines, "list")
	all := map[string]Asset{}
	for _, l := range lines {
		all[l.Asset] = l
	}
	return all
}

// Status gives what `cellar status` says, a line an asset: "shop/features stale: code changed (cell 3)".
func (p *Project) Status() string {
	p.t.Helper()
	var lines []struct {
		Asset   string   `json:"asset"`
		Status  string   `json:"status"`
		Reasons []string `json:"reasons"`
	}
	p.JSON(&lines, "status")
	var all []string
	for _, l := range lines {
		text := l.Asset + " " + l.Status
		if len(l.Reasons) > 0 {
			text += ": " + strings.Join(l.Reasons, "; ")
		}
		all = append(all, text)
	}
	return strings.Join(all, "\n")
}

// Expect fails the test unless `cellar status` says these lines of Status; with no line, unless everything is fresh.
func (p *Project) Expect(when string, lines ...string) {
	p.t.Helper()
	got := p.Status()
	if len(lines) == 0 {
		for _, l := range strings.Split(got, "\n") {
			if state, _, _ := strings.Cut(l, ":"); !strings.HasSuffix(state, " fresh") { // a fresh one may have a remark
				p.t.Errorf("%s: not everything is fresh:\n%s", when, got)
				return
			}
		}
		return
	}
	if want := strings.Join(lines, "\n"); got != want {
		p.t.Errorf("%s: cellar status says\n%s\nwant\n%s", when, got, want)
	}
}

// Materialize materializes a selection and gives what became of it, in the order of the graph: "shop/orders loaded".
func (p *Project) Materialize(args ...string) []string {
	p.t.Helper()
	var lines []struct {
		Asset  string `json:"asset"`
		Status string `json:"status"`
	}
	p.JSON(&lines, append([]string{"materialize"}, args...)...)
	var all []string
	for _, l := range lines {
		all = append(all, l.Asset+" "+l.Status)
	}
	return all
}

// All fails the test unless each of the outcomes is the one named.
func (p *Project) All(outcomes []string, status string) {
	p.t.Helper()
	if len(outcomes) == 0 || slices.ContainsFunc(outcomes, func(o string) bool { return !strings.HasSuffix(o, " "+status) }) {
		p.t.Errorf("not all %s: %s", status, strings.Join(outcomes, ", "))
	}
}

// Load gives a stored value as JSON, for an error message or a comparison.
func (p *Project) Load(asset string, args ...string) string {
	p.t.Helper()
	return strings.Join(strings.Fields(p.Cellar(append([]string{"load", asset, "--json"}, args...)...)), "")
}

// Versions gives each asset's version, to compare two lists.
func Versions(list map[string]Asset) map[string]string {
	all := map[string]string{}
	for name, a := range list {
		all[name] = a.Version
	}
	return all
}

// String shows an asset in a message.
func (a Asset) String() string {
	return fmt.Sprintf("%s %s %s %d rows, commit %.7s, clean %v", a.Asset, a.Status, a.Version, a.Rows, a.Commit, a.Clean)
}
