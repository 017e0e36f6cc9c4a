package kernel

import (
	"go/doc/comment"
	"go/token"
	"regexp"
	"strings"

	"github.com/cellar-go/cellar/internal/gocell"
	"github.com/cellar-go/cellar/kernel/session"
)

// question asks what a name is: name? or ?name on a line of its own, as in IPython; with two marks its source is wanted too.
type question struct {
	name   string
	detail int
}

var asking = regexp.MustCompile(`^\s*(?:(\?\??)\s*([\pL_][\pL\pN_.]*)|([\pL_][\pL\pN_.]*)(\?\??))[ \t\r]*$`)

// questions takes the lines that are questions out of a cell. No line of Go ends in a question mark but in a comment or a raw string.
func questions(source string) (rest string, asked []question) {
	if !strings.Contains(source, "?") {
		return source, nil
	}
	lines := strings.Split(source, "\n")
	at := 0
	for i, line := range lines {
		m := asking.FindStringSubmatch(line)
		if place := gocell.At(source, at); m != nil && place.Inside == token.ILLEGAL && !gocell.At(source, at+len(line)).Magic {
			asked = append(asked, question{m[2] + m[3], len(m[1]+m[4]) - 1})
			lines[i] = ""
		}
		at += len(line) + 1
	}
	return strings.Join(lines, "\n"), asked
}

// page is what front-ends show in a pager.
type page struct {
	Source string         `json:"source"`
	Data   map[string]any `json:"data"`
	Start  int            `json:"start"`
}

// answerQuestions looks up what was asked. What is not known is said in the output.
func (k *kernel) answerQuestions(asked []question, out *output) (pages []any) {
	for _, q := range asked {
		i, found := k.session.Inspect(q.name, len(q.name), q.detail)
		if !found {
			out.show(session.Event{Kind: session.Stdout, Text: q.name + " is not known here\n"})
			continue
		}
		pages = append(pages, page{"page", described(i), 0})
	}
	out.flush()
	return pages
}

// described is what an inspection shows.
func described(i session.Inspection) map[string]any {
	var text, markdown []string
	add := func(s, fence string) {
		if s = strings.TrimSpace(s); s != "" {
			text, markdown = append(text, s), append(markdown, "```"+fence+"\n"+s+"\n```")
		}
	}
	add(i.Signature, "go")
	if i.Value != "" {
		add("Value: "+i.Value, "text")
	}
	if i.Doc != "" {
		doc := new(comment.Parser).Parse(i.Doc)
		text = append(text, i.Doc)
		markdown = append(markdown, strings.TrimSpace(string((&comment.Printer{DocLinkBaseURL: "https://pkg.go.dev"}).Markdown(doc))))
	}
	if len(i.Methods) > 0 {
		add("Methods:\n\t"+strings.Join(i.Methods, "\n\t"), "text")
	}
	add(i.Source, "go")
	return map[string]any{"text/plain": strings.Join(text, "\n\n"), "text/markdown": strings.Join(markdown, "\n\n")}
}

// suggestCommands completes the first word of a command's line, and leaves the rest to others.
func suggestCommands(commands []session.Item, others func(session.Typed) []session.Item) func(session.Typed) []session.Item {
	return func(t session.Typed) []session.Item {
		if line := strings.TrimSpace(t.Line); strings.HasPrefix(line, "%") && !strings.ContainsAny(line, " \t") {
			return commands
		}
		if others == nil {
			return nil
		}
		return others(t)
	}
}
