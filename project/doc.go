// Package project is one repository as its users see it: which assets its sources define, which are fresh, and what computes the rest.
//
// It joins the rooms: sources (a work tree or a commit) → definitions (extract) → graph → keys → records (store) → steps. The commands
// and the kernel call it; it prints nothing and knows no flags and no wire. Start reading at Open, then Snapshot, then Materialize.
package project
