package place

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// place is one notebook, somewhere.
type place interface {
	read(ctx context.Context) ([]byte, error)

	// put replaces the notebook by a file, which is read from its start. When it fails, the old notebook is still there.
	put(ctx context.Context, f *os.File) error

	// check finds out what would keep put from working, as far as that can be told without writing.
	check(ctx context.Context) error
}

var schemed = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*)://`)

// find is the place that a name names.
func find(name string) (place, error) {
	switch {
	case name == "-":
		return standard{}, nil
	case strings.HasPrefix(name, "git:") && !strings.HasPrefix(name, "git://"):
		return revision{name}, nil
	case !schemed.MatchString(name):
		return file{name}, nil
	}
	switch scheme := schemeOf(name); scheme {
	case "http", "https":
		return newWeb(name)
	case "s3", "gs", "azblob":
		return bucket{name: name, scheme: scheme, url: scheme + name[len(scheme):]}, nil
	case "abs":
		return newAzure(name)
	default:
		return nil, fault.New(fault.Usage, "a notebook can be a file, -, http://…, https://…, s3://…, gs://…, azblob://… or git:REVISION:PATH",
			"%s: %s:// is not a place that cellar knows", Shown(name), scheme)
	}
}

// schemeOf is what stands before ://, in lower case; "" where nothing does.
func schemeOf(name string) string {
	scheme, _, _ := strings.Cut(schemed.FindString(name), ":")
	return strings.ToLower(scheme)
}

// Local reports whether a name is the path of a file.
func Local(name string) bool {
	p, err := find(name)
	_, local := p.(file)
	return err == nil && local
}

// Shown is a name as it may stand in messages and in metadata: without a password, and without the signature that a query can be.
func Shown(name string) string {
	if !schemed.MatchString(name) {
		return name
	}
	bare, _ := cutOptions(name)
	u, err := url.Parse(bare)
	if err != nil || u.User == nil {
		return bare
	}
	return u.Redacted()
}

// Folder is where the relative paths in a notebook lead from: the notebook's folder if that is on this machine, else the current one.
func Folder(name string) string {
	p, err := find(name)
	if err != nil {
		return "."
	}
	switch p := p.(type) {
	case file:
		return filepath.Dir(p.path)
	case revision:
		if repo, _, path, err := p.parts(); err == nil {
			dir := filepath.Join(repo.Root(), filepath.FromSlash(filepath.Dir(path)))
			if info, err := os.Stat(dir); repo.Root() != "" && err == nil && info.IsDir() {
				return dir
			}
		}
	}
	return "."
}

// File is a place as the path of a file: a file's own, and for others one below some folder, for the copy that a run works on. It is the
// same for the same place, and another for another one; but what follows ? in the address of a web page doesn't count, which may be a
// signature that is another one tomorrow.
func File(name string) string {
	switch {
	case name == "-":
		return "standard.ipynb"
	case Local(name):
		return name
	}
	if text, ok := strings.CutPrefix(name, "git:"); ok && !schemed.MatchString(name) { // .. leads out of no revision
		rev, file, _ := strings.Cut(text, ":")
		name = "git/" + rev + path.Clean("/"+file)
	}
	bare, options, _ := strings.Cut(strings.Replace(name, "://", "/", 1), "?")
	scheme, rest, _ := strings.Cut(bare, "/")
	if user, host, ok := strings.Cut(rest, "@"); ok && !strings.Contains(user, "/") {
		rest = host // what is before it can be a password
	}
	switch strings.ToLower(scheme) {
	case "s3", "gs", "azblob":
		if name, key, ok := strings.Cut(rest, "/"); ok && options != "" { // they say on which server the bucket is
			sum := sha256.Sum256([]byte(options))
			rest = fmt.Sprintf("%s+%x/%s", name, sum[:4], key)
		}
	}
	colons := strings.NewReplacer(":", "/")                                                   // which not every file system takes
	inside := path.Clean("/" + colons.Replace(scheme) + path.Clean("/"+colons.Replace(rest))) // however many .. it has
	return filepath.FromSlash(inside[1:])
}

// Same reports whether two names are of one place, so that writing the one replaces what the other names. What follows ? counts.
func Same(a, b string) bool {
	one, err := find(a)
	other, wrong := find(b)
	if err != nil || wrong != nil {
		return false
	}
	switch one := one.(type) {
	case file:
		other, ok := other.(file)
		return ok && filepath.Clean(one.path) == filepath.Clean(other.path)
	case web:
		other, ok := other.(web)
		return ok && one.address() == other.address()
	case bucket:
		other, ok := other.(bucket)
		return ok && one.url == other.url
	}
	return false // writing to a stream replaces nothing, and revisions can't be written
}

// In is the place of a file in a folder, which may be anywhere that notebooks can be written. What the folder says after ? is kept.
func In(folder, file string) string {
	if Local(folder) {
		return filepath.Join(folder, file)
	}
	if u, err := url.Parse(folder); err == nil && (schemeOf(folder) == "http" || schemeOf(folder) == "https") {
		u.Fragment, u.RawFragment = "", "" // which no server hears of
		return u.JoinPath((&url.URL{Path: filepath.ToSlash(file)}).EscapedPath()).String()
	}
	bare, options := cutOptions(folder)
	file = strings.ReplaceAll(filepath.ToSlash(file), "?", "_") // which no key of a bucket can hold here
	return strings.TrimRight(bare, "/") + "/" + file + options
}

// Beside is the place of what belongs to a notebook, which has the notebook's name with another ending: .html, .log.
func Beside(notebook, ending string) string {
	bare, options := notebook, ""
	if !Local(notebook) {
		bare, options = cutOptions(notebook)
	}
	return strings.TrimSuffix(bare, path.Ext(bare)) + ending + options
}

// cutOptions parts a name before its ?.
func cutOptions(name string) (bare, options string) {
	if i := strings.IndexByte(name, '?'); i >= 0 {
		return name[:i], name[i:]
	}
	return name, ""
}

// Read reads a notebook's text.
func Read(ctx context.Context, name string) ([]byte, error) {
	p, err := find(name)
	if err != nil {
		return nil, err
	}
	return p.read(ctx)
}

// Page is a notebook of a revision as a part of the work tree: a text that a file here had, or will have, at a commit.
type Page struct {
	File   string // absolute; it may be another text now, or not be there; empty for a notebook that is no such text
	Commit string // its id
}

// ReadPage reads a notebook's text, and says which file here has it at which commit. Revisions are read once: a branch may move.
func ReadPage(ctx context.Context, name string) ([]byte, Page, error) {
	p, err := find(name)
	if err != nil {
		return nil, Page{}, err
	}
	if r, ok := p.(revision); ok {
		return r.page()
	}
	text, err := p.read(ctx)
	if w, ok := p.(web); ok && err == nil {
		err = w.checkNotebook(text)
	}
	return text, Page{}, err
}

// Write replaces a notebook by what write writes. When write or the place fails, the old notebook is still there.
func Write(ctx context.Context, name string, write func(io.Writer) error) error {
	p, err := find(name)
	if err != nil {
		return err
	}
	if local, ok := p.(file); ok {
		return nbformat.ReplaceFile(local.path, write)
	}
	f, err := os.CreateTemp("", "cellar-*.ipynb")
	if err != nil {
		return fault.New(fault.Storage, "free space or set TMPDIR", "write %s: %w", Shown(name), err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := write(f); err != nil {
		var m *fault.Mistake
		if errors.As(err, &m) {
			return err
		}
		return fault.New(fault.Storage, "free space or set TMPDIR", "write %s: %w", Shown(name), err)
	}
	return p.put(ctx, f)
}

// Put replaces a notebook by a file of this machine. An error says where that is, since what is in it may have taken hours.
func Put(ctx context.Context, from, name string) error {
	p, err := find(name)
	if err != nil {
		return err
	}
	f, err := os.Open(from)
	if err != nil {
		return fault.New(fault.Storage, "", "write %s: %w", Shown(name), err)
	}
	defer f.Close()
	err = p.put(ctx, f)
	if ctx.Err() != nil && err != nil {
		err = fault.New(fault.Interrupted, "", "write %s: %w", Shown(name), context.Cause(ctx))
	}
	var m *fault.Mistake
	if errors.As(err, &m) {
		return fault.New(m.Kind, fault.Hint(err), "%w; what should be there is in %s", err, from)
	}
	return err
}

// errNever: only another place can be written, whenever it is tried.
var errNever = fmt.Errorf("it never takes it: %w", fs.ErrPermission)

// Later adds to what a failed Put or Write says how the same is written later; not where only another place helps.
func Later(err error, how string) error {
	var m *fault.Mistake
	if !errors.As(err, &m) || errors.Is(err, errNever) {
		return err
	}
	if hint := fault.Hint(err); hint != "" {
		how = hint + "; " + how
	}
	return fault.New(m.Kind, how, "%w", err)
}

// Check finds out, before hours of work, what would keep a notebook from being written there, as far as that can be told without writing.
func Check(ctx context.Context, name string) error {
	p, err := find(name)
	if err != nil {
		return err
	}
	return p.check(ctx)
}

// file is a file of this machine.
type file struct{ path string }

func (p file) read(context.Context) ([]byte, error) { return nbformat.ReadFile(p.path) }

func (p file) put(_ context.Context, f *os.File) error {
	return nbformat.ReplaceFile(p.path, func(w io.Writer) error { return copyFile(w, f) })
}

func (p file) check(context.Context) error {
	if err := nbformat.CheckFolder(p.path); err != nil {
		return err
	}
	if info, err := os.Stat(p.path); err == nil && info.IsDir() {
		return fault.New(fault.Usage, "name a file in it", "output %s is a folder", p.path)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Storage, "", "output %s: %w", p.path, err)
	}
	return nil
}

// standard is standard input and output.
type standard struct{}

func (standard) read(context.Context) ([]byte, error) {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return nil, fault.New(fault.Input, "", "read a notebook from standard input: %w", err)
	}
	return text, nil
}

func (standard) put(_ context.Context, f *os.File) error {
	if err := copyFile(os.Stdout, f); err != nil {
		return fault.New(fault.Storage, "", "write the notebook to standard output: %w", err)
	}
	return nil
}

func (standard) check(context.Context) error { return nil }

// copyFile writes a file from its start.
func copyFile(w io.Writer, f *os.File) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := io.Copy(w, f)
	return err
}
