"""jupyter_kernel_test's suite for the installed kernel "cellar". No test of it is left out."""

import unittest

import jupyter_kernel_test as jkt

SHOW = 'import "github.com/cellar-go/cellar/display"\n'


class Protocol(jkt.KernelTests):
    kernel_name = "cellar"
    language_name = "go"
    file_extension = ".go"

    code_hello_world = 'import "fmt"\nfmt.Println("hello, world")'
    code_stderr = 'import ("fmt"; "os")\nfmt.Fprintln(os.Stderr, "oops")'
    code_generate_error = 'panic("boom")'
    code_execute_result = [
        {"code": "1+2", "result": "3"},
        {"code": "x := []int{1, 2}\nlen(x)", "result": "2"},
        {"code": "1+2+3", "result": "6"},
    ]
    code_display_data = [
        {"code": SHOW + 'display.HTML("<b>bold</b>")', "mime": "text/html"},
        {"code": SHOW + 'display.Markdown("**bold**")', "mime": "text/markdown"},
        {"code": SHOW + 'display.Latex("$x^2$")', "mime": "text/latex"},
        {"code": SHOW + 'display.SVG("<svg/>")', "mime": "image/svg+xml"},
        {"code": SHOW + "display.PNG([]byte{1, 2})", "mime": "image/png"},
        {"code": SHOW + "display.JPEG([]byte{1, 2})", "mime": "image/jpeg"},
        {"code": SHOW + "display.JSON(map[string]int{\"a\": 1})", "mime": "application/json"},
    ]
    code_page_something = 'import "fmt"\nfmt.Println?'
    code_clear_output = SHOW + "display.Clear()"

    complete_code_samples = ["a, b", "1", 'fmt.Println("x")', "func f() int {\n\treturn 1\n}", "x := []int{\n\t1,\n}", "// words"]
    incomplete_code_samples = ["func f() int {", "x := []int{\n\t1,", "y := `raw", "f(1,", "/* words", "for i := range 3 {\n\tif i > 1 {", "a, b :=", "z := \"open"]
    invalid_code_samples = ["x := )", "import fmt\n", "if 5 5 {", "z := \"open\n", "1 2 3"]
    completion_samples = [
        {"text": 'import "strings"\nstrings.ToUpperSpec', "matches": {"ToUpperSpecial"}},
        {"text": "func abcdef() {}\nabcde", "matches": {"abcdef"}},
    ]
    code_inspect_sample = 'import "strings"\nstrings.ToUpper'

    supported_history_operations = ("tail", "range", "search")
    code_history_pattern = "1+*2"

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        # The first session on a machine builds its worker, which may take longer than the suite waits for a cell.
        cls.kc.execute_interactive("0", timeout=300, store_history=False)


class Welcome(jkt.IopubWelcomeTests):
    kernel_name = "cellar"
    support_iopub_welcome = True


if __name__ == "__main__":
    unittest.main()
