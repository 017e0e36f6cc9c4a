package parameters

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/testkit"
)

// TestTranslatorsLikePapermill writes values in each language of Papermill's here and there. A difference is on purpose, with its reason.
func TestTranslatorsLikePapermill(t *testing.T) {
	python := testkit.Python(t)
	kernels := []string{"python", "pysparkkernel", "R", "sparkrkernel", "scala", "sparkkernel", "julia", "matlab", ".net-csharp", ".net-fsharp", ".net-powershell", "bash"}
	values := []string{
		"null", "true", "false", "0", "12345", "-54321", "2147483647", "2147483648", "-2147483649", "9223372036854775807", "9007199254740993", "123456789012345678901234567890",
		"1.2345", "-5432.1", "5.0", "1.0e+16", "1.0e-05", ".nan", ".inf", "-.inf",
		`foo`, `""`, `'{"foo": "bar"}'`, `"it's \"quoted\""`, `"two\nlines\r\tand a tab"`, `'C:\dir'`, `"a \\ and \" and \n"`, `'~ * & ; | < > # !'`, `'a=b,c:d/e.f_g-h@i%j+k'`,
		`'$HOME $(id) ${x} @'`, "'`id`'", `é`, `€`, `😀`, `"\x01"`, `"\x7f\x1b"`, `"é1"`, `"\0"`, `"“smart”"`, `"a\u2028b"`,
		`[]`, `[foo]`, `[foo, '"bar"']`, `[1, 2, 3]`, `[1, 2.5]`, `[1, x, true]`, `[1, null]`, `[a, null]`, `[null]`, `[1, 2147483648]`, `[[1, 2]]`, `[[1], [2]]`, `[[1], [x]]`, `[{foo: bar}]`, `[.nan]`,
		`{}`, `{foo: bar}`, `{foo: '"bar"'}`, `{foo: [bar]}`, `{foo: {bar: baz}}`, `{a: 1, b: [true, null], "it's": 2.5}`, `{a: 1, A: 2}`, `{"": 1}`, `[{a: [x, {}]}, []]`,
	}
	type difference struct{ kernel, value, ours, why string }
	const (
		quoting  = "Papermill's escape is no escape there, or of a byte"
		floats   = "Papermill writes Python's nan and inf"
		range64  = "Papermill writes an integer that the compiler refuses"
		rounded  = "the number would silently be another one"
		inserted = "$ inserts a variable or runs a command"
		typed    = "the compiler finds no type for what Papermill writes"
		refused  = "Papermill writes what is a syntax error, or something else"
		missing  = "Papermill has no such thing"
		keys     = "the kernel types it into a shell, which edits the line or completes a word"
	)
	differences := []difference{
		{"R", ".nan", "x = NaN", floats},
		{"R", ".inf", "x = Inf", floats},
		{"R", "-.inf", "x = -Inf", floats},
		{"R", "[.nan]", "x = list(NaN)", floats},
		{"R", "9007199254740993", "error: parameter x: 9007199254740993 is too large to be exact in R, whose numbers are floats; give it as text (-r)", rounded},
		{"R", "9223372036854775807", "error: parameter x: 9223372036854775807 is too large to be exact in R, whose numbers are floats; give it as text (-r)", rounded},
		{"R", "123456789012345678901234567890", "error: parameter x: 123456789012345678901234567890 is too large to be exact in R, whose numbers are floats; give it as text (-r)", rounded},
		{"R", `é`, `x = "\u00e9"`, quoting},
		{"R", `"é1"`, `x = "\u00e91"`, quoting},
		{"R", `"\x01"`, `x = "\u0001"`, "\\x can't stand beside \\u in a text"},
		{"R", `"\x7f\x1b"`, `x = "\u007f\u001b"`, "\\x can't stand beside \\u in a text"},
		{"R", `"\0"`, `error: parameter x: a text in R can't hold the character NUL`, refused},
		{"R", `{"": 1}`, "error: parameter x: a list in R can't have an empty name", refused},

		{"scala", ".nan", "val x = Double.NaN", floats},
		{"scala", ".inf", "val x = Double.PositiveInfinity", floats},
		{"scala", "-.inf", "val x = Double.NegativeInfinity", floats},
		{"scala", "[.nan]", "val x = Seq(Double.NaN)", floats},
		{"scala", "123456789012345678901234567890", `val x = BigInt("123456789012345678901234567890")`, range64},
		{"scala", `é`, `val x = "\u00e9"`, quoting},
		{"scala", `"é1"`, `val x = "\u00e91"`, quoting},
		{"scala", `😀`, `val x = "\ud83d\ude00"`, quoting},
		{"scala", `"\x01"`, `val x = "\u0001"`, quoting},
		{"scala", `"\x7f\x1b"`, `val x = "\u007f\u001b"`, quoting},
		{"scala", `"\0"`, `val x = "\u0000"`, quoting},

		{"julia", ".nan", "x = NaN", floats},
		{"julia", ".inf", "x = Inf", floats},
		{"julia", "-.inf", "x = -Inf", floats},
		{"julia", "[.nan]", "x = [NaN]", floats},
		{"julia", `'$HOME $(id) ${x} @'`, `x = "\$HOME \$(id) \${x} @"`, inserted},
		{"julia", `é`, `x = "\u00e9"`, quoting},
		{"julia", `"é1"`, `x = "\u00e91"`, quoting},

		{"matlab", "9007199254740993", "error: parameter x: 9007199254740993 is too large to be exact in MATLAB, whose numbers are floats; give it as text (-r)", rounded},
		{"matlab", "9223372036854775807", "error: parameter x: 9223372036854775807 is too large to be exact in MATLAB, whose numbers are floats; give it as text (-r)", rounded},
		{"matlab", "123456789012345678901234567890", "error: parameter x: 123456789012345678901234567890 is too large to be exact in MATLAB, whose numbers are floats; give it as text (-r)", rounded},
		{"matlab", `"two\nlines\r\tand a tab"`, `x = "two" + char(10) + "lines" + char(13) + "" + char(9) + "and a tab";`, quoting},
		{"matlab", `'C:\dir'`, `x = "C:\dir";`, quoting},
		{"matlab", `"a \\ and \" and \n"`, `x = "a \ and "" and " + char(10) + "";`, quoting},
		{"matlab", `é`, `x = "é";`, quoting},
		{"matlab", `"é1"`, `x = "é1";`, quoting},
		{"matlab", `€`, `x = "€";`, quoting},
		{"matlab", `😀`, `x = "😀";`, quoting},
		{"matlab", `"“smart”"`, `x = "“smart”";`, quoting},
		{"matlab", `"\x01"`, `x = "" + char(1) + "";`, quoting},
		{"matlab", `"\x7f\x1b"`, `x = "" + char(127) + "" + char(27) + "";`, quoting},
		{"matlab", `"\0"`, `x = "" + char(0) + "";`, quoting},
		{"matlab", `"a\u2028b"`, `x = "a" + char(8232) + "b";`, quoting},

		{".net-csharp", "null", "object x = null;", missing},
		{".net-csharp", ".nan", "var x = double.NaN;", floats},
		{".net-csharp", ".inf", "var x = double.PositiveInfinity;", floats},
		{".net-csharp", "-.inf", "var x = double.NegativeInfinity;", floats},
		{".net-csharp", "[.nan]", "var x = new [] { double.NaN };", floats},
		{".net-csharp", "123456789012345678901234567890", `var x = System.Numerics.BigInteger.Parse("123456789012345678901234567890");`, range64},
		{".net-csharp", `é`, `var x = "\u00e9";`, quoting},
		{".net-csharp", `"é1"`, `var x = "\u00e91";`, quoting},
		{".net-csharp", `"\x01"`, `var x = "\u0001";`, quoting},
		{".net-csharp", `"\x7f\x1b"`, `var x = "\u007f\u001b";`, quoting},
		{".net-csharp", `"\0"`, `var x = "\u0000";`, quoting},
		{".net-csharp", `[]`, "var x = new object[] {  };", typed},
		{".net-csharp", `[1, x, true]`, `var x = new object[] { 1, "x", true };`, typed},
		{".net-csharp", `[1, null]`, `var x = new object[] { 1, null };`, missing},
		{".net-csharp", `[a, null]`, `var x = new [] { "a", null };`, missing},
		{".net-csharp", `[null]`, `var x = new object[] { null };`, missing},
		{".net-csharp", `[[1], [x]]`, `var x = new object[] { new [] { 1 }, new [] { "x" } };`, typed},
		{".net-csharp", `{a: 1, b: [true, null], "it's": 2.5}`, `var x = new Dictionary<string,Object>{ { "a" , 1 }, { "b" , new object[] { true, null } }, { "it's" , 2.5 } };`, missing},
		{".net-csharp", `[{a: [x, {}]}, []]`, `var x = new object[] { new Dictionary<string,Object>{ { "a" , new object[] { "x", new Dictionary<string,Object>{  } } } }, new object[] {  } };`, typed},

		{".net-fsharp", ".inf", "let x = infinity", floats},
		{".net-fsharp", "-.inf", "let x = -infinity", floats},
		{".net-fsharp", "123456789012345678901234567890", "let x = 123456789012345678901234567890I", range64},
		{".net-fsharp", `[1, 2.5]`, "let x = [ box (1); box (2.5) ]", typed},
		{".net-fsharp", `[1, x, true]`, `let x = [ box (1); box ("x"); box (true) ]`, typed},
		{".net-fsharp", `[1, null]`, "let x = [ box (1); box (None) ]", typed},
		{".net-fsharp", `[a, null]`, `let x = [ box ("a"); box (None) ]`, typed},
		{".net-fsharp", `[1, 2147483648]`, "let x = [ box (1); box (2147483648L) ]", typed},
		{".net-fsharp", `[[1], [x]]`, `let x = [ box ([ 1 ]); box ([ "x" ]) ]`, typed},
		{".net-fsharp", `{}`, "let x = Map.empty<string, IComparable>", typed},
		{".net-fsharp", `{a: 1, b: [true, null], "it's": 2.5}`, `let x = [ ("a", 1 :> IComparable); ("b", [ box (true); box (None) ] :> IComparable); ("it's", 2.5 :> IComparable) ] |> Map.ofList`, typed},
		{".net-fsharp", `[{a: [x, {}]}, []]`, `let x = [ box ([ ("a", [ box ("x"); box (Map.empty<string, IComparable>) ] :> IComparable) ] |> Map.ofList); box ([  ]) ]`, typed},

		{".net-powershell", "123456789012345678901234567890", `$x = [bigint]"123456789012345678901234567890"`, rounded},
		{".net-powershell", `"two\nlines\r\tand a tab"`, "$x = \"two`nlines`r`tand a tab\"", quoting},
		{".net-powershell", `'C:\dir'`, `$x = "C:\dir"`, quoting},
		{".net-powershell", `"a \\ and \" and \n"`, "$x = \"a \\ and `\" and `n\"", quoting},
		{".net-powershell", `'$HOME $(id) ${x} @'`, "$x = \"`$HOME `$(id) `${x} @\"", inserted},
		{".net-powershell", "'`id`'", "$x = \"``id``\"", quoting},
		{".net-powershell", `é`, "$x = \"`u{e9}\"", quoting},
		{".net-powershell", `"é1"`, "$x = \"`u{e9}1\"", quoting},
		{".net-powershell", `€`, "$x = \"`u{20ac}\"", quoting},
		{".net-powershell", `😀`, "$x = \"`u{1f600}\"", quoting},
		{".net-powershell", `"“smart”"`, "$x = \"`u{201c}smart`u{201d}\"", quoting},
		{".net-powershell", `"\x01"`, "$x = \"`u{1}\"", quoting},
		{".net-powershell", `"\x7f\x1b"`, "$x = \"`u{7f}`u{1b}\"", quoting},
		{".net-powershell", `"\0"`, "$x = \"`u{0}\"", quoting},
		{".net-powershell", `"a\u2028b"`, "$x = \"a`u{2028}b\"", quoting},
		{".net-powershell", `[[1, 2]]`, "$x = @(,@(1, 2))", "@(@(1, 2)) is @(1, 2)"},
		{".net-powershell", `{a: 1, A: 2}`, `error: parameter x: the keys "a" and "A" are one in PowerShell, which takes small letters for large ones`, refused},

		{"bash", `"\0"`, "error: parameter x: a text in bash can't hold the character NUL", refused},
		{"bash", `"two\nlines\r\tand a tab"`, `x=$'two\nlines\x0d\x09and a tab'`, keys},
		{"bash", `"\x01"`, `x=$'\x01'`, keys},
		{"bash", `"\x7f\x1b"`, `x=$'\x7f\x1b'`, keys},
		{"bash", `"a\u2028b"`, `x=$'a\xe2\x80\xa8b'`, keys},
		{"bash", `[1, null]`, "x=(1 '')", "an element would be lost"},
		{"bash", `[a, null]`, "x=(a '')", "an element would be lost"},
		{"bash", `[null]`, "x=('')", "an element would be lost"},
		{"bash", `[[1, 2]]`, "error: parameter x: a list in bash can't hold lists or maps; give it as JSON text (-r)", refused},
		{"bash", `[[1], [2]]`, "error: parameter x: a list in bash can't hold lists or maps; give it as JSON text (-r)", refused},
		{"bash", `[[1], [x]]`, "error: parameter x: a list in bash can't hold lists or maps; give it as JSON text (-r)", refused},
		{"bash", `{}`, "unset -v x; declare -A x=()", missing},
		{"bash", `{foo: bar}`, "unset -v x; declare -A x=([foo]=bar)", missing},
		{"bash", `{foo: '"bar"'}`, `unset -v x; declare -A x=([foo]='"bar"')`, missing},
		{"bash", `{a: 1, A: 2}`, "unset -v x; declare -A x=([a]=1 [A]=2)", missing},
	}
	input, err := json.Marshal([][]string{kernels, values})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-c", `
import json, sys, yaml
from papermill.iorw import NoDatesSafeLoader
from papermill.translators import PythonTranslator, Translator, papermill_translators
kernels, values = json.load(sys.stdin)
def write(kernel, text):
    translator = papermill_translators.find_translator(kernel, kernel)
    codify = translator.codify if translator is not PythonTranslator else lambda p: Translator.codify.__func__(PythonTranslator, p)
    try: return codify({"x": yaml.load(text, Loader=NoDatesSafeLoader)})
    except NotImplementedError as e: return "error"
json.dump([[write(k, v) for v in values] for k in kernels], sys.stdout)`)
	cmd.Stdin = strings.NewReader(string(input))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var theirs [][]string
	if err := json.Unmarshal(out, &theirs); err != nil {
		t.Fatal(err)
	}
	same := map[string]string{"pysparkkernel": "python", "sparkrkernel": "R", "sparkkernel": "scala"} // they share a translator
	for i, kernel := range kernels {
		language := Language(kernel, kernel)
		for j, value := range values {
			p, err := Flags{YAML: []string{"x: " + value}}.Parse()
			if err != nil {
				t.Fatal(err)
			}
			got, err := Translate(language, p, "")
			if err != nil {
				got = "error: " + err.Error()
			}
			want, differs := theirs[i][j], false
			for _, d := range differences {
				if d.value == value && (d.kernel == kernel || d.kernel == same[kernel]) {
					if differs = true; d.ours == strings.TrimSuffix(want[strings.Index(want, "\n")+1:], "\n") {
						t.Errorf("%s, %s: this is what Papermill writes", kernel, value)
					}
					want = d.ours
				}
			}
			if differs && err == nil {
				got = strings.TrimSuffix(got[strings.Index(got, "\n")+1:], "\n") // without the comment
			}
			if got != want && !(want == "error" && err != nil) {
				t.Errorf("%s, %s:\n got %s\nwant %s", kernel, value, got, want)
			}
		}
	}
}
