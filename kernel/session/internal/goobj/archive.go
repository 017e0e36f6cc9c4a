package goobj

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// ErrFormat is the error of a file that is not an archive of Go objects, or is damaged.
var ErrFormat = errors.New("not an archive of Go objects of a known version")

// Archive holds the objects of one package: the compiler's first, then the assembler's.
type Archive struct {
	Objects []*Object
	mapped  []byte
	named   map[Name]Place
}

// Place is where a symbol is defined.
type Place struct {
	Object *Object
	Index  int
}

// Definition is what stands there.
func (p Place) Definition() Definition { return p.Object.Definition(p.Index) }

// Open maps the archive of a package. The file must not change before Close: archives of Go's build cache never do.
func Open(path, file string) (*Archive, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() == 0 {
		return nil, fmt.Errorf("%s: %w", file, ErrFormat)
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", file, err)
	}
	a, err := Parse(path, b)
	if err != nil {
		syscall.Munmap(b)
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	a.mapped = b
	return a, nil
}

// Close ends the mapping. Names and numbers that were read stay valid, contents do not.
func (a *Archive) Close() error {
	b := a.mapped
	a.mapped, a.Objects, a.named = nil, nil, nil
	if b == nil {
		return nil
	}
	return syscall.Munmap(b)
}

// Parse finds the objects in an archive's bytes.
func Parse(path string, b []byte) (*Archive, error) {
	a := &Archive{}
	const header = 60
	for rest, ok := bytes.CutPrefix(b, []byte("!<arch>\n")); ok && len(rest) >= header; {
		size, err := strconv.Atoi(strings.TrimSpace(string(rest[48:58])))
		if err != nil || size < 0 || size > len(rest)-header {
			return nil, ErrFormat
		}
		member := rest[header : header+size]
		rest = rest[min(header+size+size&1, len(rest)):]
		// "go object linux amd64 go1.26 …\n…\n!\n" stands in front of the tables.
		_, tables, found := bytes.Cut(member, []byte("\n!\n"))
		if !found || !bytes.HasPrefix(member, []byte("go object ")) || !bytes.HasPrefix(tables, []byte(magic)) {
			continue
		}
		o, err := parseObject(path, tables)
		if err != nil {
			return nil, err
		}
		a.Objects = append(a.Objects, o)
	}
	if len(a.Objects) == 0 {
		return nil, ErrFormat
	}
	return a, nil
}

// Find looks a symbol up that other objects may refer to by name.
func (a *Archive) Find(n Name) (Place, bool) {
	if a.named == nil {
		a.named = map[Name]Place{}
		for _, o := range a.Objects {
			for i := range o.defined {
				d := o.Definition(i)
				if d.Private() || d.Kind == 0 || d.Text == "" {
					continue
				}
				if _, ok := a.named[d.Name]; !ok {
					a.named[d.Name] = Place{o, i}
				}
			}
		}
	}
	p, ok := a.named[n]
	return p, ok
}
