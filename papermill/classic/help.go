package classic

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

const about = `This utility executes a single notebook in a subprocess.

Papermill takes a source notebook, applies parameters to the source notebook, executes the notebook with the specified kernel, and saves the output in the destination notebook.

The NOTEBOOK_PATH and OUTPUT_PATH can now be replaced by ` + "`-`" + ` representing stdout and stderr, or by the presence of pipe inputs / outputs. Meaning that

` + "`<generate input>... | papermill | ...<process output>`" + `

with ` + "`papermill - -`" + ` being implied by the pipes will read a notebook from stdin and write it out to stdout.`

// helpWidth is the width that click lays its help out for.
func (p *Program) helpWidth() int {
	columns, _ := strconv.Atoi(os.Getenv("COLUMNS"))
	if columns <= 0 {
		columns = 80
		if width, _, err := term.GetSize(int(p.Out.Fd())); err == nil && width > 0 {
			columns = width
		}
	}
	return max(min(columns, 80)-2, 50)
}

// usage is click's first line of help.
func (p *Program) usage() string {
	notebook := "NOTEBOOK_PATH"
	if p.inputPiped() {
		notebook = "[NOTEBOOK_PATH]"
	}
	prefix := "Usage: " + p.Name + " "
	arguments := "[OPTIONS] " + notebook + " [OUTPUT_PATH]"
	width := p.helpWidth()
	if width >= utf8.RuneCountInString(prefix)+20 {
		return strings.Join(wrap(arguments, width, prefix, strings.Repeat(" ", utf8.RuneCountInString(prefix))), "\n")
	}
	indent := strings.Repeat(" ", len("Usage: ")+4)
	return prefix + "\n" + strings.Join(wrap(arguments, width, indent, indent), "\n")
}

// help is what --help prints.
func (p *Program) help(options []*option) string {
	var b strings.Builder
	width := p.helpWidth()
	b.WriteString(p.usage() + "\n\n")
	for paragraph := range strings.SplitSeq(about, "\n\n") {
		b.WriteString(strings.Join(wrap(paragraph, width, "  ", "  "), "\n") + "\n\n")
	}
	b.WriteString("Options:\n")
	const first = 30 + 2 // the first column and the space behind it
	for _, o := range options {
		title := o.title()
		b.WriteString("  " + title)
		if len(title) <= first-2 {
			b.WriteString(strings.Repeat(" ", first-len(title)))
		} else {
			b.WriteString("\n" + strings.Repeat(" ", first+2))
		}
		b.WriteString(strings.Join(wrap(o.help, max(width-first-2, 10), "", ""), "\n"+strings.Repeat(" ", first+2)) + "\n")
	}
	return b.String()
}

// title is how the help shows an option.
func (o *option) title() string {
	names := strings.Join(o.names, ", ")
	switch {
	case len(o.off) > 0:
		return names + " / " + strings.Join(o.off, ", ")
	case o.metavar != "":
		return fmt.Sprintf("%s %s", names, o.metavar)
	}
	return names
}

// wrap is Python's textwrap: lines of at most so many characters, words that are longer are cut.
func wrap(text string, width int, firstIndent, indent string) []string {
	var lines []string
	current, empty := firstIndent, true
	for _, word := range strings.Fields(text) {
		space := " "
		if empty {
			space = ""
		}
		length := utf8.RuneCountInString(current + space + word)
		if length > width && !empty && len(word) <= width-len(indent) {
			lines = append(lines, current)
			current, empty, space = indent, true, ""
		}
		for room := width - len(current+space); len(word) > width-len(indent) && len(word) > room; room = width - len(current+space) {
			if room > 0 {
				current += space + word[:room]
				word = word[room:]
			}
			lines = append(lines, current)
			current, space = indent, ""
		}
		current += space + word
		empty = false
	}
	return append(lines, current)
}
