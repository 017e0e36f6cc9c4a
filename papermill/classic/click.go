package classic

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cellar-go/cellar/papermill/template"
)

// option is a flag of the command line as click has it.
type option struct {
	names   []string // as they are typed, those that switch on
	off     []string // those that switch off
	takes   int      // number of values
	metavar string   // how the help calls the value; for each of many, with ... after it
	help    string
	eager   bool                          // acted upon before all others
	set     func(values [][]string) error // for each time that it stands on the line its values; a switch has "on" or "off"
}

// clickError is a mistake that click itself reports.
type clickError struct {
	message string
	usage   bool // the usage is shown above it
	code    int
}

func (e *clickError) Error() string { return e.message }

func usageError(format string, args ...any) error {
	return &clickError{fmt.Sprintf(format, args...), true, 2}
}

// badOption is a mistake for which click doesn't show the usage.
func badOption(format string, args ...any) error {
	return &clickError{fmt.Sprintf(format, args...), false, 2}
}

// line is a command line taken apart.
type line struct {
	order     []*option // as they stand there, each once
	values    map[*option][][]string
	arguments []string
}

// parse is click's parser: options may stand behind arguments, short ones may be joined, -- ends them, and none may be abbreviated.
func parse(options []*option, args []string) (line, error) {
	named := map[string]*option{}
	off := map[string]bool{}
	var long []string
	for _, o := range options {
		for i, name := range append(slices.Clone(o.names), o.off...) {
			named[name] = o
			off[name] = i >= len(o.names)
			if strings.HasPrefix(name, "--") {
				long = append(long, name)
			}
		}
	}
	l := line{values: map[*option][][]string{}}
	take := func(name string) error {
		o := named[name]
		state := "on"
		if off[name] {
			state = "off"
		}
		values := []string{state}
		if o.takes > 0 {
			if len(args) < o.takes {
				if o.takes == 1 {
					return badOption("Option %s requires an argument.", template.Quote(name))
				}
				return badOption("Option %s requires %d arguments.", template.Quote(name), o.takes)
			}
			values, args = args[:o.takes:o.takes], args[o.takes:]
		}
		if l.values[o] == nil {
			l.order = append(l.order, o)
		}
		l.values[o] = append(l.values[o], values)
		return nil
	}
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			l.arguments = append(l.arguments, args...)
			return l, nil
		case len(arg) < 2 || arg[0] != '-':
			l.arguments = append(l.arguments, arg)
		case strings.HasPrefix(arg, "--"):
			name, value, given := strings.Cut(arg, "=")
			o := named[name]
			if o == nil {
				return l, usageError("%s", noSuchOption(name, long))
			}
			if given && o.takes == 0 {
				return l, badOption("Option %s does not take a value.", template.Quote(name))
			}
			if given {
				args = append([]string{value}, args...)
			}
			if err := take(name); err != nil {
				return l, err
			}
		default:
			for rest := []rune(arg[1:]); len(rest) > 0; {
				name := "-" + string(rest[0])
				rest = rest[1:]
				o := named[name]
				if o == nil {
					return l, usageError("No such option %s.", template.Quote(name))
				}
				if o.takes > 0 && len(rest) > 0 {
					args = append([]string{string(rest)}, args...)
					rest = nil
				}
				if err := take(name); err != nil {
					return l, err
				}
			}
		}
	}
	return l, nil
}

// noSuchOption says which options may be meant.
func noSuchOption(name string, long []string) string {
	message := "No such option " + template.Quote(name) + "."
	near := closeMatches(name, long)
	slices.Sort(near)
	for i := range near {
		near[i] = template.Quote(near[i])
	}
	switch len(near) {
	case 0:
		return message
	case 1:
		return message + " Did you mean " + near[0] + "?"
	}
	return message + " (Did you mean one of: " + strings.Join(near, ", ") + "?)"
}

// closeMatches is difflib.get_close_matches: the three best whose likeness is at least 0.6.
func closeMatches(word string, among []string) []string {
	likeness := func(s string) float64 {
		return 2 * float64(matching(s, word)) / float64(len(s)+len(word))
	}
	near := slices.DeleteFunc(slices.Clone(among), func(s string) bool { return likeness(s) < 0.6 })
	slices.SortStableFunc(near, func(a, b string) int {
		if x, y := likeness(a), likeness(b); x != y {
			if x > y {
				return -1
			}
			return 1
		}
		return strings.Compare(b, a)
	})
	return near[:min(3, len(near))]
}

// matching is the number of equal characters in difflib's matching blocks: the longest, and so on at both sides of it.
func matching(a, b string) int {
	bestA, bestB, size := 0, 0, 0
	for i := range len(a) {
		for j := range len(b) {
			n := 0
			for i+n < len(a) && j+n < len(b) && a[i+n] == b[j+n] {
				n++
			}
			if n > size {
				bestA, bestB, size = i, j, n
			}
		}
	}
	if size == 0 {
		return 0
	}
	return matching(a[:bestA], b[:bestB]) + size + matching(a[bestA+size:], b[bestB+size:])
}

// process hands the values to the options: eager ones first, then as they stand on the line.
func (l line) process() error {
	slices.SortStableFunc(l.order, func(a, b *option) int {
		switch {
		case a.eager == b.eager:
			return 0
		case a.eager:
			return -1
		}
		return 1
	})
	for _, o := range l.order {
		if err := o.set(l.values[o]); err != nil {
			return err
		}
	}
	return nil
}

// hint is how messages call an option.
func (o *option) hint() string {
	var all []string
	for _, name := range o.names {
		all = append(all, template.Quote(name))
	}
	return strings.Join(all, " / ")
}

// The kinds of options.

func on(into *bool) func([][]string) error {
	return func(values [][]string) error {
		*into = values[len(values)-1][0] == "on"
		return nil
	}
}

func text(into **string) func([][]string) error {
	return func(values [][]string) error {
		*into = &values[len(values)-1][0]
		return nil
	}
}

func texts(into *[]string) func([][]string) error {
	return func(values [][]string) error {
		for _, v := range values {
			*into = append(*into, v[0])
		}
		return nil
	}
}

func pairs(into *[][2]string) func([][]string) error {
	return func(values [][]string) error {
		for _, v := range values {
			*into = append(*into, [2]string{v[0], v[1]})
		}
		return nil
	}
}

var pythonInteger = regexp.MustCompile(`^[-+]?\d+(_\d+)*$`)

func integer(o *option, into *int) func([][]string) error {
	return func(values [][]string) error {
		value := values[len(values)-1][0]
		bare := strings.TrimSpace(value)
		n, err := strconv.Atoi(strings.ReplaceAll(bare, "_", ""))
		if err != nil || !pythonInteger.MatchString(bare) {
			return usageError("Invalid value for %s: %s is not a valid integer.", o.hint(), template.Quote(value))
		}
		*into = n
		return nil
	}
}

func choice(o *option, into *string, choices []string) func([][]string) error {
	return func(values [][]string) error {
		value := values[len(values)-1][0]
		if !slices.Contains(choices, value) {
			var all []string
			for _, c := range choices {
				all = append(all, template.Quote(c))
			}
			return usageError("Invalid value for %s: %s is not one of %s.", o.hint(), template.Quote(value), strings.Join(all, ", "))
		}
		*into = value
		return nil
	}
}
