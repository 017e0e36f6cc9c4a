// Package journal is the file beside a run's output into which all that happens goes as it happens, so that a crash loses nothing and large
// outputs need no memory.
//
// A journal is a sequence of records: a head, which is JSON, and a body, which is bytes of any length. It is only ever appended to, and what
// was appended can be read back at once. The package knows files; what records mean is its callers' business. The format is
// docs/formats/journal.md. Start reading at Create, then Read.
package journal
