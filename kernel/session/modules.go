package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gomod"
)

// replayable is how long a session's cells may have run for them to be run again unasked.
const replayable = 5 * time.Second

// sameModules looks whether go.mod, go.sum or go.work are still as they were, and takes them as they are now.
func (s *Session) sameModules() error {
	stamp := gomod.Stamp(s.tools.dir)
	if stamp == s.tools.stamp && !s.reread.Load() {
		return nil
	}
	s.reread.Store(false)
	module, err := gomod.Find(s.tools.dir)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.tools.module, s.tools.stamp = module, stamp
	s.mu.Unlock()
	s.ps.forget()
	return nil
}

// need makes packages known. One of a module that the user's go.mod does not require is found all the same, but then go.mod has to say so:
// the session asks.
func (s *Session) need(ctx context.Context, paths []string) error {
	for _, path := range paths {
		if s.ps.known[path] == nil {
			if err := s.noPackage(path); err != nil {
				return err
			}
		}
	}
	var missing, modules []string
	var refused *buildError
	switch err := s.ps.need(ctx, paths); {
	case errors.As(err, &refused) && strings.Contains(refused.Output, "no required module provides package"):
		missing, modules = paths, paths // a workspace finds nothing by itself
	case err != nil:
		return s.explainMissing(err, paths)
	}
	for _, path := range paths {
		if p := s.ps.known[path]; p != nil && p.Module != nil && !p.Module.Main && !s.tools.module.Requires(p.Module.Path) {
			missing = append(missing, path+"@"+p.Module.Version)
			added := p.Module.Path + " " + p.Module.Version
			if path != p.Module.Path {
				added = path + " of module " + added
			}
			modules = append(modules, added)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	own := s.tools.module.Own // a scratch module takes what is imported
	if own && (s.o.Add == nil || !s.o.Add(ctx, modules)) {
		for _, path := range paths {
			s.ps.drop(path)
		}
		return fault.New(fault.Input, "run %go get "+strings.Join(missing, " ")+" in a cell, or `go get` in a terminal, and then this cell again",
			"import %s: no module of go.mod provides it", strings.Join(modules, ", "))
	}
	c := s.tools.plain(ctx, "get", missing...)
	var output bytes.Buffer
	c.Stderr = &output
	if err := s.ps.fetch(c); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return s.explainMissing(&buildError{output.String(), fmt.Errorf("go get %s: %w", strings.Join(missing, " "), err)}, paths)
	}
	if !own {
		s.Reread()
	}
	if err := s.sameModules(); err != nil {
		return err
	}
	return s.ps.need(ctx, paths)
}

// refusedByProxy is what the go command says of a module that the proxy answers for with an error.
var refusedByProxy = regexp.MustCompile(`([^\s:@]+)(?:@\S+)?: reading \S+/@(?:v/|latest)\S*: (\d{3} [A-Z][A-Za-z -]*[a-z])`)

// explainMissing puts the go command's words for a package that is nowhere into one sentence.
func (s *Session) explainMissing(err error, paths []string) error {
	var refused *buildError
	if !errors.As(err, &refused) {
		return err
	}
	if m := refusedByProxy.FindStringSubmatch(refused.Output); m != nil {
		return fault.New(fault.Input, "check the spelling, and go env GOPROXY; a copy of the module in a folder is used with %go mod edit -replace="+m[1]+"=FOLDER in a cell",
			"import %s: the module proxy can't give %s: %s", strings.Join(paths, ", "), m[1], m[2])
	}
	for _, c := range []struct{ words, hint string }{
		{"is not in std", "check the spelling; paths of modules begin with a host name, as in github.com/…"},
		{"cannot find module providing package", "check the spelling, and whether the module proxy can be reached (go env GOPROXY)"},
		{"not found", "check the spelling, and whether the module proxy can be reached (go env GOPROXY)"},
		{"dial tcp", "the module proxy can't be reached (go env GOPROXY): connect, or vendor the module"},
		{"module lookup disabled", "GOPROXY is off: allow it, or download the module elsewhere"},
	} {
		if !strings.Contains(refused.Output, c.words) {
			continue
		}
		std, _ := s.browser.paths(0)
		for _, path := range paths {
			near := didYouMean(path, sortedKeys(std))
			if named := s.standard(path); len(named) > 0 { // only the folder is missing
				near = "did you mean " + strings.Join(named, " or ") + "?"
			}
			if near != "" && c.words == "is not in std" {
				return fault.New(fault.Input, strings.Trim(near, " ()"), "import %s: there is no such package", path)
			}
		}
		return fault.New(fault.Input, c.hint, "import %s: %s", strings.Join(paths, ", "), strings.TrimSpace(refused.Output))
	}
	return err
}

// drop forgets one package, so that it is looked for again.
func (ps *packages) drop(path string) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	delete(ps.known, path)
}

// changes looks whether the packages that the session has are what the sources and go.mod say now. If its cells can be run again in a
// moment, they are; else the session goes on with what it has and says so, once for each change.
func (s *Session) changes(imports []string) (notices []string, err error) {
	s.mu.Lock()
	made := maps.Clone(s.made)
	s.mu.Unlock()
	var changed []string
	reasons := map[string]string{} // by package
	for _, path := range sortedKeys(made) {
		if p := s.ps.known[path]; p != nil && p.Export != made[path].Export {
			changed = append(changed, path)
			reasons[path] = made[path].difference(p)
		}
	}
	causes := maps.Clone(reasons)
	maps.DeleteFunc(causes, func(path, _ string) bool { return made[path].follows(s.ps.known[path]) })
	if len(causes) == 0 {
		causes = reasons
	}
	told := slices.Compact(slices.Sorted(maps.Values(causes)))
	s.mu.Lock()
	cost := s.replayCost()
	s.mu.Unlock()
	if len(told) > 0 && cost == "" {
		return nil, errReplay{strings.Join(told, "; ")}
	}
	for _, path := range changed {
		s.pin(made[path], reasons[path])
	}
	for _, path := range s.ps.closure(imports...) {
		if _, has := made[path]; !has {
			if err := s.fits(path); err != nil {
				return nil, err
			}
		}
	}
	for _, why := range told {
		notices = append(notices, fmt.Sprintf("%s. The session goes on with what it has loaded, since %s: %%replay runs them again with the change", why, cost))
	}
	return notices, nil
}

// fits refuses a package that is to come new and may have been compiled with what changed under the session.
func (s *Session) fits(path string) error {
	if len(s.outdated) == 0 {
		return nil
	}
	for _, q := range s.ps.closure(path) {
		if why, ok := s.outdated[q]; ok {
			s.ps.drop(path)
			s.mu.Lock()
			delete(s.made, path)
			s.mu.Unlock()
			return fault.New(fault.Input, "run %replay to run the session's cells again with all of it, or restart the kernel", "import %s: it needs %s as it is now: %s", path, q, why)
		}
	}
	return nil
}

// keep goes on with packages that are loaded and can't be built any more.
func (s *Session) keep(paths []string, refused *buildError) (notices []string) {
	s.mu.Lock()
	made := maps.Clone(s.made)
	s.mu.Unlock()
	for _, path := range paths {
		if s.ps.get(path) == nil && made[path] != nil {
			s.pin(made[path], "it does not build")
			notices = append(notices, fmt.Sprintf("package %s does not build any more; the session goes on with what it has loaded: %s", path, strings.TrimSpace(refused.Output)))
		}
	}
	return notices
}

// pin keeps a package as it is loaded, until its files change again.
func (s *Session) pin(p *pkg, why string) {
	kept := *p
	kept.Stamp = kept.stamp()
	s.ps.mu.Lock()
	s.ps.known[p.ImportPath] = &kept
	s.ps.mu.Unlock()
	s.outdated[p.ImportPath] = why
}

// replayCost says why the session's cells are not run again unasked, or nothing. The caller holds mu.
func (s *Session) replayCost() string {
	switch {
	case len(s.past) > 0:
		return "cells of a process that ended have not been run again"
	case s.routines > 0:
		return "goroutines of its cells run"
	case s.asks:
		return "its cells read their input"
	case s.took >= replayable:
		return fmt.Sprintf("its %s ran for %v", counted(len(s.history), "cell"), s.took.Round(time.Second))
	}
	for _, e := range s.universe.names {
		if e.kind == kindVar {
			return "its variables would be made anew"
		}
	}
	return ""
}

// follows reports whether a package is another one only because of what it imports: its own source is as it was.
func (p *pkg) follows(now *pkg) bool {
	if p.local() || now.local() {
		return p.Stamp != "" && p.Stamp == now.Stamp
	}
	return p.Module != nil && now.Module != nil && p.Module.Version == now.Module.Version
}

// difference says what happened to a package.
func (p *pkg) difference(now *pkg) string {
	if p.Module != nil && now.Module != nil && p.Module.Version != now.Module.Version {
		return fmt.Sprintf("module %s is loaded as %s, and go.mod asks for %s now", p.Module.Path, version(p.Module.Version), version(now.Module.Version))
	}
	if !now.local() && p.Module != nil {
		return fmt.Sprintf("package %s of module %s is built from other modules now", p.ImportPath, p.Module.Path)
	}
	return fmt.Sprintf("package %s was edited", p.ImportPath)
}

func version(v string) string {
	if v == "" {
		return "a local folder"
	}
	return v
}
