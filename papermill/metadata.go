package papermill

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/cellar-go/cellar/papermill/nbformat"
)

// notebookMetadata is metadata.papermill of a notebook; see docs/formats/notebook.md. Its presence marks an executed copy.
type notebookMetadata struct {
	DefaultParameters    map[string]any  `json:"default_parameters"`
	EnvironmentVariables map[string]any  `json:"environment_variables"`
	Parameters           json.RawMessage `json:"parameters"`
	Version              string          `json:"version"`
	InputPath            string          `json:"input_path"`
	OutputPath           string          `json:"output_path"`
	StartTime            *string         `json:"start_time"`
	EndTime              *string         `json:"end_time"`
	Duration             *float64        `json:"duration"`
	Exception            *bool           `json:"exception"`
}

// cellMetadata is metadata.papermill of a cell.
type cellMetadata struct {
	Duration  *float64 `json:"duration"`
	EndTime   *string  `json:"end_time"`
	Exception *bool    `json:"exception"`
	StartTime *string  `json:"start_time"`
	Status    Status   `json:"status"`
}

// stamp is a time as Python's isoformat writes it; nil for none.
func stamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format(stampFormat)
	return &s
}

const stampFormat = "2006-01-02T15:04:05.000000-07:00"

func seconds(from, to time.Time) *float64 {
	if from.IsZero() || to.IsZero() {
		return nil
	}
	s := float64(to.Sub(from).Microseconds()) / 1e6
	return &s
}

func (r *run) notebookMetadata() notebookMetadata {
	return notebookMetadata{
		DefaultParameters: map[string]any{}, EnvironmentVariables: map[string]any{}, Parameters: r.Parameters.JSON(),
		Version: r.Version, InputPath: r.Result.Notebook.Name(), OutputPath: r.outputName(),
	}
}

// writeParameters records what the notebook was called with.
func (r *run) writeParameters() { r.writeMetadata(r.notebookMetadata()) }

// writeMetadata sets metadata.papermill, value by value: encoding/json refuses parameters with NaN.
func (r *run) writeMetadata(m notebookMetadata) {
	if !r.Classic {
		set(r.Result.Notebook.Metadata(), "papermill", struct{}{})
	}
	metadata := r.Result.Notebook.Metadata()
	first := !r.Classic || metadata.Raw("papermill") == nil
	papermill := metadata.Object("papermill")
	if !r.Managed {
		set(papermill, "input_path", m.InputPath)
		set(papermill, "output_path", m.OutputPath)
	}
	if first || len(r.Parameters) > 0 || r.Comment != nil {
		set(papermill, "parameters", m.Parameters)
	}
	if first {
		set(papermill, "default_parameters", m.DefaultParameters)
		set(papermill, "environment_variables", m.EnvironmentVariables)
		set(papermill, "version", m.Version)
	}
	if r.Classic && r.PrepareOnly {
		return
	}
	set(papermill, "start_time", m.StartTime)
	set(papermill, "end_time", m.EndTime)
	set(papermill, "duration", m.Duration)
	set(papermill, "exception", m.Exception)
}

// prepareCells gives cells that will not run the metadata that Papermill gives those that it has read.
func prepareCells(nb *nbformat.Notebook, injected *nbformat.Cell) {
	for _, c := range nb.Cells() {
		if c.Metadata().Raw("tags") == nil {
			c.SetTags()
		}
		if c.Metadata().Raw("papermill") == nil && c != injected {
			set(c.Metadata(), "papermill", struct{}{})
		}
	}
}

// begin takes away what an earlier run has left.
func (r *run) begin() {
	r.Result.Notebook.Metadata().Delete("widgets")
	for i := range r.Cells {
		c := &r.Cells[i]
		if c.notebook.Metadata().Raw("tags") == nil {
			c.notebook.SetTags()
		}
		c.notebook.Metadata().Delete("execution")
		set(c.notebook.Metadata(), "papermill", cellMetadata{Status: Pending})
		if c.Type == "code" {
			c.notebook.SetExecutionCount(0)
		}
	}
	m := r.notebookMetadata()
	m.StartTime = stamp(r.Started)
	r.writeMetadata(m)
}

// finish records how the run ended, and marks the place of an error as Papermill does.
func (r *run) finish(err error) {
	r.Ended = time.Now()
	papermill := r.Result.Notebook.Metadata().Object("papermill") // with what the run began with, which a recovered run knows only from there
	set(papermill, "end_time", stamp(r.Ended))
	set(papermill, "duration", seconds(r.Started, r.Ended))
	failed := slices.IndexFunc(r.Cells, func(c Cell) bool { return c.Status == Failed })
	if err != nil && (failed >= 0 || r.marked == nil) { // to Papermill an error that was only shown is none here
		set(papermill, "exception", true)
	}
	r.board.writeWidgets(r.Result.Notebook)
	if failed >= 0 {
		r.marked = cmp.Or(r.marked, r.Cells[failed].notebook)
	}
	if r.marked != nil && !r.Managed {
		mark(r.Result.Notebook, r.marked)
	}
}

func (r *run) writeCell(c *Cell) {
	failed := c.Status == Failed
	set(c.notebook.Metadata(), "papermill", cellMetadata{
		Exception: &failed, StartTime: stamp(c.Started), EndTime: stamp(c.Ended), Duration: seconds(c.Started, c.Ended), Status: c.Status,
	})
	if c.ran {
		set(c.notebook.Metadata(), "execution", r.board.cells[c.index].timing)
	}
}

// writeLanguage replaces language_info by what the kernel says of itself.
func (r *run) writeLanguage() error {
	var info struct {
		LanguageInfo json.RawMessage `json:"language_info"`
	}
	if json.Unmarshal(r.kernel.Info, &info) != nil || info.LanguageInfo == nil {
		return nil
	}
	set(r.Result.Notebook.Metadata(), "language_info", info.LanguageInfo)
	_, err := r.board.journal.Add(event{Event: eventKernel, Language: info.LanguageInfo}, nil)
	return err
}

// set sets metadata that always encodes.
func set(o nbformat.Object, key string, value any) {
	if err := o.Set(key, value); err != nil {
		panic(err)
	}
}

const errorTag = "papermill-error-cell-tag"

const errorStyle = `style="color:red; font-family:Helvetica Neue, Helvetica, Arial, sans-serif; font-size:2em;"`

// mark adds Papermill's two cells that lead a reader to the error.
func mark(nb *nbformat.Notebook, failed *nbformat.Cell) {
	number := "None"
	if n := failed.ExecutionCount(); n > 0 {
		number = fmt.Sprint(n)
	}
	nb.Insert(failed.Index(), "markdown", `<span id="papermill-error-cell" `+errorStyle+
		`>Execution using papermill encountered an exception here and stopped:</span>`).SetTags(errorTag)
	nb.Insert(0, "markdown", `<span `+errorStyle+`>An Exception was encountered at '<a href="#papermill-error-cell">In [`+
		number+`]</a>'.</span>`).SetTags(errorTag)
}

// unmark takes away the cells that mark added to an executed notebook.
func unmark(nb *nbformat.Notebook) {
	for _, c := range nb.Cells() {
		if c.HasTag(errorTag) {
			nb.Delete(c)
		}
	}
}

func hideSources(nb *nbformat.Notebook) {
	for _, c := range nb.Cells() {
		if c.Type() == "code" {
			set(c.Metadata(), "jupyter", map[string]bool{"source_hidden": true})
		}
	}
}
