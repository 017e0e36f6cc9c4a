package classic

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/cellar-go/cellar/papermill"
	"github.com/cellar-go/cellar/papermill/nbformat"
	"github.com/cellar-go/cellar/papermill/template"
)

// log writes lines as Python's logger does: those at or above its level.
type log struct {
	w     io.Writer
	level int // index in levels
	mask  papermill.Mask
}

func newLog(w io.Writer, level string, mask papermill.Mask) *log {
	return &log{w, slices.Index(levels, level), mask}
}

func (l *log) shows(level string) bool { return slices.Index(levels, level) >= l.level }

func (l *log) print(level, format string, args ...any) {
	if l.shows(level) {
		fmt.Fprintln(l.w, l.mask.Text(fmt.Sprintf(format, args...)))
	}
}

// outputs hands on what cells show: to the log, and to files.
type outputs struct {
	log            *log
	logged         bool
	stdout, stderr *streamFile
	started        int // cells
}

// cell logs that a cell starts or ends.
func (o *outputs) cell(c papermill.Cell) {
	if c.Status == papermill.Running {
		o.started++
	}
	switch {
	case !o.logged:
	case c.Status == papermill.Running:
		o.log.print("INFO", "Executing Cell %s", dashes(o.started, 40))
	default:
		o.log.print("INFO", "Ending Cell %s", dashes(o.started, 43))
	}
}

// dashes fills a number up to a width, from the right.
func dashes(n, width int) string {
	s := fmt.Sprint(n)
	return s + strings.Repeat("-", max(0, width-len(s)))
}

// output takes in one output, of a stream one piece.
func (o *outputs) output(_ *nbformat.Cell, out nbformat.Output) {
	switch {
	case out.Type == "stream" && out.Name == "stderr":
		if o.logged {
			o.log.print("WARNING", "%s", out.Text)
		}
		o.stderr.write(out.Text)
	case out.Type == "stream":
		if o.logged {
			o.log.print("INFO", "%s", out.Text)
		}
		o.stdout.write(out.Text)
	case !o.logged || out.Type == "update_display_data" || !o.log.shows("INFO"):
	case out.Large["text/plain"] != nil:
		text := o.log.mask.Writer(o.log.w)
		nbformat.CopyText(text, out.Large["text/plain"])
		text.Flush()
		fmt.Fprintln(o.log.w)
	case out.Data["text/plain"] != nil:
		o.log.print("INFO", "%s", joined(out.Data["text/plain"]))
	}
}

// joined is a text of a notebook, which may be a list of its lines.
func joined(raw json.RawMessage) string {
	var text string
	var lines []string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	json.Unmarshal(raw, &lines)
	return strings.Join(lines, "")
}

// streamFile gets the text of a stream as it comes. Like click's lazy files it is made when the first text comes.
type streamFile struct {
	path string
	tie  *tie // of a pipe to a caller that may be gone, at which opening and writing must not wait
	w    io.Writer
	file *os.File
	err  error
}

// newStreamFile makes sure, before hours of work, that the file can be written; - is standard output. Without a path nothing is written.
// Where a caller is tied to us, a pipe is its.
func newStreamFile(path *string, stdout io.Writer, tie *tie) (*streamFile, error) {
	switch {
	case path == nil:
		return nil, nil
	case *path == "-":
		return &streamFile{path: *path, w: stdout}, nil
	}
	f := &streamFile{path: *path}
	if info, err := os.Stat(*path); err == nil {
		if info.IsDir() {
			return nil, f.fault("Is a directory")
		}
		if info.Mode()&os.ModeNamedPipe != 0 {
			f.tie = tie
		}
	}
	if _, err := os.Stat(filepath.Dir(*path)); err != nil {
		return nil, f.fault("No such file or directory")
	}
	return f, nil
}

func (f *streamFile) fault(what string) error {
	return &clickError{fmt.Sprintf("Could not open file %s: %s", template.Quote(f.path), what), false, 1}
}

func (f *streamFile) write(text string) {
	if f == nil || f.err != nil {
		return
	}
	if f.w == nil {
		if f.file, f.err = f.open(); f.err != nil {
			return
		}
		f.w = f.file
	}
	_, f.err = io.WriteString(f.w, text)
}

func (f *streamFile) open() (*os.File, error) {
	if f.tie == nil {
		return os.Create(f.path)
	}
	file, err := os.OpenFile(f.path, os.O_WRONLY|syscall.O_NONBLOCK, 0) // os.Create would make us a reader too, and wait for itself
	if err == nil {
		f.tie.add(file)
	}
	return file, err
}

// close says what went wrong on the way.
func (f *streamFile) close() error {
	if f == nil {
		return nil
	}
	if f.file != nil {
		if err := f.file.Close(); f.err == nil {
			f.err = err
		}
	}
	if f.err != nil {
		return f.fault(strings.TrimPrefix(osError(f.err).Error(), "OSError: "))
	}
	return nil
}
