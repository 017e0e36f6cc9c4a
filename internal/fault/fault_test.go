package fault

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestMistake(t *testing.T) {
	inner := New(Storage, "free some room", "write %s: %w", "x", fs.ErrPermission)
	outer := New(Input, "", "asset %s: %w", "a", inner)
	if got := outer.Error(); got != "cellar: asset a: write x: permission denied" {
		t.Error(got)
	}
	if !errors.Is(outer, fs.ErrPermission) {
		t.Error("the cause is out of reach")
	}
	wrapped := fmt.Errorf("cellar: run: %w", outer)
	if Hint(wrapped) != "free some room" || ExitCode(wrapped) != 3 {
		t.Errorf("hint %q, code %d", Hint(wrapped), ExitCode(wrapped))
	}
	if Hint(errors.New("x")) != "" || ExitCode(errors.New("x")) != 1 || ExitCode(nil) != 0 {
		t.Error("plain errors")
	}
}
