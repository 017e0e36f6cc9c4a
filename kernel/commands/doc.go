// Package commands runs what is not Go in a cell: %name, !shell and gophernotes' $shell, as Go notebooks use them today.
//
// It knows the session and the operating system, and no Jupyter: what it shows goes where the cell's output goes, what it asks is asked by
// the caller. What a command is called and does is in table.go; docs/commands.md compares it with other kernels. Start reading at
// Commands.Run.
package commands
