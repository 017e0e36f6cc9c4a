package ui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
)

func TestTable(t *testing.T) {
	var b bytes.Buffer
	Table(&b, []string{"ASSET", "ROWS", "TIME", "NOTE"}, [][]string{{"a", "1", "0.10 s", ""}, {"übung", "336,776", "12.0 s", "-x"}, {"b", "", "2m10s", "7 ways"}})
	want := "ASSET     ROWS    TIME  NOTE\n" +
		"a            1  0.10 s\n" +
		"übung  336,776  12.0 s  -x\n" +
		"b                2m10s  7 ways\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestNumbers(t *testing.T) {
	for got, want := range map[string]string{
		Count(0): "0", Count(999): "999", Count(1000): "1,000", Count(-1234567): "-1,234,567",
		Bytes(999): "999 B", Bytes(1200): "1.2 kB", Bytes(3_400_000): "3.4 MB", Bytes(5e12): "5.0 TB",
		Duration(30 * time.Millisecond): "0.03 s", Duration(3400 * time.Millisecond): "3.4 s", Duration(130 * time.Second): "2m10s",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestFail(t *testing.T) {
	mistake := fault.New(fault.Input, "write it\nso", "asset %s: no upstream", "a")
	for _, test := range []struct {
		err  error
		code int
		text string
	}{
		{nil, 0, ""},
		{mistake, 3, "cellar: asset a: no upstream\n  → write it\n    so\n"},
		{fmt.Errorf("cellar: run: %w", mistake), 3, "cellar: run: cellar: asset a: no upstream\n  → write it\n    so\n"},
		{errors.New("disk"), 1, "cellar: disk\n"},
		{context.Canceled, 130, "cellar: context canceled\n"},
	} {
		var b bytes.Buffer
		if code := Fail(&b, test.err, false); code != test.code || test.err != context.Canceled && b.String() != test.text {
			t.Errorf("%v: code %d, text %q", test.err, code, b.String())
		}
	}
	var b bytes.Buffer
	Fail(&b, mistake, true)
	if want := "{\n  \"error\": \"cellar: asset a: no upstream\",\n  \"exit_code\": 3,\n  \"hint\": \"write it\\nso\"\n}\n"; b.String() != want {
		t.Errorf("JSON: %s", b.String())
	}
}
