// Package session runs the cells of a notebook as native Go in a process that lives on: each cell is checked against what lives,
// rewritten, compiled, linked as a plugin, loaded in the worker process and run.
//
// It knows Go's types and toolchain. It must not know Jupyter, notebooks' files or assets: what the host adds comes in by Options.
// Where it can't be sure that a value would be right, it replays the session's cells into a fresh worker and says so. Start reading at
// Session.Run in session.go; then check.go (go/types), rewrite.go (the cell's new text), generations.go (names that are never used
// twice), build.go (compile, link) and process.go (the worker). docs/session.md tells the traps and their rules.
package session
