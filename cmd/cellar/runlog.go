package main

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/papermill"
	"github.com/cellar-go/cellar/papermill/place"
)

// runLog is what the cells of one run of many print. A log elsewhere is written here, and delivered when the run has ended.
type runLog struct {
	*bufio.Writer
	text   *papermill.MaskWriter // halves of a secret may be two outputs
	file   *os.File
	to     string // where it belongs
	path   string // where it is written
	resume bool   // what it holds of the former run stays
	made   bool   // it was not there
	begun  bool
	err    error
}

// openLog makes the file, before hours of work. What a log holds of a former run stays until the run begins: another one may be writing it.
func openLog(to, path string, resume bool, mask papermill.Mask) (*runLog, error) {
	_, missing := os.Lstat(path)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666)
	if err != nil {
		return nil, fault.New(fault.Storage, "name another folder by --out-dir", "log %s: %w", path, err)
	}
	text := mask.Writer(file)
	return &runLog{Writer: bufio.NewWriter(text), text: text, file: file, to: to, path: path, resume: resume, made: missing != nil}, nil
}

// begin is called when the run begins.
func (l *runLog) begin(ctx context.Context) {
	l.begun = true
	if !l.resume {
		l.err = l.file.Truncate(0)
	} else if l.to != l.path {
		l.err = l.goOn(ctx)
	}
}

// goOn brings what the log elsewhere has, if that is more than the copy here: it then is of another machine's run.
func (l *runLog) goOn(ctx context.Context) error {
	before, here, err := l.both(ctx)
	if err != nil || here >= int64(len(before)) {
		return err
	}
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err = l.file.Write(before)
	return err
}

// both are the log elsewhere, as far as it can be read, and the size of the copy here.
func (l *runLog) both(ctx context.Context) (there []byte, here int64, err error) {
	there, err = place.Read(ctx, l.to)
	if errors.Is(err, fault.ErrNotFound) || errors.Is(err, fs.ErrPermission) {
		there, err = nil, nil
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := l.file.Stat()
	if err != nil {
		return nil, 0, err
	}
	return there, info.Size(), nil
}

// close ends the log. Of a run that has not begun it leaves nothing. Where that is since nothing was left to run (done), a log that could not
// be delivered then is delivered now. After an interrupt it is still delivered, if that takes no longer than grace.
func (l *runLog) close(ctx context.Context, done bool, grace time.Duration, hurry <-chan struct{}) (err error) {
	if !l.begun {
		missed := false
		if done && !l.made && l.resume && l.to != l.path {
			var there []byte
			var here int64
			there, here, err = l.both(ctx)
			missed = err == nil && here > int64(len(there))
		}
		l.file.Close()
		if l.made {
			os.Remove(l.path)
		}
		if !missed {
			return err
		}
	} else if err := errors.Join(l.err, l.Flush(), l.text.Flush(), l.file.Close()); err != nil {
		return fault.New(fault.Storage, "free space", "log %s: %w", place.Shown(l.to), err)
	}
	if l.to == l.path {
		return nil
	}
	last, end := papermill.Outlive(ctx, grace, hurry)
	defer end()
	return papermill.ByResume(place.Put(last, l.path, l.to))
}
