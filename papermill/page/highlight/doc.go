// Package highlight colours source code for HTML.
//
// It has the languages that notebooks are written in. Their lexers are Chroma's, as files in lexers/ that are read when a language is
// first met: Chroma's own collection reads some 300 of them whenever a program starts. It must not know notebooks or pages.
// Start reading at Write.
package highlight
