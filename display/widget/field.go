package widget

import "encoding/json"

// Field is a control with a value of type T.
type Field[T any] struct {
	*Model
	trait  string
	encode func(T) any
	decode func(json.RawMessage) (T, bool)
}

// field makes the value of a model's trait its own.
func field[T any](m *Model, trait string) *Field[T] {
	f := &Field[T]{m, trait, func(v T) any { return v }, func(raw json.RawMessage) (v T, ok bool) {
		return v, string(raw) != "null" && json.Unmarshal(raw, &v) == nil
	}}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fits[trait] = func(raw json.RawMessage) bool { _, ok := f.decode(raw); return ok }
	return f
}

// Value is what the control stands at.
func (f *Field[T]) Value() T {
	var raw json.RawMessage
	f.Trait(f.trait, &raw)
	v, _ := f.decode(raw)
	return v
}

// Set moves the control.
func (f *Field[T]) Set(v T) { f.SetTrait(f.trait, f.encode(v)) }

// OnChange says what is called with each new value, whoever has set it. Several functions are called in their order.
func (f *Field[T]) OnChange(call func(T)) { f.OnTrait(f.trait, func() { call(f.Value()) }) }
