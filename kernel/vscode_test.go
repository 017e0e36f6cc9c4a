package kernel

import (
	"slices"
	"testing"
)

// TestVSCode moves widgets in the widget manager of VS Code, and is as TestWidgets otherwise. web/test/vscode.mjs says what must come of it.
func TestVSCode(t *testing.T) {
	browse(t, "vscode", notebook(t, slices.Concat(widgetNotebook, controlNotebook)))
}

// controlNotebook are the controls that widgetNotebook does not have.
var controlNotebook = []string{
	`number := widget.NumberField(3, widget.Description("number"))
span := widget.RangeSlider(0, 10, widget.Value([2]int{2, 5}), widget.Description("range"))
list := widget.Select([]string{"apple", "pear"}, widget.Description("list"))
several := widget.SelectSeveral([]string{"one", "two", "three"}, widget.Description("several"))
radio := widget.Radio([]string{"red", "green"}, widget.Description("radio"))
notes := widget.TextArea(widget.Description("notes"))
secret := widget.Password(widget.Description("secret"))
toggle := widget.Toggle(widget.Description("toggle"))
all := widget.Label("")
tell := func() {
	all.Set(fmt.Sprintf("number %v, range %v, list %v, several %v, radio %v, notes %q, secret %v, toggle %v, …",
		number.Value(), span.Value(), list.Value(), several.Value(), radio.Value(), notes.Value(), secret.Value(), toggle.Value()))
}
number.OnChange(func(int) { tell() })
span.OnChange(func([2]int) { tell() })
list.OnChange(func(string) { tell() })
several.OnChange(func([]string) { tell() })
radio.OnChange(func(string) { tell() })
notes.OnChange(func(string) { tell() })
secret.OnChange(func(string) { tell() })
toggle.OnChange(func(bool) { tell() })
widget.Tab([]string{"controls", "more"},
	widget.VBox(number, span, list, several, radio, notes, secret, toggle, all),
	widget.Accordion([]string{"inner"}, widget.HTML("<i>slanted</i>")))`,
	`number.Set(7)
span.Set([2]int{0, 1})
list.Set("apple")
several.Set([]string{"one"})
radio.Set("red")
notes.Set("from Go")
secret.Set("dad")
toggle.Set(false)`,
	`area := widget.Output()
add := widget.Button("Add")
add.OnClick(func() {
	fmt.Fprintln(area, "a line")
	area.Do(func() { display.HTML("<b>bold</b>") })
	area.Show(widget.Label("within"))
})
widget.VBox(add, area)`,
	`bar := display.Progress(4)
step := widget.Button("Step")
step.OnClick(func() { bar.Add(4) })
step`,
	`stopped := make(chan bool)
halt := widget.Button("Halt")
halt.OnClick(func() { close(stopped) })
halt`,
	`fmt.Println("waiting")
<-stopped`,
}
