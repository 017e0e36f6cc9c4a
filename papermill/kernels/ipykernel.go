package kernels

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

//go:embed launcher.py
var launcher []byte

// module is a command of Python that runs a module, in parts.
type module struct {
	interpreter []string // with its options
	name        string
	arguments   []string
}

// moduleOf takes a command apart if it is PYTHON [-Xfrozen_modules=off] -m MODULE …; with other options it may do something that we don't
// know, so it is left alone.
func moduleOf(argv []string) (module, bool) {
	if !pythonCommand.MatchString(filepath.Base(argv[0])) {
		return module{}, false
	}
	options := 1
	for _, frozen := range [][]string{{"-Xfrozen_modules=off"}, {"-X", "frozen_modules=off"}} {
		if end := 1 + len(frozen); len(argv) > end && slices.Equal(argv[1:end], frozen) {
			options = end
		}
	}
	rest := argv[options:]
	if len(rest) < 4 || rest[0] != "-m" {
		return module{}, false
	}
	return module{argv[:options:options], rest[1], rest[2:]}, true
}

// ipykernelOf is moduleOf of the ordinary command of ipykernel.
func ipykernelOf(argv []string) (module, bool) {
	m, ok := moduleOf(argv)
	return m, ok && m.name == "ipykernel_launcher" && m.arguments[0] == "-f"
}

var noModule = regexp.MustCompile(`No module named '?(\w+)`)

// missingModule says how to install what Python has not found, of a kernel in Python; "" if that is not what is wrong.
func missingModule(argv []string, said string) string {
	m, ok := moduleOf(argv)
	found := noModule.FindStringSubmatch(said)
	if !ok || found == nil {
		return ""
	}
	name := found[1]
	if name == "ipykernel_launcher" { // which is a part of it
		name = "ipykernel"
	}
	return fmt.Sprintf("install it: %s -m pip install %s", m.interpreter[0], name)
}

// withoutHistory is a command of which an ordinary ipykernel doesn't write the cells of a run into the user's history, as nbclient has it.
func withoutHistory(argv []string) []string {
	const flag = "--HistoryManager.hist_file="
	if _, ok := ipykernelOf(argv); !ok || slices.ContainsFunc(argv, func(arg string) bool { return strings.HasPrefix(arg, flag) }) {
		return argv
	}
	return append(argv, flag+":memory:")
}

// command is the interpreter's command for our program in one of its modes.
func (m module) command(script string, mode ...string) []string {
	return slices.Concat(m.interpreter, []string{script}, mode)
}

// writeLauncher writes our program into a folder.
func writeLauncher(dir string) (string, error) {
	path := filepath.Join(dir, "launcher.py")
	if err := os.WriteFile(path, launcher, 0o600); err != nil {
		return "", fmt.Errorf("write the launcher: %w", err)
	}
	return path, nil
}
