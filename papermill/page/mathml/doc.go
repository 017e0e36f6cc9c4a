// Package mathml turns LaTeX formulas into MathML, which browsers draw without any script.
//
// It knows the mathematics of LaTeX as MathJax's users write it in notebooks: symbols, fonts, fractions, scripts, accents, delimiters,
// matrices and alignments, and macros that a document defines. It does not guess: a formula with a command that it doesn't know is an
// error, and the caller shows its text. It must not know notebooks, Markdown or HTML pages. Start reading at Converter.Convert.
package mathml
