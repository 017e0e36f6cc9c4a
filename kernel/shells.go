package kernel

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/jupyter"
)

// shell is one sequence of requests: the main one's, or that of a subshell, see JEP 91. What runs nothing is answered at the same time
// in all of them; cells of different shells run one after the other, for the session runs one at a time.
type shell struct {
	cells     queue    // requests that run something
	questions queue    // complete, inspect, history: answered while a cell runs
	name      string   // what messages call its cells, before [3]
	count     int      // of executed cells
	history   *history // is a session of its own in the history
	stop      context.CancelFunc
}

// shells are the main shell, under the empty identifier, and its subshells.
type shells struct {
	mu    sync.Mutex
	known map[string]*shell
	made  int
}

// find returns the shell that a request names.
func (s *shells) find(r *jupyter.Message) (*shell, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sh, ok := s.known[r.Header.Subshell]; ok {
		return sh, nil
	}
	return nil, unknownSubshell(r.Header.Subshell)
}

func unknownSubshell(id string) error {
	return fault.New(fault.Input, "create one with create_subshell_request", "kernel: there is no subshell %q (it may have been deleted)", id)
}

// put queues a request in its shell: those that run something behind each other.
func (s *shells) put(r *jupyter.Message, runs bool) error {
	s.mu.Lock() // also while it is queued: what is queued when a subshell is deleted is answered
	defer s.mu.Unlock()
	sh, ok := s.known[r.Header.Subshell]
	switch {
	case !ok:
		return unknownSubshell(r.Header.Subshell)
	case runs:
		sh.cells.put(r)
	default:
		sh.questions.put(r)
	}
	return nil
}

// open starts the shell of that identifier.
func (k *kernel) open(ctx context.Context, id string) {
	working, stop := context.WithCancel(ctx)
	sh := &shell{name: "cell", history: openHistory(k.options.History), stop: stop}
	k.shells.mu.Lock()
	if id != "" {
		k.shells.made++
		sh.name = fmt.Sprintf("subshell%d", k.shells.made)
	}
	if k.shells.known == nil {
		k.shells.known = map[string]*shell{}
	}
	k.shells.known[id] = sh
	k.shells.mu.Unlock()
	for _, q := range []*queue{&sh.cells, &sh.questions} {
		k.working.Go(func() { q.work(working, func(r *jupyter.Message) { k.handle(ctx, jupyter.Shell, r) }) })
	}
}

// subshell answers create_subshell, delete_subshell and list_subshell.
func (k *kernel) subshell(ctx context.Context, r *jupyter.Message, what string) (any, error) {
	switch what {
	case "create":
		id := make([]byte, 16)
		rand.Read(id)
		name := hex.EncodeToString(id)
		k.open(ctx, name)
		return map[string]string{"status": "ok", "subshell_id": name}, nil
	case "list":
		k.shells.mu.Lock()
		defer k.shells.mu.Unlock()
		ids := []string{}
		for id := range k.shells.known {
			if id != "" {
				ids = append(ids, id)
			}
		}
		slices.Sort(ids)
		return map[string]any{"status": "ok", "subshell_id": ids}, nil
	}
	var q struct {
		ID string `json:"subshell_id"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	k.shells.mu.Lock()
	sh, ok := k.shells.known[q.ID]
	if ok && q.ID != "" {
		delete(k.shells.known, q.ID)
	}
	k.shells.mu.Unlock()
	if !ok || q.ID == "" {
		return nil, unknownSubshell(q.ID)
	}
	sh.stop() // what runs goes on to its end
	for _, left := range append(sh.cells.take(), sh.questions.take()...) {
		k.refuse(left, unknownSubshell(q.ID))
	}
	return map[string]string{"status": "ok"}, nil
}

// refuse answers a message of the shell channel that can't be handled.
func (k *kernel) refuse(r *jupyter.Message, err error) {
	f := describe(err, "")
	k.publish(r.Header, "status", status{"busy"})
	if kind, isRequest := strings.CutSuffix(r.Header.Type, "_request"); isRequest {
		k.reply(jupyter.Shell, r, kind+"_reply", errorReply(f.Name, f.Value, f.Traceback))
	} else {
		k.publish(r.Header, "error", f)
	}
	k.publish(r.Header, "status", status{"idle"})
}
