package session

import (
	"context"

	"github.com/cellar-go/cellar/internal/gomod"
)

// Module is the Go module that a session's imports are found in.
type Module struct {
	Root string // the folder of go.mod
	Own  bool   // the project's; not the scratch module of notebooks that are in none
	Work string // the go.work in force, or ""
}

// Stamp changes when go.mod, go.sum or go.work do.
func (m Module) Stamp() string { return gomod.Stamp(m.Root) }

// Module is the session's module. Where that is what the session could not be started for, it is known by its folder all the same.
func (s *Session) Module(ctx context.Context) (Module, error) {
	if err := s.Ready(ctx); err != nil {
		if root := gomod.Root(s.o.Dir); root != "" && ctx.Err() == nil {
			return Module{Root: root, Own: true}, nil
		}
		return Module{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return Module{s.tools.module.Root, s.tools.module.Own, s.tools.module.Work}, nil
}

// Reread has the next cell take the module as it is by then. A go.mod above the session's folder is looked at anyway; the scratch module is not.
func (s *Session) Reread() { s.reread.Store(true) }
