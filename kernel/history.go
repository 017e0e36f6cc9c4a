package kernel

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cellar-go/cellar/internal/gomod"
)

// historyLimit is how many of the user's inputs are kept; the file is cut when it holds twice as many.
const historyLimit = 10_000

// history is what the user has run, in this kernel and in earlier ones: a file of JSON lines that all kernels of the user append
// to. If the file can't be used, this kernel's own inputs are all there is.
type history struct {
	path string

	mu      sync.Mutex
	session int // this kernel's number; 0 until it is first needed
	own     []entry
}

// entry is a line of the file; docs/formats/history.md.
type entry struct {
	Format  int    `json:"format,omitempty"` // in the line that takes a session's number, which has no source
	Session int    `json:"session"`
	Line    int    `json:"line,omitempty"`
	Source  string `json:"source,omitempty"`
	output  string
}

type historyQuery struct {
	Output  bool   `json:"output"`
	Type    string `json:"hist_access_type"`
	Session int    `json:"session"`
	Start   int    `json:"start"`
	Stop    *int   `json:"stop"`
	N       *int   `json:"n"`
	Pattern string `json:"pattern"`
	Unique  bool   `json:"unique"`
}

// openHistory touches no file: that waits until there is something to keep or to find.
func openHistory(path string) *history {
	if path == "" {
		if dir, err := gomod.Cache(); err == nil {
			path = filepath.Join(dir, "history.jsonl")
		}
	}
	return &history{path: path}
}

func (h *history) add(line int, source, output string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.begin()
	e := entry{Session: h.session, Line: line, Source: source, output: output}
	h.own = append(h.own, e)
	_ = h.append(e) // kept in memory at least
}

// find answers a history_request: oldest first.
func (h *history) find(q historyQuery) ([]entry, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.begin()
	all := h.all()
	switch q.Type {
	case "tail":
		return last(all, q.N), nil
	case "range":
		wanted := q.Session
		if wanted <= 0 {
			wanted += h.session // 0 is this session, -1 the one before
		}
		return slices.DeleteFunc(all, func(e entry) bool {
			return e.Session != wanted || e.Line < q.Start || q.Stop != nil && e.Line >= *q.Stop
		}), nil
	case "search":
		matches, err := glob(q.Pattern)
		if err != nil {
			return nil, err
		}
		found := slices.DeleteFunc(all, func(e entry) bool { return !matches.MatchString(e.Source) })
		if q.Unique {
			found = lastOfEach(found)
		}
		return last(found, q.N), nil
	}
	return nil, fmt.Errorf("history: hist_access_type %q is unknown", q.Type)
}

// all is the file's inputs, with our own from memory.
func (h *history) all() []entry {
	var all []entry
	if f, err := os.Open(h.path); err == nil {
		defer f.Close()
		all = slices.DeleteFunc(read(f), func(e entry) bool { return e.Session == h.session || e.Source == "" })
	}
	return append(all, h.own...)
}

// begin takes this kernel's session number, one more than any in the file.
func (h *history) begin() {
	if h.session > 0 {
		return
	}
	h.session = 1
	if err := os.MkdirAll(filepath.Dir(h.path), 0o700); err != nil {
		return
	}
	f, err := os.OpenFile(h.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	if lock(f) != nil {
		return
	}
	entries := read(f)
	for _, e := range entries {
		h.session = max(h.session, e.Session+1)
	}
	if len(entries) > 2*historyLimit {
		var b strings.Builder
		for _, e := range entries[len(entries)-historyLimit:] {
			b.Write(line(e))
		}
		// In place, because other kernels have it open to append: O_APPEND finds the new end.
		if f.Truncate(0) == nil {
			f.WriteString(b.String())
		}
	}
	f.Write(line(entry{Format: 1, Session: h.session}))
}

func (h *history) append(e entry) error {
	f, err := os.OpenFile(h.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := lock(f); err != nil {
		return err
	}
	_, err = f.Write(line(e))
	return err
}

// lock keeps other kernels from the file until it is closed. It gives up soon: no cell waits for its place in the history.
func lock(f *os.File) (err error) {
	for range 20 {
		if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != syscall.EWOULDBLOCK {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	return err
}

func line(e entry) []byte {
	b, _ := json.Marshal(e) // numbers and strings: can't fail
	return append(b, '\n')
}

// read leaves out lines that are cut or not ours.
func read(r io.Reader) []entry {
	var all []entry
	s := bufio.NewScanner(r)
	s.Buffer(nil, 64<<20)
	for s.Scan() {
		var e entry
		if json.Unmarshal(s.Bytes(), &e) == nil && e.Session > 0 {
			all = append(all, e)
		}
	}
	return all
}

func last(e []entry, n *int) []entry {
	if n != nil && *n >= 0 && *n < len(e) {
		return e[len(e)-*n:]
	}
	return e
}

func lastOfEach(all []entry) []entry {
	seen := map[string]bool{}
	var kept []entry
	for _, e := range slices.Backward(all) {
		if !seen[e.Source] {
			seen[e.Source] = true
			kept = append(kept, e)
		}
	}
	slices.Reverse(kept)
	return kept
}

// glob is the pattern of a search: * and ? as in a shell, over the whole input.
func glob(pattern string) (*regexp.Regexp, error) {
	if pattern == "" {
		pattern = "*"
	}
	r := regexp.QuoteMeta(pattern)
	r = strings.ReplaceAll(strings.ReplaceAll(r, `\*`, ".*"), `\?`, ".")
	return regexp.Compile("(?s)^" + r + "$")
}
