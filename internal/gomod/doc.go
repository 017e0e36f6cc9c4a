// Package gomod builds programs inside a user's module, without touching a file of it.
//
// It finds the module of a folder, lends it this module's source (the binary carries it) through a mod file or a workspace of its own
// in the cache, and lays generated packages over the tree, so that they may import the module's internal packages. It knows the go
// command and nothing of notebooks or assets. Start reading at Find, then Module.Build.
package gomod
