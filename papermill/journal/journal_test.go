package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// record is what a test writes and expects to read.
type record struct {
	head string
	body []byte
}

func text(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}

var sizes = []int{0, 1, 5, 1000, bufferSize - 10, bufferSize, pieceSize - 1, pieceSize, pieceSize + 1, 3 * pieceSize, 2_000_000}

// write makes a journal of bodies of many sizes, written in many ways and each synced, and checks that each can be read back at once.
func write(t *testing.T, path string) []record {
	t.Helper()
	j, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []record
	var bodies []Body
	for i, size := range sizes {
		r := record{fmt.Sprintf(`{"n":%d}`, i), text(size)}
		var body Body
		if i%2 == 0 {
			if body, err = j.Add(map[string]int{"n": i}, r.body); err != nil {
				t.Fatal(err)
			}
		} else {
			w := j.Begin(map[string]int{"n": i})
			for rest := r.body; len(rest) > 0; {
				n := 1 + rand.IntN(min(len(rest), 100_000))
				w.Write(rest[:n])
				rest = rest[n:]
			}
			if body, err = w.End(); err != nil {
				t.Fatal(err)
			}
		}
		all, bodies = append(all, r), append(bodies, body)
		if err := j.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	for _, i := range rand.Perm(len(all)) {
		if got := read(t, j, bodies[i]); !bytes.Equal(got, all[i].body) {
			t.Errorf("record %d: %d bytes, not the %d that were added", i, len(got), len(all[i].body))
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return all
}

func read(t *testing.T, j *Journal, b Body) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := j.Copy(&out, b); err != nil {
		t.Fatal(err)
	}
	if int64(out.Len()) != b.Size() {
		t.Errorf("%d bytes of %d", out.Len(), b.Size())
	}
	return out.Bytes()
}

// records reads a whole journal.
func records(t *testing.T, path string) []record {
	t.Helper()
	var heads []string
	var bodies []Body
	j, err := Read(path, func(_ *Journal, head json.RawMessage, body Body) error {
		heads, bodies = append(heads, string(head)), append(bodies, body)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	var all []record
	for i := range heads {
		all = append(all, record{heads[i], read(t, j, bodies[i])})
	}
	if _, err := j.Add(1, nil); err == nil {
		t.Error("a journal that was opened for reading can be added to")
	}
	return all
}

func same(a, b []record) bool {
	for i := range a {
		if i >= len(b) || a[i].head != b[i].head || !bytes.Equal(a[i].body, b[i].body) {
			return false
		}
	}
	return len(a) == len(b)
}

func TestJournal(t *testing.T) {
	path := Path(filepath.Join(t.TempDir(), "out.ipynb"))
	want := write(t, path)
	if got := records(t, path); !same(got, want) {
		t.Errorf("%d records of %d", len(got), len(want))
	}
	if again := write(t, path); !same(records(t, path), again) {
		t.Error("a second journal in the place of the first")
	}
}

// TestTorn cuts and damages a journal anywhere: what is read is always the records before that place.
func TestTorn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	want := write(t, path)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 200 {
		at := rand.IntN(len(whole))
		torn := bytes.Clone(whole[:at])
		kind := rand.IntN(3)
		switch kind {
		case 0: // power was lost: the file has its length, and no content
			torn = append(torn, make([]byte, len(whole)-at)...)
		case 1: // one bit
			torn = bytes.Clone(whole)
			torn[at] ^= 1 << rand.IntN(8)
		}
		if err := os.WriteFile(path, torn, 0o600); err != nil {
			t.Fatal(err)
		}
		got := records(t, path)
		j, err := Read(path, func(*Journal, json.RawMessage, Body) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		j.Close()
		elsewhere := j.Damaged() < int64(position(whole, len(got))) || j.Damaged() > int64(at) // than among the pieces of the record
		if kind == 1 && len(got) < len(want)-1 && elsewhere || kind != 1 && j.Damaged() != -1 {
			t.Fatalf("kind %d, damaged at byte %d after %d records: noticed at %d", kind, at, len(got), j.Damaged())
		}
		if len(got) > len(want) || !same(got, want[:len(got)]) {
			t.Fatalf("damaged at byte %d: %d records, which are not the first of those written", at, len(got))
		}
		if end := position(whole, len(got)); at >= end && len(got) < len(want) {
			next := position(whole, len(got)+1)
			if at >= next {
				t.Fatalf("damaged at byte %d: only %d records, though the next ends at %d", at, len(got), next)
			}
		}
	}
}

// TestHole: of what was added after the last Sync, a loss of power may leave any part, and that is no damage. Of what was synced it leaves all.
func TestHole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	var want []record
	for i := range 6 {
		r := record{fmt.Sprint(i), text(1000)}
		if _, err := j.Add(i, r.body); err != nil {
			t.Fatal(err)
		}
		want = append(want, r)
		if i == 0 || i == 2 {
			if err := j.Sync(); err != nil || j.Unsynced() {
				t.Fatal(err, j.Unsynced())
			}
		}
	}
	if !j.Unsynced() {
		t.Error("what was added after the last Sync counts as synced")
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		holed := bytes.Clone(whole)
		clear(holed[bytes.Index(whole, want[i].body):][:900])
		if err := os.WriteFile(path, holed, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := Read(path, func(*Journal, json.RawMessage, Body) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		j.Close()
		if damaged := j.Damaged() >= 0; damaged != (i <= 2) {
			t.Errorf("a hole in record %d of 6, of which 3 were synced: damaged at %d", i+1, j.Damaged())
		}
		if got := records(t, path); !same(got, want[:i]) {
			t.Errorf("a hole in record %d: %d are read", i+1, len(got))
		}
	}
}

// position is the end of the n-th record.
func position(whole []byte, n int) int {
	at := 0
	for n > 0 {
		var mark byte
		var head, body int
		fmt.Sscanf(string(whole[at:min(len(whole), at+40)]), "%c %d %d", &mark, &head, &body)
		line := bytes.IndexByte(whole[at:], '{')
		if head == 0 {
			line = bytes.IndexByte(whole[at:], '\n')
		}
		at += line + head + 1 + body + 1
		if mark == '=' {
			n--
		}
	}
	return at
}

func TestLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Add("kept", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(path); !errors.Is(err, ErrLocked) {
		t.Errorf("a second run: %v", err)
	}
	if _, err := Read(path, nil); !errors.Is(err, ErrLocked) {
		t.Errorf("a reader: %v", err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if got := records(t, path); len(got) != 1 {
		t.Errorf("the second run has taken the first one's records: %d left", len(got))
	}
}

func TestRemove(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestRemovedBetween: what one run has opened another removes before it is locked. The lock of a file that nobody finds keeps nobody out.
func TestRemovedBetween(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	ended, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // there is nothing at its path, then another run's journal
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := ended.Remove(); err != nil {
			t.Fatal(err)
		}
		if there, err := lockAt(path, f); there || err != nil {
			t.Errorf("at its path: %t, %v", there, err)
		}
		if ended, err = Create(path); err != nil {
			t.Fatal(err)
		}
		if there, err := lockAt(path, f); there || err != nil {
			t.Errorf("in the place of another: %t, %v", there, err)
		}
	}
}

// TestManyRuns begins, ends and recovers runs of one output all at once: each that has begun has the journal at the path, and no reader sees
// what a run that ended well has removed.
func TestManyRuns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	end := time.Now().Add(time.Second)
	var runs sync.WaitGroup
	for range 3 {
		runs.Go(func() {
			for time.Now().Before(end) {
				j, err := Create(path)
				if errors.Is(err, ErrLocked) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				mine, _ := j.file.Stat()
				if there, err := os.Stat(path); err != nil || !os.SameFile(mine, there) {
					t.Errorf("a run writes a journal that is not at its path: %v", err)
					return
				}
				j.Add("run", nil)
				j.Flush()
				j.Remove()
			}
		})
	}
	for time.Now().Before(end) {
		seen := 0
		j, err := Read(path, func(*Journal, json.RawMessage, Body) error { seen++; return nil })
		if err == nil {
			j.Close()
		}
		if seen > 0 {
			t.Error("the journal of a run that had ended well was read")
			break
		}
	}
	runs.Wait()
}

func FuzzRead(f *testing.F) {
	path := filepath.Join(f.TempDir(), "j")
	j, _ := Create(path)
	j.Add(map[string]int{"a": 1}, []byte("body"))
	j.Sync()
	w := j.Begin("large")
	w.Write(make([]byte, pieceSize+5))
	w.End()
	j.Close()
	seed, _ := os.ReadFile(path)
	f.Add(seed)
	f.Add([]byte("= 0 0 00000000 \n\n"))
	f.Add([]byte("+ 2 99999999999999999999 0 {}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "j")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		records(t, path)
	})
}

// TestFolderGone: a run whose folder was removed and made again has nothing to remove there, and takes no other run's journal.
func TestFolderGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs")
	path := filepath.Join(dir, ".out.ipynb.journal")
	begin := func() *Journal {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		j, err := Create(path)
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	first := begin()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	second := begin()
	if err := first.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error("the other run's journal is gone")
	}
	if err := second.Remove(); err != nil {
		t.Error(err)
	}
}
