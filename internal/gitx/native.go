package gitx

import (
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"

	"github.com/cellar-go/cellar/internal/atomicfile"
)

// native reads a repository by go-git. go-git's storage is not safe for concurrent use, hence the lock.
type native struct {
	dir     string
	objects string // folder of loose objects
	mu      sync.Mutex
	git     *git.Repository
}

func openNative(dir, common string) (*native, error) {
	repo, err := git.PlainOpenWithOptions(dir, &git.PlainOpenOptions{EnableDotGitCommonDir: true})
	if err != nil {
		return nil, err
	}
	return &native{dir: dir, objects: filepath.Join(common, "objects"), git: repo}, nil
}

func (n *native) get(id string) (kind string, body []byte, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	hash := plumbing.NewHash(id)
	object, err := n.git.Storer.EncodedObject(plumbing.AnyObject, hash)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		// The list of packs is read once: somebody may have fetched or packed since.
		fresh, openErr := openNative(n.dir, filepath.Dir(n.objects))
		if openErr != nil {
			return "", nil, openErr
		}
		n.git = fresh.git
		object, err = n.git.Storer.EncodedObject(plumbing.AnyObject, hash)
	}
	if err != nil {
		return "", nil, err
	}
	r, err := object.Reader()
	if err != nil {
		return "", nil, err
	}
	defer r.Close()
	body, err = io.ReadAll(r)
	return object.Type().String(), body, err
}

func (n *native) put(kind string, body []byte) (string, error) {
	typ, err := plumbing.ParseObjectType(kind)
	if err != nil {
		return "", err
	}
	// An object that is there needs no writing, but must look new to a gc that is under way.
	id, now := plumbing.ComputeHash(typ, body).String(), time.Now()
	dir := filepath.Join(n.objects, id[:2])
	if os.Chtimes(filepath.Join(dir, id[2:]), now, now) == nil {
		return id, nil
	}
	return id, writeObject(dir, id[2:], kind, body)
}

// writeObject writes a loose object, and makes it survive a loss of power before it has its name, which go-git does not: a ref must lead to whole
// objects, and one that is not whole would be taken for there the next time.
func writeObject(dir, name, kind string, body []byte) error {
	if err := atomicfile.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "tmp_obj_") // which git removes when it is old
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	z := zlib.NewWriter(f)
	fmt.Fprintf(z, "%s %d\x00", kind, len(body)) // an error comes again
	_, err = z.Write(body)
	if err := errors.Join(err, z.Close(), f.Chmod(0o444)); err != nil {
		return err
	}
	if err := atomicfile.Sync(f); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, name)); err != nil {
		return err
	}
	return atomicfile.SyncDir(dir)
}

// ref is what a ref's full name stands for, "" if it does not exist.
func (n *native) ref(name string) (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	ref, err := n.git.Reference(plumbing.ReferenceName(name), true)
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return ref.Hash().String(), nil
}

// branch is the branch that HEAD is on, "" when detached.
func (n *native) branch() (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	head, err := n.git.Reference(plumbing.HEAD, false)
	if err != nil {
		return "", err
	}
	if head.Type() != plumbing.SymbolicReference {
		return "", nil
	}
	return head.Target().Short(), nil
}

// guess resolves what only go-git's own parser of revisions may know, when there is no git program.
func (n *native) guess(rev string) (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	hash, err := n.git.ResolveRevision(plumbing.Revision(rev))
	if err != nil {
		return "", err
	}
	return hash.String(), nil
}

func (n *native) tracked() ([]string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	idx, err := n.git.Storer.Index()
	if err != nil {
		return nil, err
	}
	paths := make([]string, 0, len(idx.Entries))
	for _, e := range idx.Entries {
		if isFile(e.Mode) && (e.Stage == index.Merged || len(paths) == 0 || paths[len(paths)-1] != e.Name) {
			paths = append(paths, e.Name)
		}
	}
	return paths, nil
}

func isFile(mode filemode.FileMode) bool {
	return mode == filemode.Regular || mode == filemode.Executable || mode == filemode.Deprecated
}

func (n *native) identity() (name, email string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, err := n.git.ConfigScoped(config.SystemScope)
	if err != nil {
		return "", ""
	}
	return c.User.Name, c.User.Email
}

// hasConfig says whether the repository's own configuration has this value.
func (n *native) hasConfig(section, key, value string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, err := n.git.Config()
	return err == nil && slices.Contains(c.Raw.Section(section).OptionAll(key), value)
}

// addConfig adds a value to the repository's own configuration.
func (n *native) addConfig(section, key, value string) error {
	// Written by go-git, the file would lose its comments.
	f, err := os.OpenFile(filepath.Join(filepath.Dir(n.objects), "config"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "\n[%s]\n\t%s = %s\n", section, key, value)
	return errors.Join(err, f.Close())
}

// swap moves a ref by git's own protocol: <ref>.lock, made exclusively, becomes the ref. (go-git's CheckAndSetReference can leave an
// empty ref behind when the value is stale, go-git issue 2399.)
func (n *native) swap(common, ref, new, old string) error {
	path := filepath.Join(common, filepath.FromSlash(ref))
	if err := atomicfile.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	lock, err := os.OpenFile(path+".lock", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %s.lock exists", errConflict, path)
	}
	if err != nil {
		return err
	}
	err = n.write(lock, ref, new, old)
	if err == nil {
		err = os.Rename(lock.Name(), path)
	}
	if err != nil { // a lock that was renamed is gone: the next one of that name is another writer's
		os.Remove(lock.Name())
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(path))
}

// write fills the lock file of a ref that is still at old.
func (n *native) write(lock *os.File, ref, new, old string) error {
	defer lock.Close()
	if now, err := n.ref(ref); err != nil {
		return err
	} else if now != old {
		return errConflict
	}
	if _, err := lock.WriteString(new + "\n"); err != nil {
		return err
	}
	return atomicfile.Sync(lock)
}

func (n *native) mergeBases(a, b string) ([]string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	first, err := n.git.CommitObject(plumbing.NewHash(a))
	if err != nil {
		return nil, err
	}
	second, err := n.git.CommitObject(plumbing.NewHash(b))
	if err != nil {
		return nil, err
	}
	bases, err := first.MergeBase(second)
	var ids []string
	for _, c := range bases {
		ids = append(ids, c.Hash.String())
	}
	return ids, err
}
