// Package extract is the seam between notebooks and source files: an asset cell goes in, a plain function and what remains of the page
// come out.
//
// It knows what an extraction consists of, and no language: each has its own folder below (golang is the first) and implements Language.
// It must not know the store, git or the disk: who calls it proves the result and writes it. Start reading at Language.
package extract
