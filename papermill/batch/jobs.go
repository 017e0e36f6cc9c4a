package batch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/papermill/parameters"
	"github.com/cellar-go/cellar/papermill/place"
)

// Job is one run of a notebook.
type Job struct {
	Input      string
	Parameters parameters.List
	Grid       parameters.List // those of Parameters that tell it from the other jobs of its notebook
	Output     string          // where the executed notebook goes
	Log        string          // where what its cells print goes
}

// Axis is a parameter with the values that it takes in turn.
type Axis struct {
	Name   string
	Values []parameters.Parameter
}

// ParseAxis reads an axis as it is typed: alpha=0.1,0.2 (values as -p takes them), or alpha=[a, "b, c"] (a YAML list).
func ParseAxis(text string) (Axis, error) {
	wrong := func(err error) (Axis, error) {
		return Axis{}, fault.New(fault.Usage, "write it like alpha=0.1,0.2, or, for values with commas, like name=['a, b', c]", "--param-grid %s: %w", text, err)
	}
	name, values, ok := strings.Cut(text, "=")
	if !ok || name == "" || values == "" {
		return wrong(fmt.Errorf("there is no NAME=VALUE,VALUE in it"))
	}
	a := Axis{Name: name}
	if strings.HasPrefix(values, "[") {
		list, err := parameters.Flags{YAML: []string{"values: " + values}}.Parse()
		if err != nil {
			return wrong(err)
		}
		for _, v := range list[0].Value.([]any) {
			a.Values = append(a.Values, parameters.Parameter{Name: name, Value: v})
		}
	} else {
		pieces := strings.Split(values, ",")
		for i, v := range pieces {
			ends := func(later string) bool { return strings.HasSuffix(later, v[:1]) }
			if v != "" && strings.Contains(`"'`, v[:1]) && (len(v) == 1 || v[len(v)-1] != v[0]) && slices.ContainsFunc(pieces[i+1:], ends) {
				return wrong(fmt.Errorf("%s is the begin of a text in quotes, which commas cut here", v))
			}
			list, err := parameters.Flags{Typed: [][2]string{{name, v}}}.Parse()
			if err != nil {
				return wrong(err)
			}
			a.Values = append(a.Values, list[0])
		}
	}
	if len(a.Values) == 0 {
		return wrong(fmt.Errorf("it has no values"))
	}
	return a, nil
}

// Jobs makes a job of each notebook with each combination of the axes' values, which override the given parameters. Outputs go into the
// folder that dir makes of a job's parameters, which may be anywhere that notebooks can be written: NOTEBOOK.ipynb, or
// NOTEBOOK-alpha=0.1.ipynb. Notebooks of one name keep folders: see outputNames.
func Jobs(inputs []string, given parameters.List, axes []Axis, dir func(parameters.List) (string, error)) ([]Job, error) {
	seen := map[string]bool{}
	for _, a := range axes {
		if seen[a.Name] {
			return nil, fault.New(fault.Usage, "give all values of it at once: --param-grid "+a.Name+"=…,…", "parameter %s has two lists of values", a.Name)
		}
		seen[a.Name] = true
	}
	names, err := outputNames(inputs)
	if err != nil {
		return nil, err
	}
	var jobs []Job
	taken := map[string]string{}
	for i, input := range inputs {
		for _, point := range points(axes) {
			job := Job{Input: input, Grid: point}
			job.Parameters = append(job.Parameters, given...)
			for _, p := range point {
				job.Parameters.Put(p)
			}
			dir, err := dir(job.Parameters)
			if err != nil {
				return nil, err
			}
			name := names[i] + suffix(point)
			job.Output, job.Log = place.In(dir, name+".ipynb"), place.In(dir, name+".log")
			if other, twice := taken[job.Output]; twice {
				return nil, fault.New(fault.Usage, "name each notebook and each value once", "%s and %s would both be written to %s", other, describe(job), place.Shown(job.Output))
			}
			taken[job.Output] = describe(job)
			jobs = append(jobs, job)
		}
	}
	return jobs, nil
}

func describe(j Job) string { return strings.TrimSpace(place.Shown(j.Input) + " " + Values(j.Grid)) }

// Values writes parameters as they are typed: alpha=0.1 name=x.
func Values(p parameters.List) string {
	var parts []string
	for _, q := range p {
		parts = append(parts, q.Name+"="+q.Text())
	}
	return strings.Join(parts, " ")
}

// points are all combinations, the last axis changing fastest; one that is empty without axes.
func points(axes []Axis) []parameters.List {
	all := []parameters.List{nil}
	for _, a := range axes {
		var next []parameters.List
		for _, p := range all {
			for _, v := range a.Values {
				next = append(next, append(p[:len(p):len(p)], v))
			}
		}
		all = next
	}
	return all
}

// outputNames are the notebooks' names without ending. Two of one name keep folders: those that are files here the folders below the one
// that all these have in common, and so do those from elsewhere among themselves. One from elsewhere that still has the name of a file
// here makes all from elsewhere keep their whole place, git/REV/PATH: so no folder of this machine tells them apart.
func outputNames(inputs []string) ([]string, error) {
	names := make([]string, len(inputs))
	var here, elsewhere []int
	for i, input := range inputs {
		path := string(filepath.Separator) + place.File(input)
		if place.Local(input) {
			var err error
			if path, err = filepath.Abs(input); err != nil {
				return nil, fmt.Errorf("cellar: notebook %s: %w", input, err)
			}
			here = append(here, i)
		} else {
			elsewhere = append(elsewhere, i)
		}
		names[i] = strings.TrimSuffix(path, filepath.Ext(path))
	}
	whole := slices.Clone(names)
	shorten(names, here)
	shorten(names, elsewhere)
	taken := map[string]bool{}
	for _, i := range here {
		taken[names[i]] = true
	}
	if slices.ContainsFunc(elsewhere, func(i int) bool { return taken[names[i]] }) {
		for _, i := range elsewhere {
			names[i] = whole[i][1:]
		}
	}
	return names, nil
}

// shorten makes names of those paths that are of one group: the last part, or, where two are the same, what follows the folder that all
// have in common.
func shorten(paths []string, group []int) {
	if len(group) == 0 {
		return
	}
	common, seen, same := filepath.Dir(paths[group[0]]), map[string]bool{}, false
	for _, i := range group {
		base := filepath.Base(paths[i])
		same = same || seen[base]
		seen[base] = true
		for !strings.HasPrefix(paths[i], common+string(filepath.Separator)) && common != string(filepath.Separator) {
			common = filepath.Dir(common)
		}
	}
	for _, i := range group {
		if same {
			paths[i], _ = filepath.Rel(common, paths[i])
		} else {
			paths[i] = filepath.Base(paths[i])
		}
	}
}

var unsafe = regexp.MustCompile(`[^\pL\pN_.,=+@%-]+`)

// suffix tells the outputs of a notebook apart; values that no file name can hold, or that are long, are told apart by a hash.
func suffix(p parameters.List) string {
	if len(p) == 0 {
		return ""
	}
	plain := ""
	for i := range p {
		plain += "-" + Values(p[i:i+1])
	}
	text := unsafe.ReplaceAllString(plain, "_")
	if len(text) <= 80 && text == plain {
		return text
	}
	sum := sha256.Sum256([]byte(Values(p)))
	return text[:min(len(text), 60)] + "-" + hex.EncodeToString(sum[:4])
}
