package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sort"
	"strings"

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

// blank are the packages that are imported for what their initialisation does, as database drivers are: no code refers to them. Those of
// earlier cells count too, for a process that takes the place of another.
func blank(imports ...map[string]string) (paths []string) {
	for _, names := range imports {
		for name, path := range names {
			if name == "_"+path {
				paths = append(paths, path)
			}
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// initialising are the frames of a package's initialisation, without those of who began it.
func initialising(frames []Frame) []Frame {
	if i := slices.IndexFunc(frames, func(f Frame) bool { return strings.HasPrefix(f.Function, "runtime.doInit") }); i >= 0 {
		return frames[:i]
	}
	return frames
}

// bring loads the packages that the worker does not hold yet.
func (s *Session) bring(ctx context.Context, imports []string) error {
	var missing []string
	for _, path := range s.ps.closure(imports...) {
		if _, ok := s.loaded[path]; !ok && path != "unsafe" {
			if s.outdated[path] == "" { // the cell may have it without importing it
				if err := s.fits(path); err != nil {
					return err
				}
			}
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
		return s.tools.outOfRoom(err)
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
		err := s.lost(p)
		var lost *WorkerLostError
		if errors.As(err, &lost) && reply.Panic != nil {
			lost.Reason = "the initialisation of a package panicked: " + reply.Panic.Value + "; " + lost.Reason
			lost.Frames = initialising(newPanic(reply.Panic).Frames)
			return err
		}
		return errors.Join(fmt.Errorf("cellar: session: the imports can't be loaded: %s", reply.Refused), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, path := range missing {
		if made := s.ps.known[path]; !made.Standard && len(made.CgoFiles) > 0 {
			p.tell(wire.Request{Op: "foreign"})
		}
		s.loaded[path], s.made[path] = true, s.ps.known[path]
	}
	return nil
}
