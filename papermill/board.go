package papermill

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cellar-go/cellar/internal/jupyter"
	"github.com/cellar-go/cellar/papermill/journal"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// board knows what the cells of a run have shown so far. The outputs themselves are in the journal, each as it will stand in the notebook;
// all that changes the board is a record there, so that a crashed run's board can be made again.
type board struct {
	journal  *journal.Journal
	layout   nbformat.Layout
	cells    []*cellOutputs          // of all cells of the notebook, in its order
	replays  map[int]*cellOutputs    // of cells that run again; they take the place of the old ones when the cell is through
	byParent map[string]*cellOutputs // by the id of the execute_request; what names none, as from Calysto's threads, came from the last that ran
	asides   map[string]bool         // by the id of the request: those that are no cell's, and only print a mark
	mark     string                  // that of the last one, until it has come
	displays map[string][]*display   // by display_id
	widgets  widgets
	hooks    map[string][]*widget                  // by the id of the execute_request: Output widgets that take its outputs, the last one first
	shown    func(*nbformat.Cell, nbformat.Output) // is told of each output
	mask     Mask
}

// display is what all outputs of one display_id show that stand alike in the notebook: they have one text, however many they are.
type display struct {
	widgets  bool // they are in Output widgets, whose outputs stand deeper
	kind     string
	count    int
	body     journal.Body
	showings []*cellOutputs // where they are, or were
}

// cellOutputs is what a cell has shown, or an Output widget.
type cellOutputs struct {
	cell      *nbformat.Cell
	index     int    // of the cell in the notebook
	comm      string // of the widget
	layout    nbformat.Layout
	replay    bool // it is one of the board's replays
	outputs   []*output
	held      map[string][]byte // by stream: the end of what came, which may be the start of a secret
	changed   bool              // since the notebook's list was made
	untold    bool              // since the caller was told of it
	clearNext bool              // clear_output(wait=True): clear when something comes to take the place
	idle      bool              // the kernel has said that all outputs of the request are sent
	open      bool              // what comes after that is not late, as where the kernel sends what is printed on a way of its own: see settle
	late      int               // index of the first output that came after that all the same; -1 without
	timing    map[string]string // as nbclient writes it into metadata.execution
	shown     *nbformat.Output  // the first error that is shown, but for the one with which a notebook ends itself; the cell need not have failed
	last      *nbformat.Output  // the last error that is shown
	refused   *nbformat.Output  // the error of the kernel's answer, which it doesn't always show (IPython's unknown magics)
	said      bool              // the cell is to show that error, which the kernel does not
	exits     bool              // the cell asked for the end of the notebook, as IPython's exit() does
}

// output is one output: of a stream its text, in pieces; of others their text in the notebook.
type output struct {
	Type, Name string
	body       *journal.Body // that of its display, for one that has an id
}

func newBoard(nb *nbformat.Notebook, j *journal.Journal) *board {
	b := &board{journal: j, layout: nb.Layout(), byParent: map[string]*cellOutputs{}, asides: map[string]bool{}, displays: map[string][]*display{},
		replays: map[int]*cellOutputs{}, widgets: widgets{}, hooks: map[string][]*widget{}}
	for i, c := range nb.Cells() {
		b.cells = append(b.cells, &cellOutputs{cell: c, index: i, layout: b.layout, late: -1, timing: map[string]string{}})
	}
	return b
}

// content is what the iopub messages that matter here can hold.
type content struct {
	ExecutionState string                     `json:"execution_state"`
	ExecutionCount int                        `json:"execution_count"`
	Name           string                     `json:"name"`
	Text           string                     `json:"text"`
	Data           map[string]json.RawMessage `json:"data"`
	Metadata       map[string]json.RawMessage `json:"metadata"`
	Transient      struct {
		DisplayID string `json:"display_id"`
	} `json:"transient"`
	Wait      bool     `json:"wait"`
	EName     string   `json:"ename"`
	EValue    string   `json:"evalue"`
	Traceback []string `json:"traceback"`

	large     map[string]*io.SectionReader // members of data that are too large to hold
	largeText *io.SectionReader            // a text that is
}

// read reads the content of a message.
func read(m *jupyter.Message) (in content, err error) {
	if in.ExecutionState = plainState(m); in.ExecutionState != "" {
		return in, nil
	}
	if m.Large == nil {
		return in, m.Decode(&in)
	}
	members, err := nbformat.Members(m.Large.SectionReader)
	if err != nil {
		return in, err
	}
	if members["data"] != nil && members["data"].Size() > mostInMemory {
		if in.large, err = nbformat.Members(members["data"]); err != nil {
			return in, err
		}
		delete(members, "data")
	}
	if text := members["text"]; text != nil && text.Size() > mostInMemory {
		in.largeText = text
		delete(members, "text")
	}
	small := map[string]json.RawMessage{}
	for name, value := range members {
		if small[name], err = io.ReadAll(value); err != nil {
			return in, err
		}
	}
	text, err := json.Marshal(small)
	if err != nil {
		return in, err
	}
	m.Content = text
	return in, m.Decode(&in)
}

// plainState is what a status says, as nearly all kernels write it: most messages of a cell that shows little are no more.
func plainState(m *jupyter.Message) string {
	if m.Header.Type == "status" {
		switch string(m.Content) {
		case `{"execution_state": "busy"}`, `{"execution_state":"busy"}`:
			return "busy"
		case `{"execution_state": "idle"}`, `{"execution_state":"idle"}`:
			return "idle"
		}
	}
	return ""
}

// mostInMemory is the size beyond which a value of a large message stays in its file.
const mostInMemory = 1 << 16

// publish takes in a message of iopub, if it belongs to a cell of ours (and is not another client's, or the kernel's own status).
func (b *board) publish(m *jupyter.Message) error {
	if m.Large != nil {
		defer m.Large.Close()
	}
	c := b.byParent[m.Parent.ID]
	if c == nil || m.Parent.ID == "" && m.Header.Type == "status" || b.aside(m) {
		return nil
	}
	switch m.Header.Type {
	case "comm_open", "comm_msg":
		return b.widget(c, m)
	case "status", "execute_input", "stream", "display_data", "update_display_data", "execute_result", "error", "clear_output":
	default:
		return nil
	}
	in, err := read(m)
	if err != nil {
		return unreadable{err}
	}
	b.mask.content(&in)
	out := nbformat.Output{Type: m.Header.Type, Data: in.Data, Metadata: in.Metadata, Large: in.large}
	switch m.Header.Type {
	case "status":
		c.timing["iopub.status."+in.ExecutionState] = m.Header.Date
		if in.ExecutionState != "idle" {
			return nil
		}
		if !c.open {
			err = b.end(c)
		}
		c.idle = true
		return err
	case "execute_input":
		c.timing["iopub.execute_input"] = m.Header.Date
		c.cell.SetExecutionCount(in.ExecutionCount)
		return nil
	case "clear_output":
		to := b.taker(m.Parent.ID, c)
		if to.clearNext = in.Wait; !in.Wait {
			return b.clear(to)
		}
		return nil
	case "stream":
		return b.stream(b.taker(m.Parent.ID, c), in)
	case "update_display_data":
		b.shown(c.cell, out)
		return b.update(c, in.Transient.DisplayID, out, nil)
	case "execute_result":
		out.ExecutionCount = in.ExecutionCount
		c.cell.SetExecutionCount(in.ExecutionCount)
	case "error":
		out = nbformat.Output{Type: "error", EName: in.EName, EValue: in.EValue, Traceback: in.Traceback}
	}
	to := b.taker(m.Parent.ID, c)
	if to == c {
		b.shown(c.cell, out)
	}
	return b.show(to, out, in.Transient.DisplayID)
}

// end takes in what was held back of a cell: no more of it comes.
func (b *board) end(c *cellOutputs) error {
	err := errors.Join(b.release(c, ""), b.releaseWidgets())
	c.open = false
	return err
}

// aside reports whether a message only says how a request went that is no cell's, or is the mark that one was to print.
func (b *board) aside(m *jupyter.Message) bool {
	switch m.Header.Type {
	case "status", "execute_input":
		return b.asides[m.Parent.ID]
	case "stream":
		if b.mark != "" && bytes.Contains(m.Content, []byte(b.mark)) {
			b.mark = ""
			return true
		}
	}
	return false
}

// unreadable: the kernel sent what can't be read, so an output is lost.
type unreadable struct{ error }

func (e unreadable) Error() string {
	return "a message of the kernel can't be read: " + e.error.Error()
}

// show adds an output to a cell.
func (b *board) show(c *cellOutputs, out nbformat.Output, display string) error {
	if err := b.makeRoom(c); err != nil {
		return err
	}
	if err := b.release(c, ""); err != nil {
		return err
	}
	e := c.event(eventOutput)
	e.Type, e.Count, e.Display, e.Late = out.Type, out.ExecutionCount, display, c.ended()
	if out.Type == "error" {
		e.Error = &cellFailure{out.EName, out.EValue, out.Traceback}
	}
	body, err := b.write(e, c.layout, out)
	if err == nil {
		err = b.apply(e, body)
	}
	if err != nil || display == "" {
		return err
	}
	return b.update(c, display, out, b.display(e))
}

// stream adds to a stream of a cell.
func (b *board) stream(c *cellOutputs, in content) error {
	if err := b.makeRoom(c); err != nil {
		return err
	}
	if err := b.release(c, in.Name); err != nil {
		return err
	}
	return b.add(c, in.Name, func(w io.Writer) error {
		text := b.mask.Writer(w)
		text.held = c.held[in.Name]
		var err error
		if in.largeText != nil {
			err = nbformat.CopyText(text, in.largeText)
		} else {
			_, err = io.WriteString(text, in.Text)
		}
		if text.held != nil || c.held != nil {
			c.held = map[string][]byte{in.Name: text.held}
		}
		return err
	})
}

// release adds what was held back of all streams but one, since something else comes now.
func (b *board) release(c *cellOutputs, but string) error {
	for name, held := range c.held {
		if name == but || len(held) == 0 {
			continue
		}
		delete(c.held, name)
		if err := b.add(c, name, func(w io.Writer) error { _, err := io.WriteString(w, b.mask.Text(string(held))); return err }); err != nil {
			return err
		}
	}
	return nil
}

// add adds the text that is written to a stream of a cell.
func (b *board) add(c *cellOutputs, name string, write func(io.Writer) error) error {
	e := c.event(eventStream)
	e.Name, e.Late = name, c.ended()
	w := b.journal.Begin(e)
	err := write(io.MultiWriter(w, pieces(func(text []byte) {
		if c.comm == "" {
			b.shown(c.cell, nbformat.Output{Type: "stream", Name: name, Text: string(text)})
		}
	})))
	body, ended := w.End()
	if err := errors.Join(err, ended); err != nil {
		return err
	}
	return b.apply(e, body)
}

// pieces is a writer that hands on what it gets.
type pieces func(text []byte)

func (p pieces) Write(text []byte) (int, error) { p(text); return len(text), nil }

// update replaces what all displays of this id show, in whichever cell they are, but for the one that shows it already.
func (b *board) update(c *cellOutputs, id string, by nbformat.Output, but *display) error {
	for _, d := range b.displays[id] {
		if d == but {
			continue
		}
		by.Type, by.ExecutionCount = d.kind, d.count
		e := event{Event: eventUpdate, Cell: c.index, Replay: c.replay, Display: id, Type: d.kind, Count: d.count, Widgets: d.widgets}
		layout := b.layout
		if d.widgets {
			layout = b.widgetLayout()
		}
		body, err := b.write(e, layout, by)
		if err == nil {
			err = b.apply(e, body)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// display is the display that a record shows or replaces, which is made where there is none.
func (b *board) display(e event) *display {
	widgets := e.Widgets || e.Event == eventOutput && e.Comm != ""
	for _, d := range b.displays[e.Display] {
		if d.widgets == widgets && d.kind == e.Type && d.count == e.Count {
			return d
		}
	}
	d := &display{widgets: widgets, kind: e.Type, count: e.Count}
	b.displays[e.Display] = append(b.displays[e.Display], d)
	return d
}

// set makes all outputs of a display show something else.
func (d *display) set(body journal.Body) {
	d.body = body
	for _, c := range d.showings {
		c.changed, c.untold = true, true
	}
}

// makeRoom does what clear_output(wait=True) has put off.
func (b *board) makeRoom(c *cellOutputs) error {
	if !c.clearNext {
		return nil
	}
	c.clearNext = false
	return b.clear(c)
}

func (b *board) clear(c *cellOutputs) error {
	e := c.event(eventClear)
	if _, err := b.journal.Add(e, nil); err != nil {
		return err
	}
	return b.apply(e, nil)
}

// write puts an output's text into the journal.
func (b *board) write(e event, layout nbformat.Layout, out nbformat.Output) (journal.Body, error) {
	w := b.journal.Begin(e)
	text := b.mask.jsonWriter(w)
	if err := layout.Output(text, out); err != nil {
		return nil, cmp.Or(b.journal.Err(), error(unreadable{err})) // whose fault it is that it can't be written
	}
	if err := text.Flush(); err != nil {
		return nil, err
	}
	return w.End()
}

// apply makes a change that is in the journal.
func (b *board) apply(e event, body journal.Body) error {
	if e.Cell < 0 || e.Cell >= len(b.cells) {
		return fmt.Errorf("cellar: journal: there is no cell %d", e.Cell+1)
	}
	switch e.Event {
	case eventWidget:
		b.widgets.apply(e, body)
		return nil
	case eventUpdate:
		b.display(e).set(body)
		return nil
	}
	c := b.of(e.Cell, e.Replay)
	if e.Comm != "" {
		c = b.shownBy(e.Comm, c)
	}
	c.changed, c.untold = true, true
	last := len(c.outputs) - 1
	switch e.Event {
	case eventClear:
		c.outputs, c.shown, c.last, c.held, c.late = nil, nil, nil, nil, -1
	case eventStream:
		if c.begins(e) { // a late piece is no part of what the cell printed while it ran
			last = -1
		}
		if last >= 0 && c.outputs[last].Type == "stream" && c.outputs[last].Name == e.Name {
			*c.outputs[last].body = append(*c.outputs[last].body, body...)
			return nil
		}
		c.outputs = append(c.outputs, &output{Type: "stream", Name: e.Name, body: &body})
	case eventOutput:
		c.begins(e)
		out := &output{Type: e.Type, body: &body}
		c.outputs = append(c.outputs, out)
		if e.Display != "" {
			d := b.display(e)
			out.body = &d.body
			if !slices.Contains(d.showings, c) {
				d.showings = append(d.showings, c)
			}
			d.set(body)
		}
		if e.Error != nil {
			c.last = &nbformat.Output{Type: "error", EName: e.Error.EName, EValue: e.Error.EValue, Traceback: e.Error.Traceback}
			if c.shown == nil && !exits(c.last) {
				c.shown = c.last
			}
		}
	}
	return nil
}

// ended reports whether all has come that the cell has shown while it ran.
func (c *cellOutputs) ended() bool { return c.idle && !c.open }

// begins reports whether a record is the first of its cell that came late.
func (c *cellOutputs) begins(e event) bool {
	if !e.Late || c.late >= 0 {
		return false
	}
	c.late = len(c.outputs)
	return true
}

// of returns what a cell has shown, in this run of it.
func (b *board) of(cell int, replay bool) *cellOutputs {
	if !replay {
		return b.cells[cell]
	}
	if b.replays[cell] == nil {
		b.replays[cell] = &cellOutputs{cell: b.cells[cell].cell, index: cell, layout: b.layout, replay: true, changed: true, late: -1, timing: map[string]string{}}
	}
	return b.replays[cell]
}

// replayed puts what a cell showed when it ran again in the place of what it had shown before.
func (b *board) replayed(cell int) {
	b.cells[cell] = b.of(cell, true)
}

// list makes the outputs' lists in the notebook; their texts are read when it is written.
func (b *board) list() {
	for _, c := range b.cells {
		c.list(b.journal)
	}
}

func (c *cellOutputs) list(j *journal.Journal) {
	papermill := c.cell.Metadata().Object("papermill")
	switch {
	case c.late >= 0:
		set(papermill, "late", c.late)
	case c.changed:
		papermill.Delete("late")
	}
	if !c.changed {
		return
	}
	c.changed = false
	c.cell.ClearOutputs()
	for _, o := range c.outputs {
		c.cell.AppendLaid(laidOutput{o, j, c.layout})
	}
}

// laidOutput writes an output from the journal.
type laidOutput struct {
	*output
	journal *journal.Journal
	layout  nbformat.Layout
}

func (o laidOutput) WriteTo(w io.Writer) (int64, error) {
	if o.Type != "stream" {
		return 0, o.journal.Copy(w, *o.body)
	}
	s := o.layout.Stream(w, o.Name)
	return 0, cmp.Or(o.journal.Copy(s, *o.body), s.Close())
}

// event begins the record of a change.
func (c *cellOutputs) event(kind string) event {
	return event{Event: kind, Cell: c.index, Replay: c.replay, Comm: c.comm}
}

// error is why the cell has failed, nil if it has not: what the kernel answers decides, and what it has shown last may say more.
func (c *cellOutputs) error() *nbformat.Output {
	switch said, last := c.refused, c.last; {
	case said == nil || last == nil:
		return said
	case last.EName == said.EName && last.EValue == said.EValue, said.EValue == "" && len(said.Traceback) == 0:
		return last
	}
	return c.refused
}

// exits reports whether an error is that with which a notebook may end itself, which is Papermill's rule.
func exits(out *nbformat.Output) bool {
	return errorName(out.EName) == "SystemExit" && (out.EValue == "" || out.EValue == "0")
}
