package gitx

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cellar-go/cellar/internal/fault"
)

// Entry is a file of a commit.
type Entry struct {
	Path string // with slashes, from the root of the work tree
	Blob string // id of its content
}

// Head is the commit and the branch checked out: commit is empty while the branch has none yet, branch when HEAD is detached.
func (r *Repo) Head() (commit, branch string, err error) {
	if r.native != nil {
		if branch, err = r.native.branch(); err == nil {
			commit, err = r.native.ref("HEAD")
		}
		if err == nil {
			return commit, branch, nil
		}
	}
	ctx := context.Background()
	out, err := r.git(ctx, nil, "symbolic-ref", "--quiet", "--short", "HEAD")
	if err != nil && !failedWith(err, 1) {
		return "", "", err
	}
	branch = strings.TrimSpace(string(out))
	commit, err = r.programRef(ctx, "HEAD")
	return commit, branch, err
}

// programRef asks git for a ref's commit, "" if the ref does not exist.
func (r *Repo) programRef(ctx context.Context, name string) (string, error) {
	out, err := r.git(ctx, nil, "rev-parse", "--quiet", "--verify", name)
	if failedWith(err, 1) {
		return "", nil
	}
	return strings.TrimSpace(string(out)), err
}

// ref is what a ref's full name stands for, "" if it does not exist.
func (o *objects) ref(name string) (string, error) {
	if o.r.native != nil {
		if id, err := o.r.native.ref(name); err == nil {
			return id, nil
		}
	}
	return o.r.programRef(o.ctx, name)
}

// Resolve finds the commit that a revision names: a branch, tag, commit id, HEAD~3, and whatever else `git rev-parse` knows.
func (r *Repo) Resolve(rev string) (string, error) {
	o := r.objects(context.Background())
	defer o.close()
	if rev == "" || strings.HasPrefix(rev, "-") {
		return "", fault.New(fault.Usage, "", "%q names no commit", rev)
	}
	if r.native != nil {
		if id, err := o.resolve(rev); err == nil {
			return id, nil
		}
	}
	var cause error
	if _, absent := r.program(); absent == nil {
		out, err := r.git(o.ctx, nil, "rev-parse", "--quiet", "--verify", rev+"^{commit}")
		if err == nil {
			return strings.TrimSpace(string(out)), nil
		}
		var mistake *fault.Mistake
		if errors.As(err, &mistake) {
			return "", err
		}
		if !failedWith(err, 1) { // 1: git knows no such revision, and says no more
			cause = err
		}
	} else if r.native != nil && !strings.Contains(rev, ":") { // which go-git overlooks
		id, err := r.native.guess(rev)
		if err == nil {
			if id, err = o.peel(id); err == nil {
				return id, nil
			}
		}
		cause = err
	}
	if head, _, err := r.Head(); err == nil && head == "" {
		return "", fault.New(fault.Input, "commit something first", "%s has no commit yet, so %q names none: %w", r.dir(), rev, fault.ErrNotFound)
	}
	if r.Shallow() {
		return "", fault.New(fault.Input, "git fetch --unshallow", "%q names no commit in %s, whose history is cut (a shallow clone): %w", rev, r.dir(), fault.ErrNotFound)
	}
	if cause == nil {
		cause = fault.ErrNotFound
	} else {
		cause = fmt.Errorf("%w: %w", cause, fault.ErrNotFound)
	}
	return "", fault.New(fault.Input, "git fetch, if it is a commit of a colleague", "%q names no commit in %s: %w", rev, r.dir(), cause)
}

// resolve understands plain names and ids, followed by any number of ~n and ^n.
func (o *objects) resolve(rev string) (string, error) {
	base, steps := rev, ""
	if i := strings.IndexAny(rev, "~^"); i >= 0 {
		base, steps = rev[:i], rev[i:]
	}
	id, err := o.named(base)
	if err != nil {
		return "", err
	}
	if id, err = o.peel(id); err != nil {
		return "", err
	}
	for steps != "" {
		op := steps[0]
		digits := len(steps[1:]) - len(strings.TrimLeft(steps[1:], "0123456789"))
		n := 1
		if digits > 0 {
			if n, err = strconv.Atoi(steps[1 : 1+digits]); err != nil {
				return "", err
			}
		}
		steps = steps[1+digits:]
		switch op {
		case '~':
			for range n {
				if id, err = o.parent(id, 1); err != nil {
					return "", err
				}
			}
		case '^':
			if n > 0 {
				if id, err = o.parent(id, n); err != nil {
					return "", err
				}
			}
		default:
			return "", fmt.Errorf("%q: %w", rev, fault.ErrNotFound)
		}
	}
	return id, nil
}

func (o *objects) parent(id string, n int) (string, error) {
	c, err := o.commit(id)
	if err != nil {
		return "", err
	}
	if n > len(c.parents) {
		return "", fmt.Errorf("%s has no parent %d: %w", id, n, fault.ErrNotFound)
	}
	return c.parents[n-1], nil
}

// named looks a name up in the order of gitrevisions(7).
func (o *objects) named(name string) (string, error) {
	if isID(name) {
		return name, nil
	}
	if name == "@" {
		name = "HEAD"
	}
	tries := []string{"refs/" + name, "refs/tags/" + name, "refs/heads/" + name, "refs/remotes/" + name, "refs/remotes/" + name + "/HEAD"}
	if name == strings.ToUpper(name) || strings.HasPrefix(name, "refs/") {
		tries = append([]string{name}, tries...) // HEAD, ORIG_HEAD, or a full name
	}
	for _, full := range tries {
		if id, err := o.r.native.ref(full); err != nil || id != "" {
			return id, err
		}
	}
	return "", fault.ErrNotFound
}

func isID(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

// ReadFile is a file's content as of a commit, and the id of that content; fault.ErrNotFound if the commit has no such file.
func (r *Repo) ReadFile(commit, path string) (content []byte, blob string, err error) {
	o := r.objects(context.Background())
	defer o.close()
	c, err := o.commit(commit)
	if err != nil {
		return nil, "", err
	}
	t := &Tree{o: o, id: c.tree}
	blob, err = t.fileID(path)
	if err != nil {
		return nil, "", fmt.Errorf("cellar: %s at %.10s: %w", path, commit, err)
	}
	content, err = o.get(blob, "blob")
	return content, blob, err
}

// List names the files of a commit that end in one of the suffixes (all of them if none is given), sorted by path. Symbolic links and
// submodules are not files.
func (r *Repo) List(commit string, suffixes ...string) ([]Entry, error) {
	o := r.objects(context.Background())
	defer o.close()
	c, err := o.commit(commit)
	if err != nil {
		return nil, err
	}
	var entries []Entry
	var walk func(tree, prefix string) error
	walk = func(tree, prefix string) error {
		nodes, err := o.tree(tree)
		if err != nil {
			return err
		}
		for _, n := range nodes {
			path := prefix + n.name
			switch {
			case n.isTree():
				if err := walk(n.id, path+"/"); err != nil {
					return err
				}
			case n.isFile() && hasSuffix(path, suffixes):
				entries = append(entries, Entry{path, n.id})
			}
		}
		return nil
	}
	if err := walk(c.tree, ""); err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	return entries, nil
}

func hasSuffix(path string, suffixes []string) bool {
	return len(suffixes) == 0 || slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(path, s) })
}

// Tracked names the files in git's index that end in one of the suffixes (all if none is given), sorted. A file among them may be
// absent from the work tree.
func (r *Repo) Tracked(suffixes ...string) ([]string, error) {
	if r.root == "" {
		return nil, fault.New(fault.Input, "run cellar in a work tree", "%s is a bare repository: it has no work tree", r.gitDir)
	}
	paths, err := r.index()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(paths, func(p string) bool { return !hasSuffix(p, suffixes) }), nil
}

func (r *Repo) index() ([]string, error) {
	var refused error
	if r.native != nil {
		var paths []string
		if paths, refused = r.native.tracked(); refused == nil {
			return paths, nil
		}
	}
	// A split or sparse index, or none with a checksum.
	out, err := r.git(context.Background(), nil, "ls-files", "--stage", "-z")
	if err != nil {
		return nil, errors.Join(err, refused)
	}
	var paths []string
	for line := range strings.SplitSeq(string(out), "\x00") { // <mode> <id> <stage>\t<path>
		head, path, ok := strings.Cut(line, "\t")
		if ok && strings.HasPrefix(head, "100") && (len(paths) == 0 || paths[len(paths)-1] != path) {
			paths = append(paths, path)
		}
	}
	return paths, nil
}

// Parents are a commit's parents, the first parent first; none at the start of the history, or where a shallow clone cuts it.
func (r *Repo) Parents(id string) ([]string, error) {
	o := r.objects(context.Background())
	defer o.close()
	c, err := o.commit(id)
	return c.parents, err
}

// Ancestors are at most limit commits from which the commit was made, the commit itself first, then from new to old.
func (r *Repo) Ancestors(id string, limit int) ([]string, error) {
	o := r.objects(context.Background())
	defer o.close()
	var queue byTime
	seen := map[string]bool{}
	push := func(id string) error {
		if seen[id] {
			return nil
		}
		seen[id] = true
		c, err := o.commit(id)
		if err == nil {
			heap.Push(&queue, dated{id, c, len(seen)})
		}
		return err
	}
	if err := push(id); err != nil {
		return nil, err
	}
	var found []string
	for len(queue) > 0 && len(found) < limit {
		next := heap.Pop(&queue).(dated)
		found = append(found, next.id)
		for _, p := range next.parents {
			if err := push(p); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// MergeBases are the best common ancestors of two commits.
func (r *Repo) MergeBases(a, b string) ([]string, error) {
	if _, err := r.program(); err != nil && r.native != nil {
		return r.native.mergeBases(a, b)
	}
	out, err := r.git(context.Background(), nil, "merge-base", "--all", a, b)
	if failedWith(err, 1) {
		return nil, nil
	}
	return strings.Fields(string(out)), err
}

// cut are the commits whose parents a shallow clone left out.
func (r *Repo) cut() (map[string]bool, error) {
	text, err := os.ReadFile(filepath.Join(r.common, "shallow"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("cellar: read where the history is cut: %w", err)
	}
	cut := map[string]bool{}
	for _, id := range strings.Fields(string(text)) {
		cut[id] = true
	}
	return cut, nil
}

// byTime is a heap of commits, the newest first, and of one time the first found first.
type byTime []dated

type dated struct {
	id string
	commit
	order int
}

func (q byTime) Len() int      { return len(q) }
func (q byTime) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q byTime) Less(i, j int) bool {
	if q[i].when != q[j].when {
		return q[i].when > q[j].when
	}
	return q[i].order < q[j].order
}
func (q *byTime) Push(x any) { *q = append(*q, x.(dated)) }
func (q *byTime) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
