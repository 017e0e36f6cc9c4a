package worker

import (
	"errors"
	"fmt"
	"plugin"
	"time"

	"github.com/cellar-go/cellar/kernel/session/internal/wire"
	"github.com/cellar-go/cellar/kernel/session/live"
	"github.com/cellar-go/cellar/kernel/session/worker/link"
)

// load brings a cell or a plugin of imports, and runs its entry.
func (w *worker) load(r wire.Request) {
	reply := wire.Reply{Op: "done", ID: r.ID}
	start := time.Now()
	entry, err := w.bring(r, &reply)
	live.At(-1)
	reply.Load = time.Since(start)
	switch {
	case err != nil && r.Packages != "" && !errors.Is(err, link.ErrVersion):
		reply.Unlinked = err.Error()
	case err != nil:
		reply.Refused = err.Error()
	case entry != nil:
		start = time.Now()
		w.inputAsked.Store(false)
		w.mayRead.Store(w.mayRead.Load() || r.Input)
		w.running.Store(true)
		w.run(entry, &reply)
		w.running.Store(false)
		reply.Run, reply.Step = time.Since(start), live.Step()
		live.Shown() // what a cell has shown that did not come to its end
	}
	w.reopenOutput()
	w.mark(reply, 1, 2)
}

// bring links an object in memory, or opens a plugin.
func (w *worker) bring(r wire.Request, reply *wire.Reply) (entry func(), err error) {
	defer func() {
		if e := recover(); e != nil { // a package's own initialisation
			reply.Panic = describe(e)
			err = fmt.Errorf("panic: %s", reply.Panic.Value)
		}
	}()
	if r.Packages != "" {
		if w.noLinker != nil {
			return nil, w.noLinker
		}
		return w.linker.Load(r.File, r.Packages, r.Entry)
	}
	p, err := plugin.Open(r.File)
	if err != nil {
		return nil, err
	}
	if reply.Cured, err = w.linker.Cure(r.File); err != nil || r.Entry == "" {
		return nil, err
	}
	symbol, err := p.Lookup(r.Entry)
	if err != nil {
		return nil, err
	}
	return symbol.(func()), nil
}
