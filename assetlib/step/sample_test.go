package step

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

type leg struct {
	From, To string
	At       time.Time
	Delay    *int
	Share    *float64
	Tags     []string
	Cost     map[string]float64
	Took     time.Duration
	hidden   int
}

func TestLiterals(t *testing.T) {
	delay, share := -7, 3.0
	for _, test := range []struct {
		value any
		want  string
	}{
		{3, "3"}, {int64(3), "int64(3)"}, {2.5, "2.5"}, {"a\"b", `"a\"b"`}, {time.March, "time.Month(3)"}, {[]int(nil), "[]int(nil)"}, {[]int{}, "[]int{}"},
		{math.NaN(), "math.NaN()"}, {[]byte("ab"), "[]uint8{97, 98}"}, {map[string][]int{"b": {2}, "a": nil}, `map[string][]int{"a": nil, "b": []int{2}}`},
		{[]leg{{From: "JFK", hidden: 2}, {}}, "[]leg{\n{From: \"JFK\", hidden: 2},\n{},\n}"},
		{&leg{Delay: &delay, Share: &share, At: time.Date(2013, 2, 18, 11, 0, 0, 5, time.UTC)}, "&leg{At: time.Date(2013, 2, 18, 11, 0, 0, 5, time.UTC), Delay: new(-7), Share: new(3.0)}"},
		{leg{Tags: []string{"a"}, Cost: map[string]float64{}, Took: 5}, `leg{Tags: []string{"a"}, Cost: map[string]float64{}, Took: 5}`},
		{[2]bool{true}, "[2]bool{true, false}"},
		{[]*int{&delay, nil}, "[]*int{new(-7), nil}"},
	} {
		l := &literals{pkg: reflect.TypeFor[leg]().PkgPath(), newValue: true, imports: map[string]bool{}}
		if got := l.expression(reflect.ValueOf(test.value)); got != test.want || l.err != nil {
			t.Errorf("got %s (%v), want %s", got, l.err, test.want)
		}
	}
	old := &literals{imports: map[string]bool{}}
	if got := old.expression(reflect.ValueOf(&delay)); got != "&[]int{-7}[0]" {
		t.Errorf("before Go 1.26: %s", got)
	}
	for _, value := range []any{make(chan int), []any{3}, leg{hidden: 3}, time.Now().In(time.FixedZone("x", 3600)), struct{ N int }{3}} {
		l := &literals{pkg: "elsewhere", imports: map[string]bool{}}
		if text := l.expression(reflect.ValueOf(value)); l.err == nil {
			t.Errorf("%T is written as %s", value, text)
		}
	}
}

func TestSample(t *testing.T) {
	type order struct{ Customer, Sum int }
	type customer struct {
		ID   int
		Name string
	}
	var orders []order
	var customers []customer
	for i := range 1000 {
		orders, customers = append(orders, order{100 + i%500, i}), append(customers, customer{1100 - i, "c"})
	}
	calls := 0
	take := func(f any, arguments ...any) *Sample {
		var values []reflect.Value
		for _, a := range arguments {
			values = append(values, reflect.ValueOf(a))
		}
		return sample(reflect.ValueOf(f), values, reflect.TypeFor[order]().PkgPath(), true)
	}
	join := func(orders []order, customers []customer) []string {
		var names []string
		for _, o := range orders {
			for _, c := range customers {
				if c.ID == o.Customer {
					names = append(names, c.Name)
				}
			}
		}
		return names
	}
	if s := take(join, orders, customers); s.Problem != "" || s.Empty || s.Rows[0] == 0 {
		t.Errorf("rows that belong together are not found: %+v", s)
	}
	for what, f := range map[string]any{
		"it makes nothing of a few rows": func(orders []order) []int { return nil },
		"it panics on a few rows: few":   func(orders []order) int { panic("few") },
		"give results that are not equal": func(orders []order) int {
			calls++
			return calls
		},
		"too long": func(orders []order) string { return strings.Repeat("x", 20000) },
	} {
		s := take(f, orders)
		if empty := strings.Contains(what, "nothing"); s.Empty != empty || !empty && !strings.Contains(s.Problem, what) {
			t.Errorf("%s: %+v", what, s)
		}
	}
	if s := take(func() []int { return make([]int, 100) }); s.Rows[0] != 100 || s.Outputs[0] != "[]int{0, 0, 0}" {
		t.Errorf("%+v", s)
	}
}
