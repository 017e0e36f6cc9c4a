// Package corpus runs notebooks that others wrote for gophernotes, GoNB and lgo, unchanged, and keeps what became of each cell in
// docs/corpus.md.
//
// It is a test and nothing else. The notebooks, with their origins and licences, are in testdata; what they need of other modules is in
// the go.mod beside them. Start reading at TestCorpus.
package corpus
