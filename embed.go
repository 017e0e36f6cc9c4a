// Package cellar carries the source that a user's programs import, inside the binary.
//
// A step of a notebook and the live session's worker are built by the user's own Go toolchain, inside the user's module. They import
// a few packages of this one; where it can't be fetched, the binary lends its own copy (internal/gomod). Nothing else may go in here.
package cellar

import "embed"

// Source is go.mod, go.sum and the packages that steps and workers import.
//
//go:embed go.mod go.sum display/*.go display/comm/*.go display/widget/*.go internal/fault/*.go assetlib/step/*.go assetlib/table/*.go kernel/celltest/*.go kernel/lgo/*.go kernel/session/live/*.go kernel/session/worker/*.go kernel/session/worker/link/*.go kernel/session/internal/wire/*.go kernel/session/internal/goobj/*.go kernel/session/internal/goid/*.go kernel/session/internal/goid/*.s kernel/session/internal/halt/*.go kernel/session/internal/halt/*.c kernel/session/internal/halt/*.h kernel/cellarstored/*.go kernel/cellarstored/parquet/*.go
var Source embed.FS
