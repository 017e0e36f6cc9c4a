package commands

import (
	"sort"
	"strings"

	"github.com/cellar-go/cellar/internal/spelling"
)

// words splits a line at spaces; double quotes keep them, as GoNB has it: %args --text "hello world".
func words(line string) (out []string) {
	var word strings.Builder
	begun, quoted := false, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quoted && c == '\\' && i+1 < len(line):
			i++
			switch line[i] {
			case 'n':
				word.WriteByte('\n')
			case 't':
				word.WriteByte('\t')
			default:
				word.WriteByte(line[i])
			}
		case c == '"':
			quoted, begun = !quoted, true
		case !quoted && (c == ' ' || c == '\t'):
			if begun {
				out = append(out, word.String())
				word.Reset()
				begun = false
			}
		default:
			begun = true
			word.WriteByte(c)
		}
	}
	if begun {
		out = append(out, word.String())
	}
	return out
}

// similar are the commands whose names are near a mistyped one.
func similar(name string) (near []string) {
	bare := strings.TrimLeft(name, "%")
	for _, c := range table {
		other := strings.TrimLeft(c.name, "%")
		if other == "" || bare == "" {
			continue
		}
		if d := spelling.Distance(bare, other); d <= max(1, len(other)/3) || len(bare) > 1 && strings.HasPrefix(other, bare) {
			near = append(near, c.name)
		}
	}
	sort.Slice(near, func(i, j int) bool {
		a, b := spelling.Distance(name, near[i]), spelling.Distance(name, near[j])
		return a < b || a == b && near[i] < near[j]
	})
	return near[:min(3, len(near))]
}
