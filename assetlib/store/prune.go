package store

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Usage is what a store holds.
type Usage struct {
	Bytes, Objects int64
	Records        int
	Assets         []AssetUsage // the largest first
}

// AssetUsage is one asset's part. An object that several assets share counts for each.
type AssetUsage struct {
	Asset          string
	Bytes          int64 // of its objects and their displays
	Records, Dirty int
}

// Usage measures the store.
func (s *Store) Usage() (Usage, error) {
	ctx := context.Background()
	objects, err := s.objects(ctx)
	if err != nil {
		return Usage{}, err
	}
	var u Usage
	for _, o := range objects {
		u.Objects++
		u.Bytes += o.size
	}
	assets := map[string]*AssetUsage{}
	counted := map[string]bool{}
	err = s.eachRecord(ctx, func(r *Record) error {
		u.Records++
		a := assets[r.Asset]
		if a == nil {
			a = &AssetUsage{Asset: r.Asset}
			assets[r.Asset] = a
		}
		a.Records++
		if r.Dirty {
			a.Dirty++
		}
		for _, h := range r.objects() {
			if key := r.Asset + "\n" + string(h); !counted[key] {
				counted[key] = true
				if o := objects[h]; o != nil {
					a.Bytes += o.size
				}
			}
		}
		return nil
	})
	for _, a := range assets {
		u.Assets = append(u.Assets, *a)
	}
	slices.SortFunc(u.Assets, func(a, b AssetUsage) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), strings.Compare(a.Asset, b.Asset))
	})
	return u, err
}

// PruneOptions say what may go; the zero value removes what no record names.
type PruneOptions struct {
	Budget int64             // bytes of objects to come down to, by removing old dirty records; 0: the store's own budget
	Keep   func(Record) bool // what must stay, besides clean records and work in progress; nil: nothing
	Grace  time.Duration     // how long an object stays after its last use; 0: an hour, negative: not at all
}

// Pruned is what Prune removed.
type Pruned struct {
	Records, Objects int
	Bytes            int64
	Over             int64 // bytes by which the store is still over its budget
}

// object is what Prune knows of a file.
type object struct {
	size int64
	used time.Time
	refs int // records that name it
}

// Prune makes room. While the store is over its budget, dirty records go, the one whose object was last used longest ago first; clean
// records, the work in progress of a work tree and what Keep holds never do. Then objects that no record names go, and what crashes left.
// Nothing used within the grace period is touched: somebody may be about to name it.
func (s *Store) Prune(ctx context.Context, o PruneOptions) (Pruned, error) {
	var done Pruned
	if err := s.ready(); err != nil {
		return done, err
	}
	if o.Budget == 0 {
		o.Budget = s.options.Budget
	}
	if o.Grace == 0 {
		o.Grace = time.Hour
	}
	unlock, err := s.flock("sweep", true)
	if err != nil {
		return done, err
	}
	defer unlock()
	objects, err := s.objects(ctx)
	if err != nil {
		return done, err
	}
	dirty, err := s.countRefs(ctx, objects, o.Keep)
	if err != nil {
		return done, err
	}
	var unused, used int64
	for _, at := range objects {
		if at.refs > 0 {
			used += at.size
		} else if time.Since(at.used) < o.Grace {
			unused += at.size
		}
	}
	var gone []*Record
	for _, r := range dirty {
		if o.Budget == 0 || used+unused <= o.Budget {
			break
		}
		if at := objects[r.Object]; at != nil && time.Since(at.used) < o.Grace {
			continue
		}
		if err := s.forget(r); err != nil {
			return done, err
		}
		gone = append(gone, r)
		done.Records++
		for _, h := range r.objects() {
			if at := objects[h]; at != nil {
				if at.refs--; at.refs == 0 {
					used -= at.size
				}
			}
		}
	}
	if err := s.forgotten(gone); err != nil {
		return done, err
	}
	for h, at := range objects {
		if err := ctx.Err(); err != nil {
			return done, err
		}
		if at.refs > 0 || time.Since(at.used) < o.Grace {
			continue
		}
		path, err := s.objectPath(h)
		if err != nil {
			return done, err
		}
		if err := remove(path); err != nil {
			return done, err
		}
		done.Objects++
		done.Bytes += at.size
	}
	if o.Budget > 0 {
		done.Over = max(0, used+unused-o.Budget)
	}
	return done, s.eachFile(ctx, "tmp", func(path string, fi fs.FileInfo) error {
		if time.Since(fi.ModTime()) < max(o.Grace, tempGrace) {
			return nil
		}
		return remove(path)
	})
}

// tempGrace is longer than a step writes one file without a pause.
const tempGrace = 24 * time.Hour

// objects lists what is there by its name.
func (s *Store) objects(ctx context.Context) (map[Hash]*object, error) {
	all := map[Hash]*object{}
	err := s.eachFile(ctx, "objects", func(path string, fi fs.FileInfo) error {
		if h := Hash("b3:" + filepath.Base(path)); len(h) == len("b3:")+64 {
			all[h] = &object{size: fi.Size(), used: fi.ModTime()}
		}
		return nil
	})
	return all, err
}

// countRefs counts the records that name each object, and gives the dirty records that may go, the longest unused first.
func (s *Store) countRefs(ctx context.Context, objects map[Hash]*object, keep func(Record) bool) ([]*Record, error) {
	work, err := s.allWork()
	if err != nil {
		return nil, err
	}
	var dirty []*Record
	err = s.eachRecord(ctx, func(r *Record) error {
		for _, h := range r.objects() {
			if o := objects[h]; o != nil {
				o.refs++
			}
		}
		if r.Dirty && !work[r.ID] && (keep == nil || !keep(*r)) {
			dirty = append(dirty, r)
		}
		return nil
	})
	lastUse := func(r *Record) time.Time {
		if o := objects[r.Object]; o != nil {
			return o.used
		}
		return time.Time{}
	}
	slices.SortFunc(dirty, func(a, b *Record) int {
		return cmp.Or(lastUse(a).Compare(lastUse(b)), a.Finished.Compare(b.Finished), strings.Compare(a.ID, b.ID))
	})
	return dirty, err
}

// objects are those that a record names.
func (r *Record) objects() []Hash {
	if r.Displays == "" || r.Displays == r.Object {
		return []Hash{r.Object}
	}
	return []Hash{r.Object, r.Displays}
}

// forget removes a record: what leads to it first, so that a crash in between leaves nothing that leads nowhere. What the record leads to, and
// its entry in the index, which may lack no record, stay until it is sure to be gone: forgotten.
func (s *Store) forget(r *Record) error {
	dir, err := s.actionDir(r.Key)
	if err != nil {
		return err
	}
	unlock, err := s.flock("canonical", true)
	if err != nil {
		return err
	}
	defer unlock()
	canonical := filepath.Join(dir, "canonical")
	if text, err := os.ReadFile(canonical); err == nil && strings.TrimSpace(string(text)) == r.ID {
		if err := s.handOver(dir, r); err != nil {
			return err
		}
	}
	if err := remove(filepath.Join(dir, digitsOf(r.ID))); err != nil {
		return err
	}
	if err := s.syncDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) { // a crash may have left a record that no key leads to
		return err
	}
	_ = os.Remove(dir) // if that was the key's last record
	return remove(s.manifestPath(r.ID))
}

// forgotten makes sure that records that were removed don't come back, and removes them from the index.
func (s *Store) forgotten(records []*Record) error {
	synced := map[string]bool{}
	for _, r := range records {
		dir := filepath.Dir(s.manifestPath(r.ID))
		if synced[dir] {
			continue
		}
		synced[dir] = true
		if err := s.syncDir(dir); err != nil {
			return err
		}
	}
	for _, r := range records {
		if err := remove(s.path("assets", fileName(r.Asset), digitsOf(r.ID))); err != nil {
			return err
		}
	}
	return nil
}

// handOver makes the oldest other record of a key the canonical one, or leaves the key without one.
func (s *Store) handOver(actionDir string, from *Record) error {
	canonical := filepath.Join(actionDir, "canonical")
	others, err := s.Records(from.Key)
	if err != nil {
		return err
	}
	for _, r := range others {
		if r.ID == from.ID {
			continue
		}
		if whole, err := s.whole(&r); err != nil {
			return err
		} else if whole {
			return s.replace(canonical, []byte(r.ID+"\n"))
		}
	}
	return remove(canonical)
}

// remove removes a file that may be gone already.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failure("remove", path, err)
	}
	return nil
}
