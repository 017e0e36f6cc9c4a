package session

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

var (
	seed  = flag.Uint64("seed", 1, "the first random session of TestRandomSessions")
	seeds = flag.Int("seeds", 2, "how many random sessions TestRandomSessions plays")
)

// TestRandomSessions plays cells that declare, declare again and use functions, methods, types, constants, generic functions, variables
// and closures, and compares what they print with a model of what docs/session.md says. More: go test -run Random -seed 100 -seeds 20.
func TestRandomSessions(t *testing.T) {
	for i := range *seeds {
		t.Run(fmt.Sprint(*seed+uint64(i)), func(t *testing.T) {
			s := start(t, Options{})
			m := newModel(*seed + uint64(i))
			play(t.Context(), s, Cell{ID: "0", Source: `import "fmt"`})
			var page strings.Builder
			for n := 1; n <= 16; n++ {
				cell, want := m.cell()
				fmt.Fprintf(&page, "-- cell %d --\n%s\n", n, cell)
				var lines []string
				got := play(t.Context(), s, Cell{ID: fmt.Sprint(n), Source: cell})
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

// expression is one that the model can compute: text, and what it is worth for an argument n.
type expression struct {
	text  string
	value func(n int) int
}

// instance is a variable that holds a value with a method. One that is declared again with another type is another variable.
type instance struct {
	a      int
	class  *class
	viaAny bool // an interface holds it
}

// class is a generation of a type.
type class struct {
	name   string
	fields int
	method expression
}

// model is the session as it should be. A rank keeps functions from calling each other in a circle: generics, functions by number,
// methods, closures.
type model struct {
	r         *rand.Rand
	vars      map[string]int
	consts    map[string]int
	generics  map[string]expression
	functions map[string]expression
	classes   map[string]*class
	instances map[string]*instance
	closures  map[string]expression
}

func newModel(seed uint64) *model {
	return &model{r: rand.New(rand.NewPCG(seed, 7)), vars: map[string]int{}, consts: map[string]int{}, generics: map[string]expression{}, functions: map[string]expression{},
		classes: map[string]*class{}, instances: map[string]*instance{}, closures: map[string]expression{}}
}

const (
	rankGeneric  = 0
	rankFunction = 1
	rankMethod   = 100
	rankClosure  = 200
	rankUse      = 300
)

func pick[V any](m *model, from map[string]V) (string, bool) {
	names := sortedKeys(from)
	if len(names) == 0 {
		return "", false
	}
	return names[m.r.IntN(len(names))], true
}

// expression makes one that calls what is below its rank.
func (m *model) expression(rank, depth int) expression {
	n := m.r.IntN(100)
	literal := expression{fmt.Sprint(n), func(int) int { return n }}
	if depth == 0 {
		if rank == rankUse || m.r.IntN(2) == 0 {
			return literal
		}
		return expression{"n", func(n int) int { return n }}
	}
	sub := func() expression { return m.expression(rank, depth-1) }
	switch m.r.IntN(9) {
	case 0:
		a, b := sub(), sub()
		return expression{"(" + a.text + " + 3*" + b.text + ") % 10007", func(n int) int { return (a.value(n) + 3*b.value(n)) % 10007 }}
	case 1, 2:
		if name, ok := pick(m, m.vars); ok && rank > rankGeneric {
			return expression{name, func(int) int { return m.vars[name] }}
		}
	case 3:
		if name, ok := pick(m, m.consts); ok {
			if rank == rankClosure { // a function value keeps what it was compiled with
				value := m.consts[name]
				return expression{name, func(int) int { return value }}
			}
			return expression{name, func(int) int { return m.consts[name] }}
		}
	case 4, 5:
		if name, ok := pick(m, m.functions); ok {
			var number int
			fmt.Sscanf(name, "f%d", &number)
			if rankFunction+number < rank {
				a := sub()
				return expression{name + "(" + a.text + ")", func(n int) int { return m.functions[name].value(a.value(n)) }}
			}
		}
	case 6:
		if name, ok := pick(m, m.instances); ok && rank > rankMethod {
			a, x := sub(), m.instances[name]
			if x.class == m.classes[x.class.name] {
				return expression{name + ".m(" + a.text + ")", func(n int) int {
					i := m.instances[name]
					if rank == rankClosure {
						i = x
					}
					return (i.a + i.class.method.value(a.value(n))) % 10007
				}}
			}
		}
	case 7:
		if name, ok := pick(m, m.closures); ok && rank > rankClosure {
			a := sub()
			return expression{name + "(" + a.text + ")", func(n int) int { return m.closures[name].value(a.value(n)) }}
		}
	case 8:
		if name, ok := pick(m, m.generics); ok && rank > rankGeneric && rank != rankClosure {
			a := sub()
			return expression{name + "(" + a.text + ")", func(n int) int { return m.generics[name].value(a.value(n)) }}
		}
	}
	return literal
}

// cell makes the next cell and says what it prints.
func (m *model) cell() (text, output string) {
	var b strings.Builder
	used := map[string]bool{} // no name twice in a cell
	name := func(prefix string, count int) string {
		name := fmt.Sprintf("%s%d", prefix, m.r.IntN(count))
		if used[name] {
			return ""
		}
		used[name] = true
		return name
	}
	// Declarations hold for all of the cell, so they come first.
	for range 1 + m.r.IntN(3) {
		switch m.r.IntN(5) {
		case 0:
			if c := name("c", 3); c != "" {
				value := m.r.IntN(1000)
				fmt.Fprintf(&b, "const %s = %d\n", c, value)
				m.consts[c] = value
			}
		case 1:
			if g := name("g", 2); g != "" {
				e := m.expression(rankGeneric, 1)
				fmt.Fprintf(&b, "func %s[T int | int64](n T) T { return (n*2 + %s) %% 10007 }\n", g, e.text)
				m.generics[g] = expression{value: func(n int) int { return (n*2 + e.value(n)) % 10007 }}
			}
		case 2, 3:
			if f := name("f", 6); f != "" {
				var number int
				fmt.Sscanf(f, "f%d", &number)
				e := m.expression(rankFunction+number, 3)
				fmt.Fprintf(&b, "func %s(n int) int { return %s }\n", f, e.text)
				m.functions[f] = e
			}
		case 4:
			if c := name("t", 2); c != "" {
				e := m.expression(rankMethod, 2)
				live := m.classes[c]
				if live == nil || m.r.IntN(3) == 0 {
					live = &class{name: c, fields: 1 + m.r.IntN(1000)}
					m.classes[c] = live
					for k, e := range m.closures { // methods of an old type are left as they are
						if strings.ContainsAny(e.text, ".k") {
							delete(m.closures, k)
						}
					}
					fmt.Fprintf(&b, "type %s struct { a int; x%d string }\n", c, live.fields)
				}
				live.method = e
				fmt.Fprintf(&b, "func (r %s) m(n int) int { return (r.a + %s) %% 10007 }\n", c, e.text)
			}
		}
	}
	for range m.r.IntN(4) {
		switch m.r.IntN(5) {
		case 0, 1:
			if v := name("v", 4); v != "" {
				e := m.expression(rankUse, 2)
				op := ":="
				if _, ok := m.vars[v]; ok && m.r.IntN(2) == 0 {
					op = "="
				}
				fmt.Fprintf(&b, "%s %s %s\n", v, op, e.text)
				m.vars[v] = e.value(0)
			}
		case 2:
			if k := name("k", 3); k != "" {
				e := m.expression(rankClosure, 2)
				fmt.Fprintf(&b, "%s := func(n int) int { return %s }\n", k, e.text)
				m.closures[k] = e
			}
		case 3:
			if c, ok := pick(m, m.classes); ok {
				if w := name("w", 3); w != "" {
					e := m.expression(rankUse, 1)
					fmt.Fprintf(&b, "%s := %s{a: %s}\n", w, c, e.text)
					a := e.value(0)
					if x := m.instances[w]; x != nil && x.class == m.classes[c] {
						x.a = a
					} else {
						m.instances[w] = &instance{a: a, class: m.classes[c]}
					}
				}
			}
		case 4:
			if w, ok := pick(m, m.instances); ok && !m.instances[w].viaAny {
				if i := name("i", 2); i != "" {
					fmt.Fprintf(&b, "var %s interface{ m(int) int } = %s\n", i, w)
					if m.instances[i] == nil {
						m.instances[i] = &instance{viaAny: true}
					}
					m.instances[i].a, m.instances[i].class = m.instances[w].a, m.instances[w].class
				}
			}
		}
	}
	var texts, values []string
	for range 4 {
		e := m.expression(rankUse, 3)
		texts = append(texts, e.text)
		values = append(values, fmt.Sprint(e.value(0)))
	}
	fmt.Fprintf(&b, "fmt.Println(%s)", strings.Join(texts, ", "))
	return b.String(), strings.Join(values, " ") + "\n"
}
