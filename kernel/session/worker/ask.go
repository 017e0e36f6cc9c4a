package worker

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/cellar-go/cellar/display"
	"github.com/cellar-go/cellar/kernel/session/internal/wire"
)

// ask has the session put a question to the user.
func (w *worker) ask(prompt string, hidden bool) (string, error) {
	arg, err := json.Marshal(wire.Question{Prompt: prompt, Hidden: hidden})
	if err != nil {
		return "", fmt.Errorf("cellar: ask %q: %w", prompt, err)
	}
	answer, err := w.call(wire.Ask, arg)
	if err != nil && err.Error() == io.EOF.Error() { // as text is how it comes
		return "", io.EOF
	}
	if err != nil {
		return "", fmt.Errorf("%w: %v", display.ErrNobody, err)
	}
	return string(answer), nil
}
