// Package page writes an executed notebook as one HTML file that reads well on a screen and on paper.
//
// The file needs nothing beside it and no network: pictures, formulas (mathml), colours of code (highlight) and of terminals (terminal)
// are in it, and no script of ours. It knows notebooks (nbformat) and what a run writes into their metadata; it must not know kernels,
// or how a notebook is run. What is text is escaped; HTML that a cell gave out is shown as it is, as Jupyter does, but can't
// swallow what comes after it. Start reading at Write.
//
// Screen and paper differ in three things. A text output of more than 60 lines scrolls on the screen and is whole on paper: nothing is
// ever cut. What a cell's metadata folds away (hide_input, source_hidden and the like) can be opened on the screen and is not on
// paper; what it removes (remove_input and the like) is in neither. The screen may be dark; paper is always light.
//
// Where an output has several forms, the richest that needs no script is shown. A live output, such as a chart that a script
// draws, is shown as its picture or its description, with a note that says what it is. The widgets of ipywidgets are drawn as they stood at
// the run's end, from the states in metadata.widgets, without scripts; others are live outputs.
package page
