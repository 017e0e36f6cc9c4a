package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gitx"
)

// roles are what this test binary does when it is started as another process.
var roles = map[string]func(dir string, arg string) error{
	"write": writeForever,
	"same":  putSameKey,
	"notes": writeNotes,
	"lock":  holdLock,
	"limit": writeAgainstLimit,
}

func TestMain(m *testing.M) {
	if role := roles[os.Getenv("STORE_TEST_ROLE")]; role != nil {
		if err := role(os.Getenv("STORE_TEST_DIR"), os.Getenv("STORE_TEST_ARG")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// process starts this binary in a role; it is killed when the test ends.
func process(t *testing.T, role, dir, arg string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "STORE_TEST_ROLE="+role, "STORE_TEST_DIR="+dir, "STORE_TEST_ARG="+arg)
	cmd.Stderr = new(bytes.Buffer)
	return cmd
}

func run(t *testing.T, cmds ...*exec.Cmd) {
	t.Helper()
	for _, c := range cmds {
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range cmds {
		if err := c.Wait(); err != nil {
			t.Errorf("%v: %s", err, c.Stderr)
		}
	}
}

// writeForever writes versions until it is killed, and prints the clean ones that it was told are stored; dirty ones it prunes.
func writeForever(dir, arg string) error {
	s, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	if arg == "no links" {
		s.link = func(string, string) error { return syscall.EPERM }
	}
	for i := 0; ; i++ {
		w, err := s.Create()
		if err != nil {
			return err
		}
		text := strings.Repeat(fmt.Sprintf("%d of %d\n", i, os.Getpid()), 1+rand.IntN(20_000))
		for len(text) > 0 { // in pieces, so that a kill finds half a file
			n := min(len(text), 4096)
			if _, err := w.Write([]byte(text[:n])); err != nil {
				return err
			}
			text = text[n:]
		}
		h, err := w.Commit()
		if err != nil {
			return err
		}
		r := Record{Asset: "f/a", Kind: "table", Key: keyOf(fmt.Sprint(os.Getpid(), i/2)), Object: h, Finished: time.Now(), Dirty: i%3 == 0}
		id, err := s.Put(context.Background(), r)
		if err != nil {
			return err
		}
		if !r.Dirty {
			fmt.Println(id)
		}
		if i%4 == 3 {
			if _, err := s.Prune(context.Background(), PruneOptions{Budget: 1, Grace: -1}); err != nil {
				return err
			}
		}
	}
}

// output is what a process printed, and tells when it begins to.
type output struct {
	text  bytes.Buffer // not embedded: its ReadFrom would be used in place of Write
	begun chan bool
	once  sync.Once
}

// wait waits until the process printed something, or failed to.
func (o *output) wait() {
	select {
	case <-o.begun:
	case <-time.After(10 * time.Second):
	}
}

func (o *output) Write(p []byte) (int, error) {
	o.once.Do(func() { close(o.begun) })
	return o.text.Write(p)
}

// TestKill kills a writer at a random moment, again and again: what it was told is stored is there and whole, nothing else can be found,
// and the next one goes on.
func TestKill(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cellar")
	told := 0
	for round := range 30 {
		c := process(t, "write", dir, []string{"links", "no links"}[round%2])
		out := &output{begun: make(chan bool)}
		c.Stdout = out
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if round%3 > 0 { // else it may be killed before it wrote anything
			out.wait()
		}
		time.Sleep(time.Duration(5+rand.IntN(120)) * time.Millisecond)
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(); !killed(err) {
			t.Fatalf("the writer ended by itself: %v: %s", err, c.Stderr)
		}
		s := open(t, dir)
		sound(t, s)
		for line := range strings.Lines(out.text.String()) {
			id, whole := strings.CutSuffix(line, "\n")
			if !whole {
				continue
			}
			told++
			r, err := s.Record(id)
			if err != nil {
				t.Errorf("was told of %s, which is lost: %v", id, err)
				continue
			}
			if err := s.Check(r.Object); err != nil {
				t.Error(err)
			}
			if _, ok, err := s.Find(r.Key); !ok || err != nil {
				t.Errorf("key of %s is not found: %v", id, err)
			}
		}
		for _, r := range mustHistory(t, s, "f/a") {
			if err := s.Check(r.Object); err != nil {
				t.Errorf("a version that is not whole is in the history: %v", err)
			}
		}
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	if told == 0 {
		t.Error("no writer lived long enough to store anything")
	}
	s := open(t, dir)
	if _, err := s.Prune(ctx, PruneOptions{Grace: -1}); err != nil {
		t.Error(err)
	}
	sound(t, s)
	t.Logf("%d versions were stored", told)
}

func killed(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
}

// putSameKey stores its own value under a key that others use at the same moment.
func putSameKey(dir, arg string) error {
	s, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	for round := range 10 {
		w, err := s.Create()
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "value of %s in %d", arg, round)
		h, err := w.Commit()
		if err != nil {
			return err
		}
		key := keyOf(fmt.Sprint("round", round))
		if _, err := s.Put(context.Background(), Record{Asset: "f/a", Kind: "value", Key: key, Object: h, Writer: arg}); err != nil {
			return err
		}
		r, ok, err := s.Find(key)
		if err != nil || !ok {
			return fmt.Errorf("round %d: %v, %v", round, ok, err)
		}
		// What this process was given for the key; the others must have been given the same.
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("seen-%d-%s", round, arg)), []byte(r.ID), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func TestOneKeyManyProcesses(t *testing.T) {
	dir := t.TempDir()
	var cmds []*exec.Cmd
	for i := range 8 {
		cmds = append(cmds, process(t, "same", dir, fmt.Sprint(i)))
	}
	run(t, cmds...)
	s := open(t, dir)
	for round := range 10 {
		key := keyOf(fmt.Sprint("round", round))
		r, ok, err := s.Find(key)
		if !ok || err != nil {
			t.Fatalf("round %d: %v, %v", round, ok, err)
		}
		for i := range 8 {
			if seen, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("seen-%d-%d", round, i))); string(seen) != r.ID || err != nil {
				t.Errorf("round %d: process %d was given %s, %v; the key stands for %s", round, i, seen, err, r.ID)
			}
		}
		if all, err := s.Records(key); len(all) != 8 || err != nil {
			t.Errorf("round %d: %d records, %v; want 8", round, len(all), err)
		}
	}
	if h := mustHistory(t, s, "f/a"); len(h) != 80 {
		t.Errorf("%d versions in the history, want 80", len(h))
	}
	sound(t, s)
}

// writeNotes writes 25 notes of one line each.
func writeNotes(dir, arg string) error {
	repo, err := gitx.Find(dir)
	if err != nil {
		return err
	}
	for i := range 25 {
		asset := fmt.Sprintf("w%s/asset%02d", arg, i)
		r := Record{ID: recordID([]byte(asset)), Asset: asset, Kind: "table", Key: keyOf(asset), Object: Hash("b3:" + strings.Repeat("3f", 32)), Rows: 7}
		if err := Note(context.Background(), repo, "HEAD", []Record{r}); err != nil {
			return err
		}
		fmt.Println(asset)
	}
	return nil
}

func TestNotesOfManyProcesses(t *testing.T) {
	g := newRepo(t)
	head := g.commit("first")
	var cmds []*exec.Cmd
	for i := range 8 {
		cmds = append(cmds, process(t, "notes", g.dir, fmt.Sprint(i)))
	}
	run(t, cmds...)
	lines, err := Noted(ctx, g.find(), head)
	if len(lines) != 200 || err != nil {
		t.Errorf("%d of 200 lines, %v", len(lines), err)
	}
	g.git("fsck", "--strict")
	if left, _ := filepath.Glob(filepath.Join(g.dir, ".git", "cellar-notes*")); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
}

// TestKillNotes kills writers of notes: what they were told is noted is there, and the next one goes on.
func TestKillNotes(t *testing.T) {
	g := newRepo(t)
	head := g.commit("first")
	told := map[string]bool{}
	for round := range 20 {
		c := process(t, "notes", g.dir, fmt.Sprint(round))
		out := &output{begun: make(chan bool)}
		c.Stdout = out
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if round%3 > 0 {
			out.wait()
		}
		time.Sleep(time.Duration(10+rand.IntN(60)) * time.Millisecond)
		_ = c.Process.Kill() // or it has ended
		_ = c.Wait()
		for line := range strings.Lines(out.text.String()) {
			if asset, whole := strings.CutSuffix(line, "\n"); whole {
				told[asset] = true
			}
		}
	}
	lines, err := Noted(ctx, g.find(), head)
	if err != nil {
		t.Fatal(err)
	}
	for asset := range told {
		if _, ok := lines[asset]; !ok {
			t.Errorf("was told that %s is noted, which is lost", asset)
		}
	}
	addNote(t, g, head, noted("f/a", 1))
	g.git("fsck", "--strict")
	t.Logf("%d notes", len(told))
}

// holdLock takes a lock, says so and waits to be killed.
func holdLock(dir, key string) error {
	s, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	if _, err := s.Lock(context.Background(), key); err != nil {
		return err
	}
	fmt.Println("locked")
	time.Sleep(time.Minute)
	return nil
}

func TestLock(t *testing.T) {
	s := open(t, t.TempDir())
	key := keyOf("a")

	// Among goroutines: one at a time.
	var wait sync.WaitGroup
	inside, most, count := 0, 0, 0
	var mu sync.Mutex
	for range 8 {
		wait.Go(func() {
			for range 5 {
				unlock, err := s.Lock(ctx, key)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				inside++
				most = max(most, inside)
				count++
				mu.Unlock()
				time.Sleep(time.Millisecond)
				mu.Lock()
				inside--
				mu.Unlock()
				unlock()
			}
		})
	}
	wait.Wait()
	if most != 1 || count != 40 {
		t.Errorf("%d at once, %d in all", most, count)
	}
	if left, _ := os.ReadDir(s.path("locks")); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}

	// It dies with its process.
	c := process(t, "lock", s.dir, key)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := s.Lock(short, key); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a lock that another process holds: %v", err)
	}
	if unlock, err := s.Lock(ctx, keyOf("b")); err != nil {
		t.Errorf("another key: %v", err)
	} else {
		unlock()
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // killed
	long, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	unlock, err := s.Lock(long, key)
	if err != nil {
		t.Fatalf("after the holder died: %v", err)
	}
	unlock()
	if _, err := s.Lock(ctx, "../x"); err == nil {
		t.Error("a lock outside of the store")
	}
}

// files lists a store's files and their sizes, but temporary ones and locks.
func files(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	all := map[string]int64{}
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		if rel, _ := filepath.Rel(dir, path); !strings.HasPrefix(rel, "locks") {
			all[rel] = fi.Size()
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// writeAgainstLimit meets the system's limit of a file's size, which is an error of write(2) as a full disk is.
func writeAgainstLimit(dir, arg string) error {
	limit, err := strconv.ParseUint(arg, 10, 64)
	if err != nil {
		return err
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
		return err
	}
	s, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	if err := fill(s, 1<<20); !errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("writing a megabyte: %v", err)
	} else if err := says(err, dir); err != nil {
		return err
	}
	return nil
}

func fill(s *Store, size int) error {
	w, err := s.Create()
	if err != nil {
		return err
	}
	defer w.Abort()
	chunk := make([]byte, 64<<10)
	for range size / len(chunk) {
		if _, err := w.Write(chunk); err != nil {
			if _, again := w.Commit(); !errors.Is(again, err) {
				return fmt.Errorf("a file that lacks bytes was committed: %v", again)
			}
			return err
		}
	}
	_, err = w.Commit()
	return err
}

// says checks that an error of the disk names the place and the way out.
func says(err error, dir string) error {
	if fault.ExitCode(err) != int(fault.Storage) || !strings.Contains(err.Error(), dir) || !strings.Contains(fault.Hint(err), "CELLAR_STORE") {
		return fmt.Errorf("the error does not say where and what to do: %v (hint %q)", err, fault.Hint(err))
	}
	return nil
}

func TestFileTooLarge(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	putRecord(t, s, record(t, s, "f/a", "v", 0))
	before := files(t, dir)
	run(t, process(t, "limit", dir, "300000"))
	if after := files(t, dir); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("the store changed from\n%v\nto\n%v", before, after)
	}
	sound(t, s)
}

// TestFullDisk needs root, to mount a small disk; TestFileTooLarge is what others have.
func TestFullDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,nr_inodes=100"); err != nil {
		t.Logf("no disk of our own here (%v)", err)
		return
	}
	defer func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	}()
	s := open(t, dir)
	r := putRecord(t, s, record(t, s, "f/a", "v", 0))
	before := files(t, dir)
	check := func(what string, err error, cause error) {
		t.Helper()
		if !errors.Is(err, cause) {
			t.Errorf("%s: %v, want %v", what, err, cause)
		} else if err := says(err, dir); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if after := files(t, dir); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("%s: the store changed from\n%v\nto\n%v", what, before, after)
		}
		sound(t, s)
		if got, ok, err := s.Find(r.Key); !ok || got.ID != r.ID || err != nil {
			t.Errorf("%s: Find = %v, %v, %v", what, got, ok, err)
		}
	}
	check("an object too large", fill(s, 2<<20), syscall.ENOSPC)

	source := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(source, make([]byte, 2<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	_, _, err := s.Import(source) // from another file system
	check("a file taken in", err, syscall.ENOSPC)
	if _, err := os.Stat(source); err != nil {
		t.Errorf("the file that was not taken in: %v", err)
	}

	// No more files: a record that can't be written leaves nothing to be found.
	next := record(t, s, "f/b", "v", 0)
	for i := 0; ; i++ {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("ballast%d", i)), nil, 0o644); err != nil {
			break
		}
	}
	if _, err := s.Put(ctx, next); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Put: %v", err)
	} else if err := says(err, dir); err != nil {
		t.Error(err)
	}
	sound(t, s)
	if _, ok, err := s.Find(next.Key); ok || err != nil {
		t.Errorf("half a record is found: %v", err)
	}
	ballast, _ := filepath.Glob(filepath.Join(dir, "ballast*"))
	for _, b := range ballast {
		if err := os.Remove(b); err != nil {
			t.Fatal(err)
		}
	}
	putRecord(t, s, next)
	sound(t, s)

	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	before = files(t, dir)
	_, err = s.Put(ctx, r)
	check("a disk that is read-only", err, syscall.EROFS)
	if _, err := s.Create(); !errors.Is(err, syscall.EROFS) {
		t.Errorf("Create on a disk that is read-only: %v", err)
	}
}

func TestFileInTheWay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cellar")
	if err := os.WriteFile(dir, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir, Options{})
	if fault.ExitCode(err) != int(fault.Storage) || !strings.Contains(fault.Hint(err), "CELLAR_STORE") {
		t.Errorf("Open: %v (hint %q)", err, fault.Hint(err))
	}
}
