package project

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// mask hides the values of secret variables, also as they are quoted, escaped or encoded on the way into messages.
type mask struct{ replacer *strings.Replacer }

const masked = "•••"

func newMask(names []string) mask {
	var pairs []string
	for _, name := range names {
		value := os.Getenv(name)
		if value == "" {
			continue
		}
		quoted := strconv.Quote(value)
		encoded, _ := json.Marshal(value)
		for _, form := range []string{value, quoted[1 : len(quoted)-1], string(encoded[1 : len(encoded)-1]), url.QueryEscape(value), url.PathEscape(value), base64.StdEncoding.EncodeToString([]byte(value))} {
			pairs = append(pairs, form, masked)
		}
	}
	return mask{strings.NewReplacer(pairs...)}
}

func (m mask) text(s string) string { return m.replacer.Replace(s) }

// value hides them in the strings within a JSON value.
func (m mask) value(v any) any {
	switch x := v.(type) {
	case string:
		return m.text(x)
	case []any:
		for i := range x {
			x[i] = m.value(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = m.value(x[k])
		}
	}
	return v
}
