package highlight

import (
	"embed"
	"html"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/alecthomas/chroma/v2"
)

// lexers are made by the test TestLexers with -update; COPYING is their licence.
//
//go:embed lexers/*.xml lexers/COPYING
var lexers embed.FS

// languages are the names that notebooks and fenced code give a language, by the file of its lexer.
var languages = map[string][]string{
	"bash": {"sh", "shell", "zsh", "ksh", "console"}, "c": {"h"}, "clojure": {"clj"}, "cpp": {"c++", "cc", "cxx", "c++11", "c++14", "c++17", "c++20", "c++23", "cuda"},
	"csharp": {"c#", "cs"}, "diff": {"patch"}, "fsharp": {"f#", "fs"}, "go": {"golang"}, "haskell": {"hs"}, "java": nil, "javascript": {"js", "node", "jsx"},
	"json": {"jsonc"}, "julia": {"jl"}, "kotlin": {"kt", "kts"}, "lua": nil, "ocaml": {"ml"}, "octave": {"matlab"}, "perl": {"pl"},
	"powershell": {"pwsh", "ps1"}, "python": {"py", "python3", "python2", "ipython", "ipython3", "sage", "pycon"}, "r": {"splus"}, "ruby": {"rb"}, "rust": {"rs"},
	"scala": {"sc"}, "sql": {"postgresql", "mysql", "sqlite"}, "typescript": {"ts", "tsx", "deno"}, "xml": {"html", "svg"}, "yaml": {"yml"},
}

// longest is the longest source that is coloured. A lexer's regular expressions can take time that grows with the square of the source;
// up to here that is a second at worst.
const longest = 1 << 15

var (
	mutex  sync.Mutex
	loaded = map[string]*chroma.RegexLexer{} // by file
)

func lexer(language string) *chroma.RegexLexer {
	language = strings.ToLower(language)
	file := language
	if _, ok := languages[language]; !ok {
		file = ""
		for f, names := range languages {
			if slices.Contains(names, language) {
				file = f
			}
		}
		if file == "" {
			return nil
		}
	}
	mutex.Lock()
	defer mutex.Unlock()
	if loaded[file] == nil {
		loaded[file] = chroma.MustNewXMLLexer(lexers, "lexers/"+file+".xml")
	}
	return loaded[file]
}

// Write writes source as HTML: escaped, spans with Chroma's classes (k for a keyword, c1 for a comment) around what is coloured, no
// element around it. A language that it doesn't know is only escaped.
func Write(w io.Writer, language, source string) error {
	var b strings.Builder
	for _, t := range tokens(language, source) {
		class := chroma.StandardTypes[t.Type]
		text := html.EscapeString(t.Value)
		if class == "" || t.Type == chroma.Text || t.Type == chroma.TextWhitespace || t.Type.Category() == chroma.Other || t.Type == chroma.Error {
			b.WriteString(text)
			continue
		}
		b.WriteString(`<span class="` + class + `">` + text + "</span>")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// tokens cuts a source into tokens that make up the whole of it: one where its language is not known, or its lexer loses something.
func tokens(language, source string) []chroma.Token {
	whole := []chroma.Token{{Type: chroma.Text, Value: strings.ToValidUTF8(source, "\uFFFD")}}
	l := lexer(language)
	if l == nil || len(source) > longest {
		return whole
	}
	next, err := l.Tokenise(&chroma.TokeniseOptions{State: "root"}, whole[0].Value)
	if err != nil {
		return whole
	}
	var list []chroma.Token
	at := 0
	for t := next(); t != chroma.EOF; t = next() {
		if t.Value == "" {
			continue
		}
		if !strings.HasPrefix(whole[0].Value[at:], t.Value) {
			return whole
		}
		at += len(t.Value)
		if last := len(list) - 1; last >= 0 && list[last].Type == t.Type {
			list[last].Value += t.Value
			continue
		}
		list = append(list, t)
	}
	if at < len(whole[0].Value) {
		return whole
	}
	return list
}
