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

// The helper package has Papermill's functions.
func TestPythonFace(t *testing.T) {
	text, err := pythonTests(t, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_papermill.py")
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	t.Log(text)
}

// Papermill's own tests of execution, inspection, pipes and parameters, with ours in the place of its functions and program: all that don't look into Papermill itself, and that
// it passes here itself.
func TestPapermillsOwnTests(t *testing.T) {
	text, _ := pythonTests(t, "tests/papermill_tests.py")
	why := map[string]string{
		"TestNotebookHelpers::test_default_start_timeout":                   "replaces a class within Papermill",
		"TestNotebookHelpers::test_start_timeout":                           "replaces a class within Papermill",
		"TestExecuteWithCustomEngine::test_custom_kernel_name_and_language": "an engine in Python",
		"TestNotebookParametrizing::test_custom_comment":                    "a comment of its own, which no caller of execute_notebook can have",
		"TestBrokenNotebook2::test":                                         "its notebook needs IPython 8; Papermill fails too",
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
	if !strings.Contains(text, "5 failed, 57 passed") || t.Failed() {
		t.Errorf("%s", text)
	}
}
