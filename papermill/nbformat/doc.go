// Package nbformat reads notebooks (of formats 2 to 4) and writes them (format 4) without changing what it does not understand.
//
// A notebook is kept as the tokens of its file, so what nobody edits comes out byte for byte; what is edited is written in the
// style of that file. It knows cells, outputs and metadata; it knows nothing of kernels, assets or parameters.
// Where it is less strict than nbformat's JSON schema: a missing metadata, outputs or id is read as empty.
// Start reading at Notebook; tree.go is the JSON document below it.
package nbformat
