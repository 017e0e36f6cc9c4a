package e2e

import (
	"encoding/json"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/testkit"
)

// The notebook that most tests begin with: orders → features → train, test → metrics, and prices that nothing but bill needs.
const shop = `
--- markdown title
# The shop
--- imports
import (
	"os"
	"strings"
	"time"
)
--- types
type Order struct {
	ID    int
	At    time.Time
	Price float64
	Gift  *string // nil: none
}

type Feature struct {
	ID   int
	Dear bool
}

var opening = time.Date(2013, 1, 1, 8, 30, 0, 0, time.UTC)
--- orders
//| asset: orders

orders := []Order{}
for i := range 6 {
	orders = append(orders, Order{ID: i, At: opening.Add(time.Duration(i) * time.Hour), Price: 1.5 * float64(i)})
}
note := "for you"
orders[2].Gift = &note
--- features
//| asset: features

const threshold = 3.0

features := []Feature{}
for _, o := range orders {
	features = append(features, Feature{o.ID, o.Price > threshold})
}
--- split
//| asset: [train, test]

train, test := features[:4], features[4:]
--- metrics
//| asset: metrics

metrics := map[string]float64{}
for _, f := range test {
	if f.Dear {
		metrics["dear"] += 1 / float64(len(test))
	}
}
--- prices
//| asset: prices

text, err := os.ReadFile("prices.txt")
if err != nil {
	panic(err)
}
prices := strings.Fields(string(text))
`

var all = []string{"shop/orders", "shop/features", "shop/train", "shop/test", "shop/metrics", "shop/prices"}

// open is a repository with the shop's notebook, committed.
func open(t *testing.T) *testkit.Project {
	t.Helper()
	p := world.Repo(t)
	p.Notebook("shop.ipynb", shop)
	p.Write("prices.txt", "1.5 3.0\n")
	p.Commit("Sell things")
	return p
}

func TestTheWholeWay(t *testing.T) {
	t.Parallel()
	p := open(t)
	head := p.Git("rev-parse", "HEAD")
	p.All(p.Materialize("*"), "computed")
	p.Expect("after materialize")

	list := p.List()
	if len(list) != len(all) {
		t.Errorf("%d assets, want %v", len(list), all)
	}
	rows := map[string]int64{"shop/orders": 6, "shop/features": 6, "shop/train": 4, "shop/test": 2, "shop/metrics": 1, "shop/prices": 1}
	for _, name := range all {
		a := list[name]
		if a.Status != "fresh" || !strings.HasPrefix(a.Version, "b3:") || a.Rows != rows[name] || a.Commit != head || !a.Clean {
			t.Errorf("%s: %v", name, a)
		}
	}
	notes := p.Git("log", "-1", "--notes=cellar")
	for _, name := range all {
		if !strings.Contains(notes, name) || !strings.Contains(notes, list[name].Version[:len("b3:")+7]) {
			t.Errorf("git log --notes=cellar does not show %s %s:\n%s", name, list[name].Version, notes)
		}
	}
	p.Clean()

	again := p.Materialize("*")
	p.All(again, "loaded")
	if len(again) != len(all) {
		t.Errorf("second time: %v", again)
	}
	if got := testkit.Versions(p.List()); !maps.Equal(got, testkit.Versions(list)) {
		t.Errorf("the second time changes versions: %v", got)
	}
}

// What Python's readers see of the files: the types and the values, without knowing anything of cellar.
func TestFilesOpenElsewhere(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.Materialize("*")
	list := p.List()
	p.Write("read.py", `
import json, sys, pyarrow.parquet, polars, duckdb
out = {}
for name, file in json.load(sys.stdin).items():
    t = pyarrow.parquet.read_table(file)
    f = polars.read_parquet(file)
    d = duckdb.sql(f"describe select * from read_parquet('{file}')").fetchall()
    assert t.num_rows == len(f) == duckdb.sql(f"select count(*) from read_parquet('{file}')").fetchall()[0][0]
    out[name] = {"arrow": {c.name: str(c.type) for c in t.schema}, "polars": {n: str(k) for n, k in f.schema.items()},
                 "duckdb": {c[0]: c[1] for c in d}, "first": {k: str(v) for k, v in t.to_pylist()[2 if len(f) > 2 else 0].items()}}
json.dump(out, sys.stdout)
`)
	files := map[string]string{}
	for _, name := range all {
		files[name] = list[name].File
	}
	input, err := json.Marshal(files)
	if err != nil {
		t.Fatal(err)
	}
	c := p.Command(testkit.Python(t), "read.py")
	c.Stdin = strings.NewReader(string(input))
	c.Stderr = os.Stderr
	text, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	var seen map[string]struct {
		Arrow, Polars, DuckDB, First map[string]string
	}
	if err := json.Unmarshal(text, &seen); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][3]string{
		"ID":    {"int64", "Int64", "BIGINT"},
		"At":    {"timestamp[ns, tz=UTC]", "Datetime(time_unit='ns', time_zone='UTC')", "TIMESTAMPTZ_NS"},
		"Price": {"double", "Float64", "DOUBLE"},
		"Gift":  {"string", "String", "VARCHAR"},
	} {
		o := seen["shop/orders"]
		if got := [3]string{o.Arrow[name], o.Polars[name], o.DuckDB[name]}; got != want {
			t.Errorf("column %s is %q, want %q", name, got, want)
		}
	}
	if got := seen["shop/orders"].First; got["ID"] != "2" || !strings.HasPrefix(got["At"], "2013-01-01 10:30:00") || got["Price"] != "3.0" || got["Gift"] != "for you" {
		t.Errorf("the third order is %v", got)
	}
	if got := seen["shop/features"]; got.Arrow["Dear"] != "bool" || got.First["Dear"] != "False" {
		t.Errorf("features: %v", got)
	}
	if got := seen["shop/metrics"].First; !strings.Contains(got["value"], "dear") {
		t.Errorf("metrics: %v", got)
	}
}

// load prints the value, as rows or as JSON, and writes the file elsewhere.
func TestLoad(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.Materialize("*")
	if got := p.Load("features"); got != `[{"ID":0,"Dear":false},{"ID":1,"Dear":false},{"ID":2,"Dear":false},{"ID":3,"Dear":true},{"ID":4,"Dear":true},{"ID":5,"Dear":true}]` {
		t.Errorf("features: %s", got)
	}
	if got := p.Load("metrics"); got != `{"value":{"dear":1}}` {
		t.Errorf("metrics: %s", got)
	}
	if got := p.Load("prices"); got != `{"value":["1.5","3.0"]}` {
		t.Errorf("prices: %s", got)
	}
	if got := p.Cellar("load", "orders", "-n", "2"); !strings.Contains(got, "2013-01-01") || !strings.Contains(got, "6 rows × 4") || !strings.Contains(got, "-n -1 prints all") {
		t.Errorf("orders:\n%s", got)
	}
	p.Cellar("load", "orders", "-o", "out.parquet")
	if got, want := p.Read("out.parquet"), p.Read(p.List()["shop/orders"].File); got != want {
		t.Error("-o writes another file")
	}
}
