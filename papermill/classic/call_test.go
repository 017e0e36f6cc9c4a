package classic

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cellar-go/cellar/papermill/nbformat"
)

// A character that two pieces of a stream share is told whole.
func TestEventsOfPieces(t *testing.T) {
	const text = "aé€😀\n"
	for cut := range len(text) + 1 {
		var lines bytes.Buffer
		e := &events{w: &lines, held: map[string][]byte{}}
		for _, piece := range []string{text[:cut], text[cut:]} {
			e.output(3, nbformat.Output{Type: "stream", Name: "stdout", Text: piece})
			e.output(3, nbformat.Output{Type: "stream", Name: "stderr", Text: "x"})
		}
		var out, other strings.Builder
		for d := json.NewDecoder(&lines); ; {
			var is event
			if err := d.Decode(&is); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if is.Event != "output" || *is.Cell != 3 {
				t.Errorf("%+v", is)
			}
			b := &out
			if is.Output["name"] == "stderr" {
				b = &other
			}
			b.WriteString(is.Output["text"].(string))
		}
		if out.String() != text || other.String() != "xx" {
			t.Errorf("cut at %d: %q, %q", cut, out.String(), other.String())
		}
	}
}

func TestOneLine(t *testing.T) {
	const text = "{\n \"a\": \"é\\n\",\r\n \"b\": []\n}\n"
	var line bytes.Buffer
	if _, err := io.Copy(oneLine{&line}, iotest.OneByteReader(strings.NewReader(text))); err != nil {
		t.Fatal(err)
	}
	if got, want := line.String(), `{ "a": "é\n", "b": []}`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A caller that has stopped listening keeps no run from its end.
func TestEventsNobodyReads(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	e := &events{w: w, held: map[string][]byte{}}
	for range 3 {
		e.tell(event{Event: "started"})
	}
	if e.err != io.ErrClosedPipe {
		t.Error(e.err)
	}
}

// What a call says wrong is a mistake of the functions for Python, and reaches no notebook.
func TestReadCall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "call.json")
	for text, want := range map[string]string{`{"managed": true, "comment": "c"}`: "", `{`: "unexpected end", "-": "no such file"} {
		if text != "-" {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		} else if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		t.Setenv(callVariable, path)
		c, err := readCall()
		if want == "" && (err != nil || !c.Managed || *c.Comment != "c" || c.Source != nil) {
			t.Errorf("%+v, %v", c, err)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", text, err)
		}
		if _, left := os.LookupEnv(callVariable); left {
			t.Error("a notebook would get it")
		}
	}
}
