package display

import "errors"

// ErrNobody is the error of a question where nobody can be asked: a front-end that takes no input, or a program that is no kernel's.
var ErrNobody = errors.New("cellar: nobody can be asked for input here")

var asker func(prompt string, hidden bool) (string, error)

// SetAsker puts questions from now on to f. The program that runs a cell calls it, not the cell.
func SetAsker(f func(prompt string, hidden bool) (string, error)) {
	mu.Lock()
	defer mu.Unlock()
	asker = f
}

// Ask asks the user for a line, as Python's input does. The error is io.EOF when the user ends the input
// (Ctrl-D in a console), and ErrNobody where nobody can be asked.
func Ask(prompt string) (line string, err error) { return question(prompt, false) }

// Password is Ask, without showing what is typed.
func Password(prompt string) (secret string, err error) { return question(prompt, true) }

func question(prompt string, hidden bool) (string, error) {
	mu.Lock()
	f := asker
	mu.Unlock()
	if f == nil {
		return "", ErrNobody
	}
	return f(prompt, hidden)
}
