package worker

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/cellar-go/cellar/kernel/session/internal/wire"
)

// surroundings answers what is about the process and not about a cell.
func surroundings(r wire.Request) wire.Reply {
	reply := wire.Reply{Op: r.Op, ID: r.ID}
	var err error
	switch r.Op {
	case "chdir":
		err = os.Chdir(r.Names[0])
	case "setenv":
		err = os.Setenv(r.Names[0], r.Names[1])
	case "args":
		err = arguments(r.Names, r.Input)
	case "flags":
		forgetFlags(r.Names)
	case "surroundings":
		reply.Names = os.Environ()
		reply.Run = cpuTime()
		if reply.Dir, err = os.Getwd(); errors.Is(err, os.ErrNotExist) { // it was removed
			reply.Dir, err = "", nil
		}
	}
	if err != nil {
		reply.Error = err.Error()
	}
	return reply
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// arguments sets os.Args and, if asked to, the flags from them: those that a former parse has set have their defaults again before.
func arguments(args []string, parse bool) error {
	os.Args = append([]string{os.Args[0]}, args...)
	if !parse {
		return nil
	}
	flag.CommandLine.Visit(func(f *flag.Flag) {
		switch fmt.Sprintf("%T", f.Value) {
		case "flag.funcValue", "flag.boolFuncValue": // calls the user's function
		default:
			f.Value.Set(f.DefValue)
		}
	})
	output, usage := flag.CommandLine.Output(), flag.CommandLine.Usage
	flag.CommandLine.SetOutput(io.Discard) // the error says it
	flag.CommandLine.Usage = nil
	defer func() { flag.CommandLine.SetOutput(output); flag.CommandLine.Usage = usage }()
	flag.CommandLine.Init(os.Args[0], flag.ContinueOnError)
	defer flag.CommandLine.Init(os.Args[0], flag.PanicOnError)
	return flag.CommandLine.Parse(args)
}

// forgetFlags takes flags away, so that a cell which declares them can be run again: the flag package allows that once a process.
func forgetFlags(names []string) {
	old := flag.CommandLine
	gone := map[string]bool{}
	for _, name := range names {
		gone[name] = old.Lookup(name) != nil
	}
	kept := flag.NewFlagSet(os.Args[0], flag.PanicOnError)
	kept.SetOutput(old.Output())
	kept.Usage = old.Usage
	old.VisitAll(func(f *flag.Flag) {
		if !gone[f.Name] {
			kept.Var(f.Value, f.Name, f.Usage)
			kept.Lookup(f.Name).DefValue = f.DefValue
		}
	})
	*old = *kept // in place: libraries hold the pointer
}
