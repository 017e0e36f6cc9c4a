package project

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/cellar-go/cellar/internal/fault"
)

// scratch makes a folder for one step on the store's disk, and takes away those of processes that were killed.
func (p *Project) scratch() (string, error) {
	dir := filepath.Join(p.Store.Dir(), "scratch")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fault.New(fault.Storage, "make the folder writable, or set CELLAR_STORE to one that is", "store %s: %w", p.Store.Dir(), err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", fault.New(fault.Storage, "", "store %s: %w", p.Store.Dir(), err)
	}
	for _, e := range entries {
		pid, _, _ := strings.Cut(e.Name(), "-")
		if n, err := strconv.Atoi(pid); err == nil && syscall.Kill(n, 0) == syscall.ESRCH {
			os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
	made, err := os.MkdirTemp(dir, fmt.Sprintf("%d-", os.Getpid()))
	if err != nil {
		return "", fault.New(fault.Storage, "free some room, or set CELLAR_STORE to a disk that has it", "store %s: %w", p.Store.Dir(), err)
	}
	return made, nil
}
