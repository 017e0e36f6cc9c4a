package parameters

import "testing"

func TestComment(t *testing.T) {
	for _, c := range []struct{ language, comment, want string }{
		{"python", "Other words", "# Other words\nx = 1\n"},
		{"python", "", "#\nx = 1\n"},
		{"python", "two\nlines", "# two\n# lines\nx = 1\n"},
		{"python", "a\r\nimport os\rb", "# a\n# import os\n# b\nx = 1\n"},
		{"javascript", "a\u2028b", "// a\n// b\nvar x = 1;\n"},
		{"go", "c", "// c\nx := 1\n"},
		{"f#", "c", "(* c *)\nlet x = 1\n"},
		{"f#", "a *) b", ""},
		{"f#", "a (* b", ""},
		{"c#", "a */ b", "// a */ b\nvar x = 1;\n"},
	} {
		source, err := Translate(c.language, List{{Name: "x", Value: int64(1)}}, "")
		if err != nil {
			t.Fatal(err)
		}
		got, err := Comment(source, c.comment)
		if got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%s, %q: %q, %v", c.language, c.comment, got, err)
		}
	}
	for _, language := range Languages() { // all begin with a comment whose words can be others
		if language == "sql" {
			continue // which asks for a declaration
		}
		source, err := Translate(language, nil, "")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Comment(source, "Parameters"); got != source {
			t.Errorf("%s: %q, not %q: %v", language, got, source, err)
		}
	}
}
