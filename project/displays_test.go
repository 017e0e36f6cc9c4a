package project

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/assetlib/store"
)

// What a step showed is kept as it stood at its end.
func TestShown(t *testing.T) {
	for _, test := range []struct {
		name, displays string
		stdout         []string
		want           string
	}{
		{"nothing", "", nil, ""},
		{"in order", `{"data":{"a":"1"}} {"data":{"a":"2"}}`, []string{"x", "y", "z"}, "x 1 y 2 z"},
		{"a display that changes", `{"data":{"a":"0%"},"id":"bar"} {"data":{"a":"other"}} {"data":{"a":"50%"},"id":"bar","update":true} {"data":{"a":"100%"},"id":"bar","update":true}`,
			[]string{"", "", "", "between"}, "100% other between"},
		{"a change of what is not there", `{"data":{"a":"1"},"id":"a","update":true}`, nil, ""},
		{"cleared when the next one comes", `{"data":{"a":"1"}} {"data":null,"clear":true} {"data":{"a":"2"}}`, []string{"x"}, "2"},
		{"cleared, and nothing comes", `{"data":{"a":"1"}} {"data":null,"clear":true}`, nil, "1"},
		{"cleared at once", `{"data":{"a":"1"}} {"data":null,"clear":true,"now":true}`, nil, ""},
	} {
		s, err := store.Open(t.TempDir(), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		p := &Project{Store: s}
		file := filepath.Join(t.TempDir(), "displays")
		if err := os.WriteFile(file, []byte(test.displays), 0o600); err != nil {
			t.Fatal(err)
		}
		object, err := (&Snapshot{project: p}).shown(file, test.stdout, nil, newMask(nil))
		if err != nil {
			t.Fatal(err)
		}
		all, err := p.Displays(&store.Record{Displays: object})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, one := range all {
			if one.Stream != "" {
				got = append(got, one.Text)
			} else {
				got = append(got, fmt.Sprint(one.Data["a"]))
			}
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: %q, want %q", test.name, strings.Join(got, " "), test.want)
		}
	}
}
