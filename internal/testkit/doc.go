// Package testkit is a user's world for tests: the built binary, a project that has never heard of cellar, notebooks written as cells.
//
// A test writes files, runs commands as a user types them, and reads what they print. It knows files, git and processes, and none of the
// rooms that it tests: whatever a test sees, a user can see. Start reading at Build, then Project.
package testkit
