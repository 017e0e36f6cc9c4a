package place

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/fault"
)

// TestMain is also the process whose standard input and output a test looks at.
func TestMain(m *testing.M) {
	if from, to, ok := strings.Cut(os.Getenv("PLACE_TEST_COPY"), " "); ok {
		text, err := Read(context.Background(), from)
		if err == nil {
			err = Write(context.Background(), to, func(w io.Writer) error {
				_, err := w.Write(text)
				if os.Getenv("PLACE_TEST_FAIL") != "" {
					err = errors.New("on purpose")
				}
				return err
			})
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// broken writes a little, and fails.
func broken(w io.Writer) error {
	io.WriteString(w, "half of ")
	return errBroken
}

var errBroken = errors.New("broken on purpose")

// testPlace is what every place that can be written must do. Of absent, nothing exists, and nothing can be made.
func testPlace(t *testing.T, name, absent string) {
	t.Helper()
	ctx := t.Context()
	expect := func(want string) {
		t.Helper()
		if got, err := Read(ctx, name); err != nil || string(got) != want {
			t.Errorf("%s: %.40q, %v; want %.40q", Shown(name), got, err, want)
		}
	}
	if err := Check(ctx, name); err != nil {
		t.Error(err)
	}
	if got, err := Read(ctx, name); err == nil || !errors.Is(err, fault.ErrNotFound) && !errors.Is(err, os.ErrNotExist) {
		t.Errorf("before it is written: %q, %v", got, err)
	}
	large := strings.Repeat("0123456789abcdef", 1<<20)
	for _, content := range []string{"one", "the second", "", large} {
		if err := Write(ctx, name, text(content)); err != nil {
			t.Fatal(err)
		}
		expect(content)
	}
	if err := Write(ctx, name, broken); !errors.Is(err, errBroken) {
		t.Errorf("a writer that fails: %v", err)
	}
	expect(large)
	over, cancel := context.WithCancel(ctx)
	cancel()
	if !Local(name) {
		if err := Write(over, name, text("too late")); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		expect(large)
	}
	path := filepath.Join(t.TempDir(), "finished.ipynb")
	if err := os.WriteFile(path, []byte("finished"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Put(ctx, path, name); err != nil {
		t.Error(err)
	}
	expect("finished")
	if err := Put(ctx, path, absent); err == nil || !strings.HasSuffix(err.Error(), path) {
		t.Errorf("it must say where the notebook is now: %v", err)
	}
	if !Local(name) {
		if err := Put(over, path, name); !errors.Is(err, context.Canceled) || !strings.HasSuffix(err.Error(), path) {
			t.Errorf("a cancelled one, too: %v", err)
		}
	}
	for what, err := range map[string]error{
		"read":  second(Read(ctx, absent)),
		"write": Write(ctx, absent, text("x")),
		"put":   Put(ctx, path, absent),
	} {
		mistake(t, what+" where nothing is", err, "")
	}
}

func second[T any](_ T, err error) error { return err }

// mistake wants an error as a user should see it: one line, and a way out.
func mistake(t *testing.T, what string, err error, says string) {
	t.Helper()
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "cellar: ") || fault.Hint(err) == "" ||
		!strings.Contains(err.Error()+" · "+fault.Hint(err), says) {
		t.Errorf("%s: %v (%q); it should say %q", what, err, fault.Hint(err), says)
	}
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	testPlace(t, filepath.Join(dir, "a #1 100%?.ipynb"), filepath.Join(dir, "no folder", "a.ipynb"))
	mistake(t, "read a folder", second(Read(t.Context(), dir)), "is a folder")
	mistake(t, "write a folder", Write(t.Context(), dir, text("x")), "is a folder")
	mistake(t, "check a folder", Check(t.Context(), dir), "is a folder")
	mistake(t, "check in no folder", Check(t.Context(), filepath.Join(dir, "none", "a.ipynb")), "mkdir -p")
}

func TestNeighbours(t *testing.T) {
	for _, c := range []struct{ folder, file, in, beside string }{
		{"runs", "x/a b.ipynb", filepath.Join("runs", "x", "a b.ipynb"), filepath.Join("runs", "x", "a b.log")},
		{"", "a?.ipynb", "a?.ipynb", "a?.log"},
		{"https://me:pw@h/runs/?sig=a/b.c", "a b#?.ipynb", "https://me:pw@h/runs/a%20b%23%3F.ipynb?sig=a/b.c", "https://me:pw@h/runs/a%20b%23%3F.log?sig=a/b.c"},
		{"http://h/runs#top?x", "a.ipynb", "http://h/runs/a.ipynb", "http://h/runs/a.log"},
		{"https://h", "a.ipynb", "https://h/a.ipynb", "https://h/a.log"},
		{"s3://b", "a%20b.ipynb", "s3://b/a%20b.ipynb", "s3://b/a%20b.log"},
		{"s3://b/runs?region=x", "n/a=0.1", "s3://b/runs/n/a=0.1?region=x", "s3://b/runs/n/a=0.log?region=x"},
	} {
		if in := In(c.folder, c.file); in != c.in || Beside(in, ".log") != c.beside {
			t.Errorf("In(%q, %q) = %q, beside it %q", c.folder, c.file, in, Beside(in, ".log"))
		}
	}
}

func TestNames(t *testing.T) {
	for name, local := range map[string]bool{
		"a.ipynb": true, "./-": true, "folder/a b.ipynb": true, `C:\a.ipynb`: true, "git/a:b:c": true,
		"-": false, "git:HEAD:a.ipynb": false, "S3://b/k": false, "https://h/a.ipynb": false, "ftp://h/a": false,
	} {
		if Local(name) != local {
			t.Errorf("Local(%q) is %v", name, !local)
		}
	}
	for name, shown := range map[string]string{
		"a?b.ipynb":                              "a?b.ipynb",
		"https://me:secret@h/a.ipynb?sig=secret": "https://me:xxxxx@h/a.ipynb",
		"s3://b/a%20b#c.ipynb?endpoint=x":        "s3://b/a%20b#c.ipynb",
	} {
		if got := Shown(name); got != shown {
			t.Errorf("Shown(%q) is %q", name, got)
		}
	}
	for name, file := range map[string]string{
		"s3://b/k/a.ipynb": "s3/b/k/a.ipynb", "s3://b/k/a.ipynb?endpoint=x": "s3/b+2bd9a780/k/a.ipynb", "https://h/a.ipynb?sig=x": "https/h/a.ipynb", "s3://b/../../../a.ipynb": "s3/a.ipynb", "git:HEAD~1:n/a.ipynb": "git/HEAD~1/n/a.ipynb", "git:HEAD:/n/a.ipynb": "git/HEAD/n/a.ipynb",
		"git:HEAD:../n/a.ipynb": "git/HEAD/n/a.ipynb", "git:a/b:./n/../a.ipynb": "git/a/b/a.ipynb",
		"https://me:secret@h:80/a@b.ipynb": "https/h/80/a@b.ipynb", "-": "standard.ipynb", "../a:b.ipynb": "../a:b.ipynb",
	} {
		if got := filepath.ToSlash(File(name)); got != file {
			t.Errorf("File(%q) is %q, not %q", name, got, file)
		}
	}
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"HTTP://me:secret@Host:80/a%7Eb.ipynb?v=1#x", "http://host/a~b.ipynb?v=1", true}, {"https://host", "https://host:443/", true},
		{"http://host/a.ipynb?id=1", "http://host/a.ipynb?id=2", false}, {"http://host/a.ipynb", "https://host/a.ipynb", false}, {"http://host/a.ipynb", "http://host:8080/a.ipynb", false},
		{"S3://b/a.ipynb", "s3://b/a.ipynb", true}, {"s3://b/a.ipynb?endpoint=x", "s3://b/a.ipynb?endpoint=y", false}, {"s3://b/a.ipynb", "gs://b/a.ipynb", false},
		{"abs://m.blob.core.windows.net/c/a.ipynb?sig=1", "abs://m.blob.core.windows.net/c/a.ipynb?sig=2", true},
		{"folder/../a.ipynb", "a.ipynb", true}, {"s3/b/a.ipynb", "s3://b/a.ipynb", false}, {"-", "-", false}, {"ftp://h/a", "ftp://h/a", false},
	} {
		if Same(c.a, c.b) != c.same || Same(c.b, c.a) != c.same {
			t.Errorf("%s and %s: not %v", c.a, c.b, c.same)
		}
	}
	for name, says := range map[string]string{
		"ftp://h/a.ipynb": "git:REVISION:PATH", "abs://account/c/a.ipynb": "azblob://", "git://h/a.git": "git:REVISION:PATH", "http://": "no host", "http://h:x/?sig=secret": "check the URL",
	} {
		for what, err := range map[string]error{"read": second(Read(t.Context(), name)), "write": Write(t.Context(), name, text("x")), "check": Check(t.Context(), name)} {
			mistake(t, what+" "+name, err, says)
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("%v tells the signature", err)
			}
		}
	}
}

func TestStandard(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "a.ipynb")
	for _, c := range []struct{ copy, in, fail, out, file string }{
		{"- -", "the notebook", "", "the notebook", ""},
		{"- " + file, "to a file", "", "", "to a file"},
		{file + " -", "", "", "to a file", "to a file"},
		{"- -", "the notebook", "1", "", "to a file"}, // a writer that fails leaves no half a notebook for the next in the pipe
	} {
		run := exec.Command(self)
		run.Env = append(os.Environ(), "PLACE_TEST_COPY="+c.copy, "PLACE_TEST_FAIL="+c.fail)
		run.Stdin = strings.NewReader(c.in)
		out, err := run.Output()
		if string(out) != c.out || (err != nil) != (c.fail != "") {
			t.Errorf("%s: %q, %v", c.copy, out, err)
		}
		if c.file != "" {
			if text, err := os.ReadFile(file); err != nil || string(text) != c.file {
				t.Errorf("%s: %q, %v", c.copy, text, err)
			}
		}
	}
	if err := Check(t.Context(), "-"); err != nil {
		t.Error(err)
	}
}

func TestRevision(t *testing.T) {
	root := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		c := exec.Command("git", args...)
		c.Dir = root
		c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=T", "GIT_AUTHOR_EMAIL=t@example.com",
			"GIT_COMMITTER_NAME=T", "GIT_COMMITTER_EMAIL=t@example.com")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v: %s", args, err, out)
		}
	}
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, "notebooks", "a.ipynb"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	folder := filepath.Join(root, "notebooks")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	git("init", "--quiet", "--initial-branch=main")
	t.Chdir(folder)
	mistake(t, "before the first commit", second(Read(t.Context(), "git:HEAD:notebooks/a.ipynb")), "commit something first")
	write("first")
	git("add", ".")
	git("commit", "--quiet", "-m", "first")
	git("tag", "v1")
	write("second")
	git("commit", "--quiet", "-am", "second")
	write("not committed")
	for name, want := range map[string]string{
		"git:HEAD:notebooks/a.ipynb": "second", "git:HEAD~1:notebooks/a.ipynb": "first", "git:v1:notebooks/../notebooks/a.ipynb": "first", "git:main:./a.ipynb": "second",
	} {
		if got, err := Read(t.Context(), name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if dir, err := filepath.EvalSymlinks(Folder(name)); err != nil || dir != mustEval(t, folder) {
			t.Errorf("Folder(%s) is %s, %v", name, dir, err)
		}
	}
	commit := func(rev string) string {
		out, err := exec.Command("git", "rev-parse", rev).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	page := func(name, want, rev, file string) {
		t.Helper()
		p := Page{}
		if file != "" {
			p = Page{File: filepath.Join(mustEval(t, root), file), Commit: commit(rev)}
		}
		if got, is, err := ReadPage(t.Context(), name); err != nil || string(got) != want || is != p {
			t.Errorf("%s: %q of %v, %v; want %v", name, got, is, err, p)
		}
	}
	page("a.ipynb", "not committed", "", "")
	page("git:v1:./a.ipynb", "first", "v1", "notebooks/a.ipynb")
	page("git:main:notebooks/a.ipynb", "second", "main", "notebooks/a.ipynb")
	if err := os.Rename(folder, root+"/moved"); err != nil {
		t.Fatal(err)
	}
	t.Chdir(root)
	page("git:main:notebooks/a.ipynb", "second", "", "") // its folder is not here
	if err := os.Symlink("moved", folder); err != nil {
		t.Fatal(err)
	}
	page("git:main:notebooks/a.ipynb", "second", "", "") // nor is what leads elsewhere
	if err := errors.Join(os.Remove(folder), os.Mkdir(folder, 0o755)); err != nil {
		t.Fatal(err)
	}
	page("git:main:notebooks/a.ipynb", "second", "main", "notebooks/a.ipynb") // a file that is not
	git("init", "--quiet", "notebooks")
	page("git:main:notebooks/a.ipynb", "second", "", "") // another repository's
	if err := errors.Join(os.RemoveAll(folder), os.Rename(root+"/moved", folder)); err != nil {
		t.Fatal(err)
	}
	t.Chdir(folder)
	for name, says := range map[string]string{
		"git:HEAD~1:a.ipynb": "from the current folder: git:HEAD~1:./a.ipynb", "git:HEAD:b.ipynb": "git ls-tree", "git:HEAD:./b.ipynb": "git ls-tree",
		"git:HEAD:notebooks/b.ipynb": "has no file notebooks/b.ipynb", "git:HEAD:notebooks": "has no file notebooks", "git:HEAD:notebooks/": "for example",
		"git:HEAD:../../outside.ipynb": "outside", "git:v2:notebooks/a.ipynb": `"v2" names no commit`, "git:--all:a": "for example", "git:HEAD": "for example", "git::a": "for example",
	} {
		mistake(t, name, second(Read(t.Context(), name)), says)
	}
	mistake(t, "write", Write(t.Context(), "git:HEAD:notebooks/a.ipynb", text("x")), "can only be read")
	mistake(t, "check", Check(t.Context(), "git:HEAD:notebooks/a.ipynb"), "can only be read")

	t.Chdir(t.TempDir())
	mistake(t, "outside of a repository", second(Read(t.Context(), "git:HEAD:notebooks/a.ipynb")), "absolute path")
	if got, err := Read(t.Context(), "git:v1:"+filepath.Join(folder, "a.ipynb")); err != nil || string(got) != "first" {
		t.Errorf("by an absolute path: %q, %v", got, err)
	}
}

func mustEval(t *testing.T, path string) string {
	t.Helper()
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		t.Fatal(err)
	}
	return real
}
