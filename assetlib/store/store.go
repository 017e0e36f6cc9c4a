package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/cellar-go/cellar/internal/fault"
)

// layout is the version of the folder's layout; docs/formats/store.md.
const layout = 1

// Store is a folder of objects and records. It may be used by several goroutines and several processes at once.
type Store struct {
	dir     string
	options Options
	link    func(old, new string) error // os.Link; tests take hard links away
}

// Options of a store; the zero value works.
type Options struct {
	ReadOnly bool  // refuse to write
	Budget   int64 // bytes that Prune brings the store down to by default; 0: no limit
}

// Open gives the store in dir. Folders are made when something is first written.
func Open(dir string, o Options) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("cellar: open the store: %w", err)
	}
	s := &Store{dir: dir, options: o, link: os.Link}
	text, err := os.ReadFile(s.path("format"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, failure("open the store", dir, err)
	default:
		number, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "cellar store ")
		found, err := strconv.Atoi(number)
		if !ok || err != nil {
			return nil, fault.New(fault.Storage, "set another folder with --store or CELLAR_STORE", "%s is not a cellar store: its file `format` says %.40q", dir, text)
		}
		if found > layout {
			return nil, newer("the store "+dir, found, layout)
		}
	}
	return s, nil
}

// Dir is the store's folder.
func (s *Store) Dir() string { return s.dir }

// Budget is the size in bytes that the store should stay within; 0: no limit.
func (s *Store) Budget() int64 { return s.options.Budget }

func (s *Store) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

// ready makes the store's folder if it is not there, and refuses to write to a store that is only read.
func (s *Store) ready() error {
	if s.options.ReadOnly {
		return fault.New(fault.Storage, "open it for writing", "the store %s is opened for reading only", s.dir)
	}
	path := s.path("format")
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if _, err := s.place(s.path(".gitignore"), []byte("*\n")); err != nil { // outside .git, values are not committed by accident
		return err
	}
	_, err := s.place(path, fmt.Appendf(nil, "cellar store %d\n", layout))
	return err
}

// failure makes an error of the disk one that says what to do.
func failure(what, path string, err error) error {
	var mistake *fault.Mistake
	if errors.As(err, &mistake) {
		return err
	}
	hint := ""
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		hint = "free some space (`cellar gc` removes old dirty versions), or set another folder with --store or CELLAR_STORE"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		hint = "make the folder writable, or set another one with --store or CELLAR_STORE"
	case errors.Is(err, syscall.ENOTDIR):
		hint = "a file is where a folder should be: move it away, or set another folder with --store or CELLAR_STORE"
	}
	return fault.New(fault.Storage, hint, "%s %s: %w", what, path, err)
}
