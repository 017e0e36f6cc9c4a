package link

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"unsafe"
)

// Linker links objects into this process, one after the other. It is not safe for concurrent use.
type Linker struct {
	packages string // the file that files was read from
	files    map[string]string
	archives map[string]*archive
	known    map[name]uintptr // what the modules linked here have defined, by name
	bound    map[name]uintptr // what the process had before
	builtins []name           // names of the runtime's symbols that objects refer to by number
	loaded   int
}

// New prepares a linker. Builtins are the names in the toolchain's cmd/internal/goobj/builtinlist.go, in order; those of ABI 0
// end in .abi0. Where the formats are not
// those it knows it gives an error: then Cure is all that it is good for.
func New(builtins []string) (*Linker, error) {
	l := &Linker{archives: map[string]*archive{}, known: map[name]uintptr{}, bound: map[name]uintptr{}}
	for _, text := range builtins {
		text, abi0 := strings.CutSuffix(text, ".abi0")
		l.builtins = append(l.builtins, name{text, abi0})
	}
	if runtime.GOARCH != "amd64" || !strings.HasPrefix(runtime.Version(), "go1.26") || len(builtins) == 0 {
		return l, fmt.Errorf("cellar: link: not made for %s on %s", runtime.Version(), runtime.GOARCH)
	}
	return l, linked.reserve()
}

// Load links the object file of a cell and gives its entry. Packages names the file (as the compiler's -importcfg) that tells where the
// archives of all packages are. On an error nothing has been loaded.
func (l *Linker) Load(file, packages, entry string) (run func(), err error) {
	defer func() {
		if e := recover(); e != nil { // a table points out of its file
			err = fmt.Errorf("cellar: link %s: %v", file, e)
		}
	}()
	if err := l.read(packages); err != nil {
		return nil, fmt.Errorf("cellar: link %s: %w", file, err)
	}
	a, err := readArchive("main", file)
	if err != nil {
		return nil, fmt.Errorf("cellar: link %s: %w", file, err)
	}
	defer syscall.Munmap(a.mapped) // all that is needed has been copied
	if err := l.check(a.objects[0]); err != nil {
		return nil, fmt.Errorf("cellar: link %s: %w", file, err)
	}
	l.loaded++
	m := &module{linker: l, path: fmt.Sprintf("linked%d", l.loaded), own: a, symbols: map[place]*symbol{}, named: map[name]*symbol{}}
	if err := m.link("main." + entry); err != nil {
		return nil, fmt.Errorf("cellar: link %s: %w", file, err)
	}
	address := m.entry.address
	call := &address
	return *(*func())(unsafe.Pointer(&call)), nil
}

// ErrVersion is the error of an object that was compiled against other packages than those that are loaded.
var ErrVersion = errors.New("compiled against a different version of package")

// check compares the fingerprints of the packages that an object was compiled with.
func (l *Linker) check(o *object) error {
	for at := o.blocks[blockImports]; at < o.blocks[blockPackages]; at += 16 {
		a, err := l.archive(o.text(at))
		if err != nil {
			return err
		}
		if [8]byte(o.b[at+8:]) != a.objects[0].fingerprint() {
			return fmt.Errorf("%w %s", ErrVersion, o.text(at))
		}
	}
	return nil
}

// read notes where the archives are.
func (l *Linker) read(packages string) error {
	if packages == l.packages {
		return nil
	}
	text, err := os.ReadFile(packages)
	if err != nil {
		return err
	}
	files := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "packagefile "); ok {
			path, file, _ := strings.Cut(rest, "=")
			files[path] = file
		}
	}
	l.packages, l.files = packages, files
	return nil
}

// archive is a package's.
func (l *Linker) archive(path string) (*archive, error) {
	file, ok := l.files[path]
	if !ok {
		return nil, fmt.Errorf("package %s is not in %s", path, l.packages)
	}
	if a := l.archives[file]; a != nil {
		return a, nil
	}
	a, err := readArchive(path, file)
	if err == nil {
		l.archives[file] = a
	}
	return a, err
}
