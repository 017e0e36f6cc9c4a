package wire

// Ask is the call by which a cell asks the user for a line; its argument is a Question as JSON, its answer the line.
const Ask = "ask"

// Question is what is asked.
type Question struct {
	Prompt string `json:"prompt"`
	Hidden bool   `json:"hidden,omitempty"` // what is typed is not shown
}
