package kernel

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// labNotebook is what the browser runs; web/test/jupyterlab.mjs says what must come of each cell.
var labNotebook = []string{
	"import \"fmt\"\nfor i := range 3 {\n\tfmt.Println(\"line\", i)\n}",
	"answer := 40\nanswer + 2",
	"import \"github.com/cellar-go/cellar/display\"\ndisplay.HTML(\"<b>bold</b>\")",
	"import (\n\t\"image\"\n\t\"image/color\"\n)\n\nm := image.NewGray(image.Rect(0, 0, 120, 40))\nfor x := range 120 {\n\tfor y := range 40 {\n\t\tm.Set(x, y, color.Gray{uint8(2 * x)})\n\t}\n}\ndisplay.Image(m)",
	"nope + 1",
	"var name string\nfmt.Print(\"name? \")\nfmt.Scanln(&name)\nfmt.Println(\"hello\", name)",
	"for {\n}",
	"ans",
}

// TestJupyterLab runs a notebook in JupyterLab, in a browser. The screenshot stays in build/.
func TestJupyterLab(t *testing.T) {
	web, err := filepath.Abs("../web/test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(web, "node_modules", "playwright-core")); err != nil {
		t.Fatal("no playwright-core in web/test/node_modules: run `make tools`")
	}
	chromium := os.Getenv("CELLAR_TEST_CHROMIUM")
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil && chromium == "" {
			chromium = path
		}
	}
	if chromium == "" {
		t.Fatal("no Chromium: run `make tools`, or set CELLAR_TEST_CHROMIUM")
	}
	dir, env := t.TempDir(), installed(t)
	writeNotebook(t, filepath.Join(dir, "try.ipynb"))
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	url, token := startLab(t, ctx, dir, env)

	screenshot, err := filepath.Abs("../build/jupyterlab.png")
	if err != nil {
		t.Fatal(err)
	}
	browser := exec.CommandContext(ctx, "node", "jupyterlab.mjs", url, token, "try.ipynb", screenshot)
	browser.Dir, browser.Env = web, append(env, "CELLAR_TEST_CHROMIUM="+chromium)
	if out, err := browser.CombinedOutput(); err != nil || !strings.Contains(string(out), "good") {
		t.Fatalf("%v\n%s\nscreenshot: %s", err, out, screenshot)
	}
}

func writeNotebook(t *testing.T, path string) {
	t.Helper()
	var cells []map[string]any
	for i, source := range labNotebook {
		cells = append(cells, map[string]any{
			"cell_type": "code", "id": fmt.Sprintf("cell-%d", i), "source": source, "metadata": struct{}{}, "outputs": []any{}, "execution_count": nil,
		})
	}
	b, err := json.Marshal(map[string]any{
		"nbformat": 4, "nbformat_minor": 5, "cells": cells,
		"metadata": map[string]any{"kernelspec": map[string]string{"name": "cellar", "display_name": "Go (Cellar)", "language": "go"}},
	})
	if err == nil {
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

var labAddress = regexp.MustCompile(`(http://127\.0\.0\.1:\d+)/`)

// startLab starts JupyterLab in dir and returns its address and token.
func startLab(t *testing.T, ctx context.Context, dir string, env []string) (url, token string) {
	t.Helper()
	token = "t0ken"
	lab := exec.CommandContext(ctx, python(t), "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", "--port=0", "--allow-root", "-y",
		"--ServerApp.root_dir="+dir, "--IdentityProvider.token="+token, "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate")
	lab.Dir, lab.Env = dir, env
	lab.Cancel = func() error { return lab.Process.Signal(os.Interrupt) } // with -y it does not ask, and shuts its kernels down
	lab.WaitDelay = 10 * time.Second
	stderr, err := lab.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lab.Wait() }) // the context has ended by then
	found := make(chan string, 1)
	go func() {
		var log strings.Builder
		for s := bufio.NewScanner(stderr); s.Scan(); {
			fmt.Fprintln(&log, s.Text())
			if m := labAddress.FindStringSubmatch(s.Text()); m != nil && strings.Contains(s.Text(), "/lab") {
				select {
				case found <- m[1]:
				default:
				}
			}
		}
		if len(found) == 0 {
			found <- "JupyterLab did not start:\n" + log.String()
		}
	}()
	select {
	case url = <-found:
	case <-time.After(time.Minute):
		url = "no address after a minute"
	}
	if !strings.HasPrefix(url, "http") {
		t.Fatal(url)
	}
	return url, token
}
