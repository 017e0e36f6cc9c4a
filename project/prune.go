package project

import (
	"context"

	"github.com/cellar-go/cellar/assetlib/store"
	"github.com/cellar-go/cellar/internal/fault"
)

// Prune brings the store down to a budget such as "20GB" ("" is the store's own). What is fresh in the work tree stays.
func (p *Project) Prune(ctx context.Context, budget string) (store.Pruned, error) {
	bytes, err := ParseBytes(budget)
	if err != nil {
		return store.Pruned{}, fault.New(fault.Usage, "for example --budget 20GB", "--budget: %w", err)
	}
	s, err := p.Snapshot(ctx)
	if err != nil {
		return store.Pruned{}, err
	}
	return s.prune(ctx, bytes)
}

func (s *Snapshot) prune(ctx context.Context, budget int64) (store.Pruned, error) {
	fresh := map[string]bool{}
	for _, st := range s.states {
		for _, key := range st.keys {
			fresh[key] = true
		}
	}
	return s.project.Store.Prune(ctx, store.PruneOptions{Budget: budget, Keep: func(r store.Record) bool { return fresh[r.Key] }})
}
