package session

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/cellar-go/cellar/kernel/session/internal/wire"
)

// Question is what a cell asks the user by display.Ask or display.Password.
type Question = wire.Question

// Answering makes an Options.Handle that answers the cells' questions with ask, and has next answer all else.
func Answering(ask func(context.Context, Question) (string, error), next func(context.Context, string, []byte) ([]byte, error)) func(context.Context, string, []byte) ([]byte, error) {
	return func(ctx context.Context, method string, arg []byte) ([]byte, error) {
		if method != wire.Ask {
			if next == nil {
				return nil, fmt.Errorf("cellar: call %s: nothing in this session answers it", method)
			}
			return next(ctx, method, arg)
		}
		var q Question
		if err := json.Unmarshal(arg, &q); err != nil {
			return nil, fmt.Errorf("cellar: a question: %w", err)
		}
		line, err := ask(ctx, q)
		return []byte(line), err
	}
}
