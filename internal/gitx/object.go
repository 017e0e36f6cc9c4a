package gitx

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/cellar-go/cellar/internal/fault"
)

// objects reads and writes the objects of a repository, for the time of one call of a Repo's method: by go-git first, by the git
// program where go-git fails (a partial clone fetches what it lacks, for one).
type objects struct {
	ctx context.Context // of that one call
	r   *Repo
	cat *catFile        // running once it was needed
	cut map[string]bool // the commits whose parents a shallow clone left out; nil until read
}

func (r *Repo) objects(ctx context.Context) *objects { return &objects{ctx: ctx, r: r} }

func (o *objects) close() {
	if o.cat != nil {
		o.cat.close()
	}
}

// get reads an object of the given kind; an absent one is fault.ErrNotFound.
func (o *objects) get(id, kind string) ([]byte, error) {
	if err := o.ctx.Err(); err != nil {
		return nil, err
	}
	got, body, err := o.read(id)
	if err != nil {
		return nil, fmt.Errorf("cellar: read git %s %s in %s: %w", kind, id, o.r.dir(), err)
	}
	if got != kind {
		return nil, fmt.Errorf("cellar: git object %s in %s is a %s, not a %s: %w", id, o.r.dir(), got, kind, fault.ErrCorrupt)
	}
	return body, nil
}

func (o *objects) read(id string) (kind string, body []byte, err error) {
	if o.r.native != nil {
		kind, body, err = o.r.native.get(id)
		if err == nil {
			return kind, body, nil
		}
		if _, absent := o.r.program(); absent != nil {
			return "", nil, fmt.Errorf("%w: %w", fault.ErrNotFound, err)
		}
	}
	if o.cat == nil {
		if o.cat, err = o.r.startCatFile(o.ctx); err != nil {
			return "", nil, err
		}
	}
	kind, body, err = o.cat.get(id)
	if err != nil && !errors.Is(err, fault.ErrNotFound) {
		stderr, exit := o.cat.close()
		o.cat = nil
		if exit != nil {
			err = o.r.complaint(o.ctx, "cat-file", exit, stderr)
		}
	}
	return kind, body, err
}

func (o *objects) put(kind string, body []byte) (string, error) {
	if err := o.ctx.Err(); err != nil {
		return "", err
	}
	if o.r.native != nil {
		id, err := o.r.native.put(kind, body)
		if err != nil {
			return "", fault.New(fault.Storage, "free some space, or make the repository writable", "write git %s in %s: %w", kind, o.r.dir(), err)
		}
		return id, nil
	}
	out, err := o.r.git(o.ctx, body, "hash-object", "-w", "-t", kind, "--stdin")
	return string(bytes.TrimSpace(out)), err
}

// commit is what a commit object says.
type commit struct {
	tree    string
	parents []string // none where a shallow clone cuts the history
	when    int64    // committer's time, Unix seconds
}

func (o *objects) commit(id string) (commit, error) {
	body, err := o.get(id, "commit")
	if err != nil {
		return commit{}, err
	}
	var c commit
	header, _, _ := strings.Cut(string(body), "\n\n")
	for line := range strings.SplitSeq(header, "\n") {
		key, value, _ := strings.Cut(line, " ")
		switch key {
		case "tree":
			c.tree = value
		case "parent":
			c.parents = append(c.parents, value)
		case "committer":
			if f := strings.Fields(value[strings.LastIndexByte(value, '>')+1:]); len(f) > 0 {
				c.when, _ = strconv.ParseInt(f[0], 10, 64) // a broken date sorts last
			}
		}
	}
	if c.tree == "" {
		return commit{}, fmt.Errorf("cellar: git commit %s has no tree: %w", id, fault.ErrCorrupt)
	}
	if o.cut == nil {
		if o.cut, err = o.r.cut(); err != nil {
			return commit{}, err
		}
	}
	if o.cut[id] {
		c.parents = nil
	}
	return c, nil
}

// peel follows annotated tags to the commit.
func (o *objects) peel(id string) (string, error) {
	for range 10 {
		kind, body, err := o.read(id)
		if err != nil {
			return "", err
		}
		switch kind {
		case "commit":
			return id, nil
		case "tag":
			line, _, _ := strings.Cut(string(body), "\n")
			id = strings.TrimPrefix(line, "object ")
		default:
			return "", fmt.Errorf("%s is a %s, not a commit", id, kind)
		}
	}
	return "", fmt.Errorf("%s: too many tags of tags", id)
}

// node is an entry of a tree.
type node struct {
	mode, name, id string
}

const (
	modeFile = "100644"
	modeTree = "40000"
)

func (n node) isTree() bool { return n.mode == modeTree }
func (n node) isFile() bool { return strings.HasPrefix(n.mode, "100") }

func (o *objects) tree(id string) ([]node, error) {
	body, err := o.get(id, "tree")
	if err != nil {
		return nil, err
	}
	nodes, err := parseTree(body, len(id)/2)
	if err != nil {
		return nil, fmt.Errorf("cellar: read git tree %s in %s: %w", id, o.r.dir(), err)
	}
	return nodes, nil
}

// parseTree reads git's tree format: mode, space, name, NUL, hash of size bytes.
func parseTree(body []byte, size int) ([]node, error) {
	var nodes []node
	for len(body) > 0 {
		head, rest, ok := bytes.Cut(body, []byte{0})
		mode, name, ok2 := strings.Cut(string(head), " ")
		if !ok || !ok2 || len(rest) < size {
			return nil, fault.ErrCorrupt
		}
		nodes = append(nodes, node{mode, name, hex.EncodeToString(rest[:size])})
		body = rest[size:]
	}
	return nodes, nil
}

// formatTree is the reverse of parseTree, in git's order: folders sort as if their name ended in a slash.
func formatTree(nodes []node) ([]byte, error) {
	sortName := func(n node) string {
		if n.isTree() {
			return n.name + "/"
		}
		return n.name
	}
	sort.Slice(nodes, func(i, j int) bool { return sortName(nodes[i]) < sortName(nodes[j]) })
	var b bytes.Buffer
	for _, n := range nodes {
		id, err := hex.DecodeString(n.id)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%s %s\x00%s", n.mode, n.name, id)
	}
	return b.Bytes(), nil
}
