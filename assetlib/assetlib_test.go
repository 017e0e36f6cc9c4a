package assetlib

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/cellar-go/cellar/assetlib/store"
	"github.com/cellar-go/cellar/assetlib/table"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gitx"
)

// A value noted at a commit is loaded there, and nowhere else.
func TestLoad(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		c := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@b.c"}, args...)...)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %s", args, out)
		}
	}
	git("init", "-q")
	git("commit", "-q", "--allow-empty", "-m", "one")
	type row struct{ A int }
	rows := []row{{1}, {2}}

	s, err := store.Open(filepath.Join(dir, ".git", "cellar"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.Create()
	if err != nil {
		t.Fatal(err)
	}
	info, err := table.Write(w, rows)
	if err != nil {
		t.Fatal(err)
	}
	object, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	repo, err := gitx.Find(dir)
	if err != nil {
		t.Fatal(err)
	}
	head, _, err := repo.Head()
	if err != nil {
		t.Fatal(err)
	}
	r := store.Record{Asset: "n/a", Kind: info.Kind, Key: "k1:0123456789abcdef0123456789abcdef01234567", Object: object, Content: info.Content, Rows: info.Rows, Commit: head}
	if r.ID, err = s.Put(ctx, r); err != nil {
		t.Fatal(err)
	}
	if err := store.Note(ctx, repo, head, []store.Record{r}); err != nil {
		t.Fatal(err)
	}
	git("commit", "-q", "--allow-empty", "-m", "two")

	p, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Load[[]row](ctx, p, "n/a", "HEAD~1")
	if err != nil || !reflect.DeepEqual(got, rows) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := Load[[]row](ctx, p, "n/a", ""); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("a commit without the note: %v", err)
	}
	if _, err := Load[[]struct{ A string }](ctx, p, "n/a", "HEAD~1"); err == nil {
		t.Error("a number was read into a string")
	}
	if _, err := Open(os.TempDir()); err != nil {
		t.Errorf("outside git: %v", err)
	}
}
