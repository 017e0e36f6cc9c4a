package papermill

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/testkit"
	"github.com/cellar-go/cellar/papermill/journal"
	"github.com/cellar-go/cellar/papermill/nbformat"
	"github.com/cellar-go/cellar/papermill/parameters"
)

// TestMaskWriter: a text that comes in pieces is masked as one that comes at once.
func TestMaskWriter(t *testing.T) {
	m, err := NewMask([]Secret{{"A", "swordfish"}, {"B", "word\"é\n"}, {"C", "aaaa"}, {"D", "pass"}, {"E", "password123"}, {"KEY", "-----BEGIN-----\nMIIEpAIB\n-----END-----"}})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat(`swordfis swordfish word"é word\"\u00e9 aaaaaaaaa swordswordfish MIIEpAIB\n -----END----- password123 passwords pas sw`, 5) + " pass"
	want := m.Text(text)
	for _, secret := range []string{"swordfish", `word"é`, `word\"\u00e9`, "aaaa", "MIIEpAIB", "word123", "pass"} {
		if strings.Contains(want, secret) {
			t.Errorf("%q is in %q", secret, want)
		}
	}
	for range 200 {
		var b strings.Builder
		w := m.Writer(&b)
		for rest := text; rest != ""; {
			n := 1 + rand.IntN(min(len(rest), 12))
			if _, err := io.WriteString(w, rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.Flush(); err != nil || b.String() != want {
			t.Fatalf("%v\n got %q\nwant %q", err, b.String(), want)
		}
	}
	if _, err := NewMask([]Secret{{"PIN", "123"}}); fault.ExitCode(err) != 2 || !strings.Contains(err.Error(), "PIN has 3 characters") || strings.Contains(err.Error(), "123") {
		t.Error(err)
	}
}

// TestSecretForms: a secret is found as programs write it, within texts and as a notebook holds these.
func TestSecretForms(t *testing.T) {
	const plain, odd, lines = "correct-horse", `s3cr3t-Tok/en+äö"q'<&x`, "first line's\tend\nthe \"last\" €"
	m, err := NewMask([]Secret{{"PLAIN", plain}, {"ODD", odd}, {"LINES", lines}})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		odd,
		`s3cr3t-Tok/en+äö&#34;q&#39;&lt;&amp;x`,                       // Go's html
		`s3cr3t-Tok/en+äö&quot;q&#x27;&lt;&amp;x`,                     // Python's
		`s3cr3t-Tok/en+äö"q'&lt;&amp;x`,                               // without the quotes
		`s3cr3t-Tok%2Fen%2B%C3%A4%C3%B6%22q%27%3C%26x`,                // as a query
		`s3cr3t-Tok%2Fen+%C3%A4%C3%B6%22q%27%3C&x`,                    // as part of a path
		`s3cr3t-Tok/en%2B%C3%A4%C3%B6%22q%27%3C%26x`,                  // Python's quote
		`s3cr3t-Tok%2Fen%2B%C3%A4%C3%B6%22q'%3C%26x`,                  // JavaScript's encodeURIComponent
		`s3cr3t-Tok/en+\xe4\xf6\"q'<&x`,                               // Python, as Papermill writes it
		`s3cr3t-Tok/en+äö"q\'<&x`,                                     // Python's repr
		`s3cr3t-Tok/en+äö\"q'<&x`,                                     // JSON, Go
		`s3cr3t-Tok/en+\u00e4\u00f6\"q'<&x`,                           // JSON in ASCII, R, Julia
		`s3cr3t-Tok/en+äö""q'<&x`,                                     // MATLAB
		`s3cr3t-Tok/en+äö"q''<&x`,                                     // SQL
		`s3cr3t-Tok/en+äö"q'"'"'<&x`,                                  // bash
		"first line\\'s\\tend", `the "last" €`, `the \"last\" \u20ac`, // lines
		"first%20line%27s%09end", `the &quot;last&quot; €`,
	} {
		for _, shown := range []string{text, nbformat.Escape(text, false), nbformat.Escape(text, true)} {
			if got := m.Text("a " + shown + " b " + plain); got != "a *** b ***" {
				t.Errorf("%s is shown as %s", shown, got)
			}
		}
	}
	for _, language := range parameters.Languages() {
		declared := ""
		if language == "sql" {
			declared = "SET @token = 1; SET @header = 1"
		}
		for _, secret := range []string{plain, odd, lines} {
			source, err := parameters.Translate(language, parameters.List{{Name: "token", Value: secret}, {Name: "header", Value: "Bearer " + secret + " ok"}}, declared)
			if err != nil {
				t.Fatal(err)
			}
			got := m.Text(source)
			for _, part := range []string{"correct", "s3cr3t", "Tok", "q", "first", "last"} {
				if strings.Contains(got, part) {
					t.Errorf("%s: %s", language, got)
				}
			}
			if strings.Count(got, masked) < 2 || !strings.Contains(got, " ok") {
				t.Errorf("%s: %s", language, got)
			}
		}
	}
}

// TestMaskJSON: JSON stays JSON, also where a secret is a number, or as what begins within an escape.
func TestMaskJSON(t *testing.T) {
	m, err := NewMask([]Secret{{"A", "12345678"}, {"B", "nope-1"}, {"C", `x", "y`}, {"D", `tail\`}, {"E", "00e4bc"}, {"F", "true"}, {"G", "u?a=1&b=<2>"}})
	if err != nil {
		t.Fatal(err)
	}
	const text = `{"a": 12345678, "b": [0.12345678, -123456789e5, "12345678"], "c": "\nope-1 nope-1 \\nope-1", "d": ["x", "y"], "e": "x\", \"y tail\\", "f": "tail\"\u00e4bc 00e4bc", "g": [true, "true"], "h": "u?a=1\u0026b=\u003c2\u003e u?a=1&b=<2>"}`
	const want = `{"a": 99999999, "b": [0.99999999, -999999999e5, "***"], "c": "\nope-1 *** \\***", "d": ["x", "y"], "e": "*** ***", "f": "tail\"\u00e4bc ***", "g": [true, "***"], "h": "*** ***"}`
	if got := m.JSON(json.RawMessage(text)); string(got) != want || !json.Valid(got) {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	for range 200 {
		var b strings.Builder
		w := m.jsonWriter(&b)
		for rest := text; rest != ""; {
			n := 1 + rand.IntN(min(len(rest), 12))
			io.WriteString(w, rest[:n])
			rest = rest[n:]
		}
		if err := w.Flush(); err != nil || b.String() != want {
			t.Fatalf("%v\n got %s\nwant %s", err, b.String(), want)
		}
	}
}

// TestSecrets: a secret reaches the notebook, and nothing that is written or said holds it.
func TestSecrets(t *testing.T) {
	testkit.UsePython(t)
	const secret = "sword\"fish é"
	in := pythonNotebook(t, "import os, sys, time\ns = os.environ['TOKEN']\nassert s == token and len(s) == 12\nfor c in s: print(c, end='', flush=True); time.sleep(0.3)",
		"print(s)\nprint('x' * 2_000_000 + s)\ns[:6] + s[6:]", "display({'text/html': '<b>' + s + '</b>', 'application/json': {s: [s]}}, raw=True, metadata={'m': s})",
		"display({'text/plain': 'y' * 2_000_000 + s + 'z', 'image/png': 'y' * 2_000_000 + s}, raw=True)", "raise ValueError(s)")
	nb, err := nbformat.Read(in)
	if err != nil {
		t.Fatal(err)
	}
	nb.Insert(0, "code", "token = 'sword\"fish é'").SetTags("parameters")
	if err := nb.WriteFile(in); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out.ipynb")
	var p parameters.List
	p.Set("token", secret)
	var said, journals strings.Builder
	_, err = Run(t.Context(), Options{Input: in, Output: out, Parameters: p, Secrets: []Secret{{"TOKEN", secret}}, OnOutput: func(_ *nbformat.Cell, o nbformat.Output) {
		said.WriteString(o.Text + strings.Join(o.Traceback, "") + o.EValue)
		for _, v := range o.Data {
			said.Write(v)
		}
		text, _ := os.ReadFile(journal.Path(out))
		journals.Write(text)
	}})
	if fault.ExitCode(err) != 1 || !strings.Contains(err.Error(), "ValueError: ***") {
		t.Errorf("%v", err)
	}
	text, fail := os.ReadFile(out)
	if fail != nil {
		t.Fatal(fail)
	}
	for place, text := range map[string]string{"the notebook": string(text), "what is logged": said.String(), "the journal": journals.String(), "the error": err.Error()} {
		if len(text) < 100 || !strings.Contains(text, "***") {
			t.Errorf("%s does not show that there is a secret: %.100s", place, text)
		}
		for _, form := range []string{secret, nbformat.Escape(secret, false), nbformat.Escape(secret, true)} {
			if i := strings.Index(text, form); i >= 0 {
				t.Errorf("%s holds the secret: …%s…", place, text[max(0, i-80):min(len(text), i+80)])
			}
		}
	}
	nb, err = nbformat.Read(out)
	if err != nil || len(nb.Cells()) != 9 {
		t.Fatal(err, len(nb.Cells()))
	}
}

// TestHeldBack: what may be the start of a secret comes in the end, also in an Output widget when the kernel ends.
func TestHeldBack(t *testing.T) {
	testkit.UsePython(t)
	in := pythonNotebook(t, "import ipywidgets, threading\nout = ipywidgets.Output()\nout", "def end():\n    threading.main_thread().join()\n    out.append_stdout('end: swordf')\n    print('end: swordf')\nthreading.Thread(target=end).start()")
	r, err := Run(t.Context(), Options{Input: in, Secrets: []Secret{{"TOKEN", "swordfish"}}, Grace: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if got := text(r.Notebook.Cells()[1]); got != "end: swordf\n" {
		t.Errorf("the cell shows %q", got)
	}
	if got := string(r.Notebook.Metadata().Raw("widgets")); !strings.Contains(got, "end: swordf") {
		t.Errorf("the widget shows %s", got)
	}
}

// BenchmarkMaskWriter masks a flood of 200,000 lines, as it comes from a kernel: a write each, and the end of one may be held for the next.
func BenchmarkMaskWriter(b *testing.B) {
	m, err := NewMask([]Secret{{"TOKEN", `s3cr3t-Tok/en+äö"q`}})
	if err != nil {
		b.Fatal(err)
	}
	var lines []string
	for i := range 200_000 {
		lines = append(lines, fmt.Sprintf("line %d: some text that a step of a training prints, loss=%f\n", i, 1/float64(i+1)))
	}
	for b.Loop() {
		var held []byte
		for _, line := range lines {
			w := m.Writer(io.Discard)
			w.held = held
			io.WriteString(w, line)
			held = w.held
		}
	}
}

func BenchmarkNewMask(b *testing.B) {
	key := "-----BEGIN-----\n" + strings.Repeat("MIIEpAIBAAKCAQEAx/hunter2+hunter2+hunter2+hunter2+hunter2+hunter2\n", 50) + "-----END-----\n"
	for b.Loop() {
		if _, err := NewMask([]Secret{{"KEY", key}}); err != nil {
			b.Fatal(err)
		}
	}
}

// TestSecretsShownNowhere runs what shows a secret in other places than the outputs of cells.
func TestSecretsShownNowhere(t *testing.T) {
	testkit.UsePython(t)
	testkit.InstallKernel(t, os.Getenv("JUPYTER_PATH"), "telling", map[string]any{"argv": []string{"/bin/sh", "-c", "echo cannot log in with \"$TOKEN\" >&2; exit 3"}, "language": "x", "display_name": "telling"})
	const secret = "sword\"fish é"
	for _, c := range []struct {
		name, kernel, source, failure string
		hidden                        int // how often at least the notebook has ***
	}{
		{"an error that is only answered", "", "get_ipython().run_line_magic(s, '')", "UsageError: Line magic function `%***` not found", 0},
		{"a kernel that does not start", "telling", "", "it said:\ncannot log in with ***", 0},
		{"a kernel that dies", "", "import os\nos.write(2, s.encode()); os._exit(3)", "the kernel died", 0},
		{"widgets", "", "import comm, html, ipywidgets as w\nw.HTML(value=html.escape(s), description=s)\n" +
			"comm.create_comm(target_name='jupyter.widget', data={'state': {'_model_name': 'X', s: [s]}, 'buffer_paths': [[s]]}, buffers=[b'x'])", "", 4},
		{"an Output widget", "", "import ipywidgets as w\nout = w.Output()\nwith out: print(s); print(s[:6], end=''); print(s[6:]); display(s, display_id=s)\nout", "", 3},
		{"outputs of an Output widget", "", "import ipywidgets as w\nout = w.Output()\nout.outputs = [{'output_type': 'error', 'ename': s, 'evalue': s, 'traceback': [s]}, " +
			"{'output_type': 'display_data', 'data': {'text/plain': s}, 'metadata': {'m': s}}, {'output_type': 'stream', 'name': s, 'text': s}]\nout", "", 6},
		{"late outputs", "", "import asyncio, sys, threading\nasync def later():\n    print(s); display(s, display_id=s); print(s, file=sys.stderr)\ntask = asyncio.create_task(later())\n" +
			"threading.Thread(target=lambda: (threading.main_thread().join(), print(s))).start()", "", 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := pythonNotebook(t, "import os\ns = os.environ['TOKEN']", c.source, "print('the end')")
			out := filepath.Join(t.TempDir(), "out.ipynb")
			var said, journals strings.Builder
			r, err := Run(t.Context(), Options{Input: in, Output: out, Kernel: c.kernel, Secrets: []Secret{{"TOKEN", secret}}, OnOutput: func(_ *nbformat.Cell, o nbformat.Output) {
				fmt.Fprintln(&said, o.Name, o.Text, o.EName, o.EValue, o.Traceback)
				for _, v := range o.Data {
					said.Write(v)
				}
				text, _ := os.ReadFile(journal.Path(out))
				journals.Write(text)
			}})
			failure := ""
			if err != nil {
				failure = err.Error() + fault.Hint(err)
			}
			if !strings.Contains(failure, c.failure) || (err == nil) != (c.failure == "") {
				t.Errorf("%v", err)
			}
			text, _ := os.ReadFile(out)
			if got := strings.Count(string(text), masked); got < c.hidden {
				t.Errorf("*** stands in the notebook %d times:\n%s", got, text)
			}
			if c.failure == "" && !strings.Contains(journals.String(), "the end") {
				t.Error("no journal was seen")
			}
			for place, text := range map[string]string{"the notebook": string(text), "what is logged": said.String(), "the journal": journals.String(), "the error": failure, "a warning": fmt.Sprint(r.Warnings)} {
				if i := strings.Index(text, "fish"); i >= 0 {
					t.Errorf("%s holds the secret: …%s…", place, text[max(0, i-80):min(len(text), i+80)])
				}
			}
		})
	}
}
