package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gitx"
)

type repo struct {
	t   *testing.T
	dir string
}

func newRepo(t *testing.T, args ...string) repo {
	t.Helper()
	for name, value := range map[string]string{"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "GIT_AUTHOR_NAME": "Test",
		"GIT_COMMITTER_NAME": "Test", "GIT_AUTHOR_EMAIL": "test@example.org", "GIT_COMMITTER_EMAIL": "test@example.org"} {
		t.Setenv(name, value)
	}
	g := repo{t, filepath.Join(t.TempDir(), "repo")}
	if err := os.Mkdir(g.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	g.git(append([]string{"init", "-q", "-b", "main"}, args...)...)
	return g
}

func (g repo) git(args ...string) string { g.t.Helper(); return g.gitWith("", args...) }

func (g repo) gitWith(stdin string, args ...string) string {
	g.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Stdin = g.dir, strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		g.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (g repo) commit(message string) string {
	g.t.Helper()
	g.git("commit", "-q", "--allow-empty", "-m", message)
	return g.git("rev-parse", "HEAD")
}

func (g repo) find() *gitx.Repo {
	g.t.Helper()
	r, err := gitx.Find(g.dir)
	if err != nil {
		g.t.Fatal(err)
	}
	return r
}

// noted is a record as the store gives it back, without a store.
func noted(asset string, rows int64) Record {
	return Record{ID: recordID([]byte(asset)), Asset: asset, Kind: "table", Key: keyOf(asset), Object: Hash("b3:3f2a1c9" + strings.Repeat("0", 57)),
		Rows: rows, Size: 12_345}
}

func addNote(t *testing.T, g repo, commit string, records ...Record) {
	t.Helper()
	if err := Note(ctx, g.find(), commit, records); err != nil {
		t.Fatal(err)
	}
}

func lines(t *testing.T, g repo, commit string) map[string]NoteLine {
	t.Helper()
	l, err := Noted(ctx, g.find(), commit)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestNote(t *testing.T) {
	for _, args := range [][]string{nil, {"--object-format=sha256"}} {
		g := newRepo(t, args...)
		head := g.commit("first")
		if l := lines(t, g, head); len(l) != 0 {
			t.Errorf("of a commit without a note: %v", l)
		}
		model := noted("flights/model", 1)
		model.Kind = "value"
		part1, part2 := noted("flights/daily", 1000), noted("flights/daily", 500)
		part1.Partition, part2.Partition = "2013-01-01", "2013-01-02"
		addNote(t, g, head, noted("flights/features", 336_776), model)
		addNote(t, g, "HEAD", part1, part2, noted("flights/raw", 1))
		addNote(t, g, head)
		changed := noted("flights/raw", 7)
		changed.Key = keyOf("changed")
		addNote(t, g, head, changed)

		want := "cellar 1: 4 assets\n" +
			"flights/daily     1,500 rows in 2 partitions\n" +
			"flights/features  336,776 rows  b3:3f2a1c9  " + keyOf("flights/features")[:10] + "\n" +
			"flights/model     12.3 kB       b3:3f2a1c9  " + keyOf("flights/model")[:10] + "\n" +
			"flights/raw       7 rows        b3:3f2a1c9  " + keyOf("changed")[:10] + "\n" +
			"records "
		shown := g.git("notes", "--ref=cellar", "show", head)
		if !strings.HasPrefix(shown, want) {
			t.Errorf("git notes show:\n%s\nwant\n%s", shown, want)
		}
		if log := g.git("log", "--notes=cellar", "-1"); !strings.Contains(log, "    flights/features  336,776 rows  b3:3f2a1c9") {
			t.Errorf("git log --notes=cellar:\n%s", log)
		}
		if list := g.git("notes", "--ref=cellar", "list"); !strings.HasSuffix(list, " "+head) || strings.Contains(list, "\n") {
			t.Errorf("git notes list:\n%s", list)
		}
		l := lines(t, g, head)
		if got := slices.Sorted(maps.Keys(l)); !slices.Equal(got, []string{"flights/daily\t2013-01-01", "flights/daily\t2013-01-02", "flights/features", "flights/model", "flights/raw"}) {
			t.Errorf("slots: %q", got)
		}
		if got, want := l["flights/raw"], (NoteLine{"flights/raw", "", changed.Key, changed.ID, changed.Object, "table", 7, 12_345, head}); got != want {
			t.Errorf("line %+v, want %+v", got, want)
		}
		if got := g.git("config", "--get-all", "notes.rewriteRef"); got != NotesRef {
			t.Errorf("notes.rewriteRef: %q", got)
		}

		// The records belong to the ref: no gc drops them, and a clone of the ref has them.
		g.git("reflog", "expire", "--expire=now", "--all")
		g.git("gc", "-q", "--prune=now")
		if again := lines(t, g, head); !reflect.DeepEqual(again, l) {
			t.Errorf("after gc: %v", again)
		}
		g.git("fsck", "--strict")
		clone := repo{t, filepath.Join(filepath.Dir(g.dir), "clone")}
		g.git("clone", "-q", g.dir, clone.dir)
		clone.git("fetch", "-q", "origin", NotesRef+":"+NotesRef)
		if there := lines(t, clone, head); !reflect.DeepEqual(there, l) {
			t.Errorf("in a clone: %v", there)
		}
	}
}

func TestNoteRefuses(t *testing.T) {
	g := newRepo(t)
	head := g.commit("first")
	dirty, unstored := noted("f/a", 1), noted("f/a", 1)
	dirty.Dirty, unstored.ID = true, ""
	for what, r := range map[string]Record{"dirty": dirty, "not stored": unstored} {
		if err := Note(ctx, g.find(), head, []Record{noted("f/b", 1), r}); err == nil {
			t.Errorf("a record that is %s was noted", what)
		}
	}
	if err := Note(ctx, g.find(), strings.Repeat("1", 40), []Record{noted("f/a", 1)}); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("an unknown commit: %v", err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if err := Note(gone, g.find(), head, []Record{noted("f/a", 1)}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if g.git("for-each-ref", NotesRef) != "" {
		t.Error("something was noted")
	}
}

// TestNoteStaysShort notes ten thousand assets in twenty lines.
func TestNoteStaysShort(t *testing.T) {
	g := newRepo(t)
	head := g.commit("first")
	var all []Record
	for i := range 10_000 {
		all = append(all, noted(fmt.Sprintf("nb/asset%05d", i), 1))
	}
	addNote(t, g, head, all...)
	addNote(t, g, head, noted("nb/asset00003", 2))
	shown := strings.Split(g.git("notes", "--ref=cellar", "show", head), "\n")
	if len(shown) != 20 || shown[0] != "cellar 1: 10,000 assets" || shown[18] != "… and 9,983 more" {
		t.Errorf("%d lines:\n%s", len(shown), strings.Join(shown, "\n"))
	}
	if l := lines(t, g, head); len(l) != 10_000 || l["nb/asset00003"].Rows != 2 {
		t.Errorf("%d lines", len(l))
	}
}

// TestNotesThroughGit uses git's own commands on the notes: they keep the records, and we keep what they add.
func TestNotesThroughGit(t *testing.T) {
	g := newRepo(t)
	first := g.commit("first")
	addNote(t, g, first, noted("f/a", 1), noted("f/b", 2))
	l := lines(t, g, first)

	g.git("notes", "--ref=cellar", "append", "-m", "checked by hand", first)
	addNote(t, g, first, noted("f/c", 3))
	if shown := g.git("notes", "--ref=cellar", "show", first); !strings.HasSuffix(shown, "\n\nchecked by hand") || strings.Count(shown, "records ") != 1 {
		t.Errorf("after git notes append:\n%s", shown)
	}

	// A commit that is made again carries its note along, and the lines say where they are from.
	g.git("commit", "-q", "--amend", "--allow-empty", "-m", "first, amended")
	amended := g.git("rev-parse", "HEAD")
	if got := lines(t, g, amended); len(got) != 3 || got["f/a"] != l["f/a"] || got["f/a"].Commit != first {
		t.Errorf("after amend: %v", got)
	}
	// Two notes of git's making in one: what the commit said itself holds.
	second := g.commit("second")
	own := noted("f/a", 99)
	addNote(t, g, second, own)
	g.git("notes", "--ref=cellar", "append", "-C", strings.Fields(g.git("notes", "--ref=cellar", "list", first))[0], second)
	if got := lines(t, g, second); len(got) != 3 || got["f/a"].Rows != 99 || got["f/b"].Rows != 2 {
		t.Errorf("two notes in one: %v", got)
	}
	addNote(t, g, second, noted("f/d", 4))
	if got := lines(t, g, second); len(got) != 4 || got["f/a"].Rows != 99 {
		t.Errorf("put in order: %v", got)
	}

	// git spreads hundreds of notes over folders, its way.
	var history, copies strings.Builder
	from := "from refs/heads/main^0\n"
	for range 300 {
		fmt.Fprint(&history, "commit refs/heads/main\ncommitter Test <test@example.org> 1700000000 +0000\ndata 1\nx\n", from)
		from = ""
	}
	g.gitWith(history.String(), "fast-import", "--quiet")
	commits := strings.Fields(g.git("rev-list", "--max-count=300", "main"))
	g.git("notes", "--ref=cellar", "add", "-m", "x", commits[0])
	for _, c := range commits[1:] {
		fmt.Fprintln(&copies, commits[0], c)
	}
	g.gitWith(copies.String(), "notes", "--ref=cellar", "copy", "--stdin")
	if tree := g.git("ls-tree", "--name-only", NotesRef); strings.Contains(tree, first) {
		t.Errorf("git did not spread the notes:\n%s", tree)
	}
	if got := lines(t, g, first); len(got) != 3 {
		t.Errorf("among hundreds: %v", got)
	}
	addNote(t, g, commits[7], noted("f/a", 7))
	if got := g.git("notes", "--ref=cellar", "list"); len(strings.Split(got, "\n")) != 303 {
		t.Errorf("%d notes, want 303", len(strings.Split(got, "\n")))
	}
	if shown := g.git("notes", "--ref=cellar", "show", commits[7]); !strings.HasPrefix(shown, "cellar 1: 1 asset\n") || !strings.HasSuffix(shown, "\n\nx") {
		t.Errorf("a note added to git's:\n%s", shown)
	}
	g.git("fsck", "--strict")
}

func TestNotesOfLaterFormats(t *testing.T) {
	g := newRepo(t)
	head := g.commit("first")
	g.git("notes", "--ref=cellar", "add", "-m", "cellar 2: all new\nrecords "+strings.Repeat("a", 40), head)
	if _, err := Noted(ctx, g.find(), head); fault.Hint(err) != "update cellar" && !strings.Contains(fmt.Sprint(err), "format 2") {
		t.Errorf("Noted: %v", err)
	}
	if err := Note(ctx, g.find(), head, []Record{noted("f/a", 1)}); fault.Hint(err) != "update cellar" {
		t.Errorf("Note: %v (hint %q)", err, fault.Hint(err))
	}
	g.git("notes", "--ref=cellar", "add", "-f", "-m", "cellar 1: lost\nrecords "+strings.Repeat("a", 40), head)
	if _, err := Noted(ctx, g.find(), head); !errors.Is(err, fault.ErrNotFound) || !strings.HasPrefix(fault.Hint(err), "git fetch") {
		t.Errorf("records that are not there: %v", err)
	}
}

func TestPromote(t *testing.T) {
	g := newRepo(t)
	g.commit("before")
	s := open(t, filepath.Join(g.find().CommonDir(), "cellar"))
	var work []Record
	for _, asset := range []string{"f/a", "f/b", "f/c"} {
		r := record(t, s, asset, "v", 0)
		r.Dirty = true
		work = append(work, putRecord(t, s, r))
	}
	head := g.commit("after")
	promoted, err := s.Promote(ctx, g.find(), "", "HEAD", func(r Record) bool { return r.Asset != "f/b" })
	if len(promoted) != 2 || err != nil {
		t.Fatalf("Promote = %v, %v", promoted, err)
	}
	for _, p := range promoted {
		if r, ok, err := s.Find(p.Key); !ok || r.ID != p.ID || r.Dirty || r.Commit != head || err != nil {
			t.Errorf("%s: %+v, %v, %v", p.Asset, r, ok, err)
		}
	}
	if got := slices.Sorted(maps.Keys(lines(t, g, head))); !slices.Equal(got, []string{"f/a", "f/c"}) {
		t.Errorf("noted: %v", got)
	}
	if left, err := s.Dirty(""); len(left) != 1 || left[0].ID != work[1].ID || err != nil {
		t.Errorf("still in progress: %v, %v", left, err)
	}
	if again, err := s.Promote(ctx, g.find(), "", "HEAD", func(Record) bool { return false }); len(again) != 0 || err != nil {
		t.Errorf("again: %v, %v", again, err)
	}
	if status := g.git("status", "--porcelain"); status != "" {
		t.Errorf("the store is seen by git: %s", status)
	}
	sound(t, s)
}

func FuzzParseNote(f *testing.F) {
	root := strings.Repeat("ab", 20)
	f.Add("cellar 1: 1 asset\nf/a  1 row\nrecords " + root + "\n")
	f.Add("by hand\ncellar 1: 1 asset\nrecords " + root + "\n\ncellar 1: x\n")
	f.Add("cellar 1: a\ncellar 1: b\nrecords " + root + "\nrecords " + strings.Repeat("cd", 20))
	f.Add("cellar 2: x")
	f.Fuzz(func(t *testing.T, text string) {
		n, err := parseNote([]byte(text))
		if err != nil {
			return
		}
		again, err := parseNote(n.render(map[string]NoteLine{}, root))
		if err != nil {
			t.Fatal(err)
		}
		if again.foreign != n.foreign || !slices.Equal(again.roots, []string{root}) {
			t.Fatalf("%q became %+v, then %+v", text, n, again)
		}
	})
}

func FuzzParseShard(f *testing.F) {
	var seed map[string][]byte
	r := noted("f/a", 1)
	seed = shards(map[string]NoteLine{"f/a": {r.Asset, "", r.Key, r.ID, r.Object, r.Kind, 1, 2, strings.Repeat("a", 40)}})
	for _, text := range seed {
		f.Add(text)
	}
	f.Add([]byte("a\tb\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		lines := map[string]NoteLine{}
		if parseShard(text, lines) != nil {
			return
		}
		again := map[string]NoteLine{}
		for _, text := range shards(lines) {
			if err := parseShard(text, again); err != nil {
				t.Fatal(err)
			}
		}
		if !reflect.DeepEqual(lines, again) {
			t.Fatalf("%v became %v", lines, again)
		}
	})
}
