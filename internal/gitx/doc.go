// Package gitx reads a git repository, and writes one ref of it.
//
// It finds the repository of a folder, and reads commits, trees, files and the index: by go-git, which is fast to open, and by the git
// program for what go-git can't (SHA-256, reftables, sparse checkouts, partial clones, compare-and-swap of a ref). It knows objects
// and refs, and must not know what anybody keeps in them: notes and assets are the store's. Start reading at Find, then Repo.Edit.
package gitx
