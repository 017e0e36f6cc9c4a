package batch

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/papermill"
	"github.com/cellar-go/cellar/papermill/parameters"
)

// folder is runs, or below it that of the parameter in.
func folder(p parameters.List) (string, error) {
	for _, q := range p {
		if q.Name == "in" {
			return "runs/" + q.Text(), nil
		}
	}
	return "runs", nil
}

func TestJobs(t *testing.T) {
	var given parameters.List
	given.Set("alpha", 1.5)
	given.Set("seed", int64(7))
	for _, c := range []struct {
		name, inputs string
		axes         []string
		want         string
	}{
		{"notebooks", "a.ipynb nb/b.ipynb", nil, "a: alpha=1.5 seed=7\nb: alpha=1.5 seed=7\n"},
		{"a grid", "a.ipynb", []string{"alpha=0.1,0.2", "name=x,007"},
			"a-alpha=0.1-name=x: alpha=0.1 seed=7 name=x\na-alpha=0.1-name=007: alpha=0.1 seed=7 name=007\na-alpha=0.2-name=x: alpha=0.2 seed=7 name=x\na-alpha=0.2-name=007: alpha=0.2 seed=7 name=007\n"},
		{"values that no file name holds", "a.ipynb", []string{"q=['a, b', 'c/d']"}, "a-q=a,_b-c5da3245: alpha=1.5 seed=7 q=a, b\na-q=c_d-5da0199a: alpha=1.5 seed=7 q=c/d\n"},
		{"letters of any language", "é.ipynb", []string{"q=ö"}, "é-q=ö: alpha=1.5 seed=7 q=ö\n"},
		{"a folder for each value", "a.ipynb", []string{"in=x,y"}, "x/a-in=x: alpha=1.5 seed=7 in=x\ny/a-in=y: alpha=1.5 seed=7 in=y\n"},
		{"notebooks of one name", "x/a.ipynb y/z/a.ipynb x/b.ipynb", nil, "x/a: alpha=1.5 seed=7\ny/z/a: alpha=1.5 seed=7\nx/b: alpha=1.5 seed=7\n"},
		{"from a commit and the file here", "git:v1:a.ipynb a.ipynb", nil, "git/v1/a: alpha=1.5 seed=7\na: alpha=1.5 seed=7\n"},
		{"here in two folders, and elsewhere", "x/a.ipynb https://h/x/a.ipynb git:v1:b.ipynb y/a.ipynb", nil, "x/a: alpha=1.5 seed=7\na: alpha=1.5 seed=7\nb: alpha=1.5 seed=7\ny/a: alpha=1.5 seed=7\n"},
		{"the same path elsewhere", "x/a.ipynb https://h/x/a.ipynb https://h/y/a.ipynb y/a.ipynb", nil, "x/a: alpha=1.5 seed=7\nhttps/h/x/a: alpha=1.5 seed=7\nhttps/h/y/a: alpha=1.5 seed=7\ny/a: alpha=1.5 seed=7\n"},
		{"from two commits", "git:v1:n/a.ipynb git:v2:n/a.ipynb b.ipynb", nil, "v1/n/a: alpha=1.5 seed=7\nv2/n/a: alpha=1.5 seed=7\nb: alpha=1.5 seed=7\n"},
		{"a folder of that name", "git:v1:a.ipynb a.ipynb git/v1/a.ipynb", nil, "error: git:v1:a.ipynb and git/v1/a.ipynb would both be written to runs/git/v1/a.ipynb"},
		{"a notebook twice", "a.ipynb ./a.ipynb", nil, "error: a.ipynb and ./a.ipynb would both be written to runs/a.ipynb"},
		{"a value twice", "a.ipynb", []string{"alpha=1,1"}, "error: a.ipynb alpha=1 and a.ipynb alpha=1 would both be written to runs/a-alpha=1.ipynb"},
		{"no values", "a.ipynb", []string{"alpha"}, "error: --param-grid alpha: there is no NAME=VALUE,VALUE in it"},
		{"apostrophes", "a.ipynb", []string{"q=don't,can't"}, "a-q=don_t-ffda588e: alpha=1.5 seed=7 q=don't\na-q=can_t-e15c49eb: alpha=1.5 seed=7 q=can't\n"},
		{"a quote that nothing ends", "a.ipynb", []string{"w='90s,x"}, "a-w=_90s-22e953dd: alpha=1.5 seed=7 w='90s\na-w=x: alpha=1.5 seed=7 w=x\n"},
		{"a comma in quotes", "a.ipynb", []string{`q="a,b"`}, `error: --param-grid q="a,b": "a is the begin of a text in quotes, which commas cut here`},
		{"an empty list", "a.ipynb", []string{"alpha=[]"}, "error: --param-grid alpha=[]: it has no values"},
		{"not YAML", "a.ipynb", []string{"alpha=[a"}, "error: --param-grid alpha=[a: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			var axes []Axis
			var err error
			for _, text := range c.axes {
				var a Axis
				if a, err = ParseAxis(text); err != nil {
					break
				}
				axes = append(axes, a)
			}
			if err == nil {
				var jobs []Job
				jobs, err = Jobs(strings.Fields(c.inputs), given, axes, folder)
				for _, j := range jobs {
					name, ok := strings.CutSuffix(strings.TrimPrefix(j.Output, "runs/"), ".ipynb")
					if !ok || j.Log != "runs/"+name+".log" {
						t.Errorf("%+v", j)
					}
					got += name + ": " + Values(j.Parameters) + "\n"
				}
			}
			if err != nil {
				got = "error: " + strings.TrimPrefix(err.Error(), "cellar: ")
				if fault.ExitCode(err) != 2 {
					t.Error(err)
				}
			}
			if got != c.want && !(err != nil && strings.HasPrefix(got, c.want)) {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// TestRun: no more than Jobs at once, reports in order, and nothing is begun after a failure unless it should be.
func TestRun(t *testing.T) {
	jobs := make([]Job, 12)
	for i := range jobs {
		jobs[i].Input = fmt.Sprint(i)
	}
	for _, c := range []struct {
		jobs         int
		keepGoing    bool
		want         string
		most, atMost int
	}{
		{1, false, "dddf", 1, 1},
		{1, true, "dddfdddddddd", 1, 1},
		{4, true, "dddfdddddddd", 2, 4},
	} {
		var mu sync.Mutex
		now, most := 0, 0
		changes := ""
		reports, err := Run(t.Context(), jobs, Options{Jobs: c.jobs, KeepGoing: c.keepGoing,
			OnChange: func(i int, r Report) { changes += fmt.Sprint(i, string(r.Status[0]), " ") },
			Run: func(_ context.Context, j Job) (papermill.Result, error) {
				mu.Lock()
				now++
				most = max(most, now)
				mu.Unlock()
				time.Sleep(20 * time.Millisecond)
				mu.Lock()
				now--
				mu.Unlock()
				if j.Input == "3" {
					return papermill.Result{}, errors.New("broken")
				}
				return papermill.Result{}, nil
			}})
		got := ""
		for i, r := range reports {
			if r.Input != fmt.Sprint(i) {
				t.Errorf("report %d is of job %s", i, r.Input)
			}
			got += string(r.Status[0])
		}
		want := c.want + strings.Repeat("s", len(jobs)-len(c.want))
		if got != want || fault.ExitCode(err) != 1 || !strings.Contains(err.Error(), "1 of 12 runs failed") || most < c.most || most > c.atMost {
			t.Errorf("%+v: %s, want %s; at most %d at once; %v", c, got, want, most, err)
		}
		if n := strings.Count(changes, "r "); n != len(c.want) || strings.Count(changes, " ") != 2*n {
			t.Errorf("changes: %s", changes)
		}
	}
}

// TestVerdict: the error of many runs is of their errors' kind.
func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		kinds []fault.Kind // of the runs; 0: no error
		want  int
	}{
		{[]fault.Kind{0, 0}, 0},
		{[]fault.Kind{fault.Input, 0, fault.Input}, 3},
		{[]fault.Kind{0, fault.Storage}, 5},
		{[]fault.Kind{fault.Input, fault.Storage, fault.Input}, 1},
		{[]fault.Kind{fault.Failed, fault.Input}, 1},
	} {
		jobs := make([]Job, len(c.kinds))
		for i := range jobs {
			jobs[i].Output = fmt.Sprint(i)
		}
		_, err := Run(t.Context(), jobs, Options{KeepGoing: true, Run: func(_ context.Context, j Job) (papermill.Result, error) {
			i, _ := strconv.Atoi(j.Output)
			if c.kinds[i] == 0 {
				return papermill.Result{}, nil
			}
			return papermill.Result{}, fault.New(c.kinds[i], "", "it failed")
		}})
		if fault.ExitCode(err) != c.want {
			t.Errorf("%v: exit code %d, want %d", c.kinds, fault.ExitCode(err), c.want)
		}
	}
}

func TestStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	reports, err := Run(ctx, make([]Job, 5), Options{Jobs: 2, KeepGoing: true, Run: func(ctx context.Context, _ Job) (papermill.Result, error) {
		cancel()
		<-ctx.Done()
		return papermill.Result{}, ctx.Err()
	}})
	if fault.ExitCode(err) != 130 || count(reports, Failed) != 2 || count(reports, Skipped) != 3 {
		t.Errorf("%v: %+v", err, reports)
	}
	if reports, err := Run(t.Context(), nil, Options{}); err != nil || len(reports) != 0 {
		t.Error(err)
	}
}

func FuzzParseAxis(f *testing.F) {
	for _, s := range []string{"a=1,2", "a=[x, {y: 1}]", "a=", "=1", "a=[", "a=,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAxis(s)
		if err != nil {
			return
		}
		jobs, err := Jobs([]string{"n.ipynb"}, nil, []Axis{a}, folder)
		if err != nil {
			return
		}
		for _, j := range jobs {
			if filepath.Dir(j.Output) != "runs" || len(filepath.Base(j.Output)) > 120 {
				t.Errorf("%q: %q", s, j.Output)
			}
		}
	})
}
