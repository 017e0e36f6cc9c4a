// Package parameters is what a notebook is called with: values read from a command line as Papermill reads them, and written as source
// of the notebook's language.
//
// It also reads the notebook's parameters cell: languages with types write a value as what it declares, and a value can be checked
// against it. The package knows texts only: no notebook, no kernel. Start reading at Flags, then Translate, Inspect and Check; a
// language is a file and a line of the table in translate.go.
package parameters
