package session

import (
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"sort"
	"strings"
)

// surface is Go source in which all that the packages export is used, so that a linker keeps it: cells are linked against what the worker
// holds, and what it lacks would have to come with each cell. Generic functions and types have no code before they are instantiated.
func surface(pkg string, i types.Importer, paths []string) (string, error) {
	var imports, table strings.Builder
	for n, path := range paths {
		if path == "unsafe" {
			continue
		}
		p, err := i.Import(path)
		if err != nil {
			return "", fmt.Errorf("cellar: session: package %s: %w", path, err)
		}
		alias, used := fmt.Sprintf("p%d", n), false
		for _, name := range p.Scope().Names() {
			o := p.Scope().Lookup(name)
			if !o.Exported() {
				continue
			}
			use := ""
			switch o := o.(type) {
			case *types.Func:
				if o.Signature().TypeParams().Len() == 0 {
					use = "%s.%s"
				}
			case *types.Var:
				use = "&%s.%s"
			case *types.TypeName:
				if !isGeneric(o) && !isConstraint(o.Type()) {
					use = "(*%s.%s)(nil)"
				}
			}
			if use != "" {
				used = true
				fmt.Fprintf(&table, "\t"+use+",\n", alias, name)
			}
		}
		if !used {
			alias = "_"
		}
		fmt.Fprintf(&imports, "\t%s %q\n", alias, path)
	}
	return "package " + pkg + "\n\nimport (\n" + imports.String() + ")\n\n// Surface is what cells may use.\nvar Surface = [...]any{\n" + table.String() + "}\n", nil
}

// importsSource is a plugin that brings packages and initialises them; plugin.Open does that only for a plugin under its own path. The
// import of plugin makes the linker keep the initialisers of package-level maps (golang/go 62430).
func importsSource(i types.Importer, paths []string) (string, error) {
	sort.Strings(paths)
	source, err := surface("main", i, paths)
	return strings.Replace(source, "import (\n", "import (\n\t_ \"plugin\"\n", 1) + "\nfunc main() {}\n", err
}

func isGeneric(o *types.TypeName) bool {
	t, ok := o.Type().(interface{ TypeParams() *types.TypeParamList })
	return ok && t.TypeParams().Len() > 0
}

// newImporter reads the packages' export data, and tells of each that it reads.
func (ps *packages) newImporter(read func(*pkg)) types.Importer {
	return importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		p := ps.get(path)
		if p == nil || p.Export == "" {
			return nil, fmt.Errorf("no export data for %s", path)
		}
		read(p)
		return os.Open(p.Export)
	})
}
