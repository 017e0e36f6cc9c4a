// Package assetlib is what Go programs import to read assets: Open a project, Load a value by name and revision.
//
// Below it are graph, store, table and step, which it uses; it knows records and values, and imports neither kernel, papermill nor
// extract, so it reads what is recorded and never computes. Start reading at Open.
package assetlib
