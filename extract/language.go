package extract

// Language writes asset cells of one notebook as functions. An implementation must not read or write any file but through what it was
// made with, must give equal results for equal input, and must refuse, with the cell, the line and the way out, whatever it can't be
// sure of: that the function is then equal to the cell is proved by running both, but what the proof can't see must not change.
type Language interface {
	// Candidates says of every cell what it could become, as far as reading tells.
	Candidates() []Candidate
	// Extract writes the slice of the asset cell that makes the asset of that name.
	Extract(asset string, to Target) (*Function, error)
	// Test writes the test file of a function from a case that was computed.
	Test(f *Function, c Case) (string, error)
}

// Target is the package that a function goes to.
type Target struct {
	Folder string            // slash path from the project's root
	Files  map[string][]byte // its source files by slash path; empty for a new package
	Doc    string            // the markdown above the cell
	// Moved gives the path that a file or folder has from Folder, of one that the cell names by its path from the notebook; false if there is none.
	Moved func(name string) (string, bool)
}

// Function is an asset cell as a function, and what it leaves on the page.
type Function struct {
	Assets   []string // their keys
	Package  string   // its name
	Name     string
	File     string // slash path
	Source   string // of File; "" if the package has this very function
	TestFile string // slash path
	Inputs   []Parameter
	Outputs  []Parameter
	Cells    []Cell // that change, in page order
}

// Parameter is an input or output as the source writes it, and the asset's key.
type Parameter struct{ Name, Type, Key string }

// Cell is a cell of the page as it will be.
type Cell struct {
	Number int    // its place on the page now, from 1
	Text   string // "" if the cell goes
}

// Case is what a function gives for a few rows, written in its language.
type Case struct {
	Inputs, Outputs []string // expressions, in the order of the parameters
	Rows            []int    // of each output; -1 for what has none. Outputs holds the first of many only
	Imports         []string // what they need
	Empty           bool     // no rows in, since a few rows alone mean nothing to the function
}

// Candidate is a code cell of the page, and what it could become.
type Candidate struct {
	ID       string
	Number   int // its place on the page, from 1
	Assets   []string
	Becomes  string // such as "func Features(flights, planes, weather)"; for a cell that is no asset, what to do with it
	Obstacle error  // why it can't
}
