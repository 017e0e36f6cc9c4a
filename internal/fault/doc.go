// Package fault says what went wrong, to a person.
//
// It holds the sentinels that code compares with, and Mistake, the one type for everything that a user can put right: a plain
// sentence that names the file and the cell, and a hint that says how. It knows exit codes, and nothing of any other room.
// Start reading at Mistake.
package fault
