package kernel

import (
	"maps"

	"github.com/cellar-go/cellar/internal/gomod"
)

// names stand for what gophernotes and lgo declare in every notebook.
var names = map[string]string{
	"display": `import "` + gomod.Path + `/display"`,
	"Display": `import cellar_display "` + gomod.Path + `/display"
func Display(d cellar_display.Data) error { return cellar_display.Display(d) }`,
	"_ctx": `import _ctx "` + gomod.Path + `/kernel/lgo"`,
}

// withNames adds the names to those that a session has already.
func withNames(own map[string]string) map[string]string {
	all := maps.Clone(names)
	maps.Copy(all, own)
	return all
}
