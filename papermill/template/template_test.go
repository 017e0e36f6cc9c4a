package template

import (
	"bytes"
	"encoding/json"
	"math"
	"math/big"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/testkit"
	"github.com/cellar-go/cellar/papermill/parameters"
)

// pythonLines runs a script that prints a text in JSON for each input.
func pythonLines(t *testing.T, python, script string, inputs []string) []string {
	t.Helper()
	in, err := json.Marshal(inputs)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(python, "-c", script)
	c.Stdin = bytes.NewReader(in)
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var s string
		if err := d.Decode(&s); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, s)
	}
	if len(lines) != len(inputs) {
		t.Fatalf("%d answers to %d", len(lines), len(inputs))
	}
	return lines
}

func pythonValues() parameters.List {
	huge, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	return parameters.List{{Name: "s", Value: "it's"}, {Name: "t", Value: ""}, {Name: "u", Value: "é"}, {Name: "n", Value: int64(42)}, {Name: "m", Value: int64(-7)}, {Name: "big", Value: huge},
		{Name: "f", Value: 2.5}, {Name: "g", Value: math.Copysign(0, -1)}, {Name: "h", Value: 1e21}, {Name: "i", Value: 1234567.891}, {Name: "b", Value: true}, {Name: "z", Value: nil},
		{Name: "l", Value: []any{int64(1), "x", []any{nil}}}, {Name: "d", Value: parameters.List{{Name: "k", Value: "v"}, {Name: "e", Value: parameters.List{}}}}}
}

// TestStrftime holds the formats of times against Python's.
func TestStrftime(t *testing.T) {
	python := testkit.Python(t)
	layouts := strings.Split("%Y-%m-%d %H:%M:%S.%f|%y %b %B %a %A %j|%I %p %e|%F %T %D %R|%c|%x %X|%u %w %G %V|%s|%z %Z|100%%|%Y%m%dT%H%M%S|", "|")
	want := pythonLines(t, python, `
import datetime, json, sys
for layout in json.load(sys.stdin):
    print(json.dumps(format(datetime.datetime(2026, 1, 4, 15, 4, 5, 6000, datetime.timezone.utc), layout)))`, layouts)
	for i, layout := range layouts {
		got, err := formatValue(datetime{time.Date(2026, 1, 4, 15, 4, 5, 6000000, time.UTC), true}, layout)
		if err != nil || got != want[i] {
			t.Errorf("%s: %q (%v), Python: %q", layout, got, err, want[i])
		}
	}
}

// TestFormatPath holds templates against Python's str.format.
func TestFormatPath(t *testing.T) {
	python := testkit.Python(t)
	values := "s='it\\'s', t='', u='é', n=42, m=-7, big=123456789012345678901234567890, f=2.5, g=-0.0, h=1e21, i=1234567.891, b=True, z=None, l=[1, 'x', [None]], d={'k': 'v', 'e': {}}"
	templates := []string{"plain", "{{}}", "{s}", "{s!r}", "{u!a}", "{s:>10}", "{s:*^9}", "{s:.2}", "{s:5s}|", "{s:d}", "{s:+}", "{s:=5}", "{s:,}", "{t:3}|", "{n}", "{n:5}|", "{n:<5}|", "{n:^5}|",
		"{n:05}", "{m:05d}", "{n:+}", "{n: }", "{n:x}", "{n:#X}", "{n:#b}", "{n:o}", "{n:c}", "{big:,}", "{big:_}", "{n:.2f}", "{n:e}", "{n:%}", "{n:q}", "{n:.3}", "{n:012,}", "{big:_x}", "{f}", "{f:.0f}", "{f:8.3f}", "{f:e}",
		"{f:g}", "{f:.1%}", "{f:d}", "{f:010}", "{f:.1}", "{f:.2}", "{n:.3g}", "{g}", "{g:+.1f}", "{h}", "{h:.3}", "{h:g}", "{h:f}", "{i:,.2f}", "{i:.3}", "{i:.10}", "{i:015,.1f}", "{b}", "{b:5}|", "{b:d}", "{z}", "{z:5}", "{l}", "{l[0]}", "{l[1]}", "{l[2][0]}", "{l[9]}",
		"{l[x]}", "{l:5}", "{d}", "{d[k]}", "{d[x]}", "{d[e]}", "{d.k}", "{d:3}", "{n[0]}", "{s[0]}", "{s[x]}", "{s[9]}", "{none}", "{}", "{0}", "{7}", "{", "}", "{s", "{s!}", "{s!x}", "{s!rr}", "{s:{n}}|", "{s:{n}", "{s!", "{s!r", "{s:", "{s:5", "{s:{none}}", "{a{b}}",
		"{s[}", "{d[k]x}", "{s.}", "{d[]}", "{n:{f}}", "a{n}b{m}c", "{n.real}", "{s:abc}", "{n:>>8}", "{n:é>8}", "{b!s:>6}", "{n:99999999999999999999}", "{s:<99999999999999999999}|", "{f:.99999999999999999999}",
		"{s:.99999999999999999999}", "{n:10000}", "{n:010000,}", "{f:.10000}", "{n:5.5}", "{f:12.12}"}
	script := `
import json, sys
fields = dict(` + values + `)
for template in json.load(sys.stdin):
    try:
        print(json.dumps(template.format(**fields)))
    except KeyError as e:
        print(json.dumps(f"papermill.exceptions.PapermillMissingParameterException: Missing parameter {e}"))
    except Exception as e:
        print(json.dumps(f"{type(e).__name__}: {e}"))`
	want := pythonLines(t, python, script, templates)
	for i, template := range templates {
		got, err := Format(template, pythonValues())
		if err != nil {
			got = err.Error()
		}
		if got != want[i] {
			t.Errorf("%s: %q, Python: %q", template, got, want[i])
		}
	}
	for _, template := range []string{"{n:1000000000}", "{n:01000000000,}", "{f:.1000000000}"} { // Python takes the memory
		if got, err := Format(template, pythonValues()); err == nil || !strings.Contains(err.Error(), "Too many decimal digits") {
			t.Errorf("%s: %d bytes, %v", template, len(got), err)
		}
	}
}
