// Package terminal shows as HTML what a program wrote for a terminal.
//
// It knows colours and other attributes of text (SGR), and the controls with which a program writes over its own lines: carriage
// return, backspace, cursor movement and erasing, so that a progress bar is seen in its last state. It reads in one pass and keeps only
// the last lines, which can still change. It must not know notebooks. Start reading at Writer.
package terminal
