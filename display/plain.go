package display

import (
	"bytes"
	"fmt"
	"html"
	"strings"
	"unicode/utf8"
)

// htmlText is what a piece of HTML says, for those who see text only.
func htmlText(s string) string {
	var b []byte
	blank := func() { // words are apart by one blank, and none begins a line
		if n := len(b); n > 0 && b[n-1] != ' ' && b[n-1] != '\n' {
			b = append(b, ' ')
		}
	}
	for s != "" && len(b) <= textLimit {
		text, rest, found := strings.Cut(s, "<")
		words := strings.Fields(text)
		if text != "" && strings.TrimLeft(text, " \t\r\n") != text {
			blank()
		}
		b = append(b, html.UnescapeString(strings.Join(words, " "))...)
		if len(words) > 0 && strings.TrimRight(text, " \t\r\n") != text {
			blank()
		}
		if !found {
			break
		}
		if comment, after, ok := strings.Cut(rest, "-->"); ok && strings.HasPrefix(comment, "!--") {
			s = after
			continue
		}
		tag, after, _ := strings.Cut(rest, ">")
		s = after
		name, _, _ := strings.Cut(strings.ToLower(tag), " ")
		switch name = strings.TrimSuffix(name, "/"); name {
		case "script", "style", "head", "title":
			if i := strings.Index(strings.ToLower(s), "</"+name); i >= 0 {
				s = s[i:]
			} else {
				s = ""
			}
		case "td", "th":
			if n := len(b); n > 0 && b[n-1] != '\n' {
				b = append(b, "  "...)
			}
		default:
			if blocks[strings.TrimPrefix(name, "/")] {
				b = bytes.TrimRight(b, " ")
				if n := len(b); n > 0 && b[n-1] != '\n' {
					b = append(b, '\n')
				}
			}
			if name == "li" {
				b = append(b, "- "...)
			}
		}
	}
	if text := string(bytes.TrimSpace(b)); text != "" {
		return shortened(text, textLimit)
	}
	return "<HTML>"
}

// blocks are the tags that begin or end a line.
var blocks = map[string]bool{"br": true, "p": true, "div": true, "h1": true, "h2": true, "h3": true, "h4": true, "h5": true, "h6": true,
	"li": true, "ul": true, "ol": true, "tr": true, "table": true, "pre": true}

// between is what stands between two marks; "" if they are not there.
func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	s, _, found := strings.Cut(s, to)
	if !found {
		return ""
	}
	return strings.TrimSpace(s)
}

// shortened cuts a text that is longer than n bytes, and tells its length.
func shortened(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + fmt.Sprintf("… (%s in all)", bytesText(len(s)))
}
