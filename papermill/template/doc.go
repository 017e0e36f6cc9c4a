// Package template fills in the paths of a run as Papermill does: with Python's str.format, from the parameters and what is known of the run.
//
// It knows Python's formats, their words for values and their errors. It must not know notebooks, places or command lines. Start reading
// at Format.
package template
