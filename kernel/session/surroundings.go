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
	"github.com/cellar-go/cellar/internal/gomod"
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
func (t *toolchain) outOfRoom(err error) error {
	var mistake *fault.Mistake
	if errors.As(err, &mistake) {
		return err
	}
	var refused *buildError
	text := ""
	if errors.As(err, &refused) {
		text = refused.Output
	}
	for _, e := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EROFS} {
		if errors.Is(err, e) || strings.Contains(text, e.Error()) {
			name, folder := "TMPDIR", os.TempDir()
			if strings.Contains(text, t.cache) || room(t.cache) < room(folder) { // the go command does not always name its files
				name, folder = "GOCACHE", t.cache
			}
			return fault.New(fault.Storage, "free some room in "+folder+", or set "+name+" and restart the kernel; the session's values are kept", "session: the cell could not be built: %s", e.Error())
		}
	}
	return err
}

// room is how many bytes can be written in a folder, or in the nearest above that is there.
func room(folder string) uint64 {
	var fs syscall.Statfs_t
	for syscall.Statfs(folder, &fs) != nil && folder != filepath.Dir(folder) {
		folder = filepath.Dir(folder)
	}
	return fs.Bavail * uint64(fs.Bsize)
}

// otherTree explains an error of the worker where that is made of another source than this program's: in a tree of its module, what lies there
// is used.
func (t *toolchain) otherTree(err error) error {
	var mistake *fault.Mistake
	if t.module.Path != gomod.Path || errors.As(err, &mistake) && mistake.Kind == fault.Storage {
		return err
	}
	files, failed := gomod.Differences(t.module.Root)
	if failed != nil || len(files) == 0 {
		return err
	}
	why, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "cellar: "), "\n") // of a compiler's many lines
	return fault.New(fault.Environment, "put a go.mod into the notebook's own folder (go mod init notebook): there this kernel uses its own source; or bring both to one version: git pull in the tree, or go install ./cmd/cellar there for a kernel of it",
		"session: %s is a tree of %s in another version than this kernel's (%s of the worker not the same, such as %s); the worker is built from the tree, and does not work with this kernel: %s",
		t.module.Root, gomod.Path, counted(len(files), "file"), files[0], why)
}
