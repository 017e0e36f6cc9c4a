package e2e

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// An output on a web server is said to be there when it is, and is never the notebook itself.
func TestRunElsewhere(t *testing.T) {
	t.Parallel()
	p := world.Repo(t).With("NETRC=" + os.DevNull)
	p.Notebook("n.ipynb", "x := 1\n")
	source := p.Read("n.ipynb")
	files := &webFiles{texts: map[string]string{"/n.ipynb": source}}
	server := httptest.NewServer(files)
	defer server.Close()
	for _, c := range []struct {
		in, out string
		code    int
		says    string
	}{
		{"n.ipynb", "/out.ipynb", 0, "· " + server.URL + "/out.ipynb\n"},
		{"n.ipynb", "/full/out.ipynb", 5, "· .git/cellar/runs/http/"},
		{server.URL + "/n.ipynb?v=1", "/n.ipynb?v=1", 2, "is the notebook itself"},
	} {
		r := p.Try("run", c.in, server.URL+c.out, "--prepare-only", "--overwrite")
		if r.Code != c.code || !strings.Contains(r.Stderr, c.says) {
			t.Errorf("%s: %d\n%s", c.out, r.Code, r.Stderr)
		}
	}
	if files.texts["/n.ipynb"] != source || !strings.Contains(files.texts["/out.ipynb"], "output_path") {
		t.Errorf("%q", files.texts)
	}
}

// Many runs read notebooks from elsewhere, and write notebooks, logs and pages there; what could not be delivered goes on from its copy.
func TestRunManyElsewhere(t *testing.T) {
	t.Parallel()
	p := world.Repo(t).With("NETRC=" + os.DevNull)
	p.Notebook("n.ipynb", `
--- parameters
n := 1
day, source := "", ""
---
fmt.Println("n is", n)
---
if _, err := os.Stat("bad"); err == nil && n == 2 {
	panic("bad")
}
`)
	p.Commit("a notebook")
	files := &webFiles{texts: map[string]string{"/n.ipynb": p.Read("n.ipynb")}}
	server := httptest.NewServer(files)
	defer server.Close()
	p.Write("bad", "")
	command := []string{"run", "--each", "git:HEAD:n.ipynb", server.URL + "/{source}.ipynb?signed=1", "--out-dir", server.URL + "/runs of {day}/?signed=2",
		"-p", "source", "n", "-r", "day", "1 May", "--param-grid", "n=1,2", "--html", "--keep-going", "-j", "2"}
	r := p.Try(command...)
	host := strings.TrimPrefix(strings.Replace(server.URL, ":", "/", 2), "http///")
	if r.Code != 1 || strings.Contains(r.Stdout+r.Stderr, "signed") || !strings.Contains(r.Stderr, "2 of 4 runs failed") {
		t.Errorf("%d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	var want []string
	for _, run := range []string{"git/HEAD/n-n=1", "git/HEAD/n-n=2", "http/" + host + "/n-n=1", "http/" + host + "/n-n=2"} {
		stem := "/runs of 1 May/" + run
		want = append(want, stem+".html", stem+".ipynb", stem+".log")
		n := run[len(run)-1:]
		if !strings.Contains(files.texts[stem+".ipynb"], "n is "+n) || !strings.Contains(files.texts[stem+".html"], "n is "+n) || !strings.Contains(files.texts[stem+".log"], "n is "+n) {
			t.Errorf("%s: %q", run, files.texts[stem+".log"])
		}
	}
	delete(files.texts, "/n.ipynb")
	if got := slices.Sorted(maps.Keys(files.texts)); !slices.Equal(got, want) {
		t.Errorf("there are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	if err := os.Remove(p.Path("bad")); err != nil {
		t.Fatal(err)
	}
	files.texts["/n.ipynb"] = p.Read("n.ipynb")
	if r = p.Try(append(command, "--resume")...); r.Code != 0 || strings.Count(r.Stdout, "done") != 4 {
		t.Errorf("%d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	if log := files.texts["/runs of 1 May/git/HEAD/n-n=2.log"]; !strings.Contains(log, "n is 2") || !strings.Contains(log, "panic: bad") {
		t.Errorf("the log of the first run is lost:\n%s", log)
	}
	for out, says := range map[string]string{"-": "standard output takes one", "git:HEAD:runs": "a revision can only be read", "ftp://host/runs": "not a place that cellar knows"} {
		if r := p.Try("run", "--each", "n.ipynb", "--out-dir", out); r.Code != 2 || !strings.Contains(r.Stderr, says) {
			t.Errorf("--out-dir %s: %d\n%s", out, r.Code, r.Stderr)
		}
	}
}

// What could not be delivered, be it notebook, page or log, is by --resume, which runs nothing again: the error says so.
func TestRunElsewhereLater(t *testing.T) {
	t.Parallel()
	p := world.Repo(t).With("NETRC=" + os.DevNull)
	p.Notebook("n.ipynb", `
f, err := os.OpenFile("ran", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
if err != nil {
	panic(err)
}
fmt.Fprint(f, "x")
f.Close()
`)
	files := &webFiles{texts: map[string]string{}}
	server := httptest.NewServer(files)
	defer server.Close()
	for _, c := range []struct{ command, file string }{
		{"run n.ipynb WEB/out.ipynb", "/out.ipynb"},
		{"run n.ipynb WEB/paged.ipynb --html", "/paged.html"},
		{"run n.ipynb --html=WEB/alone.html", "/alone.html"},
		{"run --each n.ipynb --out-dir WEB/notebook", "/notebook/n.ipynb"},
		{"run --each n.ipynb --out-dir WEB/page --html", "/page/n.html"},
		{"run --each n.ipynb --out-dir WEB/log", "/log/n.log"},
	} {
		command := strings.Fields(strings.ReplaceAll(c.command, "WEB", server.URL))
		p.Write("ran", "")
		files.refuse = c.file
		r := p.Try(command...)
		if r.Code != 5 || !strings.Contains(r.Stderr, "; the same command with --resume delivers it, and runs nothing again that is done\n") || files.texts[c.file] != "" {
			t.Errorf("%s: %d\n%s%s", c.command, r.Code, r.Stdout, r.Stderr)
		}
		files.refuse = ""
		r = p.Try(append(command, "--resume")...)
		if r.Code != 0 || files.texts[c.file] == "" || p.Read("ran") != "x" {
			t.Errorf("%s --resume: %d, ran %q, %d bytes\n%s%s", c.command, r.Code, p.Read("ran"), len(files.texts[c.file]), r.Stdout, r.Stderr)
		}
	}
}

// webFiles is a web server that keeps what is put there. Its folder /full has no room.
type webFiles struct {
	mu     sync.Mutex
	texts  map[string]string
	refuse string // a path for which there is no room either
}

func (f *webFiles) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch text, ok := f.texts[r.URL.Path]; {
	case r.Method == http.MethodPut && (strings.HasPrefix(r.URL.Path, "/full/") || r.URL.Path == f.refuse):
		w.WriteHeader(http.StatusInsufficientStorage)
	case r.Method == http.MethodPut:
		text, _ := io.ReadAll(r.Body)
		f.texts[r.URL.Path] = string(text)
	case !ok:
		http.NotFound(w, r)
	default:
		io.WriteString(w, text)
	}
}
