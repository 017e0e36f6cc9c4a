package e2e

import (
	"maps"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/testkit"
)

// One constant changes: status names the asset and what hangs on it, with the reason, and nothing else.
func TestChangeOneConstant(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.Materialize("*")
	before := testkit.Versions(p.List())

	p.Edit("shop.ipynb", "threshold = 3.0", "threshold = 5.0")
	p.Expect("a constant changed",
		"shop/orders fresh",
		"shop/features stale: code changed (cell 5)",
		"shop/train stale: upstream shop/features is stale",
		"shop/test stale: upstream shop/features is stale",
		"shop/metrics stale: upstream shop/test is stale",
		"shop/prices fresh")

	p.Edit("shop.ipynb", "threshold = 5.0", "threshold = 3.0")
	p.Expect("the constant is back")
	p.All(p.Materialize("*"), "loaded")
	if after := testkit.Versions(p.List()); !maps.Equal(before, after) {
		t.Errorf("there and back gives other versions: %v, %v", before, after)
	}
}

// What does not change what a cell computes does not make it stale.
func TestWhatDoesNotMatter(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.Materialize("*")
	p.Commit("Nothing new")
	for _, edit := range []struct{ name, from, to string }{
		{"a comment", "features := []Feature{}", "// one for each order\nfeatures := []Feature{} // not yet"},
		{"the layout", "features = append(features, Feature{o.ID, o.Price > threshold})", "features = append(\n\t\tfeatures,\n\t\tFeature{ o.ID, o.Price   >  threshold },\n\t)"},
		{"an option of presentation", "//| asset: features\n", "//| asset: features\n//| group: learning\n"},
		{"prose", "# The shop", "# The shop, and what it sells"},
		{"an import that nothing uses", `"os"`, `"os"` + "\n\t\"sort\""},
		{"what gofmt makes of the mark", "//| asset: orders", "// | asset: orders"},
	} {
		p.Edit("shop.ipynb", edit.from, edit.to)
		p.Expect(edit.name)
	}
	for _, a := range p.List() {
		if !a.Clean {
			t.Errorf("not clean, though nothing changed that matters: %v", a)
		}
	}
}

// Outputs and counts, which Jupyter writes at every save, are no change either.
func TestSavedOutputsDoNotMatter(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.Materialize("*")
	text := p.Read("shop.ipynb")
	p.Write("shop.ipynb", strings.Replace(text, `"execution_count": null,
   "outputs": [],`, `"execution_count": 7,
   "outputs": [{"name": "stdout", "output_type": "stream", "text": ["hello\n"]}],`, 1))
	if p.Read("shop.ipynb") == text {
		t.Fatal("the outputs were not written")
	}
	p.Expect("outputs saved")
	if a := p.List()["shop/orders"]; !a.Clean {
		t.Errorf("not clean: %v", a)
	}
}

// The early cut-off: what is computed again to an equal value leaves what hangs on it fresh.
func TestEqualResultLeavesDownstreamFresh(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.Materialize("*")
	p.Edit("shop.ipynb", "threshold = 3.0", "threshold = 3.1") // no order lies between
	got := strings.Join(p.Materialize("*"), ", ")
	if got != "shop/orders loaded, shop/features computed, shop/train loaded, shop/test loaded, shop/metrics loaded, shop/prices loaded" {
		t.Error(got)
	}
}

// Files, types and functions that a cell uses are part of it; those that it does not use are not.
func TestWhatACellDependsOn(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.Materialize("*")
	p.Write("prices.txt", "9.0\n")
	p.Expect("a file changed",
		"shop/orders fresh", "shop/features fresh", "shop/train fresh", "shop/test fresh", "shop/metrics fresh",
		"shop/prices stale: file prices.txt changed")
	p.Write("prices.txt", "1.5 3.0\n")
	p.Edit("shop.ipynb", "8, 30", "9, 30")
	p.Expect("a variable of a plain cell changed",
		"shop/orders stale: code changed (cell 4)",
		"shop/features stale: upstream shop/orders is stale", "shop/train stale: upstream shop/features is stale", "shop/test stale: upstream shop/features is stale",
		"shop/metrics stale: upstream shop/test is stale", "shop/prices fresh")
}

// A stale upstream is named, not guessed around; + takes it along.
func TestStaleUpstreamIsNamed(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.Materialize("*")
	p.Edit("shop.ipynb", "threshold = 3.0", "threshold = 7.0")
	r := p.Try("materialize", "metrics")
	if r.Code != 3 || !strings.Contains(r.Stderr, "upstream shop/test is stale") || !strings.Contains(r.Stderr, "cellar materialize +shop/metrics") {
		t.Errorf("exit code %d\n%s", r.Code, r.Stderr)
	}
	if got := strings.Join(p.Materialize("+metrics"), ", "); got != "shop/orders loaded, shop/features computed, shop/train computed, shop/test computed, shop/metrics computed" {
		t.Error(got)
	}
	r = p.Try("load", "prices")
	if r.Code != 0 {
		t.Errorf("prices, which nothing touched, do not load: %s", r.Stderr)
	}
}

// --force computes again; the versions stay where the values are equal.
func TestForce(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.Materialize("*")
	before := testkit.Versions(p.List())
	p.All(p.Materialize("*", "--force"), "computed")
	if after := testkit.Versions(p.List()); !maps.Equal(before, after) {
		t.Errorf("computing again gives other versions: %v, %v", before, after)
	}
}
