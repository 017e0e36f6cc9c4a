package session

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A session whose cells are those of a former one, from the top, compiles nothing, and its values are its own.
func TestObjectsOfFormerSessions(t *testing.T) {
	cells := []string{"import \"fmt\"", "n := 1", "func next() int { n++; return n }", "fmt.Println(next(), next()); n"}
	dir, kept := t.TempDir(), reuse{t.TempDir()}
	run := func() (output string, files []os.FileInfo) {
		s := start(t, Options{Dir: dir})
		s.tools.kept = kept
		for i, source := range cells {
			if _, err := s.Run(t.Context(), Cell{Source: source}, func(e Event) { output += e.Text }); err != nil {
				t.Fatalf("cell %d: %v", i+1, err)
			}
		}
		entries, err := os.ReadDir(kept.dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			info, err := e.Info()
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, info)
		}
		return output, files
	}
	first, made := run()
	second, found := run()
	if first != "2 3\n" || second != first {
		t.Errorf("first %q, then %q", first, second)
	}
	if len(found) != len(made) || len(made) == 0 {
		t.Fatalf("%d files were kept, then %d", len(made), len(found))
	}
	for i := range made { // what is made again is another file under the old name
		if !os.SameFile(made[i], found[i]) {
			t.Errorf("the second session compiled %s again", made[i].Name())
		}
	}
	cells[1] = "n := 5"
	if third, _ := run(); third != "6 7\n" {
		t.Errorf("with another cell: %q", third)
	}
}

func TestKeptPluginsStayWithinBounds(t *testing.T) {
	r := reuse{t.TempDir()}
	for name, age := range map[string]time.Duration{"new.so": 0, "old.so": 2 * reuseAge} {
		file := filepath.Join(r.dir, name)
		if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	r.sweep()
	left, err := os.ReadDir(r.dir)
	if err != nil || len(left) != 1 || left[0].Name() != "new.so" {
		t.Errorf("left %v, %v", left, err)
	}
}
