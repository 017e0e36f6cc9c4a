package kernel

import (
	"context"
	"strings"

	"github.com/cellar-go/cellar/internal/jupyter"
)

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
		if !ok {
			return "", context.Cause(ctx)
		}
		return line, nil
	}
}

// askBy says how a running cell's questions are put; nil: they are not.
func (k *kernel) askBy(f func(ctx context.Context, prompt string) (string, bool)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ask = f
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
	line, _ := ask(ctx, "go.mod does not provide "+strings.Join(packages, ", ")+". Add it (go get)? [y]es, [a]lways in this session, [N]o: ")
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
