package testkit

import (
	"cmp"
	"os"
	"os/exec"
	"testing"
)

// Chromium is the browser: that of CELLAR_TEST_CHROMIUM, else one of the PATH.
func Chromium(t testing.TB) string {
	t.Helper()
	browser := os.Getenv("CELLAR_TEST_CHROMIUM")
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			browser = cmp.Or(browser, path)
		}
	}
	if browser == "" {
		t.Fatal("no Chromium: run `make tools`, or set CELLAR_TEST_CHROMIUM")
	}
	return browser
}
