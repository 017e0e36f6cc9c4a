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

	"github.com/cellar-go/cellar/internal/testkit"
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
func TestJupyterLab(t *testing.T) { browse(t, "jupyterlab", notebook(t, labNotebook)) }

// TestWidgets moves widgets in JupyterLab. web/test/widgets.mjs says what must come of it.
func TestWidgets(t *testing.T) { browse(t, "widgets", notebook(t, widgetNotebook)) }

// TestDisplays looks at the example of displays in JupyterLab, as web/test/displays.mjs says.
func TestDisplays(t *testing.T) {
	text, err := os.ReadFile("../examples/displays/displays.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	browse(t, "displays", text)
}

var widgetNotebook = []string{
	`import (
	"fmt"
	"github.com/cellar-go/cellar/display"
	"github.com/cellar-go/cellar/display/widget"
)
size := widget.Slider(0, 100, widget.Value(20), widget.Description("size"))
size.OnChange(func(v int) { fmt.Println("size is", v) })
size`,
	`fmt.Println("the program reads", size.Value(), "and sets 50")
size.Set(50)`,
	`clicks := 0
run := widget.Button("Run")
run.OnClick(func() {
	if clicks++; clicks == 3 {
		panic("enough")
	}
	display.HTML(fmt.Sprintf("<b>clicked</b> %d times", clicks))
})
run`,
	`name := widget.Text(widget.Description("name"))
city := widget.Dropdown([]string{"London", "Paris"}, widget.Description("city"))
nice := widget.Checkbox(widget.Description("nice"))
hello := widget.Label("")
greet := func() { hello.Set(fmt.Sprintf("hello %s from %s, %v", name.Value(), city.Value(), nice.Value())) }
name.OnSubmit(func(string) { greet() })
city.OnChange(func(string) { greet() })
nice.OnChange(func(bool) { greet() })
widget.VBox(widget.HBox(name, city, nice), hello)`,
	`power := widget.Slider(1, 5.0, widget.Step(1.0), widget.Value(2))
widget.Interact(func() any {
	type row struct{ Power, Of10 float64 }
	rows := []row{}
	for p, v := 1.0, 10.0; p <= power.Value(); p, v = p+1, v*10 {
		rows = append(rows, row{p, v})
	}
	return rows
}, power)`,
	`counter := widget.Any(` + "`" + `export default { render({ model, el }) {
	const b = document.createElement("button")
	b.className = "count"
	const draw = () => { b.textContent = model.get("count") + " of " + model.get("limit") }
	b.onclick = () => { model.set("count", model.get("count") + 1); model.save_changes() }
	model.on("change", draw)
	draw()
	el.append(b)
} }` + "`" + `, "", map[string]any{"count": 0, "limit": 5})
counter.OnTrait("count", func() {
	var n int
	counter.Trait("count", &n)
	counter.SetTrait("limit", 10)
	fmt.Println("the page counts", n)
})
counter`,
}

// browse opens a notebook in JupyterLab and has a script of web/test look at it, which leaves a picture of that name in build/.
func browse(t *testing.T, name string, notebook []byte) {
	web, err := filepath.Abs("../web/test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(web, "node_modules", "playwright-core")); err != nil {
		t.Fatal("no playwright-core in web/test/node_modules: run `make tools`")
	}
	if out, err := exec.Command(testkit.Python(t), "-c", "import jupyterlab, jupyterlab_widgets, anywidget").CombinedOutput(); err != nil {
		t.Fatalf("run `make tools`: %s", out)
	}
	chromium := testkit.Chromium(t)
	dir, env := t.TempDir(), installed(t)
	if err := os.WriteFile(filepath.Join(dir, "try.ipynb"), notebook, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	url, token := startLab(t, ctx, dir, env)

	screenshot, err := filepath.Abs("../build/" + name + ".png")
	if err != nil {
		t.Fatal(err)
	}
	browser := exec.CommandContext(ctx, "node", name+".mjs", url, token, "try.ipynb", screenshot)
	browser.Dir, browser.Env = web, append(env, "CELLAR_TEST_CHROMIUM="+chromium)
	if out, err := browser.CombinedOutput(); err != nil || !strings.Contains(string(out), "good") {
		t.Fatalf("%v\n%s\nscreenshot: %s", err, out, screenshot)
	}
}

func notebook(t *testing.T, sources []string) []byte {
	t.Helper()
	var cells []map[string]any
	for i, source := range sources {
		cells = append(cells, map[string]any{
			"cell_type": "code", "id": fmt.Sprintf("cell-%d", i), "source": source, "metadata": struct{}{}, "outputs": []any{}, "execution_count": nil,
		})
	}
	b, err := json.Marshal(map[string]any{
		"nbformat": 4, "nbformat_minor": 5, "cells": cells,
		"metadata": map[string]any{"kernelspec": map[string]string{"name": "cellar", "display_name": "Go (Cellar)", "language": "go"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var labAddress = regexp.MustCompile(`(http://127\.0\.0\.1:\d+)/`)

// startLab starts JupyterLab in dir and returns its address and token.
func startLab(t *testing.T, ctx context.Context, dir string, env []string) (url, token string) {
	t.Helper()
	token = "t0ken"
	lab := exec.CommandContext(ctx, testkit.Python(t), "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", "--port=0", "--allow-root", "-y",
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
