package kernel

import (
	"bufio"
	"bytes"
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

	"github.com/cellar-go/cellar/internal/atomicfile"
	"github.com/cellar-go/cellar/internal/gomod"
)

// historyLimit is how many of the user's inputs are kept; the file is cut when it holds twice as many.
const historyLimit = 10_000

// historyBytes is how large a file may be that was cut.
const historyBytes = 16 << 20

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
	if os.MkdirAll(filepath.Dir(h.path), 0o700) != nil {
		return
	}
	f, err := h.open()
	if err != nil {
		return
	}
	defer f.Close()
	entries := read(f)
	for _, e := range entries {
		h.session = max(h.session, e.Session+1)
	}
	number := line(entry{Format: 1, Session: h.session})
	if size, err := f.Seek(0, io.SeekEnd); len(entries) > 2*historyLimit || err == nil && size > 2*historyBytes {
		// The cut file takes the other's place whole: those who wait for the lock see that it is another, and open it.
		if atomicfile.Write(h.path, append(newest(entries), number...), 0o600) == nil {
			return
		}
	}
	put(f, number)
}

// newest are the lines that a cut file keeps.
func newest(entries []entry) []byte {
	var lines [][]byte
	size := 0
	for _, e := range slices.Backward(entries) {
		l := line(e)
		if size += len(l); len(lines) == historyLimit || size > historyBytes {
			break
		}
		lines = append(lines, l)
	}
	slices.Reverse(lines)
	return bytes.Join(lines, nil)
}

func (h *history) append(e entry) error {
	f, err := h.open()
	if err != nil {
		return err
	}
	defer f.Close()
	return put(f, line(e))
}

// put appends a line. One that a crash has cut short is ended first, so that it spoils no other.
func put(f *os.File, line []byte) error {
	if size, err := f.Seek(0, io.SeekEnd); err == nil && size > 0 {
		var last [1]byte
		if _, err := f.ReadAt(last[:], size-1); err == nil && last[0] != '\n' {
			line = append([]byte{'\n'}, line...)
		}
	}
	_, err := f.Write(line)
	return err
}

// open opens the file to append, under a lock.
func (h *history) open() (*os.File, error) {
	for {
		f, err := os.OpenFile(h.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return nil, err
		}
		if err := lock(f); err != nil {
			f.Close()
			return nil, err
		}
		mine, err := f.Stat()
		there, gone := os.Stat(h.path)
		if err == nil && gone == nil && os.SameFile(mine, there) {
			return f, nil
		}
		f.Close() // it was cut, or deleted, meanwhile
		if err != nil {
			return nil, err
		}
	}
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

// glob is the pattern of a search, over the whole input: *, ? and [a-z], as in a shell.
func glob(pattern string) (*regexp.Regexp, error) {
	if pattern == "" {
		pattern = "*"
	}
	var b strings.Builder
	b.WriteString("(?s)^")
	for rest := pattern; rest != ""; {
		c, after := rest[:1], rest[1:]
		switch c {
		case "*":
			c = ".*"
		case "?":
			c = "."
		case "[":
			if class := classes.FindString(rest); class != "" {
				after = rest[len(class):]
				inner := strings.NewReplacer(`\`, `\\`, "[", `\[`).Replace(class[1 : len(class)-1])
				if strings.HasPrefix(inner, "!") {
					inner = "^" + inner[1:]
				}
				if strings.HasPrefix(strings.TrimPrefix(inner, "^"), "]") {
					inner = strings.Replace(inner, "]", `\]`, 1)
				}
				c = "[" + inner + "]"
				break
			}
			fallthrough
		default:
			c = regexp.QuoteMeta(c)
		}
		b.WriteString(c)
		rest = after
	}
	return regexp.Compile(b.String() + "$")
}

var classes = regexp.MustCompile(`^\[[!^]?\]?[^\]]*\]`)
