package parameters

import (
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/testkit"
)

// TestRoundTrip gives random values to real interpreters, which answer with what they understood.
func TestRoundTrip(t *testing.T) {
	python, node := testkit.Python(t), program(t, "node")
	const stringify = "console.log(JSON.stringify(x).replace(/[^\\x20-\\x7e]/g, c => '\\\\u' + c.charCodeAt(0).toString(16).padStart(4, '0')))\n"
	for _, c := range []struct {
		language, program, show string
		holds                   func(v any) bool // what the language doesn't refuse
	}{
		{"python", python, "import json; print(json.dumps(x))\n", func(any) bool { return true }},
		{"javascript", node, stringify, allExact},
		{"typescript", node, stringify, allExact},
	} {
		t.Run(c.language, func(t *testing.T) {
			values, source := randomSource(t, c.language, c.show, func(r *rand.Rand) any { return randomValue(r, 3) }, c.holds)
			answers := json.NewDecoder(strings.NewReader(interpret(t, source, c.program, "-")))
			answers.UseNumber()
			for _, v := range values {
				var got any
				if err := answers.Decode(&got); err != nil {
					t.Fatal(err)
				}
				if !same(v, got) {
					t.Errorf("%s was understood as %v", jsonText(v), got)
				}
			}
		})
	}
}

// TestRoundTripBash: everything is text there, so the answers are texts that end with NUL: a list's elements, a map's keys and values.
func TestRoundTripBash(t *testing.T) {
	const show = `case "$(declare -p x)" in
"declare -A"*) for key in "${!x[@]}"; do printf '%s\0%s\0' "$key" "${x[$key]}"; done ;;
*) for e in "${x[@]}"; do printf '%s\0' "$e"; done ;;
esac
printf 'end\0'; unset -v x
`
	text := func(v any) string {
		switch v := v.(type) {
		case nil:
			return ""
		case string:
			return v
		}
		return jsonText(v)
	}
	var holds func(v any) bool
	holds = func(v any) bool {
		switch v := v.(type) {
		case string:
			return !strings.Contains(v, "\x00")
		case []any:
			return !hasParts(v) && !slices.ContainsFunc(v, func(e any) bool { return !holds(e) })
		case List:
			return !slices.ContainsFunc(v, func(q Parameter) bool {
				return q.Name == "" || !holds(q.Name) || hasParts([]any{q.Value}) || !holds(q.Value)
			})
		}
		return true
	}
	values, source := randomSource(t, "bash", show, func(r *rand.Rand) any { return randomValue(r, 1) }, holds)
	answers := strings.Split(interpret(t, source, program(t, "bash")), "\x00")
	for _, v := range values {
		var want []string
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				want = append(want, text(e))
			}
		case List:
			for _, e := range v {
				want = append(want, e.Name+"\x00"+text(e.Value))
			}
		default:
			want = append(want, text(v))
		}
		end := slices.Index(answers, "end")
		if end < 0 {
			t.Fatal("answers are missing")
		}
		got := answers[:end]
		answers = answers[end+1:]
		if _, ok := v.(List); ok { // in bash's own order
			var pairs []string
			for pair := range slices.Chunk(got, 2) {
				pairs = append(pairs, strings.Join(pair, "\x00"))
			}
			slices.Sort(pairs)
			slices.Sort(want)
			got = pairs
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s was understood as %q", jsonText(v), got)
		}
	}
}

func program(t *testing.T, name string) string {
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("there is no %s", name)
	}
	return path
}

func interpret(t *testing.T, source, program string, args ...string) string {
	cmd := exec.Command(program, args...)
	cmd.Stdin = strings.NewReader(source)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// randomSource is a program that sets x to each of the values and shows it; what a language can't hold must be an error.
func randomSource(t *testing.T, language, show string, value func(*rand.Rand) any, holds func(any) bool) (values []any, source string) {
	random := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for len(values) < 500 {
		v := value(random)
		text, err := Translate(language, List{{Name: "x", Value: v}}, "")
		if (err == nil) != holds(v) {
			t.Fatalf("%s: %v", jsonText(v), err)
		}
		if err == nil {
			values = append(values, v)
			b.WriteString(text + show)
		}
	}
	return values, b.String()
}

// randomValue is any value but NaN and infinities, which JSON can't tell.
func randomValue(r *rand.Rand, depth int) any {
	kinds := 9
	if depth == 0 {
		kinds = 7
	}
	switch r.IntN(kinds) {
	case 0:
		return nil
	case 1:
		return r.IntN(2) == 0
	case 2:
		return r.Int64N(2000) - 1000
	case 3:
		if n := new(big.Int).Lsh(big.NewInt(r.Int64()), uint(r.IntN(40))); !n.IsInt64() {
			return n.Add(n, big.NewInt(1))
		}
		return r.Int64() - r.Int64()
	case 4:
		return r.NormFloat64() * []float64{1, 1e-9, 1e20, 1e300, 0}[r.IntN(5)]
	case 5, 6:
		return randomText(r)
	case 7:
		list := make([]any, r.IntN(4))
		for i := range list {
			list[i] = randomValue(r, depth-1)
		}
		return list
	}
	m := List{}
	for range r.IntN(4) {
		m.Set(randomText(r), randomValue(r, depth-1))
	}
	return m
}

// randomText has more of what means something to some language than of what doesn't.
func randomText(r *rand.Rand) string {
	parts := []string{`"`, `'`, `\`, "`", "$", "${x}", "$(echo no)", "{", "}", "[", "]", "@", "*", "!", "#", "%", "~", "-", "=", " ", "\n", "\r", "\t", "\x00", "\x1b", "\x7f", "a", "Z", "0", "x41", "u0041",
		"é", "ß", "€", "“", "\u0085", "\u2028", "\u200b", "\ufeff", "\uffff", "😀", "\U0010ffff", "__proto__", "constructor", "None", "true", "''", `\"`, `\n`, "//", "/*", "*/", "&&", ";", "|", "<", ">", "\\\n"}
	var b strings.Builder
	for range r.IntN(6) {
		b.WriteString(parts[r.IntN(len(parts))])
	}
	return b.String()
}

// allExact is true for values whose integers are all exact as floats.
func allExact(v any) bool {
	switch v := v.(type) {
	case int64:
		return allExact(big.NewInt(v))
	case *big.Int:
		f, accuracy := new(big.Float).SetInt(v).Float64()
		back, _ := big.NewFloat(f).Int(nil)
		return accuracy == big.Exact || back.Cmp(v) == 0
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !allExact(e) })
	case List:
		return !slices.ContainsFunc(v, func(q Parameter) bool { return !allExact(q.Value) })
	}
	return true
}

// same compares a value with the JSON that an interpreter wrote.
func same(want, got any) bool {
	switch w := want.(type) {
	case int64, *big.Int:
		g, ok := got.(json.Number)
		return ok && g.String() == jsonText(w)
	case float64:
		g, ok := got.(json.Number)
		if !ok {
			return false
		}
		f, err := g.Float64()
		return err == nil && f == w
	case []any:
		g, ok := got.([]any)
		return ok && slices.EqualFunc(w, g, same)
	case List:
		g, ok := got.(map[string]any)
		return ok && len(g) == len(w) && !slices.ContainsFunc(w, func(q Parameter) bool {
			e, there := g[q.Name]
			return !there || !same(q.Value, e)
		})
	}
	return want == got
}
