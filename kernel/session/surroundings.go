package session

import (
	"errors"
	"fmt"
	goversion "go/version"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/cellar-go/cellar/internal/fault"
)

// What may go wrong around a session while it lives: the toolchain, the disk. None of it costs the state.

// oldest is the Go version that the worker's source needs.
const oldest = "go1.26"

// usable refuses a toolchain that is too old.
func usable(reported string) error {
	word, _, _ := strings.Cut(reported, " ")
	if goversion.IsValid(word) && goversion.Compare(word, oldest) < 0 {
		return fault.New(fault.Environment, "install Go 1.26 or newer from https://go.dev/dl, or set GOTOOLCHAIN=auto", "session: the go command is %s, and cells need %s", word, oldest)
	}
	return nil
}

// compilerStamp tells one compiler from another that takes its place.
func compilerStamp(t *toolchain) string {
	var b strings.Builder
	for _, tool := range []string{"compile", "link"} {
		info, err := os.Stat(filepath.Join(t.folder, tool))
		if err != nil {
			return ""
		}
		fmt.Fprintf(&b, "%d %d ", info.Size(), info.ModTime().UnixNano())
	}
	return b.String()
}

// sameCompiler refuses to compile with another compiler than the session began with: it may lay out types in another way.
func (s *Session) sameCompiler() error {
	switch compilerStamp(s.tools) {
	case s.tools.compiler:
		return nil
	case "":
		return fault.New(fault.Environment, "install "+s.tools.version+" again, or restart the kernel to use another", "session: the Go compiler in %s is gone; the session's values are kept", s.tools.folder)
	}
	return fault.New(fault.Environment, "restart the kernel to use the new one", "session: the Go compiler in %s was replaced while the session runs; the session's values are kept, but nothing can be added to them", s.tools.folder)
}

var newerGo = regexp.MustCompile(`requires go >= (\S+)`)

// tooOld makes the mistake of a module plain that wants another toolchain.
func tooOld(err error) error {
	if m := newerGo.FindStringSubmatch(fmt.Sprint(err)); m != nil {
		return fault.New(fault.Environment, "install Go "+m[1]+" or newer, or set GOTOOLCHAIN=auto, and restart the kernel", "session: the module requires go %s, and the go command is older", m[1])
	}
	return err
}

// outOfRoom makes the mistake of a full disk plain, whichever tool met it.
func outOfRoom(err error) error {
	var refused *buildError
	text := ""
	if errors.As(err, &refused) {
		text = refused.Output
	}
	for _, e := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EROFS} {
		if errors.Is(err, e) || strings.Contains(text, e.Error()) {
			return fault.New(fault.Storage, "free some room in "+os.TempDir()+", or set TMPDIR and restart the kernel; the session's values are kept", "session: the cell could not be built: %s", e.Error())
		}
	}
	return err
}
