package link

import (
	"fmt"

	"github.com/cellar-go/cellar/kernel/session/internal/goobj"
)

// symbol is one that a module needs.
type symbol struct {
	goobj.Place
	goobj.Definition
	address  uintptr  // until the module has memory, the offset in its section
	external bool     // in the process before
	section  *section // unless external
}

// module is what one Load adds to the process.
type module struct {
	linker  *Linker
	path    string
	own     *goobj.Archive
	symbols map[goobj.Place]*symbol
	named   map[goobj.Name]*symbol
	order   []*symbol // those that are not external, as they were found

	text, read, data, plainData, zero, plainZero section
	open                                         section // types that may get methods

	added   []*addition // the methods that types of the process get
	numbers []numbered

	functions []*function
	types     []*symbol
	stubs     map[*symbol]int   // offsets in text of jumps to functions that are far away
	table     map[*symbol]int   // offsets in read of words with addresses
	distant   map[*symbol]int32 // types of other modules, by the offset that stands for them in this one
	slots     []slot            // words with the address of a type or an itab of this module
	itabs     map[*symbol][]slot
	tables    int // offset in read of the function tables
	thread    int // of the word that tells where a thread keeps its goroutine; 0: none
	known     *moduleData
}

func newModule(l *Linker, own *goobj.Archive, path string) *module {
	return &module{linker: l, path: path, own: own, symbols: map[goobj.Place]*symbol{}, named: map[goobj.Name]*symbol{},
		stubs: map[*symbol]int{}, table: map[*symbol]int{}, distant: map[*symbol]int32{}, itabs: map[*symbol][]slot{}}
}

// need finds or makes the symbol that a reference in o points to.
func (m *module) need(o *goobj.Object, r goobj.Reference) (*symbol, error) {
	if i, ok := o.Index(r); ok {
		return m.symbol(goobj.Place{Object: o, Index: i})
	}
	if r.Package == goobj.Builtin {
		return m.byName(m.linker.builtins[r.Index], "runtime")
	}
	a, err := m.linker.archive(o.Package(r.Package))
	if err != nil {
		return nil, err
	}
	return m.symbol(goobj.Place{Object: a.Objects[0], Index: int(r.Index)})
}

// symbol is what stands at a place of an object.
func (m *module) symbol(p goobj.Place) (*symbol, error) {
	if s := m.symbols[p]; s != nil {
		return s, nil
	}
	s, err := m.resolve(p)
	if err == nil {
		m.symbols[p] = s
	}
	return s, err
}

func (m *module) resolve(p goobj.Place) (*symbol, error) {
	d := p.Definition()
	if !p.Object.Defines(p.Index) || d.Kind == 0 {
		return m.byName(d.Name, p.Object.Path)
	}
	s := &symbol{Place: p, Definition: d}
	if isShared(p, d) {
		if other := m.named[d.Name]; other != nil {
			return other, nil
		}
		m.named[d.Name] = s
		if s.address = m.linker.find(d.Name); s.address != 0 {
			s.external = true
			return s, nil
		}
	}
	m.order = append(m.order, s)
	return s, nil
}

// isShared reports whether the process must have a symbol once: functions, types and variables, but not constants that are their content,
// and not itabs, of which the runtime has one for each pair of types.
func isShared(p goobj.Place, d goobj.Definition) bool {
	if d.Private() || d.IsItab() || p.Object.ContentAddressed(p.Index) {
		return false
	}
	return d.IsText() || d.IsType() || d.Kind.Plain() != goobj.ReadOnly && !d.Repeated()
}

// byName finds what an object only names: in the process, else where it is defined, which its own name tells.
func (m *module) byName(n goobj.Name, from string) (*symbol, error) {
	if s := m.named[n]; s != nil {
		return s, nil
	}
	if address := m.linker.find(n); address != 0 {
		s := &symbol{Definition: goobj.Definition{Name: n}, external: true, address: address}
		m.named[n] = s
		return s, nil
	}
	for _, path := range []string{from, n.Package()} {
		a := m.own
		if path != "main" {
			if a, _ = m.linker.archive(path); a == nil {
				continue
			}
		}
		if p, ok := a.Find(n); ok {
			return m.symbol(p)
		}
	}
	return nil, fmt.Errorf("%s is nowhere defined", n.Text)
}

func (s *symbol) isType() bool { return s.IsType() || s.external && s.Name.IsType() }
