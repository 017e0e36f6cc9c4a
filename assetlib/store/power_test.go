package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/testkit"
)

// TestPowerLoss lets the power fail at every moment at which a store has synced something, and plays what a disk may have then. Each time the store
// is sound, what it finds is whole, what was recorded by then is found, and what was not is recorded again.
func TestPowerLoss(t *testing.T) {
	suite(t, func(t *testing.T, s *Store) {
		texts := []string{"first", "second", strings.Repeat("third ", 5000), "fourth"}
		recorded := "" // the keys that must be found
		disk := testkit.WatchDisk(t, filepath.Dir(s.Dir()), func() any { return recorded })
		killedBeforeSync(t, s, texts[2])
		for i, text := range texts {
			r := record(t, s, "shop/orders", text, i)
			r.Dirty = i%2 == 1
			recorded += putRecord(t, s, r).Key + "\n"
		}
		value := filepath.Join(s.Dir(), "value") // which no step has synced
		if err := os.WriteFile(value, []byte("of a step"), 0o600); err != nil {
			t.Fatal(err)
		}
		object, _, err := s.Import(value)
		if err != nil {
			t.Fatal(err)
		}
		again := record(t, s, "shop/orders", texts[0], 5)
		again.Object = object
		if err := s.Prefer(putRecord(t, s, again).ID); err != nil {
			t.Fatal(err)
		}
		recorded = strings.Replace(recorded, keyOf("shop/orders"+texts[1])+"\n", "", 1) // which is the older one in progress, and goes now
		if done, err := s.Prune(ctx, PruneOptions{Budget: 1, Grace: -1}); err != nil || done.Records != 1 || done.Objects == 0 {
			t.Fatal(done, err)
		}
		disk.Look()
		n := disk.Losses(3, func(dir string, note any) {
			s := open(t, filepath.Join(dir, filepath.Base(s.Dir())))
			sound(t, s)
			for i, text := range texts {
				key := keyOf("shop/orders" + text)
				r, found, err := s.Find(key)
				if err != nil || !found && strings.Contains(note.(string), key) {
					t.Errorf("the record of %.10q is lost: %v", text, err)
				}
				if found && s.Check(r.Object) != nil {
					t.Errorf("the record of %.10q names an object that is not whole", text)
				}
				if found {
					continue
				}
				made := putRecord(t, s, record(t, s, "shop/orders", text, i))
				if got, found, err := s.Find(key); err != nil || !found || got.ID != made.ID {
					t.Errorf("%.10q can't be recorded again: %v", text, err)
				}
			}
			sound(t, s)
		})
		t.Logf("%d losses of power", n)
	})
}

// killedBeforeSync leaves an object as another process does that is killed right after it has given it its name.
func killedBeforeSync(t *testing.T, s *Store, text string) {
	t.Helper()
	path, err := s.objectPath(put(t, open(t, t.TempDir()), text))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ready(); err != nil {
		t.Fatal(err)
	}
	if err := s.mkdir(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	f, err := s.temp()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := seal(f); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		t.Fatal(err)
	}
}
