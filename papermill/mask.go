package papermill

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/papermill/nbformat"
	"github.com/cellar-go/cellar/papermill/parameters"
	"github.com/cellar-go/cellar/papermill/template"
)

// Secret is a value that a run may use and must not show: the kernel has it in its environment, and wherever its text appears, in outputs,
// sources, metadata and errors, *** stands in its place.
type Secret struct{ Name, Value string }

// Secrets are those that are given as NAME of an environment variable or as NAME=VALUE, and those that $CELLAR_SECRETS names, with commas
// between.
func Secrets(given []string) ([]Secret, error) {
	if names := os.Getenv("CELLAR_SECRETS"); names != "" {
		given = append(strings.Split(names, ","), given...)
	}
	var all []Secret
	for _, text := range given {
		name, value, found := strings.Cut(text, "=")
		if !found {
			if value, found = os.LookupEnv(name); !found {
				return nil, fault.New(fault.Usage, "set the environment variable "+name, "secret %s: it is not set", name)
			}
		}
		all = append(all, Secret{Name: name, Value: value})
	}
	return all, nil
}

// Mask puts *** in the place of secrets. Its zero value replaces nothing.
type Mask struct {
	text, json needles // what stands for secrets in a text, and in the strings of JSON
}

// needles are texts by their first byte, longest first; nil without any.
type needles *[256][][]byte

const (
	masked      = "***"
	shortSecret = 4 // the length below which a text is found where it means nothing
)

// NewMask makes a mask of secrets. A secret that is too short is a fault.
func NewMask(secrets []Secret) (Mask, error) {
	text, escaped := map[string]bool{}, map[string]bool{}
	for _, s := range secrets {
		if len(s.Value) < shortSecret {
			return Mask{}, fault.New(fault.Usage, "give a longer one", "secret %s has %d characters: so short a text can't be kept out of the outputs", s.Name, len(s.Value))
		}
		for _, part := range append(strings.Split(s.Value, "\n"), s.Value) { // a text of several lines is cut at their ends wherever it is shown
			for _, form := range forms(strings.TrimRight(part, "\r\n")) {
				text[form] = true
				for _, inJSON := range []string{nbformat.Escape(form, false), nbformat.Escape(form, true), goJSON(form)} {
					text[inJSON], escaped[inJSON] = true, true
				}
			}
		}
	}
	return Mask{newNeedles(text), newNeedles(escaped)}, nil
}

// Name refuses the name of a file that holds a secret.
func (m Mask) Name(what, name string) error {
	if m.Text(name) == name {
		return nil
	}
	return fault.New(fault.Usage, "leave it out of the path", "%s %s: its name holds a secret, which every list of files would show", what, m.Text(name))
}

func newNeedles(texts map[string]bool) needles {
	var all needles
	for text := range texts {
		if len(text) < shortSecret {
			continue
		}
		if all == nil {
			all = new([256][][]byte)
		}
		all[text[0]] = append(all[text[0]], []byte(text))
	}
	if all != nil {
		for _, same := range all {
			slices.SortFunc(same, func(a, b []byte) int { return len(b) - len(a) })
		}
	}
	return all
}

// forms are the ways in which programs write a text. A form may be there twice.
func forms(text string) []string {
	percent := url.QueryEscape(text)
	spaced := strings.ReplaceAll(percent, "+", "%20")
	all := []string{text, html.EscapeString(text), percent, spaced, url.PathEscape(text),
		strings.ReplaceAll(spaced, "%2F", "/"), // Python's quote
		strings.NewReplacer("%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*").Replace(spaced), // JavaScript's encodeURIComponent
		nbformat.Escape(text, false), nbformat.Escape(text, true)}
	for _, double := range []string{`"`, "&quot;", "&#34;"} {
		for _, single := range []string{"'", "&#39;", "&#x27;"} {
			all = append(all, strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, double, "'", single).Replace(text))
		}
	}
	// Which quotes Python's repr takes depends on those in the text around.
	both := template.Quote(`"'` + text)
	all = append(all, within(template.Quote(text)), strings.TrimPrefix(within(both), `"\'`))
	for _, language := range parameters.Languages() {
		for _, declared := range []string{"", "SET x = 1", "SET @x = 1"} { // SQL's way depends on it
			if source, err := parameters.Translate(language, parameters.List{{Name: "x", Value: text}}, declared); err == nil { // what can't be translated isn't injected
				all = append(all, within(source))
			}
		}
	}
	return all
}

// goJSON is a text as Go programs write it in JSON: what HTML may take for its own is escaped.
func goJSON(text string) string {
	quoted, _ := json.Marshal(text) // a text always encodes
	return string(quoted[1 : len(quoted)-1])
}

// within is what stands between the first and the last quote; "" without quotes.
func within(source string) string {
	first := strings.IndexAny(source, "\"'`")
	if first < 0 {
		return ""
	}
	return source[first+1 : max(first+1, strings.LastIndexByte(source, source[first]))]
}

// Text is a text without secrets.
func (m Mask) Text(s string) string {
	if m.text == nil {
		return s
	}
	for i := range len(s) {
		if m.text[s[i]] != nil {
			text, _ := (&scanner{needles: m.text}).replace([]byte(s[i:]), true)
			return s[:i] + string(text)
		}
	}
	return s
}

// JSON is a JSON text without secrets.
func (m Mask) JSON(text json.RawMessage) json.RawMessage {
	if m.json == nil {
		return text
	}
	out, _ := (&scanner{needles: m.json, json: true}).replace(text, true)
	return out
}

// scanner looks for secrets in a text that comes in pieces. JSON stays JSON: its escapes are not cut, and the digits of numbers become nines.
type scanner struct {
	needles needles
	json    bool
	inside  bool // a string
	escape  int  // how many bytes are the rest of an escape
}

// replace is a text without secrets, up to what may be the start of one, if the text is not at its end. What stands first counts, and of that
// the longest.
func (s *scanner) replace(text []byte, end bool) (out, rest []byte) {
	from := 0 // of what is not yet in out
	for i := 0; i < len(text); {
		if !s.json && s.needles[text[i]] == nil { // most of a flood
			i++
			continue
		}
		length, open := 0, false
		if s.needles[text[i]] != nil && s.escape == 0 {
			length, open = s.match(text[i:], end)
		}
		if open {
			if out == nil {
				return text[:i], text[i:]
			}
			return append(out, text[from:i]...), text[i:]
		}
		if length == 0 {
			if s.json {
				s.step(text[i])
			}
			i++
			continue
		}
		out = append(out, text[from:i]...)
		if s.json && !s.inside {
			out = append(out, digits.ReplaceAll(text[i:i+length], []byte("9"))...)
		} else {
			out = append(out, masked...)
		}
		i += length
		from = i
	}
	if out == nil {
		return text, nil
	}
	return append(out, text[from:]...), nil
}

var digits = regexp.MustCompile(`[0-9]`)

// step passes over a byte of JSON.
func (s *scanner) step(c byte) {
	switch {
	case s.escape > 1 || s.escape == 1 && c != 'u':
		s.escape--
	case s.escape == 1:
		s.escape = 4 // digits
	case c == '"':
		s.inside = !s.inside
	case c == '\\' && s.inside:
		s.escape = 1
	}
}

// match is the length of the secret with which a text begins. open: if it goes on, it may be another one, that is longer.
func (s *scanner) match(text []byte, end bool) (length int, open bool) {
	for _, needle := range s.needles[text[0]] {
		switch {
		case s.json && !s.inside && !number.Match(needle):
		case len(needle) <= len(text):
			if bytes.HasPrefix(text, needle) {
				return len(needle), false
			}
		case !end && bytes.HasPrefix(needle, text):
			return 0, true
		}
	}
	return 0, false
}

// number is what may be part of one.
var number = regexp.MustCompile(`^[-+.eE0-9]*$`)

// content takes the secrets out of what a message brings, but for what is too large to hold.
func (m Mask) content(in *content) {
	if m.text == nil {
		return
	}
	in.Name, in.Transient.DisplayID = m.Text(in.Name), m.Text(in.Transient.DisplayID)
	in.EName, in.EValue = m.Text(in.EName), m.Text(in.EValue)
	m.texts(in.Traceback)
	m.bundle(in.Data)
	m.bundle(in.Metadata)
}

// output takes the secrets out of an output.
func (m Mask) output(out *nbformat.Output) {
	out.Name, out.EName, out.EValue = m.Text(out.Name), m.Text(out.EName), m.Text(out.EValue)
	m.texts(out.Traceback)
	m.bundle(out.Data)
	m.bundle(out.Metadata)
}

func (m Mask) texts(all []string) {
	for i := range all {
		all[i] = m.Text(all[i])
	}
}

func (m Mask) bundle(b map[string]json.RawMessage) {
	for key, value := range b {
		b[key] = m.JSON(value)
	}
}

// Fault is an error whose message and hint hold no secrets.
func (m Mask) Fault(err error) error {
	if err == nil || m.text == nil {
		return err
	}
	message, hint := err.Error(), fault.Hint(err)
	shown := fault.Mistake{Kind: fault.Kind(fault.ExitCode(err)), Message: m.Text(message), Hint: m.Text(hint), Err: err}
	if shown.Message == message && shown.Hint == hint {
		return err
	}
	return &shown
}

// Writer masks a text that is written in pieces cut anywhere. Flush must be called at the end.
func (m Mask) Writer(w io.Writer) *MaskWriter {
	return &MaskWriter{scanner: scanner{needles: m.text}, w: w}
}

// jsonWriter masks JSON that is written in pieces. Flush must be called at the end.
func (m Mask) jsonWriter(w io.Writer) *MaskWriter {
	return &MaskWriter{scanner: scanner{needles: m.json, json: true}, w: w}
}

// MaskWriter writes without secrets.
type MaskWriter struct {
	scanner scanner
	w       io.Writer
	held    []byte // what may be the start of a secret
}

func (w *MaskWriter) Write(b []byte) (int, error) {
	if w.scanner.needles == nil {
		return w.w.Write(b)
	}
	text := b
	if len(w.held) > 0 {
		text = slices.Concat(w.held, b)
	}
	out, rest := w.scanner.replace(text, false)
	w.held = bytes.Clone(rest)
	if len(out) > 0 {
		if _, err := w.w.Write(out); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

// Flush writes what was held back.
func (w *MaskWriter) Flush() error {
	if len(w.held) == 0 {
		return nil
	}
	out, _ := w.scanner.replace(w.held, true)
	w.held = nil
	if _, err := w.w.Write(out); err != nil {
		return fmt.Errorf("cellar: write: %w", err)
	}
	return nil
}
