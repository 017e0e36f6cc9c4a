package testkit

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/cellar-go/cellar/internal/atomicfile"
)

// Disk follows what becomes of a folder while this process writes there, to play what a loss of power may leave of it. It knows what was
// synced, from atomicfile, and takes all else for lost or half lost: a name that is new, gone or another file's since its folder was synced is
// as it was or as it is, each by itself; what a file has beyond its content when it was synced is there, cut anywhere, zeros or garbage.
type Disk struct {
	t    testing.TB
	root string
	note func() any

	mu      sync.Mutex
	files   []*diskFile
	durable map[string]*diskFile // names that survive
	moments []moment
}

// diskFile is a file or folder. It is held open, so that no other one gets its inode.
type diskFile struct {
	open        *os.File
	info        fs.FileInfo
	now, synced []byte
}

// moment is what was on the disk, and what of it was sure to be.
type moment struct {
	current, durable map[string]*diskFile
	now, synced      map[*diskFile][]byte
	note             any
}

// WatchDisk begins with what is in a folder, which counts as synced. note is asked at each moment for what the test knows of it.
func WatchDisk(t testing.TB, root string, note func() any) *Disk {
	t.Helper()
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		t.Fatal(err)
	}
	d := &Disk{t: t, root: root, note: note}
	d.durable = d.look()
	for _, f := range d.files {
		f.synced = f.now
	}
	atomicfile.Synced = d.synced
	t.Cleanup(d.stop)
	return d
}

func (d *Disk) stop() {
	atomicfile.Synced = nil
	for _, f := range d.files {
		f.open.Close()
	}
	d.files = nil
}

// Look remembers this moment.
func (d *Disk) Look() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.remember(d.look())
}

// synced is told that a file or folder was synced. The moment before it counts, too.
func (d *Disk) synced(f *os.File) {
	d.mu.Lock()
	defer d.mu.Unlock()
	current := d.look()
	d.remember(current)
	info, err := f.Stat()
	if err != nil {
		d.t.Error(err)
		return
	}
	for name, file := range current {
		if !os.SameFile(info, file.info) {
			continue
		}
		if !info.IsDir() {
			file.synced = file.now
			continue
		}
		maps.DeleteFunc(d.durable, func(other string, _ *diskFile) bool { return filepath.Dir(other) == name && other != name })
		for other, inside := range current {
			if filepath.Dir(other) == name && other != name {
				d.durable[other] = inside
			}
		}
	}
	d.remember(current)
}

func (d *Disk) remember(current map[string]*diskFile) {
	m := moment{current, maps.Clone(d.durable), map[*diskFile][]byte{}, map[*diskFile][]byte{}, d.note()}
	for _, f := range d.files {
		m.now[f], m.synced[f] = f.now, f.synced
	}
	d.moments = append(d.moments, m)
}

// look reads the folder, and those files that have no name there any more.
func (d *Disk) look() map[string]*diskFile {
	current := map[string]*diskFile{}
	err := filepath.WalkDir(d.root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return nil // it is gone meanwhile
		}
		f, err := os.Open(path)
		if err != nil {
			return nil
		}
		info, err := f.Stat()
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(d.root, path)
		i := slices.IndexFunc(d.files, func(known *diskFile) bool { return os.SameFile(info, known.info) })
		if i >= 0 {
			f.Close()
			current[name] = d.files[i]
			return nil
		}
		current[name] = &diskFile{open: f, info: info}
		d.files = append(d.files, current[name])
		return nil
	})
	if err != nil {
		d.t.Error(err)
	}
	for _, f := range d.files {
		if f.info.IsDir() {
			continue
		}
		text, err := io.ReadAll(io.NewSectionReader(f.open, 0, 1<<40))
		if err != nil {
			d.t.Error(err)
		}
		if !bytes.Equal(text, f.now) {
			f.now = text
		}
	}
	return current
}

// Losses lets the power fail at each moment in some ways: with nothing but what was synced, with all that was written, and with any of what was not
// synced. Each gets a folder of its own, which is removed afterwards. It ends the watch, and returns how many there were.
func (d *Disk) Losses(ways int, play func(dir string, note any)) (n int) {
	d.t.Helper()
	d.stop()
	seen := map[[sha256.Size]byte]bool{}
	for _, m := range d.moments {
		for way := range ways + 2 {
			names, contents := m.loss(way)
			sum := sha256.New()
			fmt.Fprintln(sum, m.note)
			for _, name := range slices.Sorted(maps.Keys(names)) {
				fmt.Fprintf(sum, "%q %q\n", name, contents[names[name]])
			}
			if key := [sha256.Size]byte(sum.Sum(nil)); seen[key] || d.t.Failed() {
				continue
			} else {
				seen[key] = true
			}
			dir, err := os.MkdirTemp(d.t.TempDir(), "loss-")
			if err != nil {
				d.t.Fatal(err)
			}
			for _, name := range slices.Sorted(maps.Keys(names)) {
				path, f := filepath.Join(dir, name), names[name]
				if f.info.IsDir() {
					os.MkdirAll(path, 0o755)
				} else if _, err := os.Stat(filepath.Dir(path)); err == nil { // else its folder is lost
					if err := os.WriteFile(path, contents[f], f.info.Mode().Perm()); err != nil {
						d.t.Fatal(err)
					}
				}
			}
			play(dir, m.note)
			if d.t.Failed() {
				for _, name := range slices.Sorted(maps.Keys(names)) {
					f := names[name]
					d.t.Logf("%s: %d bytes, %d of them synced, %d written", name, len(contents[f]), len(m.synced[f]), len(m.now[f]))
				}
			}
			os.RemoveAll(dir)
			n++
		}
	}
	return n
}

// loss is what is left of a moment: the first way only what was synced, the second all, the others something between them.
func (m *moment) loss(way int) (names map[string]*diskFile, contents map[*diskFile][]byte) {
	names, contents = map[string]*diskFile{}, map[*diskFile][]byte{}
	for name := range merged(m.current, m.durable) {
		from := m.durable
		if way == 1 || way > 1 && rand.IntN(2) == 0 {
			from = m.current
		}
		if f := from[name]; f != nil {
			names[name] = f
		}
	}
	for _, f := range names {
		switch synced, now := m.synced[f], m.now[f]; {
		case way == 0 || bytes.Equal(synced, now):
			contents[f] = synced
		case way == 1:
			contents[f] = now
		default:
			contents[f] = half(synced, now)
		}
	}
	return names, contents
}

func merged(a, b map[string]*diskFile) map[string]*diskFile {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// half is what a disk may have of a file that was written on after it was synced.
func half(synced, now []byte) []byte {
	if !bytes.HasPrefix(now, synced) {
		synced = nil // it was written over: nothing of it is sure
	}
	text := bytes.Clone(now)
	from := len(synced) + rand.IntN(len(now)-len(synced)+1)
	to := from + rand.IntN(len(now)-from+1)
	switch rand.IntN(5) {
	case 0: // what was written last has not come
		return text[:from]
	case 1: // the length has, the content has not
		from, to = len(synced), len(now)
	case 2:
		to = len(now)
	case 3: // what was written later has come, and something before it has not
	case 4:
		for i := from; i < to; i++ {
			text[i] = byte(rand.Uint32())
		}
		return text
	}
	clear(text[from:to])
	return text
}
