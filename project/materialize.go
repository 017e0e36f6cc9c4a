package project

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cellar-go/cellar/assetlib/graph"
	"github.com/cellar-go/cellar/assetlib/store"
	"github.com/cellar-go/cellar/internal/fault"
)

// Plan says what Materialize is to do. The zero value computes what is stale, one step at a time.
type Plan struct {
	Force    bool          // compute what is fresh again: a new observation
	Jobs     int           // steps at once; 0 is 1
	KeepOn   bool          // go on with what does not depend on a failed step
	Progress func(Outcome) // called when a step begins (Status Running) and when it ends, one call at a time
}

// Status of an outcome.
type Status string

const (
	Running  Status = "running"
	Computed Status = "computed"
	Loaded   Status = "loaded" // it was in the store
	Failed   Status = "failed"
	Skipped  Status = "skipped" // something upstream failed
	Stopped  Status = "stopped" // the run ended before it did
)

// Outcome is what became of one definition.
type Outcome struct {
	State   *State
	Status  Status
	Records []*store.Record
	Took    time.Duration
	Err     error
	Why     string // there is no record of it, where that is no error
}

// Materialize makes the selected definitions fresh. What they need and is neither fresh nor selected is an error that names it. The
// outcomes come in the graph's order; the error is that of the first failure.
func (s *Snapshot) Materialize(ctx context.Context, selected []*graph.Definition, plan Plan) ([]Outcome, error) {
	if err := s.ready(selected); err != nil && !plan.KeepOn {
		return nil, err
	}
	r := &materialization{Snapshot: s, plan: plan, done: map[*graph.Definition]chan struct{}{}, outcomes: map[*graph.Definition]*Outcome{}}
	for _, d := range selected {
		r.done[d] = make(chan struct{})
	}
	jobs := make(chan struct{}, max(plan.Jobs, 1))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wait sync.WaitGroup
	for _, d := range selected {
		wait.Add(1)
		go func() {
			defer wait.Done()
			defer close(r.done[d])
			if d.Problem != nil { // waits for nobody: it may stand on a cycle
				r.report(Outcome{State: s.states[d], Status: Failed, Err: d.Problem})
				return
			}
			for _, up := range s.catalog.graph.Upstream(d) {
				if c, ok := r.done[up]; ok {
					<-c
				}
			}
			jobs <- struct{}{}
			o := r.step(ctx, d)
			<-jobs
			if o.Status == Failed && !plan.KeepOn {
				cancel()
			}
		}()
	}
	wait.Wait()
	var outcomes []Outcome
	var first error
	for _, d := range selected {
		o := r.outcomes[d]
		outcomes = append(outcomes, *o)
		if o.Err != nil && (first == nil || errors.Is(first, context.Canceled)) && (o.Status == Failed || o.Status == Stopped) {
			first = o.Err
		}
	}
	after := context.WithoutCancel(ctx)
	return outcomes, errors.Join(first, s.note(after, outcomes), s.fit(after))
}

// fit keeps the store within its budget: old dirty versions go first, and nothing that is fresh.
func (s *Snapshot) fit(ctx context.Context) error {
	if s.project.Store.Budget() == 0 {
		return nil
	}
	usage, err := s.project.Store.Usage()
	if err != nil || usage.Bytes <= s.project.Store.Budget() {
		return err
	}
	_, err = s.prune(ctx, 0)
	return err
}

// ready refuses a selection that needs something that is neither fresh nor selected.
func (s *Snapshot) ready(selected []*graph.Definition) error {
	for _, d := range selected {
		if d.Problem != nil {
			return d.Problem
		}
		for _, in := range d.Inputs {
			up, ok := s.catalog.graph.Get(in.Key)
			if !ok || in.At != "" {
				continue // another commit's value: the step looks for it
			}
			st := s.states[up]
			if st.Condition == Fresh || slices.Contains(selected, up) {
				continue
			}
			why := string(st.Condition)
			if len(st.Reasons) > 0 {
				why += " (" + strings.Join(st.Reasons, "; ") + ")"
			}
			return fault.New(fault.Input, fmt.Sprintf("`cellar materialize %s` computes it first; in a notebook, materialize(%q)", graph.Typed("+"+d.Assets[0].Key), "+"+d.Assets[0].Key),
				"asset %s: its upstream %s is %s", d.Assets[0].Key, in.Key, why)
		}
	}
	return nil
}

type materialization struct {
	*Snapshot
	plan     Plan
	mu       sync.Mutex
	done     map[*graph.Definition]chan struct{}
	outcomes map[*graph.Definition]*Outcome
}

func (r *materialization) report(o Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outcomes[o.State.Definition] = &o
	if r.plan.Progress != nil {
		r.plan.Progress(o)
	}
}

// step makes one definition fresh.
func (r *materialization) step(ctx context.Context, d *graph.Definition) (o Outcome) {
	start := time.Now()
	r.mu.Lock()
	st := r.states[d]
	o = Outcome{State: st, Status: Skipped}
	for _, up := range r.catalog.graph.Upstream(d) {
		if u := r.outcomes[up]; u != nil && (u.Status == Failed || u.Status == Skipped || u.Status == Stopped) {
			o.Err = fmt.Errorf("cellar: asset %s: skipped, since %s %s", d.Assets[0].Key, up.Assets[0].Key, u.Status)
		}
	}
	if o.Err == nil && ctx.Err() != nil {
		o.Err = ctx.Err()
	}
	r.mu.Unlock()
	if o.Err != nil {
		r.report(o)
		return o
	}
	r.report(Outcome{State: st, Status: Running})
	defer func() {
		o.Took = time.Since(start)
		r.report(o)
	}()
	fail := func(err error) Outcome {
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return Outcome{State: st, Status: Stopped, Err: err}
		}
		return Outcome{State: st, Status: Failed, Err: err}
	}
	r.mu.Lock()
	err := r.assess(ctx, d) // upstream values are known now
	st = r.states[d]
	r.mu.Unlock()
	if err != nil {
		return fail(err)
	}
	if st.Condition == Fresh && !r.plan.Force {
		return Outcome{State: st, Status: Loaded, Records: st.Records}
	}
	if len(st.keys) == 0 {
		for _, in := range d.Inputs {
			if _, err := r.past(ctx, in); in.At != "" && err != nil {
				return fail(fault.New(fault.Input, "", "asset %s: %w", d.Assets[0].Key, err))
			}
		}
		return fail(fmt.Errorf("cellar: asset %s: %s", d.Assets[0].Key, strings.Join(st.Reasons, "; ")))
	}
	unlock, err := r.project.Store.Lock(ctx, st.keys[0])
	if err != nil {
		return fail(err)
	}
	defer unlock()
	if !r.plan.Force { // another process may have been first
		records := make([]*store.Record, len(st.keys))
		all := true
		for i, k := range st.keys {
			var found bool
			if records[i], found, err = r.project.Store.Find(k); err != nil {
				return fail(err)
			}
			all = all && found
		}
		if all {
			r.settle(st, records)
			return Outcome{State: st, Status: Loaded, Records: records}
		}
	}
	records, err := r.compute(ctx, st)
	if err != nil {
		return fail(err)
	}
	if r.plan.Force { // the new observation is the one that counts
		for _, rec := range records {
			if err := r.project.Store.Prefer(rec.ID); err != nil {
				return fail(err)
			}
		}
	}
	r.settle(st, records)
	return Outcome{State: st, Status: Computed, Records: records}
}

// settle makes a state fresh.
func (r *materialization) settle(st *State, records []*store.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	st.Condition, st.Records, st.Reasons = Fresh, records, nil
}

// note writes to the commit what is clean at it, work in progress that has been committed meanwhile included, and to the work tree's
// list what is not.
func (s *Snapshot) note(ctx context.Context, outcomes []Outcome) error {
	if s.project.Repo == nil || s.Commit == "" {
		return nil
	}
	for _, o := range outcomes {
		for _, r := range o.Records {
			if r.Dirty && (o.Status == Computed || o.Status == Loaded) {
				if err := s.project.Store.MarkDirty(s.worktree(), *r); err != nil {
					return err
				}
			}
		}
	}
	var failed error
	_, err := s.project.Store.Promote(ctx, s.project.Repo, s.worktree(), s.Commit, func(r store.Record) bool {
		clean, err := s.Clean(ctx, r.Asset, r.Key)
		failed = errors.Join(failed, err)
		return clean
	})
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	noted, err := store.Noted(ctx, s.project.Repo, s.Commit)
	if err != nil {
		return err
	}
	var batch []store.Record
	for i := range outcomes {
		o := &outcomes[i]
		if o.Status != Computed && o.Status != Loaded {
			continue
		}
		for j, r := range o.Records {
			if r.Dirty { // unless it was promoted just now
				now, ok, err := s.project.Store.Find(r.Key)
				if err != nil {
					return err
				}
				if !ok || now.Dirty {
					continue
				}
				r, o.Records[j] = now, now
			}
			clean, err := s.Clean(ctx, r.Asset, r.Key)
			if err != nil {
				return err
			}
			if line, known := noted[store.Slot(r.Asset, "")]; clean && (!known || line.Record != r.ID || line.Commit != s.Commit) {
				batch = append(batch, *r)
			}
		}
	}
	if len(batch) == 0 {
		return nil
	}
	return store.Note(ctx, s.project.Repo, s.Commit, batch)
}
