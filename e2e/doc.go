// Package e2e uses the built binary as a user does: in a project of the user's own, from the command line, with git beside it.
//
// Each test reads as a page of the manual: what is done, and what must be seen. It knows commands, files and git (internal/testkit), and
// no package of cellar's. Messages that people read stand in testdata/errors.golden; `go test ./e2e -update` writes them anew. Start
// reading at shop_test.go.
package e2e
