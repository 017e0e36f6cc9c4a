package mathml

// Converter converts the formulas of one document. Macros that a formula defines hold for those after it, as with MathJax.
// The zero value is ready for use.
type Converter struct {
	macros map[string]macro
}

// Convert returns the MathML element of a formula without its delimiters. An error says what it can't convert.
func (c *Converter) Convert(latex string, display bool) (string, error) {
	p := &parser{converter: c, rest: latex}
	content, err := p.document()
	if err != nil {
		return "", err
	}
	mode := ""
	if display {
		mode = ` display="block"`
	}
	return "<math" + mode + "><semantics>" + content + `<annotation encoding="application/x-tex">` + escape(latex) + "</annotation></semantics></math>", nil
}

// Limits that no formula for people reaches; they keep a malicious one from taking all memory.
const (
	maxDepth     = 200
	maxExpanded  = 1000
	maxExpansion = 1 << 16
)
