// Package assets makes a Go kernel's asset cells materialize-or-load, and gives its cells load, materialize and assets.
//
// It stands between the kernel, which knows no assets, and the project, which knows no cells that run. It keeps which cells were run in
// this session, since they count over the saved file. Start reading at Attach.
package assets
