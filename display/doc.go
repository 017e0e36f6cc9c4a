// Package display is what a cell shows: pictures, HTML, Markdown, tables, progress, any MIME bundle.
//
// It depends on the standard library alone, so that a notebook's code may import it in every program: in the live session a bundle
// goes to the notebook at once; in a step it is kept with the materialization and shown again when the value is loaded; in an
// ordinary program it prints its text. It knows nothing of Jupyter's wire. Start reading at Bundle; how a value is shown that says
// nothing of it is in Of.
package display
