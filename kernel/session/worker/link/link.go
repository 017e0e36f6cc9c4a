package link

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"unsafe"

	"github.com/cellar-go/cellar/kernel/session/internal/goobj"
)

// ErrVersion is the error of an object that was compiled against other packages than those that are loaded.
var ErrVersion = errors.New("compiled against a different version of package")

// Linker links objects into this process, one after the other. It is not safe for concurrent use.
type Linker struct {
	packages string // the file that files was read from
	files    map[string]string
	archives map[string]*goobj.Archive
	known    map[goobj.Name]uintptr // what the modules linked here have defined
	bound    map[goobj.Name]uintptr // what the process had before
	builtins []goobj.Name           // the runtime's symbols that objects refer to by number
	loaded   int
	program  []assertion // places in the program; nil: not looked for yet
	asserts  []assertion // in what was loaded since
}

// New prepares a linker. Builtins are the names in the toolchain's cmd/internal/goobj/builtinlist.go, in order; those of ABI 0 end in .abi0.
// Where the formats are not those it knows it gives an error: then Cure is all that it is good for.
func New(builtins []string) (*Linker, error) {
	l := &Linker{archives: map[string]*goobj.Archive{}, known: map[goobj.Name]uintptr{}, bound: map[goobj.Name]uintptr{}}
	for _, text := range builtins {
		text, abi0 := strings.CutSuffix(text, ".abi0")
		l.builtins = append(l.builtins, goobj.Name{Text: text, ABI0: abi0})
	}
	if runtime.GOARCH != "amd64" || !strings.HasPrefix(runtime.Version(), "go1.26") || len(builtins) == 0 {
		return l, fmt.Errorf("cellar: link: not made for %s on %s", runtime.Version(), runtime.GOARCH)
	}
	if linked.start != 0 {
		return l, nil
	}
	addReflectOff(unsafe.Pointer(l)) // gets -1, which means none to those who look types and functions up
	return l, linked.reserve()
}

// Load links the object file of a cell and gives its entry. Packages names the file (as the compiler's -importcfg) that tells where the
// archives of all packages are. On an error nothing of the object runs, now or later.
func (l *Linker) Load(file, packages, entry string) (run func(), err error) {
	defer func() {
		if e := recover(); e != nil { // a table of the object points out of it
			err = fmt.Errorf("%v", e)
		}
		if err != nil {
			err = fmt.Errorf("cellar: link %s: %w", file, err)
		}
	}()
	if err := l.read(packages); err != nil {
		return nil, err
	}
	a, err := goobj.Open("main", file)
	if err != nil {
		return nil, err
	}
	defer a.Close() // all that is needed is copied
	for path, fingerprint := range a.Objects[0].Imports() {
		used, err := l.archive(path)
		if err != nil {
			return nil, err
		}
		if used.Objects[0].Fingerprint() != fingerprint {
			return nil, fmt.Errorf("%w %s", ErrVersion, path)
		}
	}
	l.loaded++
	m := newModule(l, a, fmt.Sprintf("linked%d", l.loaded))
	start, err := m.link(goobj.Name{Text: "main." + entry})
	if err != nil {
		return nil, err
	}
	call := &start.address
	return *(*func())(unsafe.Pointer(&call)), nil
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
func (l *Linker) archive(path string) (*goobj.Archive, error) {
	file, ok := l.files[path]
	if !ok {
		return nil, fmt.Errorf("package %q is not in %s", path, l.packages)
	}
	if a := l.archives[file]; a != nil {
		return a, nil
	}
	a, err := goobj.Open(path, file)
	if err == nil {
		l.archives[file] = a
	}
	return a, err
}
