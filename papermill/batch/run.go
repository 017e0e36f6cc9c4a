package batch

import (
	"context"
	"errors"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/papermill"
)

// Status is what became of a job.
type Status string

const (
	Running Status = "running"
	Done    Status = "done"
	Failed  Status = "failed"
	Skipped Status = "skipped" // another job had failed, or the batch was stopped
)

// Report is what became of a job.
type Report struct {
	Job
	Status Status
	Result papermill.Result
	Err    error
	Took   time.Duration
}

// Options say how jobs are run.
type Options struct {
	Jobs      int  // at once; default 1
	KeepGoing bool // after a failure; default: what runs is ended, nothing more is begun

	Run      func(context.Context, Job) (papermill.Result, error)
	OnChange func(index int, r Report) // when a job begins and when it has ended; one call at a time
}

// Run runs jobs, and returns a report of each, in their order. The error says how many have failed, and is of their kind if that is the
// same for all; with a cancelled context it is that.
func Run(ctx context.Context, jobs []Job, o Options) ([]Report, error) {
	reports := make([]Report, len(jobs))
	for i, j := range jobs {
		reports[i] = Report{Job: j, Status: Skipped}
	}
	type change struct {
		index  int
		report Report
	}
	var (
		changes = make(chan change)
		next    = 0
		running = 0
		stop    = false
	)
	begin := func() {
		i := next
		next++
		running++
		reports[i].Status = Running
		o.change(i, reports[i])
		go func() {
			r := Report{Job: jobs[i], Status: Done}
			start := time.Now()
			r.Result, r.Err = o.Run(ctx, jobs[i])
			if r.Took = time.Since(start); r.Err != nil {
				r.Status = Failed
			}
			changes <- change{i, r}
		}()
	}
	failed := 0
	for {
		for !stop && ctx.Err() == nil && running < max(1, o.Jobs) && next < len(jobs) {
			begin()
		}
		if running == 0 {
			break
		}
		c := <-changes
		running--
		reports[c.index] = c.report
		if c.report.Err != nil {
			failed++
			stop = !o.KeepGoing
		}
		o.change(c.index, c.report)
	}
	return reports, o.verdict(ctx, reports, failed)
}

func (o Options) change(i int, r Report) {
	if o.OnChange != nil {
		o.OnChange(i, r)
	}
}

func (o Options) verdict(ctx context.Context, reports []Report, failed int) error {
	if err := ctx.Err(); errors.Is(err, context.Canceled) && failed+count(reports, Skipped) > 0 {
		return fault.New(fault.Interrupted, "the outputs have what ran; the same command with --resume goes on from there", "%d of %d runs were begun: %w", len(reports)-count(reports, Skipped), len(reports), err)
	}
	if failed == 0 {
		return nil
	}
	var kind fault.Kind
	for _, r := range reports {
		if k := fault.Kind(fault.ExitCode(r.Err)); kind == 0 {
			kind = k
		} else if k != 0 && k != kind {
			kind = fault.Failed
		}
	}
	hint := ""
	if n := count(reports, Skipped); n > 0 {
		hint = "--keep-going runs the others all the same; --resume goes on from what is done"
	}
	return fault.New(kind, hint, "%d of %d runs failed", failed, len(reports))
}

func count(reports []Report, s Status) (n int) {
	for _, r := range reports {
		if r.Status == s {
			n++
		}
	}
	return n
}
