package options

import (
	"reflect"
	"testing"
)

func TestParse(t *testing.T) {
	set, err := Parse("#| export\n//| asset: [train, test]\n// | group: a b\n//| live: true\n//| reads: data/*.csv\n\nx := 1\n//| no: option\n")
	if err != nil {
		t.Fatal(err)
	}
	want := Set{{"asset", []string{"train", "test"}, true, 2}, {"group", []string{"a b"}, false, 3}, {"live", []string{"true"}, false, 4}, {"reads", []string{"data/*.csv"}, false, 5}}
	if !reflect.DeepEqual(set, want) {
		t.Errorf("got %+v", set)
	}
	if _, err := Parse("//| asset: [a"); err == nil {
		t.Error("an open list was taken")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("//| asset: x\n//| a: [b, c]\n")
	f.Fuzz(func(t *testing.T, s string) { Parse(s) })
}
