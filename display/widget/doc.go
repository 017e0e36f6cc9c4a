// Package widget makes controls that talk back: sliders, buttons, choices, texts, boxes of them, and widgets that bring their own
// JavaScript.
//
//	s := widget.Slider(0, 100, widget.Description("size"))
//	s.OnChange(func(size int) { fmt.Println("now", size) })
//	s // as the last value of a cell: shows it
//
// They are Jupyter's own widgets (@jupyter-widgets, protocol 2.1), so every front-end that knows those shows them; nothing of Python runs.
// Functions given to OnChange and OnClick run one after the other, also while a cell runs: what takes long should start a goroutine. What
// they print and show appears under the cell that made the widget. Outside of a live session widgets are values that nobody moves. It
// knows display and comm. Start reading at Model; the controls are in controls.go.
package widget
