package papermill

import (
	"encoding/json"
	"fmt"
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
	Exception *bool    `json:"exception"`
	StartTime *string  `json:"start_time"`
	EndTime   *string  `json:"end_time"`
	Duration  *float64 `json:"duration"`
	Status    Status   `json:"status"`
}

// stamp is a time as Python's isoformat writes it; nil for none.
func stamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format("2006-01-02T15:04:05.000000-07:00")
	return &s
}

func seconds(from, to time.Time) *float64 {
	if from.IsZero() || to.IsZero() {
		return nil
	}
	s := float64(to.Sub(from).Microseconds()) / 1e6
	return &s
}

func (r *run) notebookMetadata() notebookMetadata {
	return notebookMetadata{
		DefaultParameters: map[string]any{}, EnvironmentVariables: map[string]any{}, Parameters: r.Parameters.json(),
		Version: r.Version, InputPath: r.Result.Notebook.Name(), OutputPath: r.Output,
	}
}

// writeParameters records what the notebook was called with.
func (r *run) writeParameters() { set(r.Result.Notebook.Metadata(), "papermill", r.notebookMetadata()) }

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
			c.notebook.ClearOutputs()
			c.notebook.SetExecutionCount(0)
		}
	}
	m := r.notebookMetadata()
	m.StartTime = stamp(r.Started)
	set(r.Result.Notebook.Metadata(), "papermill", m)
}

// finish records how the run ended, and marks the place of an error as Papermill does.
func (r *run) finish(err error) {
	r.Ended = time.Now()
	m := r.notebookMetadata()
	m.StartTime, m.EndTime, m.Duration = stamp(r.Started), stamp(r.Ended), seconds(r.Started, r.Ended)
	if failed := err != nil; failed {
		m.Exception = &failed
	}
	set(r.Result.Notebook.Metadata(), "papermill", m)
	r.board.widgets.write(r.Result.Notebook)
	for i := range r.Cells {
		if r.Cells[i].Status == Failed {
			mark(r.Result.Notebook, r.Cells[i].notebook)
			return
		}
	}
}

func (r *run) writeCell(c *Cell) {
	failed := c.Status == Failed
	set(c.notebook.Metadata(), "papermill", cellMetadata{
		Exception: &failed, StartTime: stamp(c.Started), EndTime: stamp(c.Ended), Duration: seconds(c.Started, c.Ended), Status: c.Status,
	})
	if c.outputs != nil {
		set(c.notebook.Metadata(), "execution", c.outputs.timing)
	}
}

// writeLanguage replaces language_info by what the kernel says of itself.
func (r *run) writeLanguage() {
	var info struct {
		LanguageInfo json.RawMessage `json:"language_info"`
	}
	if json.Unmarshal(r.kernel.info, &info) == nil && info.LanguageInfo != nil {
		set(r.Result.Notebook.Metadata(), "language_info", info.LanguageInfo)
	}
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
