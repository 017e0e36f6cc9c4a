// Package graph holds what assets there are and which needs which.
//
// A Definition is plain data that some reader of sources has found (asset cells, functions with a directive); New joins them to a
// graph, says what is wrong with it, orders it and selects from it. It knows no languages, no files, no versions and no store. Start
// reading at Definition, then New.
package graph
