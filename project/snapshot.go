package project

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/cellar-go/cellar/assetlib/graph"
	"github.com/cellar-go/cellar/assetlib/store"
	"github.com/cellar-go/cellar/extract/golang"
	"github.com/cellar-go/cellar/internal/fault"
)

// Condition of an asset.
type Condition string

const (
	Fresh   Condition = "fresh"   // a record of exactly this version is in the store
	Stale   Condition = "stale"   // there is a record of another version
	Missing Condition = "missing" // there is none
	Broken  Condition = "broken"  // it can't be computed; see Problem
)

// State is one definition in a snapshot.
type State struct {
	*graph.Definition
	Condition Condition
	Reasons   []string        // why it is stale, or what of it can't be relied on
	Records   []*store.Record // one per asset when fresh; else the last ones known, nil where there are none
	keys      []string        // one per asset; empty while an upstream value is not known
	lines     []string        // what the keys are made of
}

// Record is the fresh or last record of one of the definition's assets.
func (s *State) Record(key string) *store.Record {
	for i, a := range s.Assets {
		if a.Key == key && i < len(s.Records) {
			return s.Records[i]
		}
	}
	return nil
}

// Snapshot is what a tree's sources define, and what of it is in the store.
type Snapshot struct {
	Commit   string // of a commit's snapshot; HEAD for the work tree's, "" where there is none
	Branch   string
	Problems []error // files that can't be read, and definitions that can't be computed
	states   map[*graph.Definition]*State
	project  *Project
	catalog  *catalog
	keyer    *keyer
	tree     sources
	overlays []Overlay
	notes    map[string]store.NoteLine
	cleaning sync.Mutex
	clean    *Snapshot // of HEAD, for the question what is clean, which steps ask at once; guarded by cleaning
	readers  []string  // commits that are being read, of which a cell asked for this one's values
}

// Snapshot reads the work tree, with notebooks laid over it as they are in an editor or a run.
func (p *Project) Snapshot(ctx context.Context, overlays ...Overlay) (*Snapshot, error) {
	tree := workTree{root: p.Root, repo: p.Repo}
	for _, o := range overlays {
		tree.more = append(tree.more, o.File)
	}
	s := &Snapshot{project: p, tree: tree, overlays: overlays}
	if p.Repo != nil {
		commit, branch, err := p.Repo.Head()
		if err != nil {
			return nil, err
		}
		s.Commit, s.Branch = commit, branch
	}
	return s, s.load(ctx)
}

// At reads the tree of a revision.
func (p *Project) At(ctx context.Context, revision string) (*Snapshot, error) {
	return p.at(ctx, revision, nil)
}

func (p *Project) at(ctx context.Context, revision string, readers []string) (*Snapshot, error) {
	if p.Repo == nil {
		return nil, fault.New(fault.Input, "run `git init` and commit, then versions have commits", "at %s: %w", revision, fault.ErrNoGit)
	}
	id, err := p.Repo.Resolve(revision)
	if err != nil {
		return nil, err
	}
	if slices.Contains(readers, id) {
		return nil, fault.New(fault.Input, "name a commit, such as at(\"main~1\"), that does not read itself", "at %s: the commit's own cells read what they make", revision)
	}
	s := &Snapshot{project: p, tree: commit{p.Repo, id}, Commit: id, readers: readers}
	if s.notes, err = store.Noted(ctx, p.Repo, id); err != nil {
		return nil, err
	}
	return s, s.load(ctx)
}

func (s *Snapshot) load(ctx context.Context) error {
	var err error
	if s.catalog, err = read(s.tree, s.overlays...); err != nil {
		return err
	}
	s.Problems = append(s.Problems, s.catalog.problems...)
	s.Problems = append(s.Problems, s.catalog.graph.Problems()...)
	s.keyer = newKeyer(s.tree)
	s.states = map[*graph.Definition]*State{}
	for _, d := range s.catalog.graph.Definitions() {
		if err := s.assess(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// Graph is the graph of the snapshot.
func (s *Snapshot) Graph() *graph.Graph { return s.catalog.graph }

// Notebook is a notebook of the snapshot that has a part in the graph.
func (s *Snapshot) Notebook(file string) (*golang.Notebook, bool) {
	n, ok := s.catalog.notebooks[file]
	return n, ok
}

// State of a definition.
func (s *Snapshot) State(d *graph.Definition) *State { return s.states[d] }

// States are all definitions' states, in the order of files and pages.
func (s *Snapshot) States() []*State {
	var all []*State
	for _, d := range s.catalog.graph.Definitions() {
		all = append(all, s.states[d])
	}
	slices.SortStableFunc(all, func(a, b *State) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Number, b.Number), cmp.Compare(a.Line, b.Line))
	})
	return all
}

// assess finds the state of a definition whose upstream has been assessed.
func (s *Snapshot) assess(ctx context.Context, d *graph.Definition) error {
	st := &State{Definition: d, Records: make([]*store.Record, len(d.Assets))}
	s.states[d] = st
	if d.Problem != nil {
		st.Condition, st.Reasons = Broken, []string{plain(d.Problem)}
		return s.last(st)
	}
	if m := s.keyer.module(path.Dir(d.File)); m != nil && m.err != nil {
		d.Problem = fault.New(fault.Input, "put the file right; `go mod edit -json` says more", "asset %s: %w", d.Assets[0].Key, m.err)
		s.Problems = append(s.Problems, d.Problem)
		st.Condition, st.Reasons = Broken, []string{plain(m.err)}
		return s.last(st)
	}
	st.lines = s.keyer.fixed(d)
	known := true
	for _, in := range d.Inputs {
		content, reason, err := s.input(ctx, in)
		if err != nil {
			return err
		}
		if content == "" {
			known = false
			st.Reasons = append(st.Reasons, reason)
			continue
		}
		st.lines = append(st.lines, fmt.Sprintf("input %s %s", in.Key+at(in.At), content))
	}
	if d.Unpinned != "" {
		defer func() { st.Reasons = append(st.Reasons, "unpinned: it "+d.Unpinned) }()
	}
	if d.Live {
		defer func() { st.Reasons = append(st.Reasons, "live: it runs in the session and is not kept") }()
	}
	if known {
		found := true
		for i, a := range d.Assets {
			st.keys = append(st.keys, key(a.Key, st.lines))
			r, ok, err := s.find(a.Key, st.keys[i])
			if err != nil {
				return err
			}
			st.Records[i] = r
			found = found && ok
		}
		if found {
			st.Condition = Fresh
			if far := st.Records[0].Meta["outside"]; far != "" {
				st.Reasons = append(st.Reasons, "unpinned: it read "+far+", outside the project")
			}
			return nil
		}
	}
	reasons := st.Reasons
	if err := s.last(st); err != nil {
		return err
	}
	st.Condition = Missing
	for _, r := range st.Records {
		if r != nil {
			st.Condition = Stale
			if known {
				reasons = append(reasons, s.differences(d, strings.Split(r.Meta["key"], "\n"), st.lines)...)
			} else {
				reasons = append(s.differences(d, strings.Split(r.Meta["key"], "\n"), withoutInputs(st.lines)), reasons...)
			}
			if known && len(reasons) == 0 && r.Key == st.keys[0] {
				reasons = append(reasons, "its file in the store is damaged or gone")
			}
			break
		}
	}
	st.Reasons = unique(reasons)
	if st.Condition == Missing {
		st.Reasons = nil
	}
	return nil
}

func at(revision string) string {
	if revision == "" {
		return ""
	}
	return "@" + revision
}

// find looks a version up. A commit's own note decides where a key has several values.
func (s *Snapshot) find(asset, key string) (*store.Record, bool, error) {
	if line, ok := s.notes[store.Slot(asset, "")]; ok && line.Key == key {
		if r, err := s.project.Store.Record(line.Record); err == nil {
			if _, err := s.project.Store.Object(r.Object); err == nil {
				return r, true, nil
			}
		}
	}
	return s.project.Store.Find(key)
}

// input is the content of an upstream value; "" with the reason if it is not known.
func (s *Snapshot) input(ctx context.Context, in graph.Input) (content, reason string, err error) {
	if in.At != "" {
		r, err := s.past(ctx, in)
		if err != nil {
			return "", plain(err), nil
		}
		return r.Content, "", nil
	}
	up, ok := s.catalog.graph.Get(in.Key)
	if !ok {
		return "", "upstream " + in.Key + " is unknown", nil
	}
	st := s.states[up]
	if st == nil { // on a cycle
		return "", "upstream " + in.Key + " is on a cycle", nil
	}
	if st.Condition != Fresh {
		return "", fmt.Sprintf("upstream %s is %s", in.Key, st.Condition), nil
	}
	return st.Record(in.Key).Content, "", nil
}

// past is the record of an input of another commit. HEAD is the commit that is read, not the one that is checked out.
func (s *Snapshot) past(ctx context.Context, in graph.Input) (*store.Record, error) {
	readers, revision := s.readers, in.At
	if isCommit(s.tree) {
		readers = append(slices.Clone(readers), s.Commit)
		for _, head := range []string{"HEAD", "@"} {
			if rest, ok := strings.CutPrefix(revision, head); ok && (rest == "" || strings.ContainsRune("~^", rune(rest[0]))) {
				revision = s.Commit + rest
				break
			}
		}
	}
	other, err := s.project.at(ctx, revision, readers)
	if err != nil {
		return nil, err
	}
	return other.Load(in.Key, in.At)
}

// last fills in the newest records of any version, of this work tree where there is one.
func (s *Snapshot) last(st *State) error {
	for i, a := range st.Assets {
		history, err := s.project.Store.History(a.Key)
		if err != nil {
			return err
		}
		st.Records[i] = nil
		if len(history) > 0 {
			st.Records[i] = newest(history, s.worktree())
		}
	}
	return nil
}

func (s *Snapshot) worktree() string {
	if s.project.Repo == nil {
		return ""
	}
	return s.project.Repo.Worktree()
}

func newest(history []store.Record, worktree string) *store.Record {
	var best *store.Record
	for i := range history {
		r := &history[i]
		if best == nil || (r.Worktree == worktree) && (best.Worktree != worktree) ||
			(r.Worktree == worktree) == (best.Worktree == worktree) && r.Finished.After(best.Finished) {
			best = r
		}
	}
	return best
}

// plain is an error's sentence without the program's name.
func plain(err error) string { return strings.TrimPrefix(err.Error(), "cellar: ") }

// Clean reports whether the asset's version is that of the snapshot's commit: whether its sources, and all that they depend on, are
// what is committed. See design, "Clean or dirty is about sources, not files".
func (s *Snapshot) Clean(ctx context.Context, asset, key string) (bool, error) {
	if s.project.Repo == nil || s.Commit == "" {
		return false, nil
	}
	if _, ok := s.tree.(commit); ok {
		return true, nil
	}
	s.cleaning.Lock()
	defer s.cleaning.Unlock()
	if s.clean == nil {
		var err error
		if s.clean, err = s.project.At(ctx, s.Commit); err != nil {
			return false, err
		}
	}
	d, ok := s.clean.catalog.graph.Get(asset)
	if !ok {
		return false, nil
	}
	if err := s.clean.renew(ctx, d, map[*graph.Definition]bool{}); err != nil {
		return false, err
	}
	return s.clean.states[d].Key(asset) == key, nil
}

// renew assesses again what was not fresh: values may have come since.
func (s *Snapshot) renew(ctx context.Context, d *graph.Definition, seen map[*graph.Definition]bool) error {
	if seen[d] || s.states[d].Condition == Fresh || d.Problem != nil {
		return nil
	}
	seen[d] = true
	for _, up := range s.catalog.graph.Upstream(d) {
		if err := s.renew(ctx, up, seen); err != nil {
			return err
		}
	}
	return s.assess(ctx, d)
}

// Key is the key of a version of one asset; "" while an upstream value is not known.
func (st *State) Key(asset string) string {
	for i, a := range st.Assets {
		if a.Key == asset && i < len(st.keys) {
			return st.keys[i]
		}
	}
	return ""
}

// Record finds the record of an asset: at a revision, or (revision "") in the work tree. It is never another version than the one
// asked for.
func (p *Project) Record(ctx context.Context, asset, revision string) (*store.Record, error) {
	var s *Snapshot
	var err error
	if revision == "" {
		s, err = p.Snapshot(ctx)
	} else {
		s, err = p.At(ctx, revision)
	}
	if err != nil {
		return nil, err
	}
	return s.Load(asset, revision)
}

// Load is the record of a fresh asset; the error says what else it is, and which command makes it fresh.
func (s *Snapshot) Load(name, revision string) (*store.Record, error) {
	d, asset, err := s.catalog.graph.Find(name)
	if err != nil {
		if revision != "" {
			return nil, fault.Missing(fmt.Sprintf("`cellar history %s` shows where it was", name), "no asset %s at %s", name, revision)
		}
		return nil, err
	}
	st := s.states[d]
	if st.Condition == Fresh {
		return st.Record(asset), nil
	}
	if st.Condition == Broken {
		return nil, d.Problem
	}
	if revision == "" {
		why := string(st.Condition)
		if len(st.Reasons) > 0 {
			why += " (" + strings.Join(st.Reasons, "; ") + ")"
		}
		return nil, fault.Missing(fmt.Sprintf("`cellar materialize %s` computes it; in a notebook, materialize(%q)", graph.Typed("+"+asset), "+"+asset), "asset %s is %s", asset, why)
	}
	// The note may know a version that can't be computed again, such as one whose upstream object is gone.
	if line, ok := s.notes[store.Slot(asset, "")]; ok && line.Commit == s.Commit {
		r, err := s.project.Store.Record(line.Record)
		if err == nil {
			return r, nil
		}
		if !errors.Is(err, fault.ErrNotFound) {
			return nil, err
		}
	}
	hint := fmt.Sprintf("git worktree add ../%.7s %s && cd ../%.7s && cellar materialize %s", s.Commit, revision, s.Commit, graph.Typed("+"+asset))
	if s.project.Repo.Shallow() {
		hint = "the clone is shallow, its history is cut: git fetch --unshallow; else " + hint
	}
	return nil, fault.Missing(hint, "asset %s is not materialized at %s", asset, revision)
}
