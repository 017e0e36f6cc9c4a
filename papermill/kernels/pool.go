package kernels

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/scratch"
)

// Pool starts ipykernels cheaply: they are forks of a process that has imported what every kernel imports. Kernels of other kinds it
// starts as Start does.
type Pool struct {
	options PoolOptions

	mu      sync.Mutex
	dir     *scratch.Dir       // of the servers; made with the first
	servers map[string]*server // by interpreter and environment
	closed  bool

	started, forked atomic.Bool
}

// PoolOptions are what a pool can do otherwise.
type PoolOptions struct {
	// Preload names Python modules that kernels find imported. They may not start threads of Python, which a fork would not have.
	Preload []string
	// Vary names the variables that may differ among forks of one process, because no module reads them while it is imported. Kernels that
	// differ in others are forks of different processes: a variable may decide what the interpreter or a module does from its start.
	Vary []string
	// Servers is the number of these processes at most; kernels that would need another are started as Start does. Default 4.
	Servers int
}

// NewPool makes a pool. Nothing runs before its first Start.
func NewPool(o PoolOptions) *Pool {
	o.Servers = cmp.Or(o.Servers, 4)
	// What names a run, or the folder that it is started from.
	o.Vary = append([]string{parentVariable, "JPY_SESSION_NAME", "CELLAR_NOTEBOOK", "PWD", "OLDPWD", "SHLVL", "_"}, o.Vary...)
	return &Pool{options: o, servers: map[string]*server{}}
}

// Start is the function Start, where a fork will do. The kernel is closed like any other.
func (p *Pool) Start(ctx context.Context, spec Spec, o Options) (*Kernel, error) {
	return startBy(ctx, p, spec, o)
}

// Unused reports whether kernels were started and none was a fork, so that none has found the modules of Preload imported.
func (p *Pool) Unused() bool { return p.started.Load() && !p.forked.Load() }

// Close ends the pool, and the kernels that are its forks.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, s := range p.servers {
		s.close()
	}
	if p.dir != nil {
		p.dir.Remove()
	}
}

func (p *Pool) start(ctx context.Context, c command) (*process, error) {
	p.started.Store(true)
	i, ok := ipykernelOf(c.argv)
	if !ok || !forkable(c) {
		return direct{}.start(ctx, c)
	}
	for range 2 { // the first server may just have died
		s, err := p.server(i, c)
		if err != nil {
			return nil, startFault(c.kernel, err)
		}
		if s == nil {
			break
		}
		forked, err := s.start(ctx, c, i.arguments)
		var mistake *fault.Mistake
		if err == nil {
			p.forked.Store(true)
		}
		if err == nil || errors.As(err, &mistake) || ctx.Err() != nil {
			return forked, err
		}
	}
	return direct{}.start(ctx, c)
}

// forkable: what the fork is told can be written as JSON, and no import depends on the folder that the interpreter is started in.
func forkable(c command) bool {
	text := append([]string{c.dir, c.log}, append(c.argv, c.env...)...)
	if slices.ContainsFunc(text, func(s string) bool { return !utf8.ValidString(s) }) {
		return false
	}
	for part := range strings.SplitSeq(variables(c.env)["PYTHONPATH"], string(os.PathListSeparator)) {
		if part != "" && !strings.HasPrefix(part, "/") {
			return false
		}
	}
	return true
}

// server is the server for an interpreter and an environment; nil when there may not be another.
func (p *Pool) server(i module, c command) (*server, error) {
	env := variables(c.env)
	for _, name := range p.options.Vary {
		delete(env, name)
	}
	key := strings.Join(i.interpreter, "\x00")
	for _, name := range slices.Sorted(maps.Keys(env)) {
		key += "\x00" + name + "=" + env[name]
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errors.New("the pool is closed")
	}
	if s := p.servers[key]; s != nil && !s.lost() {
		return s, nil
	} else if s == nil && len(p.servers) >= p.options.Servers {
		return nil, nil
	}
	if p.dir == nil {
		dir, err := scratch.Make("", "pool")
		if err != nil {
			return nil, err
		}
		p.dir = dir
	}
	s, err := newServer(p.dir.Path, i, c.env, p.options.Preload)
	if err != nil {
		return nil, err
	}
	if old := p.servers[key]; old != nil {
		old.close()
	}
	p.servers[key] = s
	return s, nil
}
