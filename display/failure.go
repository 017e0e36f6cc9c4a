package display

import (
	"fmt"
	"html"
	"reflect"
	"strings"
)

// mostCauses is how many errors of a chain are shown.
const mostCauses = 50

// cause is an error below another one.
type cause struct {
	depth      int
	kind, text string
}

// causes are what an error wraps, outermost first.
func causes(err error) []cause {
	var all []cause
	var visit func(err error, depth int)
	visit = func(err error, depth int) {
		var inner []error
		switch e := err.(type) {
		case interface{ Unwrap() error }:
			inner = []error{e.Unwrap()}
		case interface{ Unwrap() []error }:
			inner = e.Unwrap()
		}
		for _, e := range inner {
			if e != nil && len(all) < mostCauses {
				all = append(all, cause{depth, typeName(reflect.TypeOf(e)), fmt.Sprint(e)})
				visit(e, depth+1)
			}
		}
	}
	visit(err, 0)
	return all
}

// errorBundle shows an error with its chain. One that wraps nothing is its message.
func errorBundle(err error) Bundle {
	message := shortened(fmt.Sprintf("%+v", err), textLimit)
	chain := causes(err)
	if len(chain) == 0 {
		return plain(message)
	}
	text, page := strings.Builder{}, strings.Builder{}
	text.WriteString(message)
	fmt.Fprintf(&page, `<div style="white-space:pre-wrap"><b>%s</b></div>`, html.EscapeString(message))
	for _, c := range chain {
		indent := strings.Repeat("  ", c.depth+1)
		message := shortened(c.text, 10*cellRunes)
		fmt.Fprintf(&text, "\n%s%s: %s", indent, c.kind, strings.ReplaceAll(message, "\n", "\n"+indent+"  "))
		fmt.Fprintf(&page, `<div style="white-space:pre-wrap;margin-left:%dem"><code>%s</code> %s</div>`, 2*(c.depth+1), html.EscapeString(c.kind), html.EscapeString(message))
	}
	b := plain(text.String())
	b.Data["text/html"] = page.String()
	return b
}
