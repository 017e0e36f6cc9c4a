package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cellar-go/cellar/display"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/jupyter"
	"github.com/cellar-go/cellar/kernel/commands"
	"github.com/cellar-go/cellar/kernel/session"
)

// abortWindow is how long requests that were sent together with a failing one may take to arrive and still be aborted with it.
const abortWindow = 20 * time.Millisecond

type executeRequest struct {
	Code            string            `json:"code"`
	Silent          bool              `json:"silent"`
	StoreHistory    *bool             `json:"store_history"`
	UserExpressions map[string]string `json:"user_expressions"`
	AllowStdin      *bool             `json:"allow_stdin"`
	StopOnError     *bool             `json:"stop_on_error"`
}

type executeReply struct {
	Status          string         `json:"status"`
	Count           int            `json:"execution_count"`
	Payload         []any          `json:"payload"`
	UserExpressions map[string]any `json:"user_expressions"`
	*failure
}

// execute runs a cell and replies. It returns the requests that its failure aborts.
func (k *kernel) execute(ctx context.Context, r *jupyter.Message) (aborted []*jupyter.Message) {
	var q executeRequest
	if err := r.Decode(&q); err != nil {
		k.reply(jupyter.Shell, r, "execute_reply", errorReply("BadRequest", err.Error(), nil))
		return nil
	}
	sh, err := k.shells.find(r)
	if err != nil { // deleted just now
		f := describe(err, "")
		k.reply(jupyter.Shell, r, "execute_reply", errorReply(f.Name, f.Value, f.Traceback))
		return nil
	}
	select { // of the shells' cells, one runs at a time
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return nil
	}
	ctx, over := k.interruptible(ctx)
	defer over()
	store := orTrue(q.StoreHistory) && !q.Silent
	code, asked := questions(q.Code)
	blank := strings.TrimSpace(q.Code) == ""
	if store && !blank {
		sh.count++
	}
	count := sh.count
	k.mu.Lock()
	k.parent = r.Header
	k.mu.Unlock()

	started := time.Now().UTC()
	if !q.Silent {
		k.publish(r.Header, "execute_input", map[string]any{"code": q.Code, "execution_count": count})
	}
	reply := executeReply{Status: "ok", Count: count, Payload: []any{}, UserExpressions: map[string]any{}}
	if !blank {
		out := &output{kernel: k, parent: r.Header, terminal: k.terminal}
		var value *display.Bundle
		var err error
		if strings.TrimSpace(code) != "" {
			value, err = k.run(ctx, r, q, code, fmt.Sprintf("%s[%d]", sh.name, count), out)
		}
		out.flush()
		if value != nil && !q.Silent {
			k.publish(r.Header, "execute_result", map[string]any{"execution_count": count, "data": value.Data, "metadata": orEmpty(value.Metadata), "transient": transient(*value)})
		}
		if store {
			sh.history.add(count, q.Code, plainText(value))
		}
		if err != nil {
			reply.Status, reply.failure = "error", describe(err, q.Code)
			k.publish(r.Header, "error", reply.failure)
		} else if asked != nil {
			reply.Payload = append(reply.Payload, k.answerQuestions(asked, out)...)
		}
	}
	if reply.Status == "ok" {
		for name, expression := range q.UserExpressions {
			reply.UserExpressions[name] = k.evaluate(ctx, expression)
		}
	}
	if reply.Status != "ok" && orTrue(q.StopOnError) {
		time.Sleep(abortWindow)
		aborted = sh.cells.take()
	}
	k.replyExecute(r, reply, started)
	return aborted
}

// interruptible makes the context of what runs until over is called. The first interrupt cancels it; the session takes further ones.
func (k *kernel) interruptible(ctx context.Context) (_ context.Context, over func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	var asked atomic.Bool
	k.stopBy(func() {
		if asked.Swap(true) {
			k.session.Interrupt()
		}
		cancel(session.ErrInterrupted)
	})
	return ctx, func() { k.stopBy(nil); cancel(nil) }
}

// run lets the hook and then the session have the cell.
func (k *kernel) run(ctx context.Context, r *jupyter.Message, q executeRequest, code, name string, out *output) (*display.Bundle, error) {
	var metadata struct {
		CellID string `json:"cellId"`
	}
	_ = json.Unmarshal(r.Metadata, &metadata) // other front-ends put other things there
	show := func(e session.Event) {
		if e.Kind == session.Input {
			prompt, password := k.gonb.prompt()
			k.input(ctx, r, e.Text+prompt, password, orTrue(q.AllowStdin), out)
			return
		}
		out.show(e)
	}
	cell := session.Cell{ID: metadata.CellID, Name: name, Source: code, Silent: q.Silent}
	k.comms.settle(ctx)
	if k.options.Intercept != nil {
		i, err := k.options.Intercept(ctx, CellRequest{
			Notebook: k.notebook, CellID: cell.ID, Name: cell.Name, Source: cell.Source, Silent: cell.Silent, Show: show,
		})
		if err != nil || i.Done {
			return i.Value, err
		}
		cell.Source = i.Source
	}
	if orTrue(q.AllowStdin) {
		k.askBy(func(ctx context.Context, prompt string, password bool) (string, bool) {
			return k.question(ctx, r, prompt, password)
		})
		defer k.askBy(nil)
	}
	k.showBy(out)
	result, err := k.commands.Run(ctx, cell, commands.IO{Show: show, Ask: k.asker(r, q, out)})
	k.gonb.drain()
	k.showBy(nil)
	if out.deaf && errors.Is(err, session.ErrInterrupted) {
		err = fault.New(fault.Input, "run it where it can be asked, as in JupyterLab, or have it read a file", "%s reads standard input, which this front-end does not offer", cell.Name)
	}
	for _, n := range result.Notices {
		out.show(session.Event{Kind: session.Stderr, Text: n + "\n"})
	}
	return result.Value, err
}

// input asks the front-end for a line and gives it to the cell. A cell that reads where nobody can be asked is stopped: empty lines would
// be an answer that nobody gave.
func (k *kernel) input(ctx context.Context, r *jupyter.Message, prompt string, password, allowed bool, out *output) {
	out.flush()
	if !allowed {
		out.deaf = true
		k.session.RefuseInput()
		return
	}
	line, ok := k.question(ctx, r, prompt, password)
	if !ok && !errors.Is(context.Cause(ctx), session.ErrInterrupted) {
		return // the cell is over: the line would be the next one's
	}
	answer := func() error { return k.session.Answer(line) }
	if line == endOfInput {
		answer = k.session.EndInput
	}
	if err := answer(); err != nil {
		k.log("%v", err)
	}
}

// evaluate answers one user expression, without leaving a trace.
func (k *kernel) evaluate(ctx context.Context, expression string) any {
	result, err := k.session.Run(ctx, session.Cell{Name: "expression", Source: expression}, func(session.Event) {})
	if err != nil {
		f := describe(err, expression)
		return errorReply(f.Name, f.Value, f.Traceback)
	}
	if result.Value == nil {
		result.Value = &display.Bundle{}
	}
	return map[string]any{"status": "ok", "data": orEmpty(result.Value.Data), "metadata": orEmpty(result.Value.Metadata)}
}

// abort answers a request that stood in the queue when the cell before it failed.
func (k *kernel) abort(ctx context.Context, r *jupyter.Message) {
	if r.Header.Type != "execute_request" {
		k.handle(ctx, jupyter.Shell, r)
		return
	}
	k.publish(r.Header, "status", status{"busy"})
	k.reply(jupyter.Shell, r, "execute_reply", map[string]string{"status": "aborted"})
	k.publish(r.Header, "status", status{"idle"})
}

// replyExecute also says when the cell began, from which JupyterLab shows how long it took.
func (k *kernel) replyExecute(r *jupyter.Message, reply executeReply, started time.Time) {
	m, err := k.server.Session.New("execute_reply", reply)
	if err == nil {
		m.Metadata = fmt.Appendf(nil, `{"started":%q,"status":%q}`, started.Format(time.RFC3339Nano), reply.Status)
		err = k.server.ReplyMessage(jupyter.Shell, r, m)
	}
	if err != nil {
		k.log("%v", err)
	}
}

// background shows what goroutines write between two cells, under the last cell that ran.
func (k *kernel) background(e session.Event) {
	k.mu.Lock()
	parent := k.parent
	k.mu.Unlock()
	out := &output{kernel: k, parent: parent}
	out.show(e)
	out.flush()
}

func orTrue(b *bool) bool { return b == nil || *b }

func plainText(b *display.Bundle) string {
	if b == nil {
		return ""
	}
	text, _ := b.Data["text/plain"].(string)
	return text
}
