package worker

import (
	"fmt"
	"plugin"
	"time"

	"github.com/cellar-go/cellar/kernel/session/internal/wire"
	"github.com/cellar-go/cellar/kernel/session/live"
)

// load opens a plugin, cures it, and runs its entry.
func (w *worker) load(r wire.Request) {
	reply := wire.Reply{Op: "done", ID: r.ID}
	start := time.Now()
	entry, cured, err := open(r.File, r.Entry)
	live.At(-1)
	reply.Load, reply.Cured = time.Since(start), cured
	if err != nil {
		reply.Refused = err.Error()
	} else if entry != nil {
		start = time.Now()
		w.inputAsked.Store(false)
		w.mayRead.Store(w.mayRead.Load() || r.Input)
		w.running.Store(true)
		w.run(entry, &reply)
		w.running.Store(false)
		reply.Run, reply.Step = time.Since(start), live.Step()
		if values := live.Shown(); values != nil && reply.Panic == nil {
			reply.Bundle = w.present(values, &reply)
		}
	}
	w.mark(reply, 1, 2)
}

func open(file, name string) (entry func(), cured int, err error) {
	defer func() {
		if e := recover(); e != nil { // a package's own initialisation
			err = fmt.Errorf("panic: %v", e)
		}
	}()
	p, err := plugin.Open(file)
	if err != nil {
		return nil, 0, err
	}
	if cured, err = cure(file); err != nil || name == "" {
		return nil, cured, err
	}
	symbol, err := p.Lookup(name)
	if err != nil {
		return nil, cured, err
	}
	return symbol.(func()), cured, nil
}
