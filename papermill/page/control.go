package page

import (
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// control draws a widget beside its description.
func (p *writer) control(w *widget, draw func()) {
	fmt.Fprintf(p, `<div class="widget-control"%s>`, p.size(w))
	if description := w.text("description"); description != "" {
		p.WriteString(`<span class="widget-name">`)
		var isHTML bool
		if w.get("description_allow_html", &isHTML); isHTML {
			p.fragment(description, fragment{})
		} else {
			p.text(description)
		}
		p.WriteString("</span>")
	}
	draw()
	p.WriteString("</div>")
}

// span writes a text in an element of its own.
func (p *writer) span(class, text string) {
	fmt.Fprintf(p, `<span class="%s">%s</span>`, class, escape(text))
}

// share is where a value stands between two others, in percent.
func share(value, least, most float64) float64 {
	if s := 100 * (value - least) / (most - least); s >= 0 { // not NaN
		return min(s, 100)
	}
	return 0
}

func slider(p *writer, w *widget) {
	least, most := w.number("min", 0), w.number("max", 100)
	key := "value"
	labels := w.texts("_options_labels")
	if labels != nil {
		key, least, most = "index", 0, float64(len(labels)-1)
	}
	values := []float64{0}
	if !w.get(key, &values[0]) {
		w.get(key, &values)
	}
	var shown []string
	from, to := 100., 0.
	for i, v := range values {
		if labels == nil {
			shown = append(shown, readout(v, w.text("readout_format")))
		} else if i := int(v); i >= 0 && i < len(labels) {
			shown = append(shown, labels[i])
		}
		if w.Name == "FloatLogSliderModel" {
			values[i] = math.Log(v) / math.Log(w.number("base", 10))
		}
		at := share(values[i], least, most)
		from, to = min(from, at), max(to, at)
	}
	if len(values) == 1 {
		from = 0
	}
	p.control(w, func() {
		fmt.Fprintf(p, `<span class="widget-track"><span class="widget-fill" style="left:%.4g%%;width:%.4g%%"></span>`, from, max(to-from, 0))
		for _, v := range values {
			fmt.Fprintf(p, `<span class="widget-knob" style="left:%.4g%%"></span>`, share(v, least, most))
		}
		p.WriteString("</span>")
		p.span("widget-value", strings.Join(shown, " – "))
	})
}

// readoutFormat is what widgets use of d3's formats.
var readoutFormat = regexp.MustCompile(`^\.([0-9])([fge%])$`)

func readout(v float64, format string) string {
	m := readoutFormat.FindStringSubmatch(format)
	if m == nil {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	precision, _ := strconv.Atoi(m[1])
	if m[2] == "%" {
		return strconv.FormatFloat(100*v, 'f', precision, 64) + "%"
	}
	return strconv.FormatFloat(v, m[2][0], precision, 64)
}

// moods are the styles that a bar or a button can have, each with a class of its own.
var moods = words("primary success info warning danger")

func mood(style string) string {
	if moods[style] {
		return " " + style
	}
	return ""
}

func bar(p *writer, w *widget) {
	value := w.number("value", 0)
	part := share(value, w.number("min", 0), w.number("max", 100))
	style := fmt.Sprintf("width:%.4g%%", part)
	if s := p.widget(w.text("style")); s != nil && colour.MatchString(s.text("bar_color")) {
		style += ";background:" + s.text("bar_color")
	}
	p.control(w, func() {
		fmt.Fprintf(p, `<span class="widget-bar%s" role="img" aria-label="%.0f%%"><span style="%s"></span></span>`, mood(w.text("bar_style")), part, style)
	})
}

func field(p *writer, w *widget) {
	value := w.text("value")
	switch raw := w.State["value"]; {
	case w.Name == "PasswordModel" && value != "":
		value = "••••••••"
	case w.Name == "DatePickerModel":
		var date struct{ Year, Month, Date int } // months are counted from 0
		if w.get("value", &date) {
			value = fmt.Sprintf("%04d-%02d-%02d", date.Year, date.Month+1, date.Date)
		}
	case value == "" && len(raw) > 0 && raw[0] != '"' && string(raw) != "null":
		value = string(raw)
	}
	class := "widget-field"
	if value == "" {
		value = strings.Trim(w.text("placeholder"), "\u200b")
		class += " empty"
	}
	p.control(w, func() {
		if w.Name == "ColorPickerModel" && colour.MatchString(value) {
			fmt.Fprintf(p, `<span class="widget-swatch" style="background:%s"></span>`, value)
		}
		p.span(class, value)
	})
}

// tick draws a box that is ticked or not.
func (p *writer) tick(on bool) {
	if on {
		p.span("widget-box on", "✓")
	} else {
		p.span("widget-box", "")
	}
}

func checkbox(p *writer, w *widget) {
	var on bool
	w.get("value", &on)
	fmt.Fprintf(p, `<div class="widget-control"%s>`, p.size(w))
	switch {
	case w.Name == "CheckboxModel":
		p.tick(on)
		p.text(w.text("description"))
	case on:
		p.span("widget-name", w.text("description"))
		p.span("widget-valid", "✓")
	default:
		p.span("widget-name", w.text("description"))
		p.span("widget-invalid", "✗ "+w.text("readout"))
	}
	p.WriteString("</div>")
}

func button(p *writer, w *widget) {
	class := "widget-button" + mood(w.text("button_style"))
	var on bool
	if w.get("value", &on); on {
		class += " on"
	}
	text := w.text("description")
	if text == "" {
		text = strings.TrimPrefix(w.text("icon"), "fa-")
	}
	fmt.Fprintf(p, `<span class="%s"%s>%s</span>`, class, p.size(w), escape(text))
}

// chosen are the indices of the options that are chosen.
func (w *widget) chosen() []int {
	all := []int{0}
	if !w.get("index", &all[0]) {
		all = nil
		w.get("index", &all)
	}
	return all
}

func dropdown(p *writer, w *widget) {
	text := ""
	for _, i := range w.chosen() {
		if labels := w.texts("_options_labels"); i >= 0 && i < len(labels) {
			text = labels[i]
		}
	}
	p.control(w, func() { p.span("widget-field widget-dropdown", text) })
}

// choices draws a widget that shows all its options.
func choices(p *writer, w *widget) {
	chosen := w.chosen()
	p.control(w, func() {
		class := "widget-options"
		switch w.Name {
		case "ToggleButtonsModel":
			class = "widget-row"
		case "RadioButtonsModel":
			class = "widget-radios"
		}
		fmt.Fprintf(p, `<span class="%s">`, class)
		for i, label := range w.texts("_options_labels") {
			on := slices.Contains(chosen, i)
			class := ""
			if on {
				class = " on"
			}
			switch w.Name {
			case "ToggleButtonsModel":
				p.span("widget-button"+class, label)
			case "RadioButtonsModel":
				p.WriteString(`<span class="widget-option">`)
				p.span("widget-radio"+class, "")
				p.text(label)
				p.WriteString("</span>")
			default:
				p.span("widget-option"+class, label)
			}
		}
		p.WriteString("</span>")
	})
}

// richText draws HTML, of which nothing runs.
func richText(p *writer, w *widget) {
	p.control(w, func() {
		source, formulas := w.text("value"), []formula(nil)
		if w.Name == "HTMLMathModel" {
			source, formulas = cutFormulas(source)
		}
		p.WriteString(`<div class="widget-html">`)
		p.fragment(source, fragment{formulas: formulas})
		p.WriteString("</div>")
	})
}

func label(p *writer, w *widget) {
	p.control(w, func() {
		plain, formulas := cutFormulas(w.text("value"))
		p.WriteString("<span>")
		fragment{formulas: formulas}.text(p, []byte(escape(plain)), false)
		p.WriteString("</span>")
	})
}

func widgetImage(p *writer, w *widget) {
	mime := pictures["."+strings.ToLower(w.text("format"))]
	for _, b := range w.Buffers {
		if len(b.Path) != 1 || string(b.Path[0]) != `"value"` || mime == "" || !usable("image/png", b.Data) {
			continue
		}
		p.WriteString(`<img class="picture" alt=""`)
		for _, side := range []string{"width", "height"} {
			if n := strings.TrimSuffix(w.text(side), "px"); digits.MatchString(n) {
				fmt.Fprintf(p, ` %s="%s"`, side, n)
			}
		}
		p.WriteString(` src="data:` + mime + `;base64,`)
		io.Copy(p, base64Of(b.Data))
		p.WriteString(`">`)
		return
	}
	p.note("A picture (" + w.Name + ") whose format a page does not know.")
}
