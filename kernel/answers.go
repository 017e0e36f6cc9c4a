package kernel

import (
	"runtime"
	"runtime/debug"
	"strings"
	"unicode/utf8"

	"github.com/cellar-go/cellar/internal/jupyter"
)

// answers are the requests that run nothing, by the name before "_request". An error becomes an error reply.
var answers = map[string]func(*kernel, *jupyter.Message) (any, error){
	"kernel_info": (*kernel).kernelInfo,
	"connect":     (*kernel).connect,
	"complete":    (*kernel).complete,
	"inspect":     (*kernel).inspect,
	"is_complete": (*kernel).isComplete,
	"history":     (*kernel).historyRequest,
	"comm_info":   (*kernel).commInfo,
	"interrupt":   func(*kernel, *jupyter.Message) (any, error) { return map[string]string{"status": "ok"}, nil },
	"shutdown":    (*kernel).shutdown,
	"usage":       (*kernel).usageRequest,
	"debug":       (*kernel).debug,
}

func (k *kernel) kernelInfo(*jupyter.Message) (any, error) {
	type link struct {
		Text string `json:"text"`
		URL  string `json:"url"`
	}
	version := programVersion(k.options)
	goVersion := strings.TrimPrefix(runtime.Version(), "go")
	return map[string]any{
		"status":                 "ok",
		"protocol_version":       jupyter.ProtocolVersion,
		"implementation":         "cellar",
		"implementation_version": version,
		"banner":                 "Cellar " + version + " · Go " + goVersion,
		"debugger":               false,
		"supported_features":     []string{"kernel subshells"},
		"help_links": []link{
			{"Go documentation", "https://go.dev/doc/"},
			{"Go standard library", "https://pkg.go.dev/std"},
		},
		"language_info": map[string]any{
			"name":               "go",
			"version":            goVersion,
			"mimetype":           "text/x-go",
			"file_extension":     ".go",
			"pygments_lexer":     "go",
			"codemirror_mode":    "go",
			"nbconvert_exporter": "script",
		},
	}, nil
}

func programVersion(o Options) string {
	if o.Version != "" {
		return o.Version
	}
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" {
		return b.Main.Version
	}
	return "dev"
}

func (k *kernel) connect(*jupyter.Message) (any, error) {
	c := k.server.Connection()
	return map[string]any{
		"status": "ok", "shell_port": c.ShellPort, "iopub_port": c.IOPubPort, "stdin_port": c.StdinPort, "hb_port": c.HeartbeatPort, "control_port": c.ControlPort,
	}, nil
}

type position struct {
	Code   string `json:"code"`
	Cursor *int   `json:"cursor_pos"` // in characters, not bytes; default: the end
	Detail int    `json:"detail_level"`
}

func (p position) byteOffset() int {
	if p.Cursor == nil {
		return len(p.Code)
	}
	n := 0
	for offset := range p.Code {
		if n == *p.Cursor {
			return offset
		}
		n++
	}
	return len(p.Code)
}

func (k *kernel) complete(r *jupyter.Message) (any, error) {
	var p position
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	c := k.session.Complete(p.Code, p.byteOffset())
	if c.Start < 0 || c.End < c.Start || c.End > len(p.Code) {
		c.Start, c.End = p.byteOffset(), p.byteOffset()
	}
	start := utf8.RuneCountInString(p.Code[:c.Start])
	end := start + utf8.RuneCountInString(p.Code[c.Start:c.End])
	// JupyterLab shows kinds and types that stand under this key, as ipykernel puts them.
	type rich struct {
		Start     int    `json:"start"`
		End       int    `json:"end"`
		Text      string `json:"text"`
		Type      string `json:"type"`
		Signature string `json:"signature"`
	}
	matches, types := []string{}, []rich{}
	for _, i := range c.Items {
		matches = append(matches, i.Text)
		types = append(types, rich{start, end, i.Text, i.Kind, i.Type})
	}
	return map[string]any{
		"status": "ok", "matches": matches, "cursor_start": start, "cursor_end": end,
		"metadata": map[string]any{"_jupyter_types_experimental": types},
	}, nil
}

func (k *kernel) inspect(r *jupyter.Message) (any, error) {
	var p position
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	i, found := k.session.Inspect(p.Code, p.byteOffset(), p.Detail)
	data := map[string]any{}
	if found {
		var text, markdown []string
		add := func(s, fence string) {
			if s = strings.TrimSpace(s); s == "" {
				return
			}
			text = append(text, s)
			if fence != "" {
				s = "```" + fence + "\n" + s + "\n```"
			}
			markdown = append(markdown, s)
		}
		add(i.Signature, "go")
		if i.Value != "" {
			add("Value: "+i.Value, "text")
		}
		add(i.Doc, "")
		if p.Detail > 0 {
			add(i.Source, "go")
		}
		data["text/plain"], data["text/markdown"] = strings.Join(text, "\n\n"), strings.Join(markdown, "\n\n")
	}
	return map[string]any{"status": "ok", "found": found, "data": data, "metadata": struct{}{}}, nil
}

func (k *kernel) isComplete(r *jupyter.Message) (any, error) {
	var p position
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	status, indent := isComplete(p.Code)
	reply := map[string]string{"status": status}
	if status == "incomplete" {
		reply["indent"] = indent
	}
	return reply, nil
}

func (k *kernel) historyRequest(r *jupyter.Message) (any, error) {
	var q historyQuery
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	sh, err := k.shells.find(r)
	if err != nil {
		return nil, err
	}
	entries, err := sh.history.find(q)
	if err != nil {
		return nil, err
	}
	rows := [][3]any{}
	for _, e := range entries {
		var last any = e.Source
		if q.Output {
			last = []any{e.Source, nullable(e.output)}
		}
		rows = append(rows, [3]any{e.Session, e.Line, last})
	}
	return map[string]any{"status": "ok", "history": rows}, nil
}

func (k *kernel) shutdown(r *jupyter.Message) (any, error) {
	var q struct {
		Restart bool `json:"restart"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	content := map[string]any{"status": "ok", "restart": q.Restart}
	k.publish(r.Header, "shutdown_reply", content) // so that other front-ends know
	return content, nil
}

// debug says in both languages, Jupyter's and the debug adapter protocol's, that there is no debugger.
func (k *kernel) debug(r *jupyter.Message) (any, error) {
	var q struct {
		Sequence int    `json:"seq"`
		Command  string `json:"command"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	const message = "the kernel has no debugger, as kernel_info_reply says"
	reply := errorReply("Unsupported", message, nil)
	reply["type"], reply["request_seq"], reply["command"], reply["success"], reply["message"] = "response", q.Sequence, q.Command, false, message
	return reply, nil
}

func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}
