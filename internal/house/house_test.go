// Package house holds the rules of the house as tests: which way imports point, and what every room has on its door.
package house

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	cellar "github.com/cellar-go/cellar"
	"github.com/cellar-go/cellar/internal/gomod"
)

type pkg struct {
	ImportPath, Dir, Doc, Name string
	Imports, Deps              []string
	GoFiles                    []string
}

func list(t *testing.T, patterns ...string) []pkg {
	t.Helper()
	c := exec.Command("go", append([]string{"list", "-json"}, patterns...)...)
	c.Dir = "../.."
	c.Stderr = os.Stderr
	output, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(output))); d.More(); {
		var p pkg
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// Dependencies point down: docs/architecture.md.
func TestLayers(t *testing.T) {
	forbidden := map[string][]string{
		"assetlib":             {"kernel", "papermill", "extract", "cmd", "project", "internal/jupyter"},
		"extract":              {"kernel", "cmd", "internal/jupyter", "project", "assetlib/store"},
		"papermill":            {"kernel", "extract", "assetlib", "cmd", "project"},
		"papermill/journal":    {"papermill/nbformat", "papermill/kernels", "papermill/parameters", "internal/jupyter"},
		"papermill/classic":    {"papermill/batch", "papermill/page", "papermill/journal"},
		"papermill/batch":      {"papermill/page", "papermill/journal", "papermill/kernels"},
		"papermill/nbformat":   {"papermill/kernels", "papermill/parameters", "papermill/page", "internal/jupyter"},
		"papermill/page":       {"papermill/kernels", "papermill/parameters", "internal"},
		"papermill/place":      {"papermill/kernels", "papermill/parameters", "papermill/page", "internal/jupyter"},
		"papermill/template":   {"papermill/nbformat", "papermill/kernels", "papermill/page", "papermill/place", "internal"},
		"papermill/kernels":    {"papermill/nbformat", "papermill/parameters"},
		"papermill/parameters": {"papermill/nbformat", "papermill/kernels", "internal/jupyter"},
		"kernel/session":       {"internal/jupyter", "assetlib", "extract", "papermill", "project", "kernel/assets"},
		"display":              {"kernel", "assetlib", "extract", "papermill", "cmd", "internal"},
		"internal/gocell":      {"kernel", "extract", "assetlib", "papermill"},
		"internal/jupyter":     {"kernel", "extract", "assetlib", "papermill"},
		"internal/gitx":        {"kernel", "extract", "assetlib", "papermill"},
		"project":              {"kernel", "cmd"},
	}
	for _, p := range list(t, "./...") {
		room := strings.TrimPrefix(p.ImportPath, gomod.Path+"/")
		for owner, rooms := range forbidden {
			if room != owner && !strings.HasPrefix(room, owner+"/") {
				continue
			}
			for _, i := range p.Imports {
				to, own := strings.CutPrefix(i, gomod.Path+"/")
				for _, f := range rooms {
					if own && (to == f || strings.HasPrefix(to, f+"/")) {
						t.Errorf("%s imports %s", room, to)
					}
				}
			}
		}
	}
}

// Every room says on its door what it is for.
func TestRoomsHaveNames(t *testing.T) {
	for _, p := range list(t, "./...") {
		if len(p.GoFiles) > 0 && len(p.Doc) < 40 {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}

// The binary carries every package of this module that steps and workers import: they are built where it can't be fetched.
func TestSourceIsWhole(t *testing.T) {
	roots := []string{"./assetlib/step", "./kernel/session/worker", "./kernel/cellarstored/parquet", "./kernel/celltest", "./kernel/lgo", "./display/..."}
	needed := map[string]bool{}
	for _, p := range list(t, roots...) {
		needed[p.ImportPath] = true
		for _, d := range p.Deps {
			if strings.HasPrefix(d, gomod.Path+"/") {
				needed[d] = true
			}
		}
	}
	for path := range needed {
		folder := strings.TrimPrefix(path, gomod.Path+"/")
		for _, p := range list(t, "./"+folder) {
			for _, f := range p.GoFiles {
				if _, err := cellar.Source.ReadFile(folder + "/" + f); err != nil {
					t.Errorf("embed.go lacks %s/%s", folder, f)
				}
			}
		}
	}
}

// Nothing is left undone in the code, and no file names the machine that it was written on.
func TestNothingLeftBehind(t *testing.T) {
	c := exec.Command("git", "ls-files", "*.go", "*.md", "*.py", "*.mjs", "Makefile", "bench", ".ci")
	c.Dir = "../.."
	output, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	undone := regexp.MustCompile(`\b(TODO|FIXME|XXX)\b|not implemented`)
	machine := regexp.MustCompile(`(?:^|[\s"'(=])/(?:work|farm|root)/[A-Za-z.]`)
	for _, name := range strings.Fields(string(output)) {
		if strings.Contains(name, "testdata/") || strings.HasSuffix(name, "house_test.go") {
			continue
		}
		f, err := os.Open(filepath.Join("../..", name))
		if err != nil {
			continue // deleted, not yet committed
		}
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for n := 1; lines.Scan(); n++ {
			if undone.MatchString(lines.Text()) || machine.MatchString(lines.Text()) {
				t.Errorf("%s:%d: %s", name, n, lines.Text())
			}
		}
		f.Close()
	}
}
