// Package classic is Papermill's command line, to the letter: the flags of Papermill 2.7.0, what it prints, its exit codes and metadata.
//
// It knows how click reads a command line and how Python formats a path, and drives papermill.Run, which does the work. What is not the
// same, and why, is in docs/papermill.md; the table in classic_test.go holds it against the real one. It must not know assets or the
// store. Start reading at Program.Run.
package classic
