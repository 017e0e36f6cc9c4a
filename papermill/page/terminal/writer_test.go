package terminal

import (
	"errors"
	"fmt"
	"html"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"
)

func show(t testing.TB, text string) string {
	t.Helper()
	var b strings.Builder
	if err := Write(&b, text); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWrite(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"escaped", "<b> & \"x\"'\n", "&lt;b&gt; &amp; &#34;x&#34;&#39;\n"},
		{"tabs and lines", "a\tb\n\nc", "a\tb\n\nc"},
		{"carriage return and newline", "a\r\nb\r\n", "a\nb\n"},
		{"a progress bar", "  0%|    |\r 50%|██  |\r100%|████|\n", "100%|████|\n"},
		{"a shorter line leaves the rest", "abcdef\rxy", "xycdef"},
		{"backspaces", "abc\b\bX", "aXc"},
		{"backspace stops at the line's start", "a\n\b\bX", "a\nX"},
		{"erased to the end", "abcdef\rxy\x1b[K", "xy"},
		{"erased whole", "abc\x1b[2Kd", "   d"},
		{"erased to the cursor", "abcdef\x1b[3D\x1b[1K", "    ef"},
		{"two bars", "a: 0\nb: 0\x1b[A\ra: 1\n\rb: 1", "a: 1\nb: 1"},
		{"erased below", "a\nb\nc\x1b[2A\x1b[J", "a"},
		{"up from the first line", "\x1b[9Ax", "x"},
		{"columns", "abc\x1b[1GX\x1b[5GY", "Xbc Y"},
		{"colour", "\x1b[31mred\x1b[0m x", `<span class="t1">red</span> x`},
		{"bright, bold, ground", "\x1b[1;92;44mx\x1b[m", `<span class="bold t10 g4">x</span>`},
		{"others", "\x1b[2;3;4;9mx\x1b[22;23;24;29my", `<span class="faint italic underline strike">x</span>y`},
		{"one colour on two lines", "\x1b[32ma\nb\x1b[39mc", "<span class=\"t2\">a</span>\n<span class=\"t2\">b</span>c"},
		{"256 colours", "\x1b[38;5;9ma\x1b[38;5;28mb\x1b[48;5;250mc", `<span class="t9">a</span><span style="color:light-dark(#008700,#339f33)">b</span><span style="color:#008700;background:#bcbcbc">c</span>`},
		{"true colours", "\x1b[38;2;255;255;255ma\x1b[48:2::0:0:128mb\x1b[0;48;2;0;0;0mc", `<span style="color:light-dark(#999999,#ffffff)">a</span><span style="color:#ffffff;background:#000080">b</span><span style="background:#000000;color:#fff">c</span>`},
		{"inverse", "\x1b[7ma\x1b[31mb\x1b[27mc", `<span class="t-paper g-ink">a</span><span class="t-paper g1">b</span><span class="t1">c</span>`},
		{"bad colours", "\x1b[38;5;300ma\x1b[38;2;1mb\x1b[38mc\x1b[999md", "abcd"},
		{"hidden is shown", "\x1b[8mpassword", "password"},
		{"titles, links, bells, cursors", "\x1b]0;title\aa\x1b]8;;http://x\x1b\\b\x1b]8;;\x1b\\\a\x1b[?25lc\x1b(Bd\x1b=e", "abcde"},
		{"clearing the screen loses nothing", "a\n\x1b[H\x1b[2Jb", "a\nb"},
		{"a string that is not closed", "\x1b]0;title\nb", "0;title\nb"},
		{"half a sequence", "a\x1b[3", "a"},
		{"a sequence that is broken off", "a\x1b[3\nb", "a\nb"},
		{"other controls", "a\x00\x07\x7f\u009bb", "ab"},
		{"not UTF-8", "a\xffb", "a\uFFFDb"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := show(t, c.in); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			// The same in a text that is long enough for the quick way.
			lines := strings.Repeat("line\n", 3*windowLines)
			if got := show(t, lines+"\r"+c.in); got != lines+c.want && c.name != "up from the first line" {
				t.Errorf("after lines: %q", strings.TrimPrefix(got, lines))
			}
		})
	}
}

func TestLong(t *testing.T) {
	var in, want strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&in, "%d\r\x1b[32m%d\x1b[0m <\n", i, i)
		fmt.Fprintf(&want, "<span class=\"t2\">%d</span> &lt;\n", i)
	}
	if got := show(t, in.String()); got != want.String() {
		t.Error("lines are lost or changed")
	}
	line := strings.Repeat("x", 3*windowGlyphs)
	if got := show(t, line); got != line {
		t.Errorf("a line of %d came out with %d", len(line), len(got))
	}
	bar := strings.Repeat("\r"+strings.Repeat("#", 100), 100_000)
	if got := show(t, bar); got != strings.Repeat("#", 100) {
		t.Errorf("a bar came out with %d", len(got))
	}
}

// TestLinear: a text of many unfinished controls takes no more than linear time.
func TestLinear(t *testing.T) {
	for _, piece := range []string{"\x1b]", "\x1b[1A\n", "\x1b[1000Cx\r", "\x1b", "\n\x1b[31m", "a\n\r"} {
		start := time.Now()
		show(t, strings.Repeat(piece, 1<<20/len(piece)))
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("1 MB of %q took %v", piece, took)
		}
	}
}

func TestWriteError(t *testing.T) {
	full := errors.New("full")
	if err := Write(failing{full}, "a\x1b[31mb\n"); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

var _ io.Writer = failing{}

var span = regexp.MustCompile(`<span(?: class="[a-z0-9 -]+")?(?: style="[a-z0-9#:;,()-]+")?>|</span>`)

func FuzzWrite(f *testing.F) {
	for _, s := range []string{"a\rb", "\x1b[31mx\x1b[0m", "\x1b[38;2;1;2;3m<x>", "a\nb\x1b[Ac\x1b[K", "\x1b]8;;x\x1b\\", "\x1b[48:5:200mé\b\b", "\x1b[9999C|"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := show(t, text)
		if open, closed := strings.Count(got, "<span"), strings.Count(got, "</span>"); open != closed {
			t.Fatalf("%d spans opened, %d closed: %q", open, closed, got)
		}
		bare := span.ReplaceAllString(got, "")
		if strings.ContainsAny(bare, "<>\x1b\r\x00") || html.EscapeString(html.UnescapeString(bare)) != bare {
			t.Fatalf("not escaped: %q", got)
		}
		if plain(strings.ReplaceAll(text, "\n", "")) && html.UnescapeString(bare) != strings.ToValidUTF8(text, "\uFFFD") && strings.ToValidUTF8(text, "") == text {
			t.Fatalf("changed: %q from %q", got, text)
		}
	})
}
