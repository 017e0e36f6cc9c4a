package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cellar-go/cellar/internal/atomicfile"
	"github.com/cellar-go/cellar/internal/fault"
)

// Path is where the journal of a run is that writes this output.
func Path(output string) string {
	return filepath.Join(filepath.Dir(output), "."+filepath.Base(output)+".journal")
}

// outputOf is the output whose journal has the path.
func outputOf(path string) string {
	name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "."), ".journal")
	return filepath.Join(filepath.Dir(path), name)
}

// Journal is an open journal, of one goroutine at a time.
type Journal struct {
	path    string
	file    *os.File
	at      int64  // bytes in the file and in the buffer
	pending []byte // what is not in the file yet, or, after an error, never will be
	window  []byte // what was read last
	from    int64  // and where it stands in the file
	err     error  // the first error of writing: nothing can be added after it
	damaged int64  // where a record is that can't be read though it was synced; -1 without

	unsynced bool // records were added since the last Sync
	mark     bool // the next record comes after a mark that all before it is synced
	named    bool // the file's name survives a crash of the machine
}

// Body is where a record's body is.
type Body []span

type span struct {
	at   int64
	size int
}

// Size is the body's length in bytes.
func (b Body) Size() int64 {
	n := int64(0)
	for _, s := range b {
		n += int64(s.size)
	}
	return n
}

const (
	bufferSize = 1 << 16 // what is gathered before it is written, and read at once
	pieceSize  = 1 << 18 // of a large body

	markSynced = '!' // of a piece that says that all before it is synced: its body is where it stands
)

// checksum is CRC-32C, which processors compute.
var checksum = crc32.MakeTable(crc32.Castagnoli)

// Create makes a new journal, in place of an older one. It is locked as long as it is open: ErrLocked is the error of a second run that
// writes the same output.
func Create(path string) (*Journal, error) {
	f, err := open(path, os.O_CREATE)
	if err != nil {
		return nil, err
	}
	if err := f.Truncate(0); err != nil {
		f.Close()
		return nil, storage(path, err)
	}
	return &Journal{path: path, file: f}, nil
}

// open opens and locks the file that is at a path. A run that ends removes its journal: whoever has opened that before locks what nobody else
// will find, and tries again.
func open(path string, flag int) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|flag, 0o600) // outputs may be private
		if errors.Is(err, fs.ErrNotExist) && flag&os.O_CREATE == 0 {
			return nil, err
		}
		if err != nil {
			return nil, storage(path, err)
		}
		there, err := lockAt(path, f)
		if there && err == nil {
			return f, nil
		}
		f.Close()
		if err != nil {
			return nil, err
		}
	}
}

// lockAt locks a file, and reports whether it is at its path then.
func lockAt(path string, f *os.File) (bool, error) {
	if err := lock(f); err != nil {
		return false, err
	}
	mine, err := f.Stat()
	if err != nil {
		return false, storage(path, err)
	}
	there, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, storage(path, err)
	}
	return err == nil && os.SameFile(mine, there), nil
}

// ErrLocked: another process has the journal open.
var ErrLocked = errors.New("another run is writing it")

func storage(path string, err error) error {
	return fault.New(fault.Storage, "free space, or choose a folder that can be written", "journal %s: %w", path, err)
}

// Add appends a record. The body can be read back at once; a crash of the machine may still lose it until Sync.
func (j *Journal) Add(head any, body []byte) (Body, error) {
	w := j.Begin(head)
	w.Write(body)
	return w.End()
}

// Begin appends a record whose body is written piece by piece, and is in the journal once the Writer has been ended.
func (j *Journal) Begin(head any) *Writer {
	text, err := json.Marshal(head)
	return &Writer{j: j, head: text, err: err}
}

// Writer writes the body of a record.
type Writer struct {
	j     *Journal
	head  []byte
	piece []byte
	body  Body
	err   error
}

// Write adds to the body.
func (w *Writer) Write(b []byte) (int, error) {
	size := len(b)
	for w.err == nil && len(w.piece)+len(b) > pieceSize {
		n := pieceSize - len(w.piece)
		w.piece = append(w.piece, b[:n]...)
		b = b[n:]
		w.flush('+')
	}
	w.piece = append(w.piece, b...)
	return size, w.err
}

// flush appends a piece; more says that it is not the last one.
func (w *Writer) flush(mark byte) {
	if w.err == nil {
		var s span
		if s, w.err = w.j.add(mark, w.head, w.piece); s.size > 0 {
			w.body = append(w.body, s)
		}
	}
	w.head, w.piece = nil, w.piece[:0]
}

// End ends the record, and says where its body is.
func (w *Writer) End() (Body, error) {
	w.flush('=')
	return w.body, w.err
}

// add appends a piece: mark, length of head and body, checksum, head, body.
func (j *Journal) add(mark byte, head, body []byte) (span, error) {
	if j.err != nil {
		return span{}, j.err
	}
	if j.mark {
		j.append(markSynced, nil, strconv.AppendInt(nil, j.at, 10))
	}
	j.mark, j.unsynced = false, true
	s := j.append(mark, head, body)
	if len(j.pending) >= bufferSize {
		j.Flush() // its error is that of the next piece, or the next Flush: this one can be read back
	}
	return s, nil
}

func (j *Journal) append(mark byte, head, body []byte) span {
	sum := crc32.Update(crc32.Checksum(head, checksum), checksum, body)
	before := len(j.pending)
	j.pending = fmt.Appendf(j.pending, "%c %d %d %08x ", mark, len(head), len(body), sum)
	j.pending = append(j.pending, head...)
	j.pending = append(j.pending, '\n')
	s := span{at: j.at + int64(len(j.pending)-before), size: len(body)}
	j.pending = append(j.pending, body...)
	j.pending = append(j.pending, '\n')
	j.at += int64(len(j.pending) - before)
	return s
}

// Flush puts what was added into the file, where it survives the end of this process. After an error the file ends with the last whole
// record that it had; what was added after that can still be read back.
func (j *Journal) Flush() error {
	if j.err != nil || len(j.pending) == 0 {
		return j.err
	}
	start := j.at - int64(len(j.pending))
	if _, err := j.file.WriteAt(j.pending, start); err != nil {
		j.file.Truncate(start)
		j.err = storage(j.path, err)
		return j.err
	}
	j.pending = j.pending[:0]
	return nil
}

// Unsynced reports whether something was added that a crash of the machine may take back.
func (j *Journal) Unsynced() bool { return j.unsynced }

// Sync makes what was added survive a crash of the machine.
func (j *Journal) Sync() error {
	if err := j.Flush(); err != nil {
		return err
	}
	if !j.unsynced {
		return nil
	}
	if err := atomicfile.Sync(j.file); err != nil {
		j.err = storage(j.path, err)
		return j.err
	}
	if !j.named { // a file whose folder does not know it is lost
		atomicfile.SyncDir(filepath.Dir(j.path)) // not every folder can be opened for it
		j.named = true
	}
	j.unsynced, j.mark = false, true
	return nil
}

// Copy writes a body, also after an error of writing.
func (j *Journal) Copy(w io.Writer, body Body) error {
	for _, s := range body {
		for s.size > 0 {
			b, err := j.read(s)
			if err != nil {
				return storage(j.path, err)
			}
			if _, err := w.Write(b); err != nil {
				return err
			}
			s.at += int64(len(b))
			s.size -= len(b)
		}
	}
	return nil
}

// read returns the beginning of a span, as much as the window takes.
func (j *Journal) read(s span) ([]byte, error) {
	if at := s.at - (j.at - int64(len(j.pending))); len(j.pending) > 0 && at >= 0 {
		return j.pending[at : at+int64(s.size)], nil
	}
	at := s.at - j.from
	if at < 0 || at >= int64(len(j.window)) || at+int64(s.size) > int64(len(j.window)) && at > 0 {
		if cap(j.window) == 0 {
			j.window = make([]byte, bufferSize)
		}
		n, err := j.file.ReadAt(j.window[:cap(j.window)], s.at)
		j.window, j.from, at = j.window[:n], s.at, 0
		if n == 0 {
			return nil, errors.Join(io.ErrUnexpectedEOF, err)
		}
	}
	return j.window[at:min(at+int64(s.size), int64(len(j.window)))], nil
}

// Close closes the journal and leaves the file.
func (j *Journal) Close() error {
	err := j.Flush()
	if err == errReadOnly {
		err = nil
	}
	return errors.Join(err, j.file.Close())
}

// Remove closes the journal and removes the file.
func (j *Journal) Remove() error {
	there, err := lockAt(j.path, j.file)
	if there { // its folder may have been removed, and made again
		err = os.Remove(j.path)
	}
	if there && j.named { // else it comes back, and takes what was done since for a later run's
		atomicfile.SyncDir(filepath.Dir(j.path))
	}
	return errors.Join(err, j.file.Close())
}

// Path is the journal's file.
func (j *Journal) Path() string { return j.path }

// Err is the error that ended the writing, nil if all that was added is there.
func (j *Journal) Err() error { return j.err }

// Damaged is where the first record is that can't be read though it was synced, which neither the end of a program nor that of the machine
// explains, or where what stands there never was one; -1 without.
func (j *Journal) Damaged() int64 { return j.damaged }

// Read opens a journal and gives each whole record to visit, in order. What stands after the last whole
// record, where a crash interrupted the writing, is left out; Damaged tells whether that was more. The journal is locked, and can be read with Copy until it is closed; it can't be
// added to. Without a file the error is fs.ErrNotExist.
func Read(path string, visit func(j *Journal, head json.RawMessage, body Body) error) (*Journal, error) {
	f, err := open(path, 0)
	if err != nil {
		return nil, err
	}
	j := &Journal{path: path, file: f, err: errReadOnly, damaged: -1, named: true}
	if err := j.scan(visit); err != nil {
		f.Close()
		return nil, err
	}
	return j, nil
}

var errReadOnly = errors.New("cellar: this journal was opened for reading")

func (j *Journal) scan(visit func(*Journal, json.RawMessage, Body) error) error {
	size, err := j.file.Seek(0, io.SeekEnd)
	if err != nil {
		return storage(j.path, err)
	}
	s := &scanner{file: j.file, size: size}
	var head []byte
	var body Body
	for {
		mark, h, b, ok := s.next()
		if !ok {
			if s.damaged() {
				j.damaged = s.at
			}
			return nil
		}
		if mark == markSynced {
			continue
		}
		if body == nil && head == nil {
			head = bytes.Clone(h)
		}
		if b.size > 0 {
			body = append(body, b)
		}
		if mark == '+' {
			continue
		}
		if err := visit(j, head, body); err != nil {
			return err
		}
		head, body = nil, nil
	}
}
