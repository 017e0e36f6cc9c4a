package kernel

import (
	"errors"
	"go/scanner"
	"go/token"
	"strings"

	"github.com/cellar-go/cellar/internal/gocell"
)

// isComplete says whether code can run ("complete"), could with more lines ("incomplete", and how far to indent them), or never
// ("invalid"): what is open at its end is closed on trial, and if it parses then, more lines can make it right.
func isComplete(code string) (status, indent string) {
	if _, err := gocell.Parse("cell", code); err == nil {
		return "complete", ""
	}
	end := endOf(code)
	if end.inside {
		return "incomplete", ""
	}
	if len(end.closers) == 0 && len(end.fillers()) == 0 {
		return "invalid", ""
	}
	for _, filler := range append(end.fillers(), "") {
		trial := code + filler
		for i := len(end.closers) - 1; i >= 0; i-- {
			trial += end.closers[i]
		}
		if _, err := gocell.Parse("cell", trial); err == nil || !ownFault(err, code) {
			return "incomplete", strings.Repeat("\t", len(end.closers))
		}
	}
	return "invalid", ""
}

// ownFault tells whether the first error lies in code, rather than in what was put behind it on trial.
func ownFault(err error, code string) bool {
	var list scanner.ErrorList
	if !errors.As(err, &list) || len(list) == 0 {
		return true
	}
	if strings.Contains(list[0].Msg, "must be function call") { // go func() { … } wants its () still
		return false
	}
	code = strings.TrimRight(code, " \t\r\n")
	line := strings.Count(code, "\n") + 1
	column := len(code) - strings.LastIndexByte(code, '\n') // behind the last byte
	at := list[0].Pos
	return at.Line < line || at.Line == line && at.Column < column
}

// ending is how a piece of code ends.
type ending struct {
	inside  bool     // in a raw string or a comment
	closers []string // what closes the open brackets, outermost first
	last    token.Token
}

// fillers are what may follow the last token before the brackets are closed.
func (e ending) fillers() []string {
	switch {
	case e.last == token.CASE:
		return []string{" _x_:"}
	case e.last == token.FUNC:
		return []string{" _x_()", "()"}
	case e.last == token.IMPORT:
		return []string{` "x"`}
	case e.last == token.RPAREN, e.last == token.RBRACK, e.last == token.RBRACE, e.last == token.SEMICOLON, e.last == token.INC, e.last == token.DEC:
		return nil
	case e.last.IsOperator(), e.last == token.FOR, e.last == token.IF, e.last == token.SWITCH, e.last == token.SELECT, e.last == token.RANGE, e.last == token.ELSE,
		e.last == token.GO, e.last == token.DEFER, e.last == token.STRUCT, e.last == token.INTERFACE, e.last == token.MAP:
		return []string{" _x_", " _x_ int"}
	case len(e.closers) > 0:
		return []string{":", ": _x_"} // a key of a literal, a label of a switch
	}
	return nil
}

func endOf(code string) ending {
	var e ending
	var s scanner.Scanner
	file := token.NewFileSet().AddFile("", -1, len(code))
	s.Init(file, []byte(code), func(_ token.Position, msg string) {
		e.inside = e.inside || strings.HasSuffix(msg, "not terminated") && (strings.HasPrefix(msg, "raw string") || strings.HasPrefix(msg, "comment"))
	}, 0)
	for {
		_, tok, lit := s.Scan()
		switch tok {
		case token.EOF:
			return e
		case token.LPAREN:
			e.closers = append(e.closers, ")")
		case token.LBRACK:
			e.closers = append(e.closers, "]")
		case token.LBRACE:
			e.closers = append(e.closers, "}")
		case token.RPAREN, token.RBRACK, token.RBRACE:
			if n := len(e.closers); n > 0 {
				e.closers = e.closers[:n-1]
			}
		case token.SEMICOLON:
			if lit == "\n" {
				continue // put in by the scanner at the line's end
			}
		}
		e.last = tok
	}
}
