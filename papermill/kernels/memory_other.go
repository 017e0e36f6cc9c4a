//go:build !linux

package kernels

import (
	"context"

	"github.com/cellar-go/cellar/internal/fault"
)

// limit: only Linux tells cheaply what a process and its descendants use.
func (k *Kernel) limit(_ context.Context, most int64) error {
	if most <= 0 {
		return nil
	}
	return fault.New(fault.Usage, "run without it", "a kernel's memory can be limited on Linux only")
}
