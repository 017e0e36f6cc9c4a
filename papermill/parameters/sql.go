package parameters

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
)

// translateSQL repeats how the parameters cell sets a name, with another value: `SET @a = 1` (MySQL), `SET VARIABLE a = 1` (DuckDB), `SET a
// = 1` (Snowflake), `SET my.a = 1` (PostgreSQL). SQL itself has no variables, so without an example there is nothing to write.
func translateSQL(p List, declared string) (string, error) {
	var b strings.Builder
	b.WriteString("-- Parameters\n")
	for _, q := range p {
		if !sqlName.MatchString(q.Name) {
			return "", fmt.Errorf("%q can't be the name of a variable in SQL", q.Name)
		}
		set := sqlSet(q.Name)
		m := set.FindStringSubmatch(declared)
		if m == nil {
			return "", fmt.Errorf("parameter %s: SQL has no variables, and every database sets its own in another way; show yours in the parameters cell, "+
				"such as SET @%[1]s = 1 (MySQL), SET VARIABLE %[1]s = 1 (DuckDB) or SET my.%[1]s = '1' (PostgreSQL)", q.Name)
		}
		value, err := sqlValue(q.Value, m[2] == "@")
		if err != nil {
			return "", fmt.Errorf("parameter %s: %w", q.Name, err)
		}
		b.WriteString(m[1] + value + ";\n")
	}
	return b.String(), nil
}

// sqlSet finds the beginning of what sets a variable of a name, which is a pattern, up to its value.
func sqlSet(name string) *regexp.Regexp {
	return regexp.MustCompile(`(?im)(?:^|;)[ \t]*(set[ \t]+(?:(?:session|local|global|var|variable)[ \t]+)?(@?)(?:\w+\.)?` + name + `[ \t]*(?::?=|[ \t]to[ \t])[ \t]*)`)
}

var sqlName = regexp.MustCompile(`^[\p{L}_][\p{L}\p{N}_]*$`)

// sqlValue writes a literal of standard SQL. In MySQL the backslash escapes; elsewhere it depends on the database and its settings.
func sqlValue(v any, mysql bool) (string, error) {
	switch v := v.(type) {
	case nil:
		return "NULL", nil
	case bool:
		return strings.ToUpper(fmt.Sprint(v)), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "", errors.New("SQL has no literal for NaN and infinity")
		}
		return FloatText(v), nil
	case string:
		switch {
		case strings.Contains(v, "\x00"):
			return "", errors.New("a text in SQL can't hold the character NUL")
		case mysql:
			v = strings.ReplaceAll(v, `\`, `\\`)
		case strings.Contains(v, `\`):
			return "", errors.New("a backslash in a text means different things to different databases")
		}
		return "'" + strings.ReplaceAll(v, "'", "''") + "'", nil
	case []any, List:
		return "", errors.New("SQL has no lists and maps; give it as JSON text (-r)")
	}
	return fmt.Sprint(v), nil // integers
}

func sqlDeclared(source string) ([]declaration, error) {
	var all []declaration
	for _, m := range sqlSet(`([\p{L}_][\p{L}\p{N}_]*)`).FindAllStringSubmatch(source, -1) {
		all = append(all, untyped(m[3]))
	}
	return all, nil
}
