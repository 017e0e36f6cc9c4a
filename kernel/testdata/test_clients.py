"""The installed kernel "cellar" in the hands of jupyter_client, nbclient and jupyter console."""

import signal
import subprocess
import sys
import time
import unittest

import nbclient
import nbformat
from jupyter_client.manager import KernelManager, start_new_kernel


class Client(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.km, cls.kc = start_new_kernel(kernel_name="cellar")
        cls.kc.execute_interactive("0", timeout=300)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.kc.stop_channels()
        cls.km.shutdown_kernel()

    def run_cell(self, code: str, timeout: float = 30, **kwargs):
        """Returns the reply's content and a list of what was shown."""
        shown = []

        def hook(msg):
            kind, c = msg["msg_type"], msg["content"]
            if kind == "stream":
                shown.append((c["name"], c["text"]))
            elif kind in ("execute_result", "display_data"):
                shown.append((kind, c["data"]))
            elif kind == "error":
                shown.append((kind, c["evalue"]))

        reply = self.kc.execute_interactive(code, timeout=timeout, output_hook=hook, **kwargs)
        return reply["content"], shown

    def test_state_lives(self):
        self.run_cell("type P struct{ X int }\nfunc (p P) Sum(y int) int { return p.X + y }")
        self.run_cell("var p = P{40}")
        reply, shown = self.run_cell("p.Sum(2)")
        self.assertEqual(reply["status"], "ok", reply)
        self.assertEqual(shown[-1][1]["text/plain"], "42")

    def test_errors_point_at_the_cell(self):
        reply, shown = self.run_cell("a := 1\nb := undefinedName")
        self.assertEqual(reply["ename"], "CompileError")
        self.assertIn("undefinedName", reply["evalue"])
        self.assertIn(":2:6", "\n".join(reply["traceback"]))
        self.assertIn("b := undefinedName", "\n".join(reply["traceback"]))
        reply, _ = self.run_cell("var m map[string]int\nm[\"a\"] = 1")
        self.assertEqual(reply["ename"], "panic")
        self.assertIn(":2", "\n".join(reply["traceback"]))

    def test_output_as_it_appears(self):
        self.run_cell('import ("fmt"; "time")')
        start = time.monotonic()
        arrived = []
        self.kc.execute_interactive(
            'for i := range 3 { fmt.Println(i); time.Sleep(400 * time.Millisecond) }',
            timeout=30,
            output_hook=lambda m: arrived.append(time.monotonic() - start) if m["msg_type"] == "stream" else None,
        )
        self.assertEqual(len(arrived), 3)
        self.assertGreater(arrived[2] - arrived[0], 0.5)

    def test_many_lines(self):
        reply, shown = self.run_cell('import "fmt"\nfor i := range 200_000 { fmt.Println(i) }', timeout=120)
        text = "".join(t for name, t in shown if name == "stdout")
        self.assertEqual(text.count("\n"), 200_000)
        self.assertTrue(text.endswith("199999\n"))

    def test_interrupt(self):
        def by_signal():  # of front-ends that know no interrupt_request
            self.km.provisioner.process.send_signal(signal.SIGINT)

        for code, interrupt in (
            ("for {}", self.km.interrupt_kernel),
            ("for {}", by_signal),
            ("select {}", self.km.interrupt_kernel),
            ('import "time"\ntime.Sleep(time.Minute)', self.km.interrupt_kernel),
        ):
            with self.subTest(code=code):
                self.run_cell("kept := 7")
                msg_id = self.kc.execute(code)
                while True:
                    msg = self.kc.get_iopub_msg(timeout=30)
                    if msg["msg_type"] == "execute_input":
                        break
                time.sleep(1.5)
                start = time.monotonic()
                interrupt()
                while True:
                    reply = self.kc.get_shell_msg(timeout=30)
                    if reply["parent_header"]["msg_id"] == msg_id:
                        break
                self.assertEqual(reply["content"]["status"], "error")
                self.assertLess(time.monotonic() - start, 3)
                _, shown = self.run_cell("kept")
                self.assertEqual(shown[-1][1]["text/plain"], "7")

    def test_stdin(self):
        for code in (
            'import ("bufio"; "fmt"; "os")\nline, _ := bufio.NewReader(os.Stdin).ReadString(\'\\n\')\nfmt.Print("got " + line)',
            'import "fmt"\nvar word string\nfmt.Scanln(&word)\nfmt.Println("got", word)',
        ):
            with self.subTest(code=code):
                _, shown = self.run_cell(code, allow_stdin=True, stdin_hook=lambda msg: self.kc.input("Ada"))
                self.assertIn("got Ada\n", "".join(t for name, t in shown if name == "stdout"))

    def test_questions(self):
        asked = []

        def answer(msg):
            asked.append((msg["content"]["prompt"], msg["content"]["password"]))
            self.kc.input("Ada")

        self.run_cell('import "github.com/cellar-go/cellar/display"')
        _, shown = self.run_cell(
            'name, err := display.Ask("who? ")\nsecret, err2 := display.Password("token: ")\nfmt.Println(name, err, len(secret), err2)',
            allow_stdin=True, stdin_hook=answer,
        )
        self.assertEqual(asked, [("who? ", False), ("token: ", True)])
        self.assertIn("Ada <nil> 3 <nil>\n", "".join(t for name, t in shown if name == "stdout"))
        _, shown = self.run_cell('_, err = display.Ask("who? ")\nerrors.Is(err, display.ErrNobody)', allow_stdin=False)
        self.assertEqual(shown[-1][1]["text/plain"], "true")
        # One that is interrupted takes no answer of a later one.
        msg_id = self.kc.execute('_, _ = display.Ask("never? ")', allow_stdin=True)
        self.assertEqual(self.kc.get_stdin_msg(timeout=30)["content"]["prompt"], "never? ")
        self.km.interrupt_kernel()
        while self.kc.get_shell_msg(timeout=30)["parent_header"]["msg_id"] != msg_id:
            pass
        _, shown = self.run_cell('again, _ := display.Ask("again? ")\nagain', allow_stdin=True, stdin_hook=answer)
        self.assertEqual(shown[-1][1]["text/plain"], "Ada")

    def test_worker_dies_kernel_lives(self):
        self.run_cell("gone := 1")
        reply, _ = self.run_cell('import "os"\nos.Exit(3)')
        self.assertEqual(reply["status"], "error")
        reply, shown = self.run_cell("1 + 1", timeout=60)
        self.assertEqual(shown[-1][1]["text/plain"], "2")

    def test_user_expressions(self):
        self.run_cell("n := 5")
        reply, _ = self.run_cell("", user_expressions={"twice": "n * 2", "wrong": "nope"})
        self.assertEqual(reply["user_expressions"]["twice"]["data"]["text/plain"], "10")
        self.assertEqual(reply["user_expressions"]["wrong"]["status"], "error")

    def test_silent(self):
        reply, shown = self.run_cell("1 + 1", silent=True)
        self.assertEqual((reply["status"], shown), ("ok", []))


class Restart(unittest.TestCase):
    def test_restart_and_second_client(self):
        km, kc = start_new_kernel(kernel_name="cellar")
        kc.execute_interactive("x := 1", timeout=300)
        other = km.client()
        other.start_channels()
        other.wait_for_ready(timeout=30)
        other.execute_interactive("y := x + 1", timeout=60)
        km.restart_kernel()
        kc.wait_for_ready(timeout=30)
        reply = kc.execute_interactive("x", timeout=60, output_hook=lambda m: None)
        self.assertEqual(reply["content"]["ename"], "CompileError")
        other.stop_channels()
        kc.stop_channels()
        km.shutdown_kernel()
        self.assertFalse(km.is_alive())


class Subshells(unittest.TestCase):
    def test_beside_a_running_cell(self):
        km, kc = start_new_kernel(kernel_name="cellar")
        kc.execute_interactive("found := 1", timeout=300)

        def ask(channel, kind, content, subshell=None):
            msg = kc.session.msg(kind, content)
            if subshell:
                msg["header"]["subshell_id"] = subshell
            channel.send(msg)
            return msg["header"]["msg_id"]

        replies = {}  # they come in any order

        def answer(get, msg_id):
            while msg_id not in replies:
                reply = get(timeout=60)
                replies[reply["parent_header"].get("msg_id")] = reply["content"]
            return replies[msg_id]

        subshell = answer(kc.get_control_msg, ask(kc.control_channel, "create_subshell_request", {}))["subshell_id"]
        running = kc.execute("for {}")
        waiting = ask(kc.shell_channel, "execute_request", {"code": "found + 1"}, subshell)
        beside = ask(kc.shell_channel, "complete_request", {"code": "foun", "cursor_pos": 4}, subshell)
        self.assertEqual(answer(kc.get_shell_msg, beside)["matches"], ["found"])
        time.sleep(1)
        km.interrupt_kernel()
        self.assertEqual(answer(kc.get_shell_msg, running)["ename"], "Interrupted")
        self.assertEqual(answer(kc.get_shell_msg, waiting)["status"], "ok")
        kc.stop_channels()
        km.shutdown_kernel()


class Encrypted(unittest.TestCase):
    def test_curve(self):
        km = KernelManager(kernel_name="cellar", transport_encryption="required")
        km.start_kernel()
        kc = km.client()
        kc.start_channels()
        kc.wait_for_ready(timeout=300)
        shown = []
        kc.execute_interactive("6 * 7", timeout=300, output_hook=lambda m: shown.append(m["content"].get("data")))
        self.assertIn({"text/plain": "42"}, shown)
        kc.stop_channels()
        km.shutdown_kernel()


class Notebook(unittest.TestCase):
    def test_nbclient(self):
        new = nbformat.v4.new_code_cell
        nb = nbformat.v4.new_notebook(
            cells=[
                new('import "fmt"'),
                new("squares := map[int]int{}\nfor i := range 4 { squares[i] = i * i }"),
                new('fmt.Println("nine is", squares[3])\nsquares[2]'),
                new('import "github.com/cellar-go/cellar/display"\ndisplay.HTML("<i>hi</i>")'),
            ],
            metadata={"kernelspec": {"name": "cellar", "display_name": "Go (Cellar)", "language": "go"}},
        )
        nbclient.NotebookClient(nb, timeout=300).execute()
        outputs = nb.cells[2].outputs
        self.assertEqual(outputs[0].text, "nine is 9\n")
        self.assertEqual(outputs[1].data["text/plain"], "4")
        self.assertEqual(nb.cells[3].outputs[0].data["text/html"], "<i>hi</i>")
        self.assertEqual([c.execution_count for c in nb.cells], [1, 2, 3, 4])
        self.assertEqual(nb.metadata.language_info.name, "go")
        nbformat.validate(nb)

    def test_error_stops_the_notebook(self):
        new = nbformat.v4.new_code_cell
        nb = nbformat.v4.new_notebook(cells=[new('panic("stop")'), new("1")], metadata={"kernelspec": {"name": "cellar", "display_name": "", "language": "go"}})
        with self.assertRaisesRegex(nbclient.exceptions.CellExecutionError, "stop"):
            nbclient.NotebookClient(nb, timeout=300).execute()


class Console(unittest.TestCase):
    def test_simple_prompt(self):
        done = subprocess.run(
            [sys.executable, "-m", "jupyter", "console", "--kernel", "cellar", "--simple-prompt"],
            input='import "fmt"\nx := 20\nfor i := range 2 { fmt.Println("line", i) }\nx + 22\n',  # this prompt takes one line a cell
            capture_output=True,
            text=True,
            timeout=300,
        )
        self.assertIn("Cellar", done.stdout, done.stderr)
        self.assertIn("line 1", done.stdout, done.stderr)
        self.assertIn("42", done.stdout, done.stderr)

    def test_progress_is_written_over(self):
        done = subprocess.run(
            [sys.executable, "-m", "jupyter", "console", "--kernel", "cellar", "--simple-prompt"],
            input=b'import ("fmt"; "github.com/cellar-go/cellar/display")\n'
            b'for range display.TrackN(3, "alone") {}\n'
            b'for i := range display.TrackN(3, "told") { if i == 1 { fmt.Println("between") } }\n',
            capture_output=True,
            timeout=300,
        )
        shown = done.stdout.decode()
        self.assertRegex(shown, r"alone \|·+\| 0/3 \[00:00\]\r\x1b\[Kalone \|█+\| 3/3 \[00:0\d\]\n", done.stderr)
        self.assertRegex(shown, r"told \|·+\| 0/3 \[00:00\]\nbetween\ntold \|█+\| 3/3 \[00:0\d\]\n", done.stderr)


if __name__ == "__main__":
    unittest.main()
