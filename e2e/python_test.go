package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/testkit"
)

// pythonTests runs a program of python/tests, with the helper package in the path, and returns what it says.
func pythonTests(t *testing.T, args ...string) (string, error) {
	t.Helper()
	python := testkit.UsePython(t)
	c := exec.Command(python, args...)
	c.Dir = filepath.Join(world.Root, "python")
	c.Env = append(os.Environ(), "CELLAR="+world.Binary, "PYTHONPATH="+c.Dir, "PYTHONDONTWRITEBYTECODE=1", "PATH="+filepath.Dir(python)+":"+os.Getenv("PATH"))
	text, err := c.CombinedOutput()
	return string(text), err
}

// The helper package has Papermill's functions, engines and translators.
func TestPythonFace(t *testing.T) {
	text, err := pythonTests(t, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	t.Log(text)
}

// Papermill's own tests of execution, inspection, pipes, parameters, engines, translators, the client, exceptions and utilities, with our package and
// program in its place. Papermill passes all of them here but TestBrokenNotebook2. Left out are those that replace parts of its command line's source,
// and of places: its classes for them are no part of the package.
func TestPapermillsOwnTests(t *testing.T) {
	text, _ := pythonTests(t, "tests/papermill_tests.py")
	why := map[string]string{
		"TestEngineRegistration::test_registering_entry_points":    "counts the calls of the package entrypoints, which is not used: Python itself has it",
		"TestMidCellAutosave::test_end2end_autosave_slow_notebook": "counts the saves of a function of Papermill's; the program saves",
		"TestBrokenNotebook2::test":                                "its notebook needs IPython 8; Papermill fails too",
	}
	for _, m := range regexp.MustCompile(`(?m)^FAILED .*/test_\w+\.py::(\S+)`).FindAllStringSubmatch(text, -1) {
		if why[m[1]] == "" {
			t.Errorf("%s fails", m[1])
		}
		delete(why, m[1])
	}
	for name, reason := range why {
		t.Errorf("%s passes now, though %q", name, reason)
	}
	if !strings.Contains(text, "3 failed, 393 passed") || t.Failed() {
		t.Errorf("%s", text)
	}
}
