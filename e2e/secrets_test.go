package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A step sees the variables that its cell declares: env is part of the version, secrets are masked wherever they show.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("n.ipynb", `
import (
	"fmt"
	"os"

	"github.com/cellar-go/cellar/display"
)
--- seen
//| asset: seen
//| env: REGION
//| secrets: [TOKEN]

fmt.Println("the token is", os.Getenv("TOKEN"))
fmt.Fprintln(os.Stderr, "once more:", os.Getenv("TOKEN"))
display.HTML("<b>" + os.Getenv("TOKEN") + "</b>")
seen := map[string]bool{}
for _, name := range []string{"REGION", "TOKEN", "OTHER", "CELLAR_STEP", "PATH", "HOME"} {
	seen[name] = os.Getenv(name) != ""
}
`)
	p.Commit("Look around")
	p = p.With("REGION=north", "TOKEN=hunter2hunter2", "OTHER=shown")
	p.Materialize("*")
	if got := p.Load("seen"); got != `{"value":{"CELLAR_STEP":false,"HOME":true,"OTHER":false,"PATH":true,"REGION":true,"TOKEN":true}}` {
		t.Errorf("seen: %s", got)
	}
	for _, change := range []string{"OTHER=hidden", "TOKEN=hunter3hunter3"} {
		p.With(change).Expect(change)
	}
	p.With("REGION=south").Expect("REGION changed", "n/seen stale: environment variable REGION changed")

	masked := 0
	err := filepath.WalkDir(p.Path(".git"), func(file string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text := p.Read(file)
		masked += strings.Count(text, "•••")
		if strings.Contains(text, "hunter2") {
			t.Errorf("the secret stands in %s", file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if masked < 3 {
		t.Errorf("masked %d times: stdout, stderr and the display should be", masked)
	}
}

// A failing step's message and trace do not tell secrets either, however they are quoted.
func TestSecretsInErrors(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	for _, code := range []string{
		`panic("no access with " + os.Getenv("TOKEN"))`,
		`panic(fmt.Errorf("no access: %w", fmt.Errorf("with %q", os.Getenv("TOKEN"))))`,
		`fmt.Fprintln(os.Stderr, os.Getenv("TOKEN")); os.Exit(3)`,
		`done := make(chan int); go func() { panic(os.Getenv("TOKEN")) }(); <-done`,
	} {
		p.Notebook("n.ipynb", "import (\n\t\"fmt\"\n\t\"os\"\n)\n\nvar _ = fmt.Sprint\n---\n//| asset: a\n//| secrets: TOKEN\n\na := 1\nif a > 0 {\n\t"+code+"\n}")
		p.Commit("Fail")
		for _, arguments := range [][]string{{"materialize", "*"}, {"materialize", "*", "--json"}} {
			r := p.With("TOKEN=hunter2hunter2").Try(arguments...)
			if r.Code != 1 || strings.Contains(r.Stdout+r.Stderr, "hunter2") || !strings.Contains(r.Stderr, "•••") {
				t.Errorf("%s: exit code %d\n%s%s", code, r.Code, r.Stdout, r.Stderr)
			}
		}
	}
}
