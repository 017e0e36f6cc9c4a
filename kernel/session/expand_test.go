package session

import (
	"fmt"
	"go/ast"
)

func expandForTest(name string, call *ast.CallExpr, args []any) (Expansion, bool, error) {
	if len(args) != 1 {
		return Expansion{}, false, fmt.Errorf("load takes a name")
	}
	return Expansion{
		Decls:   "type Row struct { Name string; At time.Time }\nfunc loadRows(key string) []Row { b, err := live.Call(\"load\", []byte(key)); if err != nil { panic(err) }; return []Row{{Name: string(b)}} }",
		Expr:    fmt.Sprintf("loadRows(%q)", args[0]),
		Imports: []string{"time", livePath},
	}, true, nil
}
