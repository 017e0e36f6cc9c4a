package e2e

import (
	"strings"
	"testing"
)

// With --keep-going what is broken, and what needs it, is all that is not computed.
func TestKeepGoing(t *testing.T) {
	p := world.Repo(t)
	p.Notebook("n.ipynb", `
//| asset: good

good := 1
--- left
//| asset: left

left := load("n/right")
--- right
//| asset: right

right := load("n/left")
--- below
//| asset: below

below := left
--- wrong
//| asset: wrong

wrong := nothing
--- also
//| asset: also

also := good + 1`)
	p.Commit("some of it broken")
	if r := p.Try("materialize", "*"); r.Code != 3 || !strings.Contains(r.Stderr, "cycle") {
		t.Errorf("without the flag: code %d, %s", r.Code, r.Stderr)
	}
	r := p.Try("materialize", "*", "--keep-going")
	if r.Code == 0 || !strings.Contains(r.Stderr, "cycle") || !strings.Contains(r.Stderr, "undefined: nothing") {
		t.Errorf("code %d, %s", r.Code, r.Stderr)
	}
	list := p.List()
	for asset, status := range map[string]string{"n/good": "fresh", "n/also": "fresh", "n/left": "broken", "n/right": "broken", "n/below": "missing", "n/wrong": "missing"} {
		if got := list[asset].Status; got != status {
			t.Errorf("%s is %s, want %s", asset, got, status)
		}
	}
}
