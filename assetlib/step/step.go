package step

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/cellar-go/cellar/assetlib/table"
	"github.com/cellar-go/cellar/display"
	"github.com/cellar-go/cellar/internal/fault"
)

// Program is a slice made to run.
type Program struct {
	Inputs  []Value
	Run     func()
	Outputs []Value
}

// Value is a variable of the program: an input by the name that the specification has for it, an output by its asset's key.
type Value struct {
	Name    string
	Pointer any // *T
}

// Main runs the program as the specification says and exits: 0 with all outputs saved and read back, 1 with the failure in the result.
func Main(p Program) {
	file := os.Getenv(Environment)
	if file == "" {
		fmt.Fprintf(os.Stderr, "cellar: step: %s names no specification; `cellar materialize` runs steps\n", Environment)
		os.Exit(2)
	}
	os.Unsetenv(Environment)
	follow(os.Getenv(Parent))
	os.Unsetenv(Parent)
	if err := run(p, file); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// follow ends the process when the one that started it is gone, so that nothing computes for nobody.
func follow(descriptor string) {
	n, err := strconv.Atoi(descriptor)
	if err != nil {
		return
	}
	syscall.CloseOnExec(n)
	pipe := os.NewFile(uintptr(n), "parent")
	go func() { // as long as the process lives
		io.Copy(io.Discard, pipe)
		os.Exit(1)
	}()
}

func run(p Program, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("cellar: step: %w", err)
	}
	var s Specification
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("cellar: step: %s: %w", file, err)
	}
	if s.Format != version {
		return fmt.Errorf("cellar: step: %s has format %d, this program reads %d", file, s.Format, version)
	}
	shown, err := os.Create(s.Displays)
	if err != nil {
		return fmt.Errorf("cellar: step: %w", err)
	}
	defer shown.Close()
	encoder := json.NewEncoder(shown)
	encoder.SetEscapeHTML(false)
	stdout, stderr := os.Stdout, os.Stderr // the code may set others
	var one sync.Mutex
	display.SetSink(func(b display.Bundle) {
		one.Lock()
		defer one.Unlock()
		stdout.WriteString(s.Mark)
		stderr.WriteString(s.Mark)
		if err := encoder.Encode(b); err != nil {
			fmt.Fprintln(os.Stderr, "cellar: display:", err)
		}
	})
	r := &Result{Format: version, Outputs: map[string]table.Info{}}
	r.Failure = compute(p, s, r)
	r.Opened = opened.list()
	encoded, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("cellar: step: %w", err)
	}
	if err := os.WriteFile(s.Result, encoded, 0o600); err != nil {
		return fmt.Errorf("cellar: step: %w", err)
	}
	if r.Failure != nil {
		return errors.New(r.Failure.Message)
	}
	return nil
}

func compute(p Program, s Specification, r *Result) *Failure {
	for _, in := range p.Inputs {
		if f := read(s.Inputs[in.Name].File, in.Name, in.Pointer); f != nil {
			return f
		}
	}
	given := make([]any, len(p.Inputs)) // the variables may take other values; what they pointed to must stay
	for i, in := range p.Inputs {
		v := reflect.New(reflect.TypeOf(in.Pointer).Elem())
		v.Elem().Set(reflect.ValueOf(in.Pointer).Elem())
		given[i] = v.Interface()
	}
	if f := call(p.Run); f != nil {
		return f
	}
	for i, in := range p.Inputs {
		info, err := table.Write(io.Discard, given[i])
		if err == nil && info.Content != s.Inputs[in.Name].Content {
			return &Failure{Kind: "changed", Asset: in.Name, Message: fmt.Sprintf("the code changes its input %s in place", in.Name),
				Hint: "work on a copy: slices.Clone, maps.Clone, or a copy of what it points to"}
		}
	}
	for _, out := range p.Outputs {
		info, err := save(s.Outputs[out.Name], out.Pointer)
		if err != nil {
			f := &Failure{Kind: "value", Asset: out.Name, Message: strings.TrimPrefix(err.Error(), "cellar: "), Hint: fault.Hint(err)}
			if full(err) {
				f.Kind = "storage"
			}
			return f
		}
		r.Outputs[out.Name] = info
	}
	return nil
}

func read(file, name string, pointer any) *Failure {
	f, err := os.Open(file)
	if err != nil {
		return &Failure{Kind: "storage", Asset: name, Message: fmt.Sprintf("input %s: %v", name, err)}
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil {
		err = table.Read(f, info.Size(), pointer)
	}
	if err != nil {
		kind := "input"
		if errors.Is(err, fault.ErrCorrupt) {
			kind = "storage"
		}
		return &Failure{Kind: kind, Asset: name, Message: fmt.Sprintf("input %s: %s", name, strings.TrimPrefix(err.Error(), "cellar: ")), Hint: fault.Hint(err)}
	}
	return nil
}

// full tells a disk without room from a value that can't be written.
func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

// save writes a value, reads it back and compares: what can't come back as it went is not recorded.
func save(file string, pointer any) (table.Info, error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return table.Info{}, err
	}
	defer f.Close()
	value := reflect.ValueOf(pointer).Elem()
	info, err := table.Write(f, pointer)
	if err != nil {
		return info, err
	}
	stat, err := f.Stat()
	if err != nil {
		return info, err
	}
	back := reflect.New(value.Type())
	if err := table.Read(f, stat.Size(), back.Interface()); err != nil {
		return info, fmt.Errorf("reading it back: %w", err)
	}
	again, err := table.Write(io.Discard, back.Interface())
	if err != nil || again.Content != info.Content {
		return info, fmt.Errorf("it does not come back as it went: a %s loses something on the way (%s, then %s)", value.Type(), info.Content, again.Content)
	}
	return info, f.Sync()
}

// call runs the code and turns a panic to a failure.
func call(f func()) (failure *Failure) {
	returned := false
	defer func() {
		if returned {
			return
		}
		value := recover()
		message := fmt.Sprint(value)
		if err, ok := value.(error); ok {
			message = err.Error()
		}
		if value == nil {
			message = "runtime.Goexit ended the cell"
		}
		failure = &Failure{Kind: "panic", Message: message, Trace: trace()}
	}()
	f()
	returned = true
	return nil
}

// trace is the stack above the panic, the user's own frames: those that are neither of Go nor of this frame.
func trace() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	var b bytes.Buffer
	for {
		f, more := frames.Next()
		name := strings.TrimPrefix(strings.ReplaceAll(f.Function, "main.cellarcell", "cell"), "main.")
		if strings.Contains(f.Function, "assetlib/step.") {
			break
		}
		if !strings.HasPrefix(f.Function, "runtime.") {
			fmt.Fprintf(&b, "%s\n\t%s:%d\n", name, f.File, f.Line)
		}
		if !more {
			break
		}
	}
	return b.String()
}

// Show shows the value of a cell's last expression.
func Show(values ...any) { display.Show(display.OfAll(values...)) }

// opened are the files that the code opened through the functions below, which generated programs call in place of os's.
var opened files

type files struct {
	mu    sync.Mutex
	names []string
}

func (f *files) add(name string) { f.mu.Lock(); defer f.mu.Unlock(); f.names = append(f.names, name) }

func (f *files) list() []string { f.mu.Lock(); defer f.mu.Unlock(); return f.names }

// Open is os.Open; it notes the file.
func Open(name string) (*os.File, error) { opened.add(name); return os.Open(name) }

// OpenFile is os.OpenFile; it notes a file that is opened to be read.
func OpenFile(name string, flag int, perm os.FileMode) (*os.File, error) {
	if flag&os.O_WRONLY == 0 {
		opened.add(name)
	}
	return os.OpenFile(name, flag, perm)
}

// ReadFile is os.ReadFile; it notes the file.
func ReadFile(name string) ([]byte, error) { opened.add(name); return os.ReadFile(name) }

// ReadDir is os.ReadDir; it notes the folder.
func ReadDir(name string) ([]os.DirEntry, error) { opened.add(name); return os.ReadDir(name) }

// DirFS is os.DirFS; it notes the folder.
func DirFS(name string) fs.FS { opened.add(name); return os.DirFS(name) }

// Function makes a program of a Go function: its parameters are the inputs, its results the outputs; a last result of type error fails
// the step.
func Function(f any, inputs, outputs []string) Program {
	v := reflect.ValueOf(f)
	t := v.Type()
	p := Program{}
	var arguments []reflect.Value
	for i, name := range inputs {
		pointer := reflect.New(t.In(i))
		arguments = append(arguments, pointer)
		p.Inputs = append(p.Inputs, Value{name, pointer.Interface()})
	}
	var results []reflect.Value
	for i, key := range outputs {
		pointer := reflect.New(t.Out(i))
		results = append(results, pointer)
		p.Outputs = append(p.Outputs, Value{key, pointer.Interface()})
	}
	p.Run = func() {
		in := make([]reflect.Value, len(arguments))
		for i, a := range arguments {
			in[i] = a.Elem()
		}
		out := v.Call(in)
		if len(out) > len(results) && !out[len(out)-1].IsNil() {
			panic(out[len(out)-1].Interface())
		}
		for i, r := range results {
			r.Elem().Set(out[i])
		}
	}
	return p
}
