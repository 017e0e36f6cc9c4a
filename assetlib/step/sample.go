package step

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"sort"
	"time"
)

// Sample is a function's case of a few rows: arguments and results as Go source, as a test in the function's package writes them.
type Sample struct {
	Inputs  []string `json:"inputs"`
	Outputs []string `json:"outputs"` // of a long table its first rows
	Rows    []int    `json:"rows"`    // of each output; -1 if it is no slice
	Imports []string `json:"imports"`
	Empty   bool     `json:"empty"`   // the tables have no rows
	Problem string   `json:"problem"` // why there is none
}

const (
	longest   = 12_000 // bytes of a sample's source
	firstRows = 3      // of an output that is too long to be written out
)

// MainSample looks for a small case of a function among its stored inputs and writes it to the result that the specification names. Rows
// that share values with the rows taken from another table are taken first, since functions join. The package's path and whether its Go knows
// new(3) say how to write values.
func MainSample(f any, inputs []string, pkg string, newValue bool) {
	if err := sampleTo(f, inputs, pkg, newValue); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func sampleTo(f any, inputs []string, pkg string, newValue bool) error {
	text, err := os.ReadFile(os.Getenv(Environment))
	if err != nil {
		return fmt.Errorf("cellar: step: %w", err)
	}
	var s Specification
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("cellar: step: %w", err)
	}
	function := reflect.ValueOf(f)
	var arguments []reflect.Value
	for i, name := range inputs {
		pointer := reflect.New(function.Type().In(i))
		if f := read(s.Inputs[name].File, name, pointer.Interface()); f != nil {
			return errors.New(f.Message)
		}
		arguments = append(arguments, pointer.Elem())
	}
	encoded, err := json.Marshal(Result{Format: version, Sample: sample(function, arguments, pkg, newValue)})
	if err != nil {
		return err
	}
	return os.WriteFile(s.Result, encoded, 0o600)
}

// sample tries choices of rows, few first, until one gives a result that says something.
func sample(function reflect.Value, arguments []reflect.Value, pkg string, newValue bool) *Sample {
	var tables []int
	for i, a := range arguments {
		if a.Kind() == reflect.Slice && a.Len() > 0 {
			tables = append(tables, i)
		}
	}
	var problem string
	try := func(chosen []reflect.Value, empty bool) *Sample {
		s, err := attempt(function, chosen, pkg, newValue, empty)
		if err != nil {
			problem = err.Error()
			return nil
		}
		return s
	}
	if len(tables) == 0 {
		if s := try(arguments, false); s != nil {
			return s
		}
		return &Sample{Problem: problem}
	}
	for _, rows := range []int{4, 8, 16} {
		for _, base := range tables {
			if s := try(choose(arguments, tables, base, rows), false); s != nil {
				return s
			}
		}
	}
	reason := problem
	if s := try(choose(arguments, tables, tables[0], 0), true); s != nil {
		return s
	}
	return &Sample{Problem: reason}
}

// choose takes rows spread over one table, and of the others those that have most values in common with them.
func choose(arguments []reflect.Value, tables []int, base, rows int) []reflect.Value {
	chosen := slices.Clone(arguments)
	known := map[any]bool{}
	table := arguments[base]
	picked := reflect.MakeSlice(table.Type(), 0, rows)
	n := table.Len()
	for i := range min(rows, n) {
		row := table.Index((2*i + 1) * n / (2 * min(rows, n)))
		picked = reflect.Append(picked, row)
		scalars(row, func(v any) { known[v] = true })
	}
	chosen[base] = picked
	for _, t := range tables {
		if t == base {
			continue
		}
		table := arguments[t]
		score := make([]int, table.Len())
		order := make([]int, table.Len())
		for i := range order {
			order[i] = i
			scalars(table.Index(i), func(v any) {
				if known[v] {
					score[i]++
				}
			})
		}
		sort.SliceStable(order, func(i, j int) bool { return score[order[i]] > score[order[j]] })
		order = order[:min(rows, len(order))]
		sort.Ints(order)
		picked := reflect.MakeSlice(table.Type(), 0, len(order))
		for _, i := range order {
			picked = reflect.Append(picked, table.Index(i))
		}
		chosen[t] = picked
	}
	return chosen
}

// scalars visits the values of a row that may join it to others: texts, whole numbers that are no mere counts, times.
func scalars(v reflect.Value, visit func(any)) {
	switch v.Kind() {
	case reflect.String:
		if v.Len() > 1 {
			visit(v.String())
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if v.Int() > 31 || v.Int() < -31 {
			visit(v.Int())
		}
	case reflect.Pointer:
		if !v.IsNil() {
			scalars(v.Elem(), visit)
		}
	case reflect.Struct:
		if v.CanInterface() {
			if t, ok := v.Interface().(time.Time); ok {
				visit(t.Unix())
				return
			}
		}
		for i := range v.NumField() {
			scalars(v.Field(i), visit)
		}
	}
}

// attempt calls the function twice, for a result that differs is no expectation.
func attempt(function reflect.Value, arguments []reflect.Value, pkg string, newValue, empty bool) (*Sample, error) {
	s := &Sample{Empty: empty}
	l := &literals{pkg: pkg, newValue: newValue, imports: map[string]bool{}}
	for _, a := range arguments {
		s.Inputs = append(s.Inputs, l.expression(a))
	}
	var results [2][]reflect.Value
	for i := range results {
		if f := call(func() { results[i] = function.Call(arguments) }); f != nil {
			return nil, fmt.Errorf("it panics on a few rows: %s", f.Message)
		}
	}
	says := false
	for i, r := range results[0] {
		if !reflect.DeepEqual(r.Interface(), results[1][i].Interface()) {
			return nil, errors.New("two calls on the same rows give results that are not equal")
		}
		rows, shown := -1, r
		if r.Kind() == reflect.Slice {
			rows = r.Len()
			if rows > 4*firstRows+4 {
				shown = r.Slice(0, firstRows)
			}
			says = says || rows > 0
		} else {
			says = says || !r.IsZero()
		}
		s.Rows = append(s.Rows, rows)
		s.Outputs = append(s.Outputs, l.expression(shown))
	}
	size := 0
	for _, text := range append(slices.Clone(s.Inputs), s.Outputs...) {
		size += len(text)
	}
	switch {
	case l.err != nil:
		return nil, l.err
	case size > longest:
		return nil, errors.New("a few rows are too long to be read in a test")
	case !says && !empty:
		return nil, errors.New("it makes nothing of a few rows")
	}
	for p := range l.imports {
		s.Imports = append(s.Imports, p)
	}
	sort.Strings(s.Imports)
	return s, nil
}
