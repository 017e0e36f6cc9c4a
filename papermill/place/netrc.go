package place

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
)

// netrc looks up a host in the file that curl and Python's requests, and so Papermill, read: $NETRC or ~/.netrc.
func netrc(host string) (user, password string, ok bool) {
	home, _ := os.UserHomeDir()
	text, err := os.ReadFile(cmp.Or(os.Getenv("NETRC"), filepath.Join(home, ".netrc")))
	if err != nil {
		return "", "", false
	}
	var own, any bool // the entry being read is the host's, or the last one, which is for all others
	words := strings.Fields(withoutMacros(string(text)))
	for i := 0; i < len(words); i++ {
		value := ""
		if i+1 < len(words) {
			value = words[i+1]
		}
		switch words[i] {
		case "machine":
			if own {
				return user, password, true
			}
			own, any = value == host, false
			i++
		case "default":
			if own {
				return user, password, true
			}
			any = true
		case "login":
			if own || any {
				user = value
			}
			i++
		case "password":
			if own || any {
				password = value
			}
			i++
		case "account":
			i++
		}
	}
	return user, password, own || any
}

// withoutMacros leaves out macdef entries, which end at an empty line, and lines of comment.
func withoutMacros(text string) string {
	var kept strings.Builder
	inside := false
	for line := range strings.Lines(text) {
		bare := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(bare, "macdef"):
			inside = true
		case inside:
			inside = bare != ""
		case !strings.HasPrefix(bare, "#"):
			kept.WriteString(line)
		}
	}
	return kept.String()
}
