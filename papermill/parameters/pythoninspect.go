package parameters

import (
	"regexp"
	"strings"
)

// inspectPython is Papermill's inspection, line by line: it sees what a line with one = declares, also in a block, and takes the comment on
// the last line of a value that spans several.
func inspectPython(source string) []Declared {
	var definitions, lines []string
	end := func() {
		definitions = append(definitions, flatten(lines))
		lines = nil
	}
	for _, line := range pythonLines(source) {
		if bare := pythonTrim(line); bare == "" || bare[0] == '#' {
			continue
		}
		if equals := strings.Count(line, "="); equals > 0 {
			end()
			if equals > 1 {
				continue
			}
		}
		lines = append(lines, line)
	}
	end()
	var all []Declared
	for _, d := range definitions {
		m := pythonParameter.FindStringSubmatch(d)
		if m == nil {
			continue
		}
		typ := pythonTrim(m[2])
		if m[2] == "" {
			typ = m[4]
		}
		if typ == "" {
			typ = "None"
		}
		all = append(all, Declared{Name: m[1], Type: typ, Default: pythonTrim(m[3]), Help: pythonTrim(m[5])})
	}
	return all
}

// pythonParameter is Papermill's pattern with Python's classes of characters.
var pythonParameter = func() *regexp.Regexp {
	pattern := `^(W+)S*(?::S*["']?(W[W\[\],S]*)["']?S*)?=S*(.*?)(?:S*#S*(?:type:S*(N*)S*)?(.*))?$`
	pattern = strings.NewReplacer(`[W\[\],S]`, `[\p{L}\p{N}_\[\],`+pythonSpace+`]`, "W", `[\p{L}\p{N}_]`, "S", "["+pythonSpace+"]", "N", "[^"+pythonSpace+"]").Replace(pattern)
	return regexp.MustCompile(pattern)
}()

const pythonSpace = `\t-\r\x1c-\x20\x{85}\p{Z}`

var pythonSpaces = regexp.MustCompile(`^[` + pythonSpace + `]+|[` + pythonSpace + `]+$`)

func pythonTrim(s string) string { return pythonSpaces.ReplaceAllString(s, "") }

// flatten makes a definition one line, with the comment of its last line only.
func flatten(lines []string) string {
	var b strings.Builder
	for i, line := range lines {
		if i < len(lines)-1 {
			line, _, _ = strings.Cut(line, "#")
		}
		b.WriteString(pythonTrim(line))
	}
	return b.String()
}

var pythonLineEnd = regexp.MustCompile(`\r\n|[\n-\r\x1c-\x1e\x{85}\x{2028}\x{2029}]`)

// pythonLines is Python's splitlines.
func pythonLines(s string) []string {
	lines := pythonLineEnd.Split(s, -1)
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}
