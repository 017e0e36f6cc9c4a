package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sort"

	"github.com/cellar-go/cellar/kernel/session/internal/wire"
)

// packagesFor sees to it that what the cell may import is known, and that what is loaded is what the sources still say. What is loaded and
// does not build any more is kept as it is.
func (s *Session) packagesFor(ctx context.Context, u *universe, src *source) (notices []string, err error) {
	imports := slices.Collect(maps.Values(src.imports))
	if slices.Contains(imports, "testing") {
		imports = append(imports, celltestPath)
	}
	var fresh, held []string
	s.mu.Lock()
	for _, path := range imports {
		if s.made[path] == nil {
			fresh = append(fresh, path)
		}
	}
	for path, p := range s.made { // functions of earlier cells use them, under names that may mean something else by now
		if p.local() || s.ps.known[path] == nil {
			held = append(held, path)
		}
	}
	s.mu.Unlock()
	held = append(held, slices.Collect(maps.Values(u.imports))...)
	for _, list := range [][]string{fresh, held} {
		sort.Strings(list)
	}
	if err := s.ps.need(ctx, slices.Compact(fresh)); err != nil {
		return nil, err
	}
	var refused *buildError
	if err := s.ps.need(ctx, slices.Compact(held)); errors.As(err, &refused) {
		notices = s.keep(held, refused)
	} else if err != nil {
		return nil, err
	}
	more, err := s.changes(imports)
	if s.ps.fresh && len(s.outdated) == 0 {
		s.ps.save(s.listFile())
	}
	return append(notices, more...), err
}

// bring loads the packages that the worker does not hold yet.
func (s *Session) bring(ctx context.Context, imports []string) error {
	var missing []string
	for _, path := range s.ps.closure(imports...) {
		if _, ok := s.loaded[path]; !ok && path != "unsafe" {
			missing = append(missing, path)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	var direct []string
	for _, path := range imports {
		for _, m := range missing {
			if m == path {
				direct = append(direct, path)
			}
		}
	}
	config, err := s.ps.importcfg(s.tmp)
	if err != nil {
		return err
	}
	s.units++
	name := fmt.Sprintf("imports%d", s.units)
	source, err := importsSource(s.importer, direct)
	if err != nil {
		return err
	}
	plugin, err := s.tools.importsPlugin(ctx, s.tmp, name, config, source)
	if err != nil {
		return outOfRoom(err)
	}
	s.mu.Lock()
	p := s.process
	s.mu.Unlock()
	reply, err := s.wait(p, p.request(wire.Request{Op: "load", File: plugin}))
	os.Remove(plugin)
	if err != nil {
		return err
	}
	if reply.Refused != "" {
		s.tools.kept = reuse{}
		s.mu.Lock()
		p.why = "it could not go on with a package that is half initialised"
		s.mu.Unlock()
		p.kill()
		return errors.Join(fmt.Errorf("cellar: session: the imports can't be loaded: %s", reply.Refused), s.lost(p))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, path := range missing {
		s.loaded[path], s.made[path] = true, s.ps.known[path]
	}
	return nil
}
