package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/zeebo/blake3"

	"github.com/cellar-go/cellar/internal/fault"
)

var ctx = context.Background()

// suite runs a test on every kind of store: with hard links, and without.
func suite(t *testing.T, test func(t *testing.T, s *Store)) {
	t.Run("hard links", func(t *testing.T) { test(t, open(t, filepath.Join(t.TempDir(), "cellar"))) })
	t.Run("no hard links", func(t *testing.T) {
		s := open(t, filepath.Join(t.TempDir(), "cellar"))
		s.link = func(string, string) error { return &os.LinkError{Op: "link", Err: syscall.EPERM} }
		test(t, s)
	})
}

func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t testing.TB, s *Store, text string) Hash {
	t.Helper()
	w, err := s.Create()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	h, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func keyOf(text string) string {
	sum := blake3.Sum256([]byte(text))
	return "k1:" + hex.EncodeToString(sum[:])
}

var clock = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// record is a version of an asset whose key and object follow from text, and which was made at the given minute.
func record(t testing.TB, s *Store, asset, text string, minute int) Record {
	t.Helper()
	return Record{Asset: asset, Kind: "table", Key: keyOf(asset + text), Object: put(t, s, text), Content: "x3:" + text, Rows: 336_776,
		Started: clock, Finished: clock.Add(time.Duration(minute) * time.Minute)}
}

func putRecord(t testing.TB, s *Store, r Record) Record {
	t.Helper()
	id, err := s.Put(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Record(id)
	if err != nil {
		t.Fatal(err)
	}
	return *got
}

func sound(t testing.TB, s *Store) {
	t.Helper()
	problems, err := s.Fsck(ctx)
	if err != nil {
		t.Error(err)
	}
	for _, p := range problems {
		t.Errorf("fsck: %s", p)
	}
}

// age makes an object look unused for that long.
func age(t testing.TB, s *Store, h Hash, d time.Duration) {
	t.Helper()
	path, err := s.objectPath(h)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-d)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func has(t testing.TB, s *Store, h Hash) bool {
	t.Helper()
	path, err := s.objectPath(h)
	if err != nil {
		t.Fatal(err)
	}
	_, err = os.Stat(path)
	return err == nil
}

func TestObjects(t *testing.T) {
	suite(t, func(t *testing.T, s *Store) {
		h := put(t, s, "hello")
		if want := "b3:ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f"; string(h) != want {
			t.Errorf("hash %s, want %s", h, want)
		}
		path, err := s.Object(h)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); string(got) != "hello" || err != nil {
			t.Errorf("read back %q, %v", got, err)
		}
		if fi, _ := os.Stat(path); fi.Mode().Perm() != 0o444 {
			t.Errorf("mode %v: an object must not be written by accident", fi.Mode())
		}

		// The same content again renews the lease and leaves one file.
		age(t, s, h, 48*time.Hour)
		if again := put(t, s, "hello"); again != h {
			t.Errorf("again: %s", again)
		}
		if fi, _ := os.Stat(path); time.Since(fi.ModTime()) > time.Hour {
			t.Error("a second write did not renew the lease")
		}
		age(t, s, h, 48*time.Hour)
		if _, err := s.Object(h); err != nil {
			t.Error(err)
		}
		if fi, _ := os.Stat(path); time.Since(fi.ModTime()) > time.Hour {
			t.Error("a use did not renew the lease")
		}

		// Nothing is there before Commit, and nothing after Abort.
		w, err := s.Create()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, "dropped")
		w.Abort()
		w.Abort()
		if _, err := w.Commit(); err == nil {
			t.Error("Commit after Abort")
		}
		if _, err := w.Write(nil); err == nil {
			t.Error("Write after Abort")
		}
		if left, _ := os.ReadDir(s.path("tmp")); len(left) != 0 {
			t.Errorf("left over: %v", left)
		}
		if _, err := s.Object(Hash("b3:" + strings.Repeat("0", 64))); !errors.Is(err, fault.ErrNotFound) || fault.Hint(err) == "" {
			t.Errorf("absent object: %v", err)
		}
		for _, bad := range []Hash{"", "b3:", "b3:../../../../etc/passwd", "sha256:00", Hash("b3:" + strings.Repeat("0", 63) + "/")} {
			if _, err := s.Object(bad); fault.ExitCode(err) != int(fault.Input) {
				t.Errorf("Object(%q): %v", bad, err)
			}
		}
		sound(t, s)
	})
}

func TestDamagedObjects(t *testing.T) {
	suite(t, func(t *testing.T, s *Store) {
		r := putRecord(t, s, record(t, s, "f/a", "some content", 0))
		path, _ := s.Object(r.Object)
		if err := s.Check(r.Object); err != nil {
			t.Error(err)
		}
		if err := os.Truncate(path, 4); err != nil {
			t.Fatal(err)
		}
		if err := s.Check(r.Object); !errors.Is(err, fault.ErrCorrupt) || !strings.Contains(err.Error(), path) || fault.Hint(err) == "" {
			t.Errorf("cut short: %v", err)
		}
		if _, ok, err := s.Find(r.Key); ok || err != nil {
			t.Errorf("Find gives a record whose object is cut short (%v)", err)
		}
		if problems, _ := s.Fsck(ctx); len(problems) != 2 {
			t.Errorf("fsck: %v", problems)
		}
		// Computing it again heals.
		again := putRecord(t, s, record(t, s, "f/a", "some content", 9))
		if got, ok, err := s.Find(r.Key); !ok || got.Object != again.Object || err != nil {
			t.Errorf("after computing again: %v, %v, %v", got, ok, err)
		}
		sound(t, s)

		manifest := s.manifestPath(r.ID)
		if err := errors.Join(os.Remove(manifest), os.WriteFile(manifest, []byte(`{"asset":`), 0o444)); err != nil {
			t.Fatal(err)
		}
		if problems, _ := s.Fsck(ctx); len(problems) != 3 || problems[0].Path != manifest {
			t.Errorf("fsck of a damaged record: %v", problems)
		}
		if _, ok, err := s.Find(r.Key); ok || err != nil {
			t.Errorf("Find gives a damaged record (%v)", err)
		}
		if h := mustHistory(t, s, "f/a"); len(h) != 1 {
			t.Errorf("History with a damaged record: %v", h)
		}
		if healed := putRecord(t, s, r); healed.ID != r.ID {
			t.Errorf("the record came back as %s", healed.ID)
		}
		sound(t, s)

		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := s.Find(r.Key); ok || err != nil {
			t.Errorf("Find gives a record whose object is gone (%v)", err)
		}
		if err := s.Check(r.Object); !errors.Is(err, fault.ErrNotFound) {
			t.Errorf("Check of a lost object: %v", err)
		}
		if _, err := s.Put(ctx, again); !errors.Is(err, fault.ErrNotFound) {
			t.Errorf("Put without the object: %v", err)
		}
	})
}

func TestImport(t *testing.T) {
	suite(t, func(t *testing.T, s *Store) {
		dir := t.TempDir()
		file := func(name string) string {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, []byte("hello"), 0o644); err != nil {
				t.Fatal(err)
			}
			return path
		}
		plain, linked, target := file("plain"), file("linked"), file("target")
		if err := os.Link(linked, filepath.Join(dir, "other name")); err != nil {
			t.Fatal(err)
		}
		symlink := filepath.Join(dir, "symlink")
		if err := os.Symlink(target, symlink); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{plain, linked, symlink} {
			old := time.Now().Add(-9 * time.Hour)
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
			h, size, err := s.Import(path)
			if p, err := s.Prune(ctx, PruneOptions{}); p.Objects != 0 || err != nil {
				t.Errorf("an old file that was just taken in was pruned: %+v, %v", p, err)
			}
			if h != put(t, s, "hello") || size != 5 || err != nil {
				t.Errorf("Import(%s) = %s, %d, %v", path, h, size, err)
			}
			if _, err := os.Lstat(path); err == nil {
				t.Errorf("%s is still there", path)
			}
		}
		// The other name of a linked file must not lead into the store.
		if err := os.WriteFile(filepath.Join(dir, "other name"), []byte("HELLO"), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Import(filepath.Join(dir, "absent")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("Import of nothing: %v", err)
		}
		if _, _, err := s.Import(dir); err == nil {
			t.Error("Import of a folder")
		}
		sound(t, s)
	})
}

func TestRecords(t *testing.T) {
	suite(t, func(t *testing.T, s *Store) {
		if _, ok, err := s.Find(keyOf("nothing")); ok || err != nil {
			t.Errorf("Find in an empty store: %v, %v", ok, err)
		}
		if h, err := s.History("f/a"); len(h) != 0 || err != nil {
			t.Errorf("History in an empty store: %v, %v", h, err)
		}
		full := record(t, s, "flights/features", "v1", 1)
		full.Columns = []Column{{"id", "int64", "x3:1"}, {"<a&b>", "string", ""}}
		full.Inputs = []Input{{"flights/raw", keyOf("raw"), "x3:raw"}}
		full.Params = map[string]json.RawMessage{"beta": json.RawMessage(`{ "z": 0.10, "a": 12345678901234567890 }`), "alpha": json.RawMessage(`1e3`)}
		full.GoType = &GoType{"[]Feature", "type Feature struct{}", []string{"time"}}
		full.Displays = put(t, s, "a plot")
		full.Partition, full.Code, full.Commit = "2013-01", "c1:1", strings.Repeat("a", 40)
		full.Writer, full.Host, full.Worktree, full.Go, full.Platform = "me", "here", "w", "go1.26", "linux/amd64"
		full.CPU, full.Defined, full.Meta = time.Second, Place{"notebooks/flights.ipynb", "c1", 3}, map[string]string{"rmse": "1"}
		full.Started = full.Started.In(time.FixedZone("somewhere", 3600))
		got := putRecord(t, s, full)

		want := full
		want.ID, want.Format, want.Size, want.Started = got.ID, 1, 2, full.Started.UTC()
		want.Params = map[string]json.RawMessage{"beta": json.RawMessage(`{"a":12345678901234567890,"z":0.10}`), "alpha": json.RawMessage(`1e3`)}
		got.unknown = nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("read back\n%+v\nwant\n%+v", got, want)
		}
		if again := putRecord(t, s, full); again.ID != got.ID {
			t.Errorf("the same record got another ID: %s, %s", again.ID, got.ID)
		}

		// The first record of a key is the one that is found; a forced one may be preferred.
		second := record(t, s, "flights/features", "v1", 5)
		second.Content = "x3:other"
		second = putRecord(t, s, second)
		if r, ok, err := s.Find(full.Key); !ok || r.ID != got.ID || err != nil {
			t.Errorf("Find = %v, %v, %v; want the first", r, ok, err)
		}
		if rs, err := s.Records(full.Key); len(rs) != 2 || rs[0].ID != got.ID || rs[1].ID != second.ID || err != nil {
			t.Errorf("Records = %v, %v", rs, err)
		}
		if err := s.Prefer(second.ID); err != nil {
			t.Error(err)
		}
		if r, ok, _ := s.Find(full.Key); !ok || r.ID != second.ID {
			t.Error("Prefer changed nothing")
		}

		putRecord(t, s, record(t, s, "flights/Features", "other case", 3))
		putRecord(t, s, record(t, s, "complete", "name of a file in the index", 3))
		newest := putRecord(t, s, record(t, s, "flights/features", "v2", 9))
		check := func(when string, s *Store) {
			t.Helper()
			h, err := s.History("flights/features")
			if len(h) != 3 || h[0].ID != newest.ID || h[1].ID != second.ID || h[2].ID != got.ID || err != nil {
				t.Errorf("%s: History = %v, %v", when, h, err)
			}
			if h, err := s.History("complete"); len(h) != 1 || err != nil {
				t.Errorf("%s: History(complete) = %v, %v", when, h, err)
			}
		}
		check("at first", s)
		if err := os.RemoveAll(s.path("assets")); err != nil {
			t.Fatal(err)
		}
		reader, err := Open(s.dir, Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		check("read-only, without an index", reader)
		check("without an index", s)
		check("with the index made again", s)
		if err := os.Remove(s.path("assets", fileName("complete"), digitsOf(mustHistory(t, s, "complete")[0].ID))); err != nil {
			t.Fatal(err)
		}
		if problems, _ := s.Fsck(ctx); len(problems) != 1 || !strings.Contains(problems[0].Fix, "made again") {
			t.Errorf("fsck of a torn index: %v", problems)
		}
		if err := os.Remove(s.path("assets", indexComplete)); err != nil {
			t.Fatal(err)
		}
		check("after what fsck says", s)
		sound(t, s)

		// A dangling entry, as a crash leaves it, is no version.
		if err := s.touch(s.path("assets", fileName("complete"), strings.Repeat("0", 64))); err != nil {
			t.Fatal(err)
		}
		check("with a dangling entry", s)
		sound(t, s)

		u, err := s.Usage()
		if err != nil || u.Records != 5 || len(u.Assets) != 3 {
			t.Errorf("Usage = %+v, %v", u, err)
		}
		if err := os.WriteFile(s.manifestPath(newest.ID), []byte("{}"), 0o644); err == nil && os.Geteuid() != 0 {
			t.Error("a record can be overwritten")
		}
	})
}

func mustHistory(t testing.TB, s *Store, asset string) []Record {
	t.Helper()
	h, err := s.History(asset)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestRefusedRecords(t *testing.T) {
	s := open(t, t.TempDir())
	good := record(t, s, "f/a", "v", 0)
	for name, spoil := range map[string]func(*Record){
		"no asset":           func(r *Record) { r.Asset = "" },
		"tab in the asset":   func(r *Record) { r.Asset = "a\tb" },
		"line in partition":  func(r *Record) { r.Partition = "a\nb" },
		"no key":             func(r *Record) { r.Key = "" },
		"key out of place":   func(r *Record) { r.Key = "k1:../../../../../../../etc" },
		"key scheme":         func(r *Record) { r.Key = "k/../x:" + strings.Repeat("0", 64) },
		"no object":          func(r *Record) { r.Object = "" },
		"params not JSON":    func(r *Record) { r.Params = map[string]json.RawMessage{"a": json.RawMessage("{")} },
		"displays not there": func(r *Record) { r.Displays = Hash("b3:" + strings.Repeat("0", 64)) },
	} {
		r := good
		spoil(&r)
		if id, err := s.Put(ctx, r); err == nil {
			t.Errorf("%s: was taken as %s", name, id)
		}
	}
	if h := mustHistory(t, s, "f/a"); len(h) != 0 {
		t.Errorf("left over: %v", h)
	}
}

// TestFutureFormats: a record or a store of a later cellar is refused in plain words, never overwritten; unknown fields stay.
func TestFutureFormats(t *testing.T) {
	s := open(t, t.TempDir())
	r := putRecord(t, s, record(t, s, "f/a", "v", 0))
	text, err := os.ReadFile(s.manifestPath(r.ID))
	if err != nil {
		t.Fatal(err)
	}
	later := bytes.Replace(text, []byte(`"format":1`), []byte(`"format":2`), 1)
	if _, err := s.place(s.manifestPath(recordID(later)), later); err != nil {
		t.Fatal(err)
	}
	if err := s.Prefer(recordID(later)); fault.Hint(err) != "update cellar" {
		t.Errorf("Prefer: %v", err)
	}
	dir, _ := s.actionDir(r.Key)
	if err := s.replace(filepath.Join(dir, "canonical"), []byte(recordID(later)+"\n")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Find(r.Key); fault.ExitCode(err) != int(fault.Storage) || fault.Hint(err) != "update cellar" {
		t.Errorf("Find: %v", err)
	}
	if _, err := s.Put(ctx, record(t, s, "f/a", "v", 7)); fault.Hint(err) != "update cellar" {
		t.Errorf("Put over it: %v", err)
	}

	more := bytes.Replace(text, []byte(`"format":1`), []byte(`"flavour":{"a":1.50},"format":1`), 1)
	got, err := parseRecord(more)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := got.encode(); !bytes.Equal(again, more) || err != nil {
		t.Errorf("unknown field: %s, %v; want %s", again, err, more)
	}

	other := t.TempDir()
	for text, hint := range map[string]string{"cellar store 2\n": "update cellar", "something else": "set another folder with --store or CELLAR_STORE"} {
		if err := os.WriteFile(filepath.Join(other, "format"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(other, Options{}); fault.Hint(err) != hint {
			t.Errorf("Open of %q: %v", text, err)
		}
	}
}

// TestCanonicalBytes is the format's golden text: if it changes, every ID changes.
func TestCanonicalBytes(t *testing.T) {
	r := Record{Format: 1, Asset: "flights/features", Kind: "table", Key: "k1:" + strings.Repeat("7c", 32), Object: Hash("b3:" + strings.Repeat("3f", 32)),
		Size: 10, Rows: 2, Params: map[string]json.RawMessage{"b": json.RawMessage(`[1, 2.0]`), "a": json.RawMessage(`"<&>"`)}, Finished: clock}
	got, err := r.encode()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"asset":"flights/features","finished":"2026-11-01T12:00:00Z","format":1,"key":"k1:` + strings.Repeat("7c", 32) + `","kind":"table","object":"b3:` +
		strings.Repeat("3f", 32) + `","params":{"a":"<&>","b":[1,2.0]},"rows":2,"size":10}` + "\n"
	if string(got) != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestDirty(t *testing.T) {
	suite(t, func(t *testing.T, s *Store) {
		dirty := func(asset, text, worktree string, minute int) Record {
			r := record(t, s, asset, text, minute)
			r.Dirty, r.Worktree = true, worktree
			return putRecord(t, s, r)
		}
		first := dirty("f/a", "1", "", 1)
		second := dirty("f/a", "2", "", 2)
		other := dirty("f/a", "3", "main", 3) // a linked work tree of that name
		part := record(t, s, "f/a", "4", 4)
		part.Dirty, part.Partition = true, "2013"
		part = putRecord(t, s, part)
		ids := func(worktree string) string {
			work, err := s.Dirty(worktree)
			if err != nil {
				t.Error(err)
			}
			var ids []string
			for _, r := range work {
				ids = append(ids, r.ID)
			}
			return strings.Join(ids, " ")
		}
		if got := ids(""); got != part.ID+" "+second.ID {
			t.Errorf("work in progress: %s", got)
		}
		if got := ids("main"); got != other.ID {
			t.Errorf("of the linked work tree: %s", got)
		}
		if err := s.MarkDirty("", first); err != nil {
			t.Error(err)
		}
		if err := s.ClearDirty("", second); err != nil { // no longer the current one
			t.Error(err)
		}
		if got := ids(""); got != part.ID+" "+first.ID {
			t.Errorf("after going back: %s", got)
		}
		if err := s.ClearDirty("", first); err != nil {
			t.Error(err)
		}
		if got := ids(""); got != part.ID {
			t.Errorf("after clearing: %s", got)
		}
		if got := ids("none"); got != "" {
			t.Errorf("of no work tree: %s", got)
		}
		sound(t, s)
	})
}

func TestPrune(t *testing.T) {
	suite(t, func(t *testing.T, s *Store) {
		body := func(n int) string { return strings.Repeat(fmt.Sprint(n), 1000) }
		var dirty []Record
		for i := range 5 {
			r := record(t, s, "f/a", body(i), i)
			r.Dirty = true
			dirty = append(dirty, putRecord(t, s, r)) // the last is the work in progress
			age(t, s, dirty[i].Object, time.Duration(10-i)*time.Hour)
		}
		clean := putRecord(t, s, record(t, s, "f/a", body(5), 5))
		age(t, s, clean.Object, 99*time.Hour)
		orphan, fresh := put(t, s, body(6)), put(t, s, body(7))
		age(t, s, orphan, 2*time.Hour)
		keep := func(r Record) bool { return r.ID == dirty[1].ID }

		// Without a budget only what no record names goes, and not at once.
		p, err := s.Prune(ctx, PruneOptions{})
		if err != nil || p != (Pruned{Objects: 1, Bytes: 1000}) || has(t, s, orphan) || !has(t, s, fresh) {
			t.Errorf("without a budget: %+v, %v", p, err)
		}
		// 7000 bytes to 5500: two of the dirty ones, the longest unused first.
		p, err = s.Prune(ctx, PruneOptions{Budget: 5500, Keep: keep})
		if err != nil || p != (Pruned{Records: 2, Objects: 2, Bytes: 2000}) {
			t.Errorf("to 5500: %+v, %v", p, err)
		}
		for i, want := range []bool{false, true, false, true, true} {
			_, found, err := s.Find(dirty[i].Key)
			if has(t, s, dirty[i].Object) != want || found != want || err != nil {
				t.Errorf("dirty version %d: kept %v, found %v, %v; want %v", i, !want, found, err, want)
			}
		}
		sound(t, s)
		for _, i := range []int{1, 3, 4} { // which Find has just used
			age(t, s, dirty[i].Object, 5*time.Hour)
		}
		// To nothing: the rest of the dirty ones, but not what is kept, clean, in progress or in its grace period.
		p, err = s.Prune(ctx, PruneOptions{Budget: 1, Keep: keep})
		if err != nil || p.Records != 1 || p.Over != 3999 || !has(t, s, clean.Object) || !has(t, s, dirty[4].Object) || !has(t, s, dirty[1].Object) || !has(t, s, fresh) {
			t.Errorf("to 1: %+v, %v", p, err)
		}
		if p, err = s.Prune(ctx, PruneOptions{Grace: -1}); p.Objects != 1 || has(t, s, fresh) || err != nil {
			t.Errorf("without grace: %+v, %v", p, err)
		}
		if h := mustHistory(t, s, "f/a"); len(h) != 3 {
			t.Errorf("History has %d records, want 3", len(h))
		}
		sound(t, s)

		// A promoted record shares its object with the dirty one, whose place it takes.
		r := dirty[1]
		promoted := r
		promoted.Dirty, promoted.Commit = false, strings.Repeat("a", 40)
		promoted = putRecord(t, s, promoted)
		age(t, s, r.Object, 5*time.Hour)
		if p, err := s.Prune(ctx, PruneOptions{Budget: 1}); p.Records != 1 || err != nil {
			t.Errorf("after promotion: %+v, %v", p, err)
		}
		if got, ok, err := s.Find(r.Key); !ok || got.ID != promoted.ID || err != nil {
			t.Errorf("the key stands for %v, %v, %v; want the promoted record", got, ok, err)
		}
		sound(t, s)
	})
}

// TestPruneWhileWriting removes an old object at the moment at which somebody writes it again: whoever comes first, the record that is
// stored has its object.
func TestPruneWhileWriting(t *testing.T) {
	suite(t, func(t *testing.T, s *Store) {
		for round := range 50 {
			text := fmt.Sprint("value ", round)
			age(t, s, put(t, s, text), 2*time.Hour)
			r := Record{Asset: "f/a", Kind: "value", Key: keyOf(text)}
			var wait sync.WaitGroup
			wait.Go(func() {
				if _, err := s.Prune(ctx, PruneOptions{}); err != nil {
					t.Error(err)
				}
			})
			wait.Go(func() {
				w, err := s.Create()
				if err != nil {
					t.Error(err)
					return
				}
				defer w.Abort()
				fmt.Fprint(w, text)
				if r.Object, err = w.Commit(); err != nil {
					t.Error(err)
				}
				if _, err := s.Put(ctx, r); err != nil {
					t.Error(err)
				}
			})
			wait.Wait()
			if _, ok, err := s.Find(r.Key); !ok || err != nil {
				t.Fatalf("round %d: %v, %v", round, ok, err)
			}
		}
		sound(t, s)
	})
}

func TestReadOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cellar")
	r := putRecord(t, open(t, dir), record(t, open(t, dir), "f/a", "v", 0))
	s, err := Open(dir, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if got, ok, err := s.Find(r.Key); !ok || got.ID != r.ID || err != nil {
		t.Errorf("Find: %v, %v, %v", got, ok, err)
	}
	_, create := s.Create()
	_, _, imported := s.Import("x")
	_, put := s.Put(ctx, r)
	_, lock := s.Lock(ctx, r.Key)
	_, prune := s.Prune(ctx, PruneOptions{})
	for what, err := range map[string]error{"Create": create, "Import": imported, "Put": put, "Lock": lock, "Prune": prune, "Prefer": s.Prefer(r.ID),
		"MarkDirty": s.MarkDirty("", r), "ClearDirty": s.ClearDirty("", r)} {
		if fault.ExitCode(err) != int(fault.Storage) {
			t.Errorf("%s: %v", what, err)
		}
	}
	absent, err := Open(filepath.Join(dir, "absent"), Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if h, err := absent.History("f/a"); len(h) != 0 || err != nil {
		t.Errorf("History of an absent store: %v, %v", h, err)
	}
	if u, err := absent.Usage(); u.Bytes != 0 || err != nil {
		t.Errorf("Usage of an absent store: %v, %v", u, err)
	}
	sound(t, absent)
	if _, err := os.Stat(absent.dir); err == nil {
		t.Error("reading made a folder")
	}
}

func TestFileNames(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"a/b", "a%2fb", "a b", ".", "..", ".git", "a.b", "ä", "A", "%main", "%complete", "complete", "main", strings.Repeat("x", 300), strings.Repeat("x", 301), "a\tb"} {
		f := fileName(name)
		if other, ok := seen[f]; ok || f == "" || len(f) > 200 || strings.ContainsAny(f, "/\\ \t") || f[0] == '.' || f == mainWorktree || f == indexComplete {
			t.Errorf("fileName(%q) = %q (also of %q)", name, f, other)
		}
		seen[f] = name
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add([]byte(`{"asset":"f/a","format":1,"key":"k1:00000000000000000000000000000000","kind":"table","object":"b3:00000000000000000000000000000000","rows":2,"size":10}`))
	f.Add([]byte(`{"format":2}`))
	f.Add([]byte(`{"Format":1,"asset":"f/a","params":{"a":1e400},"key":"k1:0000000000000000","object":"b3:0000000000000000","x":[null,{"b":1,"a":2}],"started":"2026-01-01T00:00:00.000+01:00"}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := parseRecord(text)
		if err != nil {
			if r != nil {
				t.Error("a record and an error")
			}
			return
		}
		once, err := r.encode()
		if err != nil {
			return // a year that RFC 3339 can't write in UTC
		}
		again, err := parseRecord(once)
		if err != nil {
			t.Fatalf("%s\nbecame\n%s\nwhich is refused: %v", text, once, err)
		}
		if twice, err := again.encode(); !bytes.Equal(once, twice) || err != nil {
			t.Fatalf("canonical bytes are not stable:\n%s%s%v", once, twice, err)
		}
	})
}

// BenchmarkHistory reads a history of 1,000 versions in a store of 2,000.
func BenchmarkHistory(b *testing.B) {
	s := open(b, b.TempDir())
	r := record(b, s, "f/a", "v", 0)
	for i := range 2000 {
		r.Asset = []string{"f/a", "f/b"}[i%2]
		r.Finished = clock.Add(time.Duration(i) * time.Second)
		if err := r.check(); err != nil {
			b.Fatal(err)
		}
		text, err := s.complete(&r)
		if err != nil {
			b.Fatal(err)
		}
		path := s.manifestPath(r.ID) // written without fsync: the benchmark only reads
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, text, 0o444)); err != nil {
			b.Fatal(err)
		}
		entry := s.path("assets", fileName(r.Asset), digitsOf(r.ID))
		if err := errors.Join(os.MkdirAll(filepath.Dir(entry), 0o777), os.WriteFile(entry, nil, 0o444)); err != nil {
			b.Fatal(err)
		}
	}
	if err := os.WriteFile(s.path("assets", indexComplete), nil, 0o444); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if h, err := s.History("f/a"); len(h) != 1000 || err != nil {
			b.Fatal(len(h), err)
		}
	}
}

func BenchmarkPut(b *testing.B) {
	s := open(b, b.TempDir())
	for i := 0; b.Loop(); i++ {
		putRecord(b, s, record(b, s, "f/a", fmt.Sprint(i), i))
	}
}

func BenchmarkFind(b *testing.B) {
	s := open(b, b.TempDir())
	r := putRecord(b, s, record(b, s, "f/a", "v", 0))
	for b.Loop() {
		if _, ok, err := s.Find(r.Key); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
