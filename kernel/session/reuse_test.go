package session

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A session whose cells are those of a former one, from the top, compiles and links nothing, and its values are its own.
func TestPluginsOfFormerSessions(t *testing.T) {
	cells := []string{"import \"fmt\"", "n := 1", "func next() int { n++; return n }", "fmt.Println(next(), next()); n"}
	dir := t.TempDir()
	run := func() (output string, building time.Duration) {
		s := start(t, Options{Dir: dir})
		for i, source := range cells {
			r, err := s.Run(t.Context(), Cell{Source: source}, func(e Event) { output += e.Text })
			if err != nil {
				t.Fatalf("cell %d: %v", i+1, err)
			}
			building += r.Timings.Compile + r.Timings.Link
		}
		return output, building
	}
	first, _ := run()
	second, building := run()
	if first != "2 3\n" || second != first {
		t.Errorf("first %q, then %q", first, second)
	}
	if building != 0 {
		t.Errorf("the second session built for %v", building)
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
