package page

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/testkit"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// chromium runs a browser without a window on a page, and returns what it says.
func chromium(t *testing.T, page string, flags ...string) []byte {
	t.Helper()
	browser := testkit.Chromium(t)
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, []byte(page), 0o666); err != nil {
		t.Fatal(err)
	}
	flags = append([]string{"--headless", "--no-pdf-header-footer", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--user-data-dir=" + t.TempDir()}, flags...)
	c := exec.Command(browser, append(flags, "file://"+file)...)
	var said bytes.Buffer
	c.Stderr = &said
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &said)
	}
	return out
}

// measured is what an expression is in a page, as JSON.
func measured(t *testing.T, page string, width int, expression string, to any) {
	t.Helper()
	page = strings.Replace(page, "</body>", "<script>document.body.textContent = 'MEASURED' + btoa(JSON.stringify("+expression+")) + 'END'</script></body>", 1)
	out := chromium(t, page, "--dump-dom", fmt.Sprintf("--window-size=%d,900", width))
	_, text, _ := strings.Cut(string(out), "<body>MEASURED")
	text, _, _ = strings.Cut(text, "END")
	raw, err := base64.StdEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, to)
	}
	if err != nil {
		t.Fatalf("%v of %s", err, out)
	}
}

// showing is a code cell that shows a picture.
func showing(t *testing.T, id string, width, height int) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"cell_type": "code", "id": %q, "source": "show()", "metadata": {}, "execution_count": 1, "outputs": [
		{"output_type": "display_data", "metadata": {}, "data": {"image/png": %q}}]}`, id, base64.StdEncoding.EncodeToString(b.Bytes()))
}

func notebookOf(t *testing.T, cells ...string) *nbformat.Notebook {
	t.Helper()
	return parse(t, `{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [`+strings.Join(cells, ",")+`]}`)
}

// TestWidePicture: a picture ends where its cell's source does.
func TestWidePicture(t *testing.T) {
	page := show(t, notebookOf(t, showing(t, "a", 1600, 100)), Options{})
	for _, width := range []int{1280, 600} {
		var right struct{ Picture, Source float64 }
		measured(t, page, width, `{Picture: document.querySelector('.picture').getBoundingClientRect().right, Source: document.querySelector('.source').getBoundingClientRect().right}`, &right)
		if right.Picture > right.Source || right.Picture < right.Source-1 {
			t.Errorf("in a window of %d the picture ends at %g, the source at %g", width, right.Picture, right.Source)
		}
	}
}

// TestWideTableOnPaper: no number is broken, and nothing is beyond the paper.
func TestWideTableOnPaper(t *testing.T) {
	output, err := json.Marshal(frame(6, 40, "-12345.67"))
	if err != nil {
		t.Fatal(err)
	}
	page := show(t, notebookOf(t, `{"cell_type": "code", "id": "a", "source": "table", "metadata": {}, "execution_count": 1, "outputs": [
		{"output_type": "display_data", "metadata": {}, "data": {"text/html": `+string(output)+`}}]}`), Options{})
	printed := strings.NewReplacer("@media print", "@media all", "@media screen", "@media print").Replace(page)
	const paper = 672 // px between the margins
	var seen struct {
		Tables, Cells, Broken int
		Right                 float64
	}
	measured(t, printed, paper, `(() => {
		const seen = [...document.querySelectorAll('td')].filter(e => e.getClientRects().length)
		const right = Math.max(...seen.map(e => e.getBoundingClientRect().right))
		const broken = seen.filter(e => { const r = document.createRange(); r.selectNodeContents(e); return r.getClientRects().length > 1 })
		return {Tables: [...document.querySelectorAll('table')].filter(e => e.getClientRects().length).length, Cells: seen.length, Broken: broken.length, Right: right}
	})()`, &seen)
	if seen.Cells != 240 || seen.Broken != 0 || seen.Right > paper || seen.Tables < 2 {
		t.Errorf("on paper: %+v", seen)
	}
	measured(t, page, 1280, `{Tables: [...document.querySelectorAll('table')].filter(e => e.getClientRects().length).length}`, &seen)
	if seen.Tables != 1 {
		t.Errorf("on the screen there are %d tables", seen.Tables)
	}
}

// TestPicturesOnPaper: a picture that goes to the next page leaves nothing of itself on the one before.
func TestPicturesOnPaper(t *testing.T) {
	var cells []string
	for i := range 12 {
		cells = append(cells, showing(t, fmt.Sprint("c", i), 1600, 500+37*i))
	}
	file := filepath.Join(t.TempDir(), "page.pdf")
	chromium(t, show(t, notebookOf(t, cells...), Options{}), "--print-to-pdf="+file)
	pdf, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	drawn := 0
	for _, m := range regexp.MustCompile(`(?s)\bstream\r?\n(.*?)endstream`).FindAllSubmatch(pdf, -1) {
		z, err := zlib.NewReader(bytes.NewReader(m[1]))
		if err != nil {
			continue
		}
		text, _ := io.ReadAll(z)
		drawn += len(regexp.MustCompile(`/X\d+ Do\b`).FindAll(text, -1))
	}
	if drawn != len(cells) {
		t.Errorf("%d pictures are drawn %d times", len(cells), drawn)
	}
}
