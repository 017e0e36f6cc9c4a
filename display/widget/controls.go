package widget

import (
	"encoding/json"
	"fmt"
	"math"
)

// Number is what sliders and number fields hold.
type Number interface{ int | float64 }

// Slider is a slider from min to max; of floats if one of them is one: Slider(0, 1.0).
func Slider[T Number](min, max T, options ...Option) *Field[T] {
	s, name, traits := gather(options), "IntSlider", map[string]any{"min": min, "max": max}
	if isFloat(min) {
		name = "FloatSlider"
		traits["step"], traits["readout_format"] = steps(float64(max - min))
	}
	return number(name, s, min, traits)
}

// RangeSlider has two handles: its value is the lower and the upper one.
func RangeSlider[T Number](min, max T, options ...Option) *Field[[2]T] {
	s, name, traits := gather(options), "IntRangeSlider", map[string]any{"min": min, "max": max}
	if isFloat(min) {
		name = "FloatRangeSlider"
		traits["step"], traits["readout_format"] = steps(float64(max - min))
	}
	traits["value"] = start(name, s, [2]T{min, max})
	return field[[2]T](control(name, s, traits), "value")
}

// NumberField is a field for a number, which is what it begins with.
func NumberField[T Number](value T, options ...Option) *Field[T] {
	s, name := gather(options), "IntText"
	if isFloat(value) {
		name = "FloatText"
	}
	return number(name, s, value, map[string]any{})
}

func number[T Number](name string, s *settings, value T, traits map[string]any) *Field[T] {
	if i, ok := s.value.(int); ok { // Value(3) is meant for floats too
		s.value = T(i)
	}
	traits["value"] = start(name, s, value)
	f := field[T](control(name, s, traits), "value")
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fits["value"] = func(raw json.RawMessage) bool { v, ok := f.decode(raw); return ok && between(f.Model, v) }
	return f
}

// between reports whether a value is within the bounds of a control that has some. The caller holds mu.
func between[T Number](m *Model, v T) bool {
	for bound, sign := range map[string]float64{"min": 1, "max": -1} {
		var limit float64
		if raw := m.traits[bound]; raw != nil && json.Unmarshal(raw, &limit) == nil && sign*float64(v) < sign*limit {
			return false
		}
	}
	return true
}

func isFloat[T Number](v T) bool { _, ok := any(v).(float64); return ok }

// steps divide a range into a hundred parts or more, and say how many digits show one.
func steps(width float64) (step float64, format string) {
	exponent := math.Floor(math.Log10(width / 100))
	if math.IsNaN(exponent) || math.IsInf(exponent, 0) {
		exponent = -1
	}
	return math.Pow(10, exponent), fmt.Sprintf(".%df", int(math.Max(0, -exponent)))
}

// TextField is a field for a text.
type TextField struct{ *Field[string] }

// Text is a field for a line.
func Text(options ...Option) TextField { return text("Text", options) }

// Password is a field for a line that nobody sees. It is not kept in the notebook as long as widgets' states are not.
func Password(options ...Option) TextField { return text("Password", options) }

// TextArea is a field for a text of several lines.
func TextArea(options ...Option) TextField { return text("Textarea", options) }

func text(name string, options []Option) TextField {
	return TextField{valued[string](name, "", options)}
}

// OnSubmit says what is called with the text when Enter is pressed.
func (t TextField) OnSubmit(f func(string)) { t.onEvent("submit", func() { f(t.Value()) }) }

// Checkbox is a box to be ticked.
func Checkbox(options ...Option) *Field[bool] { return valued("Checkbox", false, options) }

// Toggle is a button that stays pressed.
func Toggle(options ...Option) *Field[bool] { return valued("ToggleButton", false, options) }

// Label is a text, for boxes.
func Label(s string, options ...Option) *Field[string] { return valued("Label", s, options) }

// HTML is a piece of HTML, for boxes.
func HTML(s string, options ...Option) *Field[string] { return valued("HTML", s, options) }

func valued[T any](name string, value T, options []Option) *Field[T] {
	s := gather(options)
	return field[T](control(name, s, map[string]any{"value": start(name, s, value)}), "value")
}

// start is the value that the options give, or else another.
func start[T any](name string, s *settings, otherwise T) T {
	if s.value == nil {
		return otherwise
	}
	v, ok := s.value.(T)
	if !ok {
		panic(fmt.Errorf("cellar: widget %s: its value is a %T, not the %T %v", name, v, s.value, s.value))
	}
	return v
}

// Dropdown is a choice of one value, from a list that opens.
func Dropdown[T comparable](choices []T, options ...Option) *Field[T] {
	return choice("Dropdown", choices, options)
}

// Select is a choice of one value, from a list that stands open.
func Select[T comparable](choices []T, options ...Option) *Field[T] {
	return choice("Select", choices, options)
}

// Radio is a choice of one value, by buttons of which one is pressed.
func Radio[T comparable](choices []T, options ...Option) *Field[T] {
	return choice("RadioButtons", choices, options)
}

// choice makes a control whose trait is the index of a choice. The page shows the choices as fmt prints them.
func choice[T comparable](name string, choices []T, options []Option) *Field[T] {
	s := gather(options)
	encode := func(v T) any {
		for i, c := range choices {
			if c == v {
				return i
			}
		}
		return nil
	}
	var first any
	if len(choices) > 0 {
		first = 0
	}
	if s.value != nil {
		var none T
		if first = encode(start(name, s, none)); first == nil {
			panic(fmt.Errorf("cellar: widget %s: the value %v is none of the choices", name, s.value))
		}
	}
	m := control(name, s, map[string]any{"_options_labels": labels(choices), "index": first})
	return &Field[T]{m, "index", encode, func(raw json.RawMessage) (v T, ok bool) {
		var i *int
		if json.Unmarshal(raw, &i) != nil || i == nil || *i < 0 || *i >= len(choices) {
			return v, false
		}
		return choices[*i], true
	}}
}

// SelectSeveral is a choice of any number of values.
func SelectSeveral[T comparable](choices []T, options ...Option) *Field[[]T] {
	const name = "SelectMultiple"
	s := gather(options)
	encode := func(values []T) any {
		chosen := []int{}
		for i, c := range choices {
			for _, v := range values {
				if c == v {
					chosen = append(chosen, i)
					break
				}
			}
		}
		return chosen
	}
	m := control(name, s, map[string]any{"_options_labels": labels(choices), "index": encode(start(name, s, []T{}))})
	return &Field[[]T]{m, "index", encode, func(raw json.RawMessage) (values []T, ok bool) {
		var chosen []int
		if json.Unmarshal(raw, &chosen) != nil {
			return nil, false
		}
		for _, i := range chosen {
			if i >= 0 && i < len(choices) {
				values = append(values, choices[i])
			}
		}
		return values, true
	}}
}

func labels[T any](choices []T) []string {
	all := make([]string, len(choices))
	for i, c := range choices {
		all[i] = fmt.Sprint(c)
	}
	return all
}

// PushButton is a button.
type PushButton struct{ *Model }

// Button is a button to be clicked.
func Button(label string, options ...Option) PushButton {
	return PushButton{control("Button", gather(options), map[string]any{"description": label})}
}

// OnClick says what is called at each click.
func (b PushButton) OnClick(f func()) { b.onEvent("click", f) }
