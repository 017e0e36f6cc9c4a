package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
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
	var mu sync.Mutex
	files := map[string]string{"/n.ipynb": source}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		switch text, ok := files[r.URL.Path]; {
		case r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/full/"):
			w.WriteHeader(http.StatusInsufficientStorage)
		case r.Method == http.MethodPut:
			text, _ := io.ReadAll(r.Body)
			files[r.URL.Path] = string(text)
		case !ok:
			http.NotFound(w, r)
		default:
			io.WriteString(w, text)
		}
	}))
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
	if files["/n.ipynb"] != source || !strings.Contains(files["/out.ipynb"], "output_path") {
		t.Errorf("%q", files)
	}
}
