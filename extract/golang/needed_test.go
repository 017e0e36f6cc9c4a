package golang

import (
	"fmt"
	"testing"
)

func TestNeeded(t *testing.T) {
	for _, c := range []struct{ name, page, want string }{
		{"what the last cell uses, and what that uses", `
import ("fmt"; "os")
---
import "strings"
---
a := 1
---
b := a + 1
---
c := 3
---
fmt.Println(c)
---
fmt.Println(b)`, "1 - 3 4 - -"},
		{"what changes a variable", `
list := []int{1}
---
list = append(list, 2)
---
println(list[0])
---
println(list[1])`, "1 2 -"},
		{"declarations, and the methods of a type", `
type T struct{ n int }
---
const two = 2
---
func (t T) Double() int { return two * t.n }
---
const three = 3
---
println(T{1}.Double())`, "1 2 3 -"},
		{"assets are loaded by their cells", `
//| asset: data

data := []int{1}
---
x := 5
---
println(data[0])`, "1 -"},
		{"a cell that is taken whole brings what its other lines need", `
seed := 1
---
x := 5
y := seed
---
println(x)`, "1 2"},
		{"a parameters cell", `
alpha := 1
---
rest := 2
---
println(alpha)`, "1 -"},
	} {
		n := page(c.page)
		needed, err := n.Needed(len(n.cells) - 1)
		got := ""
		for i, is := range needed {
			if is {
				got += fmt.Sprint(" ", i+1)
			} else {
				got += " -"
			}
		}
		if err != nil || got != " "+c.want {
			t.Errorf("%s: got%s, want %s; %v", c.name, got, c.want, err)
		}
	}
	if _, err := page("x := 1\n---\n!ls\nprintln(x)").Needed(1); err == nil {
		t.Error("a shell command: nobody can tell what it needs")
	}
}
