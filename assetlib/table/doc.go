// Package table stores Go values as Parquet files, and reads them, and those of other writers, back.
//
// It knows Go types, the Parquet format and the logical content hash; it knows nothing of assets, stores, commits or notebooks. Values
// come back as they went, or are refused by name before anything is written. The format is docs/formats/values.md.
// Thrift structures and level encoding are parquet-go's; pages are our own, for speed and because a damaged file must end in an error.
// Start reading at Write and Read in table.go, then shape.go (Go's side) and schema.go (Parquet's side).
package table
