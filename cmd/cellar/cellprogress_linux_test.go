package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/cellar-go/cellar/internal/ui"
	"github.com/cellar-go/cellar/papermill"
)

// TestCellProgressNarrow: what is redrawn never takes a second line of the terminal, for that one would stay.
func TestCellProgressNarrow(t *testing.T) {
	t.Setenv("CI", "")
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no terminals here:", err)
	}
	defer screen.Close()
	fd := int(screen.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	c := &cobra.Command{}
	c.SetErr(terminal)
	p := newCellProgress(c, true, "")
	defer p.close()
	cell := papermill.Cell{Number: 1, ID: "a-long-name-of-a-日本語-cell-that-loads", Type: "code", Status: papermill.Running, Started: time.Now()}
	p.begin([]papermill.Cell{cell})
	for _, columns := range []int{80, 40, 15} {
		if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: uint16(columns)}); err != nil {
			t.Fatal(err)
		}
		p.cell(cell)
		b := make([]byte, 1000)
		n, err := screen.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		line, ok := bytes.CutPrefix(b[:n], []byte("\r\033[K"))
		if got := string(line); !ok || ui.Width(got) >= columns || !strings.Contains(got, "0/1") {
			t.Errorf("in %d columns: %q", columns, got)
		}
	}
}
