package table_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/cellar-go/cellar/assetlib/table"
)

// TestReleasedFormats reads the files of every version of the format; they are never rewritten.
func TestReleasedFormats(t *testing.T) {
	const path, content = "testdata/format1.parquet", "x3:813c3dce2fcb830ce6822d45b8fa58a2"
	rows := sharedRows()
	if *rewrite {
		if _, err := os.Stat(path); os.IsNotExist(err) {
			b, _ := store(t, rows)
			if err := os.WriteFile(path, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var back []shared
	if err := load(b, &back); err != nil || !table.Equal(rows, back) {
		t.Errorf("%+v, %v", back, err)
	}
	info, err := table.Hash(bytes.NewReader(b), int64(len(b)))
	if err != nil || info.Content != content {
		t.Errorf("content %s, want %s, %v", info.Content, content, err)
	}
	if _, now := store(t, rows); now.Content != content {
		t.Errorf("what is written today has the content %s", now.Content)
	}
}
