package page

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// html writes HTML that a cell gave out, as it is but for what would reach beyond it; see fragment. Tables may be added for paper.
func (p *writer) html(source string) { p.fragment(withPieces(source), fragment{scripts: true}) }

// fragment is how a piece of HTML is written.
type fragment struct {
	scripts     bool                                  // kept; Jupyter runs none of a Markdown cell
	files       bool                                  // its pictures may name files
	formulas    []formula                             // that stand for the marks in its texts
	attachments map[string]map[string]json.RawMessage // that its pictures may name
}

// Elements by what the end of a fragment has to do for them.
var (
	void = words("area base br col embed hr img input link meta param source track wbr")
	// Their end tags may be missing, and are harmless where nothing is open.
	loose = words("p li dt dd td th tr tbody thead tfoot caption colgroup option optgroup rb rt rp rtc")
	// They belong to a whole document, or can't be closed.
	outer   = words("html head body frameset frame plaintext")
	literal = words("code pre kbd samp script style textarea title xmp")
	// They reach beyond the fragment, or load something that runs.
	active = words("base embed link meta object")
)

func words(list string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(list) {
		set[w] = true
	}
	return set
}

// fragment writes a piece of HTML so that what comes after it is not part of it: elements that it leaves open are closed, end tags of
// what it didn't open, comments and the tags of a document are left out. All else keeps its bytes.
func (p *writer) fragment(source string, f fragment) {
	z := html.NewTokenizer(strings.NewReader(source))
	var open []string
	closeTo := func(n int) {
		for _, name := range slices.Backward(open[n:]) {
			if name == "script" {
				p.WriteString("\n-->") // it may have opened a comment, in which </script> would not end it
			}
			p.WriteString("</" + name + ">")
		}
		open = open[:n]
	}
	for {
		kind := z.Next()
		raw := z.Raw()
		switch kind {
		case html.ErrorToken:
			closeTo(0)
			return
		case html.TextToken:
			if len(open) > 0 && open[len(open)-1] == "script" && !f.scripts {
				continue
			}
			f.text(p, raw, slices.ContainsFunc(open, func(name string) bool { return literal[name] }))
		case html.StartTagToken, html.SelfClosingTagToken:
			tag, _ := z.TagName()
			name := string(tag)
			if outer[name] || !f.scripts && active[name] {
				continue
			}
			if !f.scripts && name == "script" {
				open = append(open, name)
				continue
			}
			if !f.scripts {
				raw = withoutScripts(z, name, raw)
			}
			f.tag(p, name, raw)
			drawn := slices.Contains(open, "svg") || slices.Contains(open, "math") || name == "svg" || name == "math" // there, <x/> is closed
			if !void[name] && !loose[name] && !(kind == html.SelfClosingTagToken && drawn) {
				open = append(open, name)
			}
		case html.EndTagToken:
			tag, _ := z.TagName()
			name := string(tag)
			if loose[name] {
				p.Write(raw)
				continue
			}
			for i, o := range slices.Backward(open) {
				if o != name {
					continue
				}
				closeTo(i + 1)
				open = open[:i]
				if name != "script" || f.scripts {
					p.Write(raw)
				}
				break
			}
		}
	}
}

// withoutScripts is a start tag without the attributes that hold scripts: as it is where it has none.
func withoutScripts(z *html.Tokenizer, name string, raw []byte) []byte {
	raw = bytes.Clone(raw) // the tokenizer decodes attributes in place
	kept := "<" + name
	clean := true
	for more := true; more; {
		var key, value []byte
		key, value, more = z.TagAttr()
		switch attribute := string(key); {
		case attribute == "":
		case strings.HasPrefix(attribute, "on"), attribute == "srcdoc", runs(name, attribute, value):
			clean = false
		default:
			kept += " " + attribute + `="` + html.EscapeString(string(value)) + `"`
		}
	}
	if clean {
		return raw
	}
	if bytes.HasSuffix(raw, []byte("/>")) {
		kept += "/"
	}
	return []byte(kept + ">")
}

// runs reports whether the value of an attribute is the address of a script, or of a document that may hold one.
func runs(element, attribute string, value []byte) bool {
	at := address(value)
	if animations[element] { // they give lists of values to other attributes
		return strings.Contains(at, "javascript:") || strings.Contains(at, "vbscript:") || strings.Contains(at, "data:")
	}
	mime, isData := strings.CutPrefix(at, "data:")
	if !isData || !addresses[attribute] || pictured[element] {
		return strings.HasPrefix(at, "javascript:") || strings.HasPrefix(at, "vbscript:")
	}
	if end := strings.IndexAny(mime, ";,"); end >= 0 {
		mime = mime[:end]
	}
	return strings.Contains(mime, "html") || strings.Contains(mime, "xml")
}

var (
	animations = words("animate animatecolor animatemotion animatetransform set")
	addresses  = words("href xlink:href src srcset action formaction poster background")
	pictured   = words("img image source") // nothing runs in a picture
)

// address is how a browser reads an address: without space and controls.
func address(value []byte) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' {
			return -1
		}
		return r
	}, strings.ToLower(string(value)))
}

// text writes a text of the fragment with its formulas.
func (f fragment) text(p *writer, raw []byte, literally bool) {
	for len(f.formulas) > 0 {
		at := mark.FindSubmatchIndex(raw)
		if at == nil {
			break
		}
		p.Write(raw[:at[0]])
		if m := f.formula(raw[at[2]:at[3]]); m == nil {
			p.Write(raw[at[0]:at[1]])
		} else if literally {
			p.text(m.source)
		} else {
			p.formula(*m)
		}
		raw = raw[at[1]:]
	}
	p.Write(raw)
}

var picture = regexp.MustCompile(`\ssrc\s*=\s*("[^"]*"|'[^']*')`)

// tag writes a start tag; a picture gets its data.
func (f fragment) tag(p *writer, name string, raw []byte) {
	if len(f.formulas) > 0 {
		raw = mark.ReplaceAllFunc(raw, func(b []byte) []byte {
			if m := f.formula(mark.FindSubmatch(b)[1]); m != nil {
				return []byte(escape(m.source))
			}
			return b
		})
	}
	if at := picture.FindSubmatchIndex(raw); at != nil && name == "img" {
		source := html.UnescapeString(string(raw[at[2]+1 : at[3]-1]))
		if mime, data := f.picture(p, source); data != nil {
			p.Write(raw[:at[2]])
			p.WriteByte('"')
			p.data(mime, data)
			p.WriteByte('"')
			raw = raw[at[3]:]
		}
	}
	p.Write(raw)
}

// picture finds a picture that a Markdown cell names: an attachment, or a file. It is nil where there is none.
func (f fragment) picture(p *writer, source string) (mime string, data json.RawMessage) {
	name, isAttachment := strings.CutPrefix(source, "attachment:")
	if plain, err := url.PathUnescape(name); err == nil && f.attachments[name] == nil {
		name = plain
	}
	if isAttachment {
		for _, mime := range richest {
			if data, ok := f.attachments[name][mime]; ok && strings.HasPrefix(mime, "image/") && usable(mime, data) {
				return mime, data
			}
		}
		return "", nil
	}
	mime = pictures[strings.ToLower(path.Ext(name))]
	if p.options.Files == nil || !f.files || mime == "" || !fs.ValidPath(path.Clean(name)) {
		return "", nil
	}
	file, err := fs.ReadFile(p.options.Files, path.Clean(name))
	if err != nil {
		return "", nil
	}
	if mime == "image/svg+xml" {
		data, _ = json.Marshal(string(file))
	} else {
		data, _ = json.Marshal(file)
	}
	return mime, data
}

// pictures are the MIME types of picture files.
var pictures = map[string]string{
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp", ".avif": "image/avif", ".bmp": "image/bmp", ".svg": "image/svg+xml",
}

func (f fragment) formula(index []byte) *formula {
	n := 0
	for _, c := range bytes.TrimSpace(index) {
		if n = n*10 + int(c-'0'); n >= len(f.formulas) {
			return nil
		}
	}
	return &f.formulas[n]
}
