package goobj

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// Name is how objects know each other's symbols.
type Name struct {
	Text string
	ABI0 bool // a function of the assembler's calling convention
}

// IsType reports whether it is the name of a type's description; type:. begins those of its parts and algorithms.
func (n Name) IsType() bool {
	return strings.HasPrefix(n.Text, "type:") && !strings.HasPrefix(n.Text, "type:.")
}

// Package is the path of the package that defines the symbol, as far as its name tells: net/http for net/http.(*Client).Do and
// type:*net/http.Client.
func (n Name) Package() string {
	path := strings.TrimLeft(strings.TrimPrefix(n.Text, "type:"), "*[]")
	if i := strings.IndexAny(path, "([{ "); i >= 0 { // paths of type arguments may follow
		path = path[:i]
	}
	slash := strings.LastIndexByte(path, '/')
	dot := strings.IndexByte(path[slash+1:], '.')
	if dot < 0 {
		return ""
	}
	return strings.ReplaceAll(path[:slash+1+dot], "%2e", ".")
}

// Exported is the text under which a program that uses plugins exports the symbol: long names of types are hashed (cmd/link's
// typeSymbolMangle).
func (n Name) Exported() string {
	text := n.Text
	isType := strings.HasPrefix(text, "type:")
	switch at := strings.Contains(text, "@"); {
	case !isType && !at, strings.HasPrefix(text, "type:runtime."), len(text) <= 14 && !at:
		return text
	case isType && text[5] == '.':
		return "type:." + shortHash(text[5:])
	case isType:
		return "type:" + shortHash(text[5:])
	}
	from, to := strings.IndexByte(text, '['), strings.LastIndexByte(text, ']')
	if to <= from {
		to = len(text)
	}
	return text[:from+1] + shortHash(text[from+1:to]) + text[to:]
}

func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	sum[0] ^= 0xff // cmd/internal/hash.Sum32
	return base64.StdEncoding.EncodeToString(sum[:6])
}
