package gitx

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/testkit"
)

// fixture is a repository on disk, driven by the git program.
type fixture struct {
	t   *testing.T
	dir string
}

func newFixture(t *testing.T, args ...string) fixture {
	t.Helper()
	for _, v := range []string{"GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"} {
		t.Setenv(v, "Test")
	}
	for _, v := range []string{"GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"} {
		t.Setenv(v, "test@example.org")
	}
	t.Setenv("GIT_CONFIG_GLOBAL", "/dev/null")
	t.Setenv("GIT_CONFIG_SYSTEM", "/dev/null")
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := fixture{t, filepath.Join(dir, "repo")}
	f.in(dir, append([]string{"init", "-q", "-b", "main", f.dir}, args...)...)
	return f
}

func (f fixture) in(dir string, args ...string) string {
	f.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		f.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (f fixture) git(args ...string) string { f.t.Helper(); return f.in(f.dir, args...) }

func (f fixture) write(path, text string) {
	f.t.Helper()
	path = filepath.Join(f.dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		f.t.Fatal(err)
	}
}

// commit commits everything, at a time that grows with every call.
func (f fixture) commit(message string, second int) string {
	f.t.Helper()
	date := time.Unix(1_700_000_000+int64(second), 0).Format(time.RFC3339)
	f.t.Setenv("GIT_AUTHOR_DATE", date)
	f.t.Setenv("GIT_COMMITTER_DATE", date)
	f.git("add", "-A")
	f.git("commit", "-q", "--allow-empty", "-m", message)
	return f.git("rev-parse", "HEAD")
}

func (f fixture) find() *Repo {
	f.t.Helper()
	r, err := Find(f.dir)
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

// withoutGit hides the git program, as on a machine that lacks it.
func withoutGit(r *Repo) *Repo {
	r.program = func() (string, error) { return "", exec.ErrNotFound }
	return r
}

// readers are the ways to read one repository; each must give the same answers.
func readers(t *testing.T, f fixture, check func(t *testing.T, r *Repo)) {
	ways := map[string]func(*Repo){
		"go-git and git": func(*Repo) {},
		"go-git alone":   func(r *Repo) { withoutGit(r) },
		"git alone":      func(r *Repo) { r.native = nil },
	}
	for name, prepare := range ways {
		r := f.find()
		prepare(r)
		t.Run(name, func(t *testing.T) { check(t, r) })
	}
}

func TestReaders(t *testing.T) {
	f := newFixture(t)
	f.write("a.go", "package a\n")
	f.write("notebooks/flights.ipynb", "{}")
	f.write("notebooks/run.sh", "#!/bin/sh\n")
	if err := os.Chmod(filepath.Join(f.dir, "notebooks/run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a.go", filepath.Join(f.dir, "link.go")); err != nil {
		t.Fatal(err)
	}
	first := f.commit("first", 1)
	f.git("tag", "-a", "-m", "release", "v1")
	f.write("a.go", "package a // changed\n")
	second := f.commit("second", 2)
	f.git("checkout", "-q", "-b", "feature/x", first)
	f.write("b.go", "package a\n")
	side := f.commit("side", 3)
	f.git("checkout", "-q", "main")
	f.git("merge", "-q", "--no-ff", "-m", "merge", "feature/x")
	merge := f.git("rev-parse", "HEAD")
	f.write("untracked.go", "package a\n")
	f.write("staged.go", "package a\n")
	f.git("add", "staged.go")

	readers(t, f, func(t *testing.T, r *Repo) {
		if r.Root() != f.dir || r.CommonDir() != filepath.Join(f.dir, ".git") || r.Worktree() != "" || r.Shallow() {
			t.Errorf("places: root %s, common %s, worktree %q, shallow %v", r.Root(), r.CommonDir(), r.Worktree(), r.Shallow())
		}
		if commit, branch, err := r.Head(); commit != merge || branch != "main" || err != nil {
			t.Errorf("Head() = %s, %s, %v", commit, branch, err)
		}
		for rev, want := range map[string]string{
			"HEAD": merge, "@": merge, "main": merge, "refs/heads/main": merge, merge: merge, "v1": first, "feature/x": side, "heads/feature/x": side,
			"HEAD~1": second, "HEAD^2": side, "HEAD^2~1": first, "main^0": merge, "HEAD^^": first, "main~2": first, second[:9]: second,
			"main^{commit}": merge,
		} {
			if got, err := r.Resolve(rev); got != want {
				t.Errorf("Resolve(%s) = %s, %v; want %s", rev, got, err, want)
			}
		}
		for _, rev := range []string{"", "-n", "--all", "nothing", "HEAD~9", "HEAD^3", strings.Repeat("0", 40), "main:a.go"} {
			got, err := r.Resolve(rev)
			var mistake *fault.Mistake
			if !errors.As(err, &mistake) {
				t.Errorf("Resolve(%q) = %s, %v; want a mistake", rev, got, err)
			}
		}

		content, blob, err := r.ReadFile(first, "a.go")
		if string(content) != "package a\n" || blob != f.git("rev-parse", first+":a.go") || err != nil {
			t.Errorf("ReadFile = %q, %s, %v", content, blob, err)
		}
		for _, path := range []string{"b.go", "notebooks", "link.go", "a.go/x", "no/such", ""} {
			if _, _, err := r.ReadFile(first, path); !errors.Is(err, fault.ErrNotFound) {
				t.Errorf("ReadFile(%q): %v, want not found", path, err)
			}
		}
		if _, _, err := r.ReadFile(strings.Repeat("1", 40), "a.go"); !errors.Is(err, fault.ErrNotFound) {
			t.Errorf("ReadFile of an unknown commit: %v", err)
		}

		entries, err := r.List(merge, ".go", ".ipynb")
		var paths []string
		for _, e := range entries {
			paths = append(paths, e.Path)
			if e.Blob != f.git("rev-parse", merge+":"+e.Path) {
				t.Errorf("blob of %s: %s", e.Path, e.Blob)
			}
		}
		if want := []string{"a.go", "b.go", "notebooks/flights.ipynb"}; !slices.Equal(paths, want) || err != nil {
			t.Errorf("List = %v, %v; want %v", paths, err, want)
		}
		tracked, err := r.Tracked(".go", ".ipynb")
		if want := []string{"a.go", "b.go", "notebooks/flights.ipynb", "staged.go"}; !slices.Equal(tracked, want) || err != nil {
			t.Errorf("Tracked = %v, %v; want %v", tracked, err, want)
		}
		if all, err := r.Tracked(); len(all) != 5 || err != nil {
			t.Errorf("Tracked() = %v, %v", all, err)
		}

		ancestors, err := r.Ancestors(merge, 10)
		if want := []string{merge, side, second, first}; !slices.Equal(ancestors, want) || err != nil {
			t.Errorf("Ancestors = %v, %v; want %v", ancestors, err, want)
		}
		if few, err := r.Ancestors(merge, 2); !slices.Equal(few, []string{merge, side}) || err != nil {
			t.Errorf("Ancestors(2) = %v, %v", few, err)
		}
		if parents, err := r.Parents(merge); !slices.Equal(parents, []string{second, side}) || err != nil {
			t.Errorf("Parents = %v, %v", parents, err)
		}
		if bases, err := r.MergeBases(second, side); !slices.Equal(bases, []string{first}) || err != nil {
			t.Errorf("MergeBases = %v, %v", bases, err)
		}
	})

	f.git("checkout", "-q", "--detach", first)
	f.git("pack-refs", "--all")
	f.git("gc", "-q")
	readers(t, f, func(t *testing.T, r *Repo) {
		if commit, branch, err := r.Head(); commit != first || branch != "" || err != nil {
			t.Errorf("Head() = %s, %q, %v", commit, branch, err)
		}
		if got, err := r.Resolve("main"); got != merge {
			t.Errorf("Resolve(main) = %s, %v", got, err)
		}
	})
}

func TestEmptyRepository(t *testing.T) {
	readers(t, newFixture(t), func(t *testing.T, r *Repo) {
		if commit, branch, err := r.Head(); commit != "" || branch != "main" || err != nil {
			t.Errorf("Head() = %q, %q, %v", commit, branch, err)
		}
		if _, err := r.Resolve("HEAD"); err == nil || !strings.Contains(err.Error(), "has no commit yet") {
			t.Errorf("Resolve(HEAD): %v", err)
		}
		if paths, err := r.Tracked(".go"); len(paths) != 0 || err != nil {
			t.Errorf("Tracked = %v, %v", paths, err)
		}
	})
}

func TestEdit(t *testing.T) {
	ctx := context.Background()
	f := newFixture(t)
	head := f.commit("first", 1)
	readers(t, f, func(t *testing.T, r *Repo) {
		ref := "refs/notes/" + strings.ReplaceAll(t.Name(), "/", "-")
		for i := range 3 {
			if err := r.Edit(ctx, ref, "Add", func(tree *Tree) error {
				id, err := tree.Folder(map[string][]byte{"00": fmt.Append(nil, i), "ff": []byte("x")})
				if err != nil {
					return err
				}
				if err := tree.Link(fmt.Sprintf("records/%d", i), id); err != nil {
					return err
				}
				return tree.Write(head[:2]+"/"+head[2:], fmt.Appendf(nil, "note %d\n", i))
			}); err != nil {
				t.Fatal(err)
			}
			f.git("pack-refs", "--all") // the next swap starts from a packed ref
		}
		if got := f.git("notes", "--ref="+ref, "show", head); got != "note 2" {
			t.Errorf("git notes show: %q", got)
		}
		if got := f.git("show", ref+":records/1/00"); got != "1" {
			t.Errorf("records/1/00: %q", got)
		}
		if got := f.git("rev-list", "--count", ref); got != "3" {
			t.Errorf("%s commits, want 3", got)
		}
		f.git("fsck", "--strict")
		if err := r.View(ctx, ref, func(tree *Tree) error {
			if names, err := tree.Files("records/2"); !slices.Equal(names, []string{"00", "ff"}) || err != nil {
				t.Errorf("Files: %v, %v", names, err)
			}
			if names, err := tree.Files("records/9/no"); len(names) != 0 || err != nil {
				t.Errorf("Files of nothing: %v, %v", names, err)
			}
			body, err := tree.Read("records/0/ff")
			if string(body) != "x" {
				t.Errorf("Read: %q, %v", body, err)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}

		// An edit that changes nothing, and one that fails, leave the ref alone.
		before := f.git("rev-parse", ref)
		if err := r.Edit(ctx, ref, "Same", func(tree *Tree) error { return tree.Write("records/0/ff", []byte("x")) }); err != nil {
			t.Error(err)
		}
		failed := errors.New("no")
		if err := r.Edit(ctx, ref, "Fail", func(tree *Tree) error { _ = tree.Write("y", nil); return failed }); err != failed {
			t.Error(err)
		}
		for _, bad := range []string{"", "/x", "a//b", "..", ".git/x", "a/../b"} {
			if err := r.Edit(ctx, ref, "Bad", func(tree *Tree) error { return tree.Write(bad, nil) }); err == nil {
				t.Errorf("path %q was taken", bad)
			}
		}
		if after := f.git("rev-parse", ref); after != before {
			t.Errorf("the ref moved from %s to %s", before, after)
		}
		if err := r.AddConfig(ctx, "notes.rewriteRef", ref); err != nil {
			t.Error(err)
		}
		if err := r.AddConfig(ctx, "notes.rewriteRef", ref); err != nil {
			t.Error(err)
		}
		if got := strings.Count(f.git("config", "--get-all", "notes.rewriteRef"), ref); got != 1 {
			t.Errorf("notes.rewriteRef is there %d times", got)
		}
		if f.git("config", "--get", "core.bare") != "false" {
			t.Error("the rest of the configuration was lost")
		}
	})
}

// TestEditConcurrently moves one ref by all kinds of writers at once: nothing that was reported as written may be lost.
func TestEditConcurrently(t *testing.T) {
	f := newFixture(t)
	f.commit("first", 1)
	const ref = "refs/notes/many"
	var wait sync.WaitGroup
	for w := range 6 {
		r, edits := f.find(), 5
		switch w % 3 {
		case 1:
			r.native = nil
		case 2:
			withoutGit(r)
			edits = 40 // they are quick: enough of them to meet in the middle of a move
		}
		wait.Go(func() {
			for i := range edits {
				if err := r.Edit(context.Background(), ref, "Add", func(tree *Tree) error {
					return tree.Write(fmt.Sprintf("w%d-%d", w, i), []byte("x"))
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if got := len(strings.Fields(f.git("ls-tree", "--name-only", ref))); got != 100 {
		t.Errorf("%d of 100 edits are there", got)
	}
	f.git("fsck", "--strict")
}

func TestLinkedWorktree(t *testing.T) {
	f := newFixture(t)
	f.write("a.go", "package a\n")
	f.commit("first", 1)
	linked := filepath.Join(filepath.Dir(f.dir), "linked")
	f.git("worktree", "add", "-q", "-b", "other", linked)
	w := fixture{t, linked}
	w.write("sub/b.go", "package b\n")
	commit := w.commit("in the linked one", 2)

	readers(t, fixture{t, filepath.Join(linked, "sub")}, func(t *testing.T, r *Repo) {
		if r.Root() != linked || r.CommonDir() != filepath.Join(f.dir, ".git") || r.Worktree() != "linked" {
			t.Errorf("places: root %s, common %s, worktree %q", r.Root(), r.CommonDir(), r.Worktree())
		}
		if got, branch, err := r.Head(); got != commit || branch != "other" || err != nil {
			t.Errorf("Head() = %s, %s, %v", got, branch, err)
		}
		if paths, err := r.Tracked(".go"); !slices.Equal(paths, []string{"a.go", "sub/b.go"}) || err != nil {
			t.Errorf("Tracked = %v, %v", paths, err)
		}
		if err := r.Edit(context.Background(), "refs/notes/x", "Add", func(tree *Tree) error {
			return tree.Write(strings.ReplaceAll(t.Name(), "/", "-"), nil)
		}); err != nil {
			t.Error(err)
		}
	})
	if got := len(strings.Fields(f.git("ls-tree", "--name-only", "refs/notes/x"))); got != 3 {
		t.Errorf("%d of 3 edits from the linked work tree arrived in the shared ref", got)
	}

	if err := os.RemoveAll(filepath.Join(f.dir, ".git", "worktrees")); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(linked); fault.ExitCode(err) != int(fault.Environment) {
		t.Errorf("a cut-off work tree: %v", err)
	}
}

func TestSubmodule(t *testing.T) {
	inner := newFixture(t)
	inner.write("m.go", "package m\n")
	commit := inner.commit("module", 1)
	f := newFixture(t)
	f.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", inner.dir, "mod")
	f.commit("add it", 2)
	readers(t, fixture{t, filepath.Join(f.dir, "mod")}, func(t *testing.T, r *Repo) {
		if r.Root() != filepath.Join(f.dir, "mod") || r.CommonDir() != filepath.Join(f.dir, ".git", "modules", "mod") || r.Worktree() != "" {
			t.Errorf("places: root %s, common %s, worktree %q", r.Root(), r.CommonDir(), r.Worktree())
		}
		if got, _, err := r.Head(); got != commit || err != nil {
			t.Errorf("Head() = %s, %v", got, err)
		}
	})
	readers(t, f, func(t *testing.T, r *Repo) {
		if paths, err := r.Tracked(); !slices.Equal(paths, []string{".gitmodules"}) || err != nil {
			t.Errorf("Tracked = %v, %v: a submodule is not a file", paths, err)
		}
	})
}

func TestShallowClone(t *testing.T) {
	f := newFixture(t)
	f.commit("first", 1)
	f.commit("second", 2)
	third := f.commit("third", 3)
	clone := fixture{t, filepath.Join(filepath.Dir(f.dir), "clone")}
	f.git("clone", "-q", "--depth", "1", "file://"+f.dir, clone.dir)
	readers(t, clone, func(t *testing.T, r *Repo) {
		if !r.Shallow() {
			t.Error("not seen as shallow")
		}
		if got, err := r.Ancestors(third, 10); !slices.Equal(got, []string{third}) || err != nil {
			t.Errorf("Ancestors = %v, %v", got, err)
		}
		if got, err := r.Parents(third); len(got) != 0 || err != nil {
			t.Errorf("Parents = %v, %v", got, err)
		}
		if _, err := r.Resolve("HEAD~1"); err == nil || fault.Hint(err) != "git fetch --unshallow" {
			t.Errorf("Resolve(HEAD~1): %v (hint %q)", err, fault.Hint(err))
		}
	})
}

// TestBeyondGoGit opens repositories that go-git refuses or misreads: the git program takes over.
func TestBeyondGoGit(t *testing.T) {
	check := func(t *testing.T, f fixture, refused bool) {
		t.Helper()
		r := f.find()
		if refused != (r.native == nil) {
			t.Errorf("go-git opened it: %v", r.native != nil)
		}
		head := f.git("rev-parse", "HEAD")
		if got, _, err := r.Head(); got != head || err != nil {
			t.Errorf("Head() = %s, %v", got, err)
		}
		if got, err := r.Resolve("HEAD~0"); got != head || err != nil {
			t.Errorf("Resolve = %s, %v", got, err)
		}
		if content, _, err := r.ReadFile(head, "sub/a.go"); string(content) != "package a\n" || err != nil {
			t.Errorf("ReadFile = %q, %v", content, err)
		}
		if paths, err := r.Tracked(".go"); !slices.Equal(paths, []string{"sub/a.go"}) || err != nil {
			t.Errorf("Tracked = %v, %v", paths, err)
		}
		if err := r.Edit(context.Background(), "refs/notes/x", "Add", func(tree *Tree) error { return tree.Write("ab/x", []byte("y")) }); err != nil {
			t.Error(err)
		}
		if got := f.git("show", "refs/notes/x:ab/x"); got != "y" {
			t.Errorf("edit: %q", got)
		}
		if refused {
			t.Setenv("PATH", t.TempDir())
			if _, err := Find(f.dir); fault.ExitCode(err) != int(fault.Environment) || fault.Hint(err) == "" {
				t.Errorf("without git: %v", err)
			}
		}
	}
	fill := func(f fixture) fixture {
		f.write("sub/a.go", "package a\n")
		f.commit("first", 1)
		return f
	}
	t.Run("SHA-256", func(t *testing.T) { check(t, fill(newFixture(t, "--object-format=sha256")), true) })
	t.Run("worktreeConfig", func(t *testing.T) {
		f := fill(newFixture(t))
		f.git("sparse-checkout", "set", "--cone", "--sparse-index", "nothing")
		check(t, f, true)
	})
	t.Run("split index", func(t *testing.T) {
		f := fill(newFixture(t))
		f.git("update-index", "--split-index")
		check(t, f, false)
	})
	t.Run("index without checksum", func(t *testing.T) {
		f := fill(newFixture(t))
		index := filepath.Join(f.dir, ".git", "index")
		body, err := os.ReadFile(index)
		if err != nil {
			t.Fatal(err)
		}
		copy(body[len(body)-20:], make([]byte, 20)) // what index.skipHash writes
		if err := os.WriteFile(index, body, 0o666); err != nil {
			t.Fatal(err)
		}
		check(t, f, false)
	})
	t.Run("partial clone", func(t *testing.T) {
		f := fill(newFixture(t))
		f.git("config", "uploadpack.allowFilter", "true")
		clone := fixture{t, filepath.Join(filepath.Dir(f.dir), "clone")}
		f.git("clone", "-q", "--no-checkout", "--filter=blob:none", "file://"+f.dir, clone.dir)
		clone.git("read-tree", "HEAD")
		check(t, clone, false)
	})
}

// TestObjectsThatArriveLater packs behind the back of an open repository.
func TestObjectsThatArriveLater(t *testing.T) {
	f := newFixture(t)
	f.write("a.go", "1")
	first := f.commit("first", 1)
	f.git("gc", "-q")
	r := withoutGit(f.find())
	if _, _, err := r.ReadFile(first, "a.go"); err != nil {
		t.Fatal(err)
	}
	f.write("a.go", "2")
	second := f.commit("second", 2)
	f.git("gc", "-q", "--prune=now")
	if content, _, err := r.ReadFile(second, "a.go"); string(content) != "2" || err != nil {
		t.Errorf("ReadFile = %q, %v", content, err)
	}
}

func TestNoRepository(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ".git"), 0o777); err != nil { // a folder that only has the name
		t.Fatal(err)
	}
	if _, err := Find(dir); !errors.Is(err, fault.ErrNoGit) {
		t.Errorf("Find = %v, want ErrNoGit", err)
	}
	if _, err := Find(filepath.Join(dir, "absent")); err == nil || errors.Is(err, fault.ErrNoGit) {
		t.Errorf("Find of an absent folder: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, ".git")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".git"), []byte("nonsense"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(dir); fault.ExitCode(err) != int(fault.Environment) {
		t.Errorf("a .git file of nonsense: %v", err)
	}
}

func TestBareAndPaths(t *testing.T) {
	f := newFixture(t)
	f.write("a.go", "1")
	head := f.commit("first", 1)
	bare := filepath.Join(filepath.Dir(f.dir), "bare.git")
	f.git("clone", "-q", "--bare", f.dir, bare)
	readers(t, fixture{t, bare}, func(t *testing.T, r *Repo) {
		if got, _, err := r.Head(); got != head || r.Root() != "" || r.CommonDir() != bare || err != nil {
			t.Errorf("bare: %s, root %q, common %q, %v", got, r.Root(), r.CommonDir(), err)
		}
		if _, err := r.Tracked(); fault.ExitCode(err) != int(fault.Input) {
			t.Errorf("Tracked in a bare repository: %v", err)
		}
	})

	link := filepath.Join(filepath.Dir(f.dir), "link")
	if err := os.Symlink(f.dir, link); err != nil {
		t.Fatal(err)
	}
	r, err := Find(filepath.Join(link, "a.go"))
	if err != nil || r.Root() != f.dir {
		t.Fatalf("through a link: %v, %v", r, err)
	}
	if rel, err := r.Rel(filepath.Join(link, "new", "b.go")); rel != "new/b.go" || err != nil {
		t.Errorf("Rel = %s, %v", rel, err)
	}
	if rel, err := r.Rel(filepath.Dir(f.dir)); err == nil {
		t.Errorf("Rel of a file outside = %s", rel)
	}
}

func TestForeignOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("only root can give a folder away: checked as root only")
		return
	}
	f := newFixture(t)
	head := f.commit("first", 1)
	if err := filepath.WalkDir(f.dir, func(p string, _ os.DirEntry, err error) error { return errors.Join(err, os.Lchown(p, 12345, 12345)) }); err != nil {
		t.Fatal(err)
	}
	r := f.find()
	if got, _, err := r.Head(); got != head || err != nil {
		t.Errorf("reading is harmless, yet: %s, %v", got, err)
	}
	err := r.Edit(context.Background(), "refs/notes/x", "Add", func(tree *Tree) error { return tree.Write("x", nil) })
	if !strings.Contains(fault.Hint(err), "safe.directory") || fault.ExitCode(err) != int(fault.Environment) {
		t.Errorf("Edit: %v (hint %q)", err, fault.Hint(err))
	}
}

// TestLeftOverLock finds the lock of a git that died: an error that names the file, and nothing changed.
func TestLeftOverLock(t *testing.T) {
	f := newFixture(t)
	f.commit("first", 1)
	f.write(".git/refs/notes/x.lock", "")
	readers(t, f, func(t *testing.T, r *Repo) {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		err := r.Edit(ctx, "refs/notes/x", "Add", func(tree *Tree) error { return tree.Write("x", nil) })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Edit: %v", err)
		}
	})
}

func TestReadOnlyRepository(t *testing.T) {
	if os.Geteuid() == 0 {
		// Root writes everywhere; a read-only mount is the store's test.
		return
	}
	f := newFixture(t)
	f.commit("first", 1)
	objects := filepath.Join(f.dir, ".git", "objects")
	if err := os.Chmod(objects, 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(objects, 0o777)
	err := f.find().Edit(context.Background(), "refs/notes/x", "Add", func(tree *Tree) error { return tree.Write("x", []byte("new")) })
	if !errors.Is(err, syscall.EACCES) {
		t.Errorf("Edit: %v", err)
	}
}

func FuzzParseTree(f *testing.F) {
	f.Add([]byte("100644 a\x0012345678901234567890"))
	f.Add([]byte("40000 dir\x00123456789012345678"))
	f.Fuzz(func(t *testing.T, body []byte) {
		nodes, err := parseTree(body, 20)
		if err != nil {
			return
		}
		sorted, err := formatTree(slices.Clone(nodes))
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseTree(sorted, 20)
		if err != nil || len(again) != len(nodes) {
			t.Fatalf("%v became %v, %v", nodes, again, err)
		}
		once, _ := formatTree(slices.Clone(again))
		if !reflect.DeepEqual(once, sorted) {
			t.Fatalf("%q became %q", sorted, once)
		}
	})
}

func BenchmarkOpenAndHead(b *testing.B) {
	dir := b.TempDir()
	for _, args := range [][]string{{"init", "-q"}, {"-c", "user.name=x", "-c", "user.email=x@y", "commit", "-q", "--allow-empty", "-m", "x"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
	for b.Loop() {
		r, err := Find(dir)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := r.Head(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTracked reads an index of 20,000 files.
func BenchmarkTracked(b *testing.B) {
	dir := b.TempDir()
	var lines strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&lines, "100644 %040x\tpkg%03d/some/folder/file%05d.go\n", i+1, i%500, i)
	}
	for _, args := range [][]string{{"init", "-q"}, {"update-index", "--index-info"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(lines.String())
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
	r, err := Find(dir)
	if err != nil {
		b.Fatal(err)
	}
	for name, native := range map[string]*native{"go-git": r.native, "git": nil} {
		b.Run(name, func(b *testing.B) {
			r.native = native
			for b.Loop() {
				if paths, err := r.Tracked(".go"); len(paths) != 20_000 || err != nil {
					b.Fatal(len(paths), err)
				}
			}
		})
	}
}

// TestPowerLoss lets the power fail at every moment at which an edit has synced something: the ref leads to whole objects, those of the last edit
// that was told as done or of the one after it, and git finds nothing broken.
func TestPowerLoss(t *testing.T) {
	f := newFixture(t)
	f.commit("first", 1)
	const ref = "refs/notes/kept"
	r := f.find()
	withoutGit(r) // what another program syncs nobody tells us
	edits := 0
	disk := testkit.WatchDisk(t, f.dir, func() any { return edits })
	for i := range 3 {
		if err := r.Edit(t.Context(), ref, "Add", func(tree *Tree) error { return tree.Write(fmt.Sprintf("folder/%d", i), fmt.Append(nil, i)) }); err != nil {
			t.Fatal(err)
		}
		edits++
	}
	disk.Look()
	n := disk.Losses(3, func(dir string, note any) {
		f.in(dir, "fsck", "--strict")
		r, err := Find(dir)
		if err != nil {
			t.Error(err)
			return
		}
		if err := r.View(t.Context(), ref, func(tree *Tree) error {
			names, err := tree.Files("folder")
			if err == nil && (len(names) < note.(int) || len(names) > note.(int)+1) {
				t.Errorf("%d edits are there of %d", len(names), note)
			}
			for _, name := range names {
				if text, err := tree.Read("folder/" + name); err != nil || string(text) != name {
					t.Errorf("%s: %q, %v", name, text, err)
				}
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	})
	t.Logf("%d losses of power", n)
}
