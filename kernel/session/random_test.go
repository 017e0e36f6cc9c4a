package session

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	seed  = flag.Uint64("seed", 1, "the first random session of TestRandomSessions")
	seeds = flag.Int("seeds", 3, "how many random sessions TestRandomSessions plays")
	turns = flag.Int("turns", 30, "how many cells each of them has")
)

// TestRandomSessions plays cells that declare, declare again (also with another signature, or after the name was removed) and use functions, methods, types, embedded and generic ones, constants and
// what derives from them, variables, closures, function and method values, interfaces that hold old values, and goroutines; and compares
// what they print with a model of what docs/session.md says. More: go test -run Random -seed 100 -seeds 20.
func TestRandomSessions(t *testing.T) {
	for i := range *seeds {
		t.Run(fmt.Sprint(*seed+uint64(i)), func(t *testing.T) {
			s := start(t, Options{})
			m := newModel(*seed + uint64(i))
			play(t.Context(), s, Cell{ID: "0", Source: "import \"fmt\"\n" + modelUses})
			var page strings.Builder
			for n := range *turns {
				if name := m.remove(); name != "" {
					s.Forget(name)
					fmt.Fprintf(&page, "-- remove --\n%s\n", name)
				}
				id, cell, want := m.cell(n)
				fmt.Fprintf(&page, "-- cell %s --\n%s\n", id, cell)
				var lines []string
				got := play(t.Context(), s, Cell{ID: id, Source: cell})
				for _, line := range strings.Split(got, "\n") {
					if !strings.HasPrefix(line, "notice: ") {
						lines = append(lines, line)
					}
				}
				if got = strings.Join(lines, "\n"); got != want {
					t.Fatalf("%sgot\n%swant\n%s", page.String(), got, want)
				}
			}
		})
	}
}

// modelUses is what the model's cells call.
const modelUses = "func num(v any) int { if s, ok := v.(string); ok { return len(s) }; return v.(int) }"

// expression is one that the model can compute: text, and what it is worth for an argument n. What it refers to is looked up in e.
type expression struct {
	text  string
	value func(e *scope, n int) int
}

// unsure is what a value is that the session does not promise: a method of an old type, and a function of an old signature, may call a function
// as it was.
type unsure struct{}

// scope is what names mean to compiled code: the session's own, which changes, or a copy for what is not compiled again.
type scope struct {
	consts    map[string]func(*scope) int
	generics  map[string]expression
	classes   map[string]*class
	instances map[string]*instance
	boxes     map[string]*int   // variables that are an int or a string
	signs     map[string]string // the signatures of functions
}

func (e *scope) copy() *scope {
	return &scope{maps.Clone(e.consts), maps.Clone(e.generics), maps.Clone(e.classes), maps.Clone(e.instances), maps.Clone(e.boxes), maps.Clone(e.signs)}
}

// instance is the place of a variable that holds a value with methods.
type instance struct {
	a, b  int
	class *class
}

// class is a generation of a type. The methods of one that was declared again stay as they were compiled last: in old.
type class struct {
	name    string
	fields  int // a, and perhaps b
	methods map[string]expression
	calls   map[string]bool // of methods: whether they call functions
	both    map[string]bool // of methods: whether they use b too
	own     map[string]bool // methods that stand in the cell of the type
	base    *class          // embedded
	generic bool
	old     *scope
}

// method is what x.name(n) is worth.
func (m *model) method(x *instance, name string, n int) int {
	c, e := x.class, m.live
	if c.base != nil && name != "s" {
		inner := *x
		inner.class = c.base
		return m.method(&inner, name, n)
	}
	if c.base != nil {
		inner := *x
		inner.class = c.base
		return (m.method(&inner, "m", n) + x.b) % 10007
	}
	if c.old != nil {
		if c.calls[name] && !c.generic {
			panic(unsure{})
		}
		e = c.old
	}
	sum := x.a + c.methods[name].value(e, n)
	if c.both[name] {
		sum += 2 * x.b
	}
	return sum % 10007
}

// model is the session as it should be. A rank keeps functions from calling each other in a circle: functions by number with the generic
// ones between, methods, closures.
type model struct {
	r         *rand.Rand
	live      *scope
	vars      map[string]*int // another place when it is declared again
	pointers  map[string]*int
	functions map[string]expression
	outgrown  map[string]outgrown        // functions that have another signature by now, by name and signature
	removed   map[string]bool            // names that cells can't use until they are declared again
	closures  map[string]func(n int) int // function and method values too
	servers   map[string]func(n int) int // goroutines that answer
	held      map[string]*instance       // interfaces
	places    map[string]*instance
	kept      map[string]*int // boxes, by name and type
	names     int
	before    *scope              // the session before the cell
	added     string              // the method that it adds
	needs     map[string][]string // what constants, array types and generic functions refer to
}

func newModel(seed uint64) *model {
	return &model{r: rand.New(rand.NewPCG(seed, 7)), vars: map[string]*int{}, pointers: map[string]*int{}, functions: map[string]expression{}, outgrown: map[string]outgrown{}, removed: map[string]bool{}, closures: map[string]func(int) int{},
		servers: map[string]func(int) int{}, held: map[string]*instance{}, needs: map[string][]string{}, places: map[string]*instance{},
		live: &scope{map[string]func(*scope) int{}, map[string]expression{}, map[string]*class{}, map[string]*instance{}, map[string]*int{}, map[string]string{}},
		kept: map[string]*int{}}
}

const (
	rankGeneric = 25 // between f2, 20, and f3, 30
	rankMethod  = 100
	rankClosure = 200
	rankUse     = 300
)

// outgrown is a function as it was compiled last. What is held and was compiled for its signature calls it until that comes back.
type outgrown struct {
	expression
	then *scope
}

// call is what name(n) is worth to code that was compiled with e.
func (m *model) call(e *scope, name string, n int) int {
	if e.signs[name] == m.live.signs[name] {
		return m.functions[name].value(m.live, n)
	}
	f := m.outgrown[name+e.signs[name]]
	if callsFunction.MatchString(f.text) {
		panic(unsure{})
	}
	return f.value(f.then, n)
}

// remove takes a name away, or none.
func (m *model) remove() string {
	if m.r.IntN(4) > 0 {
		return ""
	}
	all := map[string]bool{}
	for _, names := range [][]string{sortedKeys(m.functions), sortedKeys(m.live.consts), sortedKeys(m.live.generics), sortedKeys(m.live.boxes), sortedKeys(m.live.instances),
		sortedKeys(m.vars), sortedKeys(m.pointers), sortedKeys(m.closures), sortedKeys(m.held)} {
		for _, name := range names {
			all[name] = true
		}
	}
	name, ok := pick(m, all)
	if ok {
		m.removed[name] = true
	}
	return name
}

// pick chooses a name that is not removed.
func pick[V any](m *model, from map[string]V) (string, bool) {
	names := slices.DeleteFunc(sortedKeys(from), func(name string) bool { return m.removed[name] })
	if len(names) == 0 {
		return "", false
	}
	return names[m.r.IntN(len(names))], true
}

// expression makes one that calls what is below its rank.
func (m *model) expression(rank, depth int) expression {
	k := m.r.IntN(100)
	literal := expression{fmt.Sprint(k), func(*scope, int) int { return k }}
	if depth == 0 {
		if rank == rankUse || m.r.IntN(2) == 0 {
			return literal
		}
		return expression{"n", func(_ *scope, n int) int { return n }}
	}
	sub := func() expression { return m.expression(rank, depth-1) }
	switch m.r.IntN(14) {
	case 13:
		if name, ok := pick(m, m.pointers); ok && rank == rankUse {
			return expression{"*" + name, func(*scope, int) int { return *m.pointers[name] }}
		}
	case 12:
		if name, ok := pick(m, m.live.boxes); ok && rank != rankGeneric {
			return expression{"num(" + name + ")", func(e *scope, _ int) int { return *e.boxes[name] }}
		}
	case 0:
		a, b := sub(), sub()
		return expression{"(" + a.text + " + 3*" + b.text + ") % 10007", func(e *scope, n int) int { return (a.value(e, n) + 3*b.value(e, n)) % 10007 }}
	case 1:
		if name, ok := pick(m, m.vars); ok && rank != rankGeneric {
			return expression{name, func(*scope, int) int { return *m.vars[name] }}
		}
	case 2, 3:
		if name, ok := pick(m, m.live.consts); ok {
			text := name
			if strings.HasPrefix(name, "a") {
				text = "len(" + name + "{})"
			}
			return m.number(rank, expression{text, func(e *scope, _ int) int { return e.consts[name](e) }})
		}
	case 4, 5:
		if name, ok := pick(m, m.functions); ok && rankOf(name) < rank && rank != rankGeneric {
			a := sub()
			return expression{name + "(" + a.text + ")", func(e *scope, n int) int { return m.call(e, name, a.value(e, n)) }}
		}
	case 6, 7:
		if name, ok := pick(m, m.live.instances); ok && rank > rankMethod {
			c := m.live.instances[name].class
			method := "m"
			if rank == rankUse {
				method, _ = pick(m, c.callable())
			}
			if c.base != nil && c.old != nil {
				break // no cell could use it and the newer one together
			}
			a := sub()
			return expression{name + "." + method + "(" + a.text + ")", func(e *scope, n int) int { return m.method(e.instances[name], method, a.value(e, n)) }}
		}
	case 8:
		if name, ok := pick(m, m.closures); ok && rank > rankClosure {
			a := sub()
			return expression{name + "(" + a.text + ")", func(e *scope, n int) int { return m.closures[name](a.value(e, n)) }}
		}
	case 9:
		if name, ok := pick(m, m.live.generics); ok && rank > rankGeneric {
			a := sub()
			return expression{name + "(" + a.text + ")", func(e *scope, n int) int { return e.generics[name].value(e, a.value(e, n)) }}
		}
	case 10:
		if name, ok := pick(m, m.held); ok && rank >= rankClosure {
			if m.r.IntN(2) == 0 {
				a := sub()
				return expression{name + ".m(" + a.text + ")", func(e *scope, n int) int { return m.method(m.held[name], "m", a.value(e, n)) }}
			}
			c, ok := pick(m, m.live.classes)
			if !ok || m.live.classes[c].base != nil || m.live.classes[c].generic {
				break
			}
			return expression{"func() int { switch any(" + name + ").(type) { case " + c + ": return 7; case *" + c + ": return 8 }; return 9 }()", func(e *scope, n int) int {
				if m.held[name].class == e.classes[c] {
					return 7
				}
				return 9
			}}
		}
	case 11:
		if name, ok := pick(m, m.servers); ok && rank == rankUse {
			a := sub()
			return expression{"func() int { ask" + name + " <- " + a.text + "; return <-tell" + name + " }()", func(e *scope, n int) int { return m.servers[name](a.value(e, n)) }}
		}
	}
	return literal
}

// number gives a constant the type that n has, where the function is generic.
func (m *model) number(rank int, x expression) expression {
	if rank == rankGeneric {
		x.text = "T(" + x.text + ")"
	}
	return x
}

func rankOf(function string) int {
	var number int
	fmt.Sscanf(function, "f%d", &number)
	return 10 * number
}

// callable are the methods that a use may call.
func (c *class) callable() map[string]bool {
	all := map[string]bool{"m": true}
	for c := c; c != nil; c = c.base {
		for name := range c.methods {
			all[name] = true
		}
	}
	return all
}

var compiledIn = regexp.MustCompile(`\b[cdagf]\d\b`)

// follow renews the generic types whose methods refer to what the cell changed: their methods are compiled again in full.
func (m *model) follow(declared map[string]bool) {
	changed := map[string]bool{}
	for name, sign := range m.live.signs {
		changed[name] = m.before.signs[name] != "" && m.before.signs[name] != sign
	}
	for more := true; more; {
		more = false
		for _, name := range sortedKeys(m.needs) {
			if changed[name] || name[0] != 'g' && m.before.consts[name] == nil {
				continue
			}
			hit := declared[name]
			for _, x := range m.needs[name] {
				hit = hit || changed[x]
			}
			if name[0] == 'c' || name[0] == 'd' { // of the same value they are the same
				hit = hit && m.before.consts[name](m.before) != m.live.consts[name](m.live)
			}
			changed[name] = hit
			more = more || hit
		}
	}
	for _, id := range sortedKeys(m.live.classes) {
		c := m.live.classes[id]
		stale := false
		for _, e := range c.methods {
			for _, x := range compiledIn.FindAllString(e.text, -1) {
				stale = stale || changed[x]
			}
		}
		if stale && c.generic {
			m.renew(c, func(*class) {})
		}
	}
}

var callsFunction = regexp.MustCompile(`\bf\d\(`)

// declareMethod writes a method of a class.
func (m *model) declareMethod(b *strings.Builder, c *class, name string) {
	e := m.expression(rankMethod, 2)
	receiver, more := c.name, ""
	if c.generic {
		receiver += "[T]"
	}
	if c.fields > 1 {
		more = " + 2*r.b"
	}
	fmt.Fprintf(b, "func (r %s) %s(n int) int { return (r.a + %s%s) %% 10007 }\n", receiver, name, e.text, more)
	c.methods[name], c.calls[name], c.both[name] = e, callsFunction.MatchString(e.text), c.fields > 1
}

// renew makes a generation of a class, and of those that embed it.
func (m *model) renew(c *class, change func(*class)) *class {
	fresh := *c
	fresh.methods, fresh.calls, fresh.both, fresh.own = maps.Clone(c.methods), maps.Clone(c.calls), maps.Clone(c.both), maps.Clone(c.own)
	c.old = m.before
	change(&fresh)
	m.live.classes[c.name] = &fresh
	for _, name := range sortedKeys(m.live.classes) {
		if e := m.live.classes[name]; e.base == c {
			m.renew(e, func(e *class) { e.base = &fresh })
		}
	}
	return &fresh
}

// typeCell declares a type, again or for the first time, with its methods.
func (m *model) typeCell(b *strings.Builder) (id string) {
	id = []string{"t0", "t1", "b0", "u0"}[m.r.IntN(4)]
	generic := id == "b0"
	fields, own := 1+m.r.IntN(2), map[string]bool{"m": true}
	if m.r.IntN(2) == 0 {
		own["x"] = true
	}
	fresh := func(c *class) {
		for name := range c.methods {
			if c.own[name] || c.both[name] && fields == 1 { // of this cell's former text, or with no b to use
				delete(c.methods, name)
			}
		}
		c.fields, c.own, c.old = fields, own, nil
	}
	c := m.live.classes[id]
	switch {
	case c == nil:
		c = &class{name: id, generic: generic, methods: map[string]expression{}, calls: map[string]bool{}, both: map[string]bool{}}
		fresh(c)
		m.live.classes[id] = c
	default:
		gone := false
		for name := range c.own {
			gone = gone || !own[name]
		}
		if fields != c.fields || gone || generic {
			c = m.renew(c, fresh)
		} else {
			c.own = own
		}
	}
	switch {
	case generic && fields > 1:
		fmt.Fprintf(b, "type %s[T any] struct { a, b int; c T }\n", id)
	case generic:
		fmt.Fprintf(b, "type %s[T any] struct { a int; c T }\n", id)
	case fields > 1:
		fmt.Fprintf(b, "type %s struct { a, b int }\n", id)
	default:
		fmt.Fprintf(b, "type %s struct { a int }\n", id)
	}
	for _, name := range sortedKeys(own) {
		m.declareMethod(b, c, name)
	}
	return id
}

// methodCell edits a method or adds one.
func (m *model) methodCell(b *strings.Builder) {
	name, ok := pick(m, m.live.classes)
	if !ok || m.live.classes[name].base != nil {
		return
	}
	c := m.live.classes[name]
	method := []string{"m", "x"}[m.r.IntN(2)]
	if c.methods[method].value != nil && c.generic {
		c = m.renew(c, func(c *class) {})
	}
	m.added = name + "." + method
	delete(c.own, method) // it stands in this cell now
	m.declareMethod(b, c, method)
}

// embeddingCell declares a struct that embeds a type, once. No variable is of u0 itself: a cell can't use an old value of a type together
// with a newer one that is embedded.
func (m *model) embeddingCell(b *strings.Builder) {
	base := m.live.classes["u0"]
	if base == nil || m.live.classes["e0"] != nil {
		return
	}
	b.WriteString("type e0 struct { u0; z int }\nfunc (e e0) s(n int) int { return (e.m(n) + e.z) % 10007 }\n")
	m.live.classes["e0"] = &class{name: "e0", base: base, methods: map[string]expression{"s": {}}}
}

// mixedCell declares constants and functions.
func (m *model) mixedCell(b *strings.Builder) {
	used := map[string]bool{} // no name twice in a cell
	for range 1 + m.r.IntN(3) {
		i := m.r.IntN(3)
		name := fmt.Sprintf("%c%d", "cdaggfffff"[m.r.IntN(10)], i)
		if name[0] == 'f' {
			name = fmt.Sprintf("f%d", m.r.IntN(6))
		}
		if name[0] == 'g' {
			name = "g0"
		}
		if used[name] {
			continue
		}
		switch name[0] {
		case 'c':
			value := m.r.IntN(1000)
			fmt.Fprintf(b, "const %s = %d\n", name, value)
			m.live.consts[name], m.needs[name] = func(*scope) int { return value }, nil
		case 'd': // of one before it
			from := fmt.Sprintf("%c%d", "cd"[m.r.IntN(2)], m.r.IntN(i+1))
			if m.live.consts[from] == nil || m.removed[from] || from == name {
				continue
			}
			fmt.Fprintf(b, "const ( _ = iota; %s = (%s*2 + iota) %% 10007 )\n", name, from)
			m.live.consts[name], m.needs[name] = func(e *scope) int { return (e.consts[from](e)*2 + 1) % 10007 }, []string{from}
		case 'a':
			from, ok := pick(m, m.live.consts)
			if !ok || from[0] == 'a' {
				continue
			}
			fmt.Fprintf(b, "type %s [%s%%9 + 1]int\n", name, from)
			again := slices.Equal(m.needs[name], []string{from}) // as it is: it changes with its constant only
			m.live.consts[name], m.needs[name] = func(e *scope) int { return e.consts[from](e)%9 + 1 }, []string{from}
			if again {
				delete(m.removed, name)
				continue
			}
		case 'g':
			e := m.genericBody()
			fmt.Fprintf(b, "func %s[T int | int64](n T) T { return (n*2 + %s) %% 10007 }\n", name, e.text)
			m.live.generics[name] = expression{value: func(s *scope, n int) int { return (n*2 + e.value(s, n)) % 10007 }}
			m.needs[name] = compiledIn.FindAllString(e.text, -1)
		case 'f':
			e := m.expression(rankOf(name), 3)
			was, is := m.live.signs[name], []string{"n int", "n int, more ...int"}[m.r.IntN(2)]
			fmt.Fprintf(b, "func %s(%s) int { return %s }\n", name, is, e.text)
			if was != "" && was != is {
				m.outgrown[name+was] = outgrown{m.functions[name], m.before}
			}
			m.functions[name], m.live.signs[name] = e, is
		}
		used[name] = true
		delete(m.removed, name)
	}
	m.follow(used)
}

// genericBody calls functions through int: they are bound late in generic ones too.
func (m *model) genericBody() expression {
	if name, ok := pick(m, m.functions); ok && rankOf(name) < rankGeneric && m.r.IntN(2) == 0 {
		return expression{"T(" + name + "(int(n)))", func(e *scope, n int) int { return m.call(e, name, n) }}
	}
	return m.expression(rankGeneric, 1)
}

// statements come after the declarations: these hold for all of the cell.
func (m *model) statements(b *strings.Builder) {
	used := map[string]bool{}
	name := func(prefix string, count int) string {
		name := fmt.Sprintf("%s%d", prefix, m.r.IntN(count))
		if used[name] {
			return ""
		}
		used[name] = true
		return name
	}
	if m.r.IntN(3) == 0 { // values first: a function of the cell would see a new variable before it has its value
		z, value := name("z", 2), m.r.IntN(30)
		kind, text := "int", fmt.Sprint(value)
		if m.r.IntN(2) == 0 {
			kind, text = "string", fmt.Sprintf("%q", strings.Repeat("x", value))
		}
		fmt.Fprintf(b, "%s := %s\n", z, text)
		if m.kept[z+kind] == nil {
			m.kept[z+kind] = new(int)
		}
		*m.kept[z+kind] = value
		if old := m.live.boxes[z]; old != nil && old != m.kept[z+kind] { // of another type: what is generic is compiled again in full
			for _, id := range sortedKeys(m.live.classes) {
				c := m.live.classes[id]
				for method, e := range c.methods {
					if c.generic && c == m.before.classes[id] && m.added != id+"."+method && strings.Contains(e.text, "num("+z+")") {
						c = m.renew(c, func(*class) {})
					}
				}
			}
		}
		m.live.boxes[z] = m.kept[z+kind]
		delete(m.removed, z)
	}
	for range m.r.IntN(2) {
		c, ok := pick(m, m.live.classes)
		if !ok || c == "u0" {
			break
		}
		a, z, class := m.r.IntN(1000), m.r.IntN(1000), m.live.classes[c]
		x := &instance{a: a, class: class}
		text := fmt.Sprintf("%s{a: %d}", c, a)
		switch {
		case class.base != nil:
			x.b = z
			text = fmt.Sprintf("%s{%s{a: %d}, %d}", c, class.base.name, a, z)
			if class.base.fields > 1 {
				text = fmt.Sprintf("%s{%s{a: %d, b: %d}, %[4]d}", c, class.base.name, a, z)
			}
		case class.fields > 1 && class.generic:
			x.b = z
			text = fmt.Sprintf("%s[string]{a: %d, b: %d}", c, a, z)
		case class.generic:
			text = fmt.Sprintf("%s[string]{a: %d}", c, a)
		case class.fields > 1:
			x.b = z
			text = fmt.Sprintf("%s{a: %d, b: %d}", c, a, z)
		}
		if w := name("w", 4); w != "" {
			fmt.Fprintf(b, "%s := %s\n", w, text)
			place := fmt.Sprintf("%s %p", w, class) // a variable that has a type again is in its place again
			if m.places[place] == nil {
				m.places[place] = x
			}
			*m.places[place] = *x
			m.live.instances[w] = m.places[place]
			delete(m.removed, w)
		}
	}
	for range m.r.IntN(4) {
		switch m.r.IntN(8) {
		case 0, 1:
			if v := name("v", 4); v != "" {
				if e, value, ok := m.use(2); ok {
					op := ":="
					if _, ok := m.vars[v]; ok && !m.removed[v] && m.r.IntN(2) == 0 {
						op = "="
					} else {
						m.vars[v] = new(int)
					}
					fmt.Fprintf(b, "%s %s %s\n", v, op, e.text)
					*m.vars[v] = value
					delete(m.removed, v)
				}
			}
		case 2:
			if k := name("k", 3); k != "" {
				e, then := m.expression(rankClosure, 2), m.live.copy()
				fmt.Fprintf(b, "%s := func(n int) int { return %s }\n", k, e.text)
				m.closures[k] = func(n int) int { return e.value(then, n) }
				delete(m.removed, k)
			}
		case 3: // a function value keeps what it was
			if f, ok := pick(m, m.functions); ok && !callsFunction.MatchString(m.functions[f].text) {
				if k := name("k", 3); k != "" {
					e, then := m.functions[f], m.live.copy()
					fmt.Fprintf(b, "%s := %s\n", k, f)
					m.closures[k] = func(n int) int { return e.value(then, n) }
					delete(m.removed, k)
				}
			}
		case 4: // a method value runs the new body
			if w, ok := pick(m, m.live.instances); ok && m.live.instances[w].class.base == nil {
				if k := name("k", 3); k != "" {
					x := *m.live.instances[w]
					fmt.Fprintf(b, "%s := %s.m\n", k, w)
					m.closures[k] = func(n int) int { return m.method(&x, "m", n) }
					delete(m.removed, k)
				}
			}
		case 5:
			if w, ok := pick(m, m.live.instances); ok && m.live.instances[w].class.base == nil {
				if i := name("i", 2); i != "" {
					x := *m.live.instances[w]
					fmt.Fprintf(b, "var %s interface{ m(int) int } = %s\n", i, w)
					m.held[i] = &x
					delete(m.removed, i)
				}
			}
		case 7: // a pointer keeps the variable
			if v, ok := pick(m, m.vars); ok {
				if q := name("q", 2); q != "" {
					fmt.Fprintf(b, "%s := &%s\n", q, v)
					m.pointers[q] = m.vars[v]
					delete(m.removed, q)
				}
			}
		case 6:
			e, then := m.expression(rankClosure, 2), m.live.copy()
			m.names++
			s := fmt.Sprint(m.names)
			fmt.Fprintf(b, "ask%s, tell%[1]s := make(chan int), make(chan int)\ngo func() { for n := range ask%[1]s { tell%[1]s <- %s } }()\n", s, e.text)
			m.servers[s] = func(n int) int { return e.value(then, n) }
		}
	}
}

// use makes an expression whose value is sure.
func (m *model) use(depth int) (e expression, value int, sure bool) {
	e = m.expression(rankUse, depth)
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(unsure); !ok {
				panic(r)
			}
			sure = false
		}
	}()
	return e, e.value(m.live, 0), true
}

// cell makes the next cell and says what it prints.
func (m *model) cell(n int) (id, text, output string) {
	var b strings.Builder
	m.before, m.added = m.live.copy(), ""
	id = fmt.Sprint("n", n)
	switch m.r.IntN(6) {
	case 0:
		id = m.typeCell(&b)
	case 1:
		m.methodCell(&b)
	case 2:
		m.embeddingCell(&b)
	default:
		m.mixedCell(&b)
	}
	m.statements(&b)
	var texts, values []string
	for range 4 {
		if e, value, ok := m.use(3); ok {
			texts = append(texts, e.text)
			values = append(values, fmt.Sprint(value))
		}
	}
	fmt.Fprintf(&b, "fmt.Println(%s)", strings.Join(texts, ", "))
	return id, b.String(), strings.Join(values, " ") + "\n"
}
