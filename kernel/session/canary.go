package session

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/cellar-go/cellar/internal/atomicfile"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gomod"
	"github.com/cellar-go/cellar/internal/scratch"
)

// canaries are the traps of live loading in short form. Each was silently wrong before its rule was built in, so a toolchain that was not
// seen before has to get them right before a user's cell is trusted to it. Each cell but the last of a group only prepares.
var canaries = []string{
	// itabs and types that exist before a cell brings its own
	"import (\"errors\"; \"fmt\"; \"reflect\")\ntype bird struct{ n int }\nfunc (b bird) Error() string { return fmt.Sprint(\"bird \", b.n) }\nvar dynamic any = bird{4}\nwrapped := fmt.Errorf(\"w: %w\", dynamic.(error))\nnest := reflect.MakeSlice(reflect.SliceOf(reflect.TypeOf(bird{})), 1, 1).Interface()\nfunc fly() any { type wing struct{ a int }; return wing{1} }\nflown := fly()\nfunc (b *bird) grow() { b.n++ }",
	"var e error = bird{4}\nbird2, isBird := errors.Unwrap(wrapped).(bird)\n_, isSlice := nest.([]bird)\nswitched := false\nswitch nest.(type) { case []int, []string: ; case []bird: switched = true; case map[string]bird, chan bird: }\nfunc fly2(v any) bool { type wing struct{ a string }; _, ok := v.(wing); return ok }\nkept := &bird{1}\nvar walker interface{ grow() } = kept",
	"func (b *bird) grow() { b.n += 10 }",
	"walker.grow()\nfmt.Print(errors.Is(wrapped, e), isBird, isSlice, switched, fly2(flown), bird2.n, kept.n)",
}

const canarySings = "true true true true false 4 11"

// Where cells are linked in memory, types get methods.
var linkedCanaries = []string{
	"type egg struct{ n int }\nvar held any = &egg{2}\n_, hatched := held.(fmt.Stringer)",
	"func (e egg) String() string { return fmt.Sprint(hatched, e.n) }",
	"fmt.Print(held)",
}

const (
	linkedSing  = "false 2"
	renewedSing = "&{2}" // where they do not: the value is of the older type
)

func sings(song string) bool {
	rest, ok := strings.CutPrefix(song, canarySings)
	return ok && (rest == "" || rest == linkedSing || rest == renewedSing)
}

// canary runs them once for each toolchain and module graph, in a worker of their own.
func (s *Session) canary(ctx context.Context) error {
	seen := filepath.Join(s.cache, "canary-"+filepath.Base(s.program))
	if text, err := os.ReadFile(seen); err == nil && sings(string(text)) {
		return nil
	}
	temp, err := scratch.Make(s.o.Scratch, "canary")
	if err != nil {
		return fault.New(fault.Storage, "free some room, or set TMPDIR", "session: %w", err)
	}
	defer temp.Remove()
	tmp := temp.Path
	st := &starting{over: make(chan struct{})}
	close(st.over)
	c := &Session{o: Options{Dir: tmp, Env: s.o.Env, Imports: s.o.Imports}, cache: s.cache, tmp: tmp, starting: st, tools: s.tools, ps: s.ps,
		program: s.program, gone: map[string]string{}, sources: map[string]string{}}
	if err := c.fresh(ctx); err != nil {
		return err
	}
	defer func() { c.process.kill() }()
	var song strings.Builder
	linked := true
	sing := func(sources []string) (err error) {
		for _, source := range sources {
			r, err := c.Run(ctx, Cell{Source: source}, func(e Event) { song.WriteString(e.Text) })
			if err != nil {
				return err
			}
			linked = linked && r.Plugin == ""
		}
		return nil
	}
	if err = sing(canaries); err == nil && linked {
		err = sing(linkedCanaries)
	}
	if err != nil || !sings(song.String()) {
		return fault.New(fault.Environment, "use a Go version that the kernel knows (go env -w GOTOOLCHAIN=go1.26.8), and please report this",
			"session: live cells are not safe with %s: a canary sang %q: %v", s.tools.version, song.String(), err)
	}
	if err := atomicfile.Write(seen, []byte(song.String()), 0o644); err != nil {
		return fault.New(fault.Storage, gomod.NoCache, "session: %w", err)
	}
	return nil
}
