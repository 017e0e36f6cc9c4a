package table

import (
	"encoding/json"
	"fmt"
	"go/format"
	"go/token"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/cellar-go/cellar/internal/fault"
)

// GoType writes a Go type that can Read the file: the declaration of name, where one is needed, the type of the whole value
// ("[]Flights", "Model", "map[string]float64"), and the imports of both. Of a file from another writer a column becomes a pointer
// only if it holds a null, since most writers declare every column nullable.
func GoType(r io.ReaderAt, size int64, name string) (decl, typ string, imports []string, err error) {
	f, err := Open(r, size)
	if err != nil {
		return "", "", nil, err
	}
	g := &goWriter{file: f, hints: map[string]string{}, nulls: map[int][]int64{}}
	defer rescue(&err, func() string { return fmt.Sprintf("%s: column %q", f.name, g.at) })
	if text, ok := f.keys[keyGo]; ok {
		if err := json.Unmarshal([]byte(text), &g.hints); err != nil {
			damage("its footer is unreadable: %v", err)
		}
	}
	if f.keys[keyShape] == formSingle && len(f.root.kids) == 1 {
		typ = g.typ(f.root.kids[0])
	} else {
		if !token.IsIdentifier(name) {
			return "", "", nil, fault.New(fault.Input, "give it a Go name", "%q can't name a type", name)
		}
		src, err := format.Source([]byte("// " + name + " is a row of the stored table.\ntype " + name + " " + g.fields(f.root)))
		if err != nil {
			return "", "", nil, fmt.Errorf("cellar: Go type of %s: %w", f.name, err)
		}
		decl, typ = string(src), name
		if kindOf(f.keys[keyShape]) == "table" {
			typ = "[]" + name
		} else {
			decl = strings.Replace(decl, "a row of the stored table", "the stored value", 1)
		}
	}
	if strings.Contains(decl+typ, "time.") {
		imports = []string{"time"}
	}
	return decl, typ, imports, nil
}

type goWriter struct {
	file  *File
	hints map[string]string
	nulls map[int][]int64 // by leaf: how many entries have each definition level
	at    string
}

// fields is a struct type with a field for each kid of n.
func (g *goWriter) fields(n *node) string {
	var b strings.Builder
	b.WriteString("struct {\n")
	used, count := map[string]bool{}, 0
	for _, k := range n.kids {
		if k.name == "" || k.name == "-" || strings.Contains(k.name, ",") {
			fmt.Fprintf(&b, "// column %q is left out: a field tag can't say its name\n", k.name)
			continue
		}
		name := fieldName(k.name)
		for base, i := name, 2; used[name]; i++ {
			name = fmt.Sprintf("%s_%d", base, i)
		}
		used[name] = true
		tag := ""
		if name != k.name {
			tag = k.name
		}
		if k.form == leafNode && k.leaf.class == cDate {
			tag = k.name + ",date"
		}
		b.WriteString(name + " " + g.typ(k))
		if tag != "" {
			b.WriteString(" " + quoteTag(`parquet:`+strconv.Quote(tag)))
		}
		b.WriteString("\n")
		count++
	}
	if count == 0 {
		cannotRead("rename the columns where the file is written", "no column of it can be a Go field")
	}
	b.WriteString("}")
	return b.String()
}

func quoteTag(s string) string {
	if strconv.CanBackquote(s) {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}

// fieldName makes an exported Go name of a column's.
func fieldName(column string) string {
	var b strings.Builder
	up := true
	for _, r := range column {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			up = true
			continue
		}
		if up {
			r = unicode.ToUpper(r)
		}
		b.WriteRune(r)
		up = false
	}
	name := b.String()
	if name == "" || !unicode.IsUpper([]rune(name)[0]) {
		name = "X" + name
	}
	return name
}

func (g *goWriter) typ(n *node) string {
	g.at = n.path
	switch n.form {
	case listNode:
		return "[]" + g.typ(n.kids[0])
	case mapNode:
		key := g.typ(n.kids[0])
		if strings.Contains(key, "[]") || strings.Contains(key, "map[") || strings.Contains(key, "*") {
			cannotRead("declare the type by hand, without this column", "its keys are %s, which can't be keys of a Go map", n.kids[0])
		}
		return "map[" + key + "]" + g.typ(n.kids[1])
	case groupNode:
		return g.pointer(n) + g.fields(n)
	}
	if g.hints[n.path] == "time.Duration" {
		return g.pointer(n) + "time.Duration"
	}
	t := goScalar(n.leaf)
	if t == "[]byte" || t == "time.Time" { // these have a null of their own
		return t
	}
	return g.pointer(n) + t
}

func (g *goWriter) pointer(n *node) string {
	if n.optional && (g.file.keys[keyFormat] != "" || g.hasNull(n)) {
		return "*"
	}
	return ""
}

// hasNull tells whether n is null anywhere: whether an entry ends just above it.
func (g *goWriter) hasNull(n *node) bool {
	leaf := n.first
	if n.form == leafNode && n.maxRep == 0 && n.maxDef == 1 && g.counted(leaf) {
		for _, rg := range g.file.meta.RowGroups {
			if rg.Columns[leaf].MetaData.Statistics.NullCount > 0 {
				return true
			}
		}
		return false
	}
	if g.nulls[leaf] == nil {
		levels := make([]int64, int(g.file.leaves[leaf].maxDef)+1)
		for i := range g.file.meta.RowGroups {
			for c := g.file.chunk(i, leaf); c.next(); {
				for _, d := range c.page.defs {
					levels[d]++
				}
			}
		}
		g.nulls[leaf] = levels
	}
	return g.nulls[leaf][n.def-1] > 0
}

// counted tells whether the file's statistics count the nulls of a leaf: a count of zero can't be told from none, but for the least
// value beside it.
func (g *goWriter) counted(leaf int) bool {
	for _, rg := range g.file.meta.RowGroups {
		s := rg.Columns[leaf].MetaData.Statistics
		if s.NullCount == 0 && s.MinValue == nil && s.Min == nil {
			return false
		}
	}
	return true
}

// goScalar is the Go type that holds every value of t.
func goScalar(t leafType) string {
	switch t.class {
	case cBool:
		return "bool"
	case cInt, cUint:
		return t.String()
	case cFloat:
		return fmt.Sprintf("float%d", t.bits)
	case cHalf:
		return "float32"
	case cString, cDecimal: // a decimal as its exact text
		return "string"
	case cFixed, cUUID:
		return fmt.Sprintf("[%d]byte", t.length)
	case cDate, cTimestamp:
		return "time.Time"
	case cTime:
		return "time.Duration"
	}
	return "[]byte"
}
