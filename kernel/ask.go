package kernel

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/cellar-go/cellar/internal/jupyter"
	"github.com/cellar-go/cellar/kernel/session"
)

// endOfInput is the answer of a user who ends the input: Ctrl-D in jupyter console, which sends it as a terminal would. ipykernel takes it so.
const endOfInput = "\x04"

// question puts a line to the front-end that sent r and waits for its answer; ok is false when ctx ended before it.
func (k *kernel) question(ctx context.Context, r *jupyter.Message, prompt string, password bool) (line string, ok bool) {
	select { // an answer that came too late for an earlier question
	case <-k.answers:
	default:
	}
	k.reply(jupyter.Stdin, r, "input_request", map[string]any{"prompt": prompt, "password": password})
	select {
	case line = <-k.answers:
		return line, true
	case <-ctx.Done():
		return "", false
	}
}

// asker puts the questions of commands; nil where the front-end takes none.
func (k *kernel) asker(r *jupyter.Message, q executeRequest, out *output) func(context.Context, string, bool) (string, error) {
	if !orTrue(q.AllowStdin) {
		return nil
	}
	return func(ctx context.Context, prompt string, password bool) (string, error) {
		out.flush()
		line, ok := k.question(ctx, r, prompt, password)
		return typed(ctx, line, ok)
	}
}

// typed is what a question has brought.
func typed(ctx context.Context, line string, ok bool) (string, error) {
	switch {
	case !ok:
		return "", context.Cause(ctx)
	case line == endOfInput:
		return "", io.EOF
	}
	return line, nil
}

// askBy says how a running cell's questions are put; nil: they are not.
func (k *kernel) askBy(f func(ctx context.Context, prompt string, password bool) (string, bool)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ask = f
}

// answerCell puts a question that the cell asks.
func (k *kernel) answerCell(ctx context.Context, q session.Question) (string, error) {
	k.mu.Lock()
	ask, out := k.ask, k.out
	k.mu.Unlock()
	if ask == nil {
		return "", errors.New("this front-end takes no input")
	}
	if out != nil {
		out.flush()
	}
	line, ok := ask(ctx, q.Prompt, q.Hidden)
	return typed(ctx, line, ok)
}

// addModules asks whether packages' modules may be added to the user's go.mod. Without a front-end that can be asked they may not: the
// error says how it is done.
func (k *kernel) addModules(ctx context.Context, packages []string) bool {
	k.mu.Lock()
	ask, always := k.ask, k.addAlways
	k.mu.Unlock()
	if allowed, decided := k.commands.AutoGet(); decided {
		return allowed
	}
	if always || ask == nil {
		return always
	}
	line, _ := ask(ctx, "go.mod does not provide "+strings.Join(packages, ", ")+". Add it (go get)? [y]es, [a]lways in this session, [N]o: ", false)
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "a", "always":
		k.mu.Lock()
		k.addAlways = true
		k.mu.Unlock()
		return true
	case "y", "yes":
		return true
	}
	return false
}
