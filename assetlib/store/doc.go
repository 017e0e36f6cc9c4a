// Package store keeps what assets were computed to: files by their content, records by the key of a version.
//
// It knows objects (immutable files named by their BLAKE3), records (canonical JSON of one materialization), actions (input key →
// record), work in progress per work tree, and the notes that tie records to commits. It must not know how a key is computed, what is
// in a file, or how to compute an asset. docs/formats/store.md is its layout. Start reading at Store.Put, which says in which order a
// version comes to be.
package store
