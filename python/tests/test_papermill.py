"""Tests of what Papermill's own tests don't reach."""

import datetime
import decimal
import enum
import errno
import http.server
import io
import json
import logging
import math
import os
import pathlib
import pickle
import re
import signal
import subprocess
import sys
import threading
import time

import nbformat
import numpy
import papermill
import pytest
import yaml as pyyaml
from papermill.iorw import NoDatesSafeLoader

import cellar.papermill as pm
import cellar.papermill.engines
import cellar.papermill.iorw
import cellar.papermill.utils
from cellar.papermill import _program
from cellar.papermill.exceptions import CellTimeoutError, DeadKernelError, NoSuchKernel, NotJSONError, PapermillException, PapermillMissingParameterException


def notebook(path, *sources, kernel="python3", language="python", tags=()):
    cells = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {"tags": list(tags) if i == 0 else []}, "execution_count": None, "outputs": [], "source": s}
        for i, s in enumerate(sources)
    ]
    kernelspec = {"name": kernel, "display_name": kernel, "language": language}
    path.write_text(json.dumps({"cells": cells, "metadata": {"kernelspec": kernelspec}, "nbformat": 4, "nbformat_minor": 5}))
    return path


@pytest.mark.parametrize(
    "value",
    [None, True, False, 0, -7, 2**70, 1.5, 1e16, 1e-7, -2.5e300, math.inf, -math.inf, "", "é\n\t\"\\'", "yes", "2013-01-01", "null", "1e3", [], [1, [None, "a: b"]], {}, {"k": {"1": [True]}}],
)
def test_parameters_keep_their_value_and_type(value):
    text = _program.yaml({"x": value})
    got = pyyaml.load(text, Loader=NoDatesSafeLoader)["x"]
    assert got == value and type(got) is type(value)


class Level(enum.IntEnum):
    HIGH = 2


class Colour(str, enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    "value",
    [
        numpy.int64(3), numpy.bool_(True), numpy.arange(2), decimal.Decimal(1), pathlib.Path("a"), datetime.date(2020, 1, 1), {1}, object, range(3), 1j,
        [numpy.int64(1)], {"k": {1}}, {(1, 2): 1}, {numpy.int64(1): 1}, numpy.float64(2.5), numpy.str_("a"), Level.HIGH, Colour.RED, {1: 2},
    ],
    ids=repr,
)
def test_parameters_of_other_types(tmp_path, value):
    """They are refused or taken as Papermill does."""
    path = notebook(tmp_path / "in.ipynb", "a = 0", tags=["parameters"])

    def outcome(execute):
        try:
            nb = execute(str(path), str(tmp_path / "out.ipynb"), {"a": value}, prepare_only=True, progress_bar=False)
        except Exception as e:
            return type(e), str(e)
        return nb.cells[1].source.split()

    assert outcome(pm.execute_notebook) == outcome(papermill.execute_notebook)


def test_parameters_better_than_papermills(tmp_path):
    path = notebook(tmp_path / "in.ipynb", "a = 0", tags=["parameters"])
    nb = pm.execute_notebook(path, None, {"a": (1, [2]), "n": math.nan}, prepare_only=True)
    assert nb.cells[1].source == "# Parameters\na = [1, [2]]\nn = float('nan')\n"
    with pytest.raises(TypeError, match="^Object of type bytes is not JSON serializable$"):
        pm.execute_notebook(path, None, {"a": b"x"})


def test_outputs_go_to_files_and_logger(tmp_path, caplog):
    path = notebook(tmp_path / "in.ipynb", "import sys\nprint('out')\nprint('err', file=sys.stderr)")
    out, err = io.StringIO(), io.StringIO()
    with caplog.at_level(logging.INFO, logger="papermill"):
        nb = pm.execute_notebook(path, None, log_output=True, stdout_file=out, stderr_file=err)
    assert (out.getvalue(), err.getvalue()) == ("out\n", "err\n")
    assert "Executing Cell 1" in caplog.text and nb.metadata.papermill.output_path is None


def test_failures(tmp_path):
    path = notebook(tmp_path / "in.ipynb", "x = 1", "1/0")
    with pytest.raises(pm.PapermillExecutionError) as e:
        pm.execute_notebook(path, tmp_path / "out.ipynb")
    assert (e.value.cell_index, e.value.exec_count, e.value.ename) == (1, 2, "ZeroDivisionError")
    assert "ZeroDivisionError" in str(e.value) and "\x1b" not in str(e.value)
    with pytest.raises(DeadKernelError):
        pm.execute_notebook(notebook(tmp_path / "dies.ipynb", "import os; os._exit(3)"), None)
    with pytest.raises(CellTimeoutError, match="after 1 seconds"):
        pm.execute_notebook(notebook(tmp_path / "slow.ipynb", "import time; time.sleep(60)"), None, execution_timeout=1)
    with pytest.raises(FileNotFoundError):
        pm.execute_notebook(tmp_path / "none.ipynb", None)


def test_files_that_are_not_there(tmp_path):
    for inspect in (pm.inspect_notebook, papermill.inspect_notebook):
        with pytest.raises(FileNotFoundError) as e:
            inspect(str(tmp_path / "none.ipynb"))
        assert (e.value.errno, e.value.filename) == (errno.ENOENT, str(tmp_path / "none.ipynb"))
        with pytest.raises(IsADirectoryError):
            inspect(str(tmp_path))


def test_an_output_that_is_not_saved(tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="papermill"):
        pm.execute_notebook(notebook(tmp_path / "in.ipynb", "1"), None, prepare_only=True)
    assert "Output Notebook: Notebook will not be saved" in caplog.messages and "cellar-" not in caplog.text


class Watcher(io.StringIO):
    """A file that lets a cell go on when it has got a text."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def flush(self):
        if "begun" in self.getvalue():
            self.path.touch()


def test_output_comes_as_it_is_printed(tmp_path):
    path = notebook(tmp_path / "in.ipynb", f"import os, time\nprint('begun é', flush=True)\nwhile not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.01)\nprint('ended')")
    out = Watcher(tmp_path / "go")
    pm.execute_notebook(path, None, stdout_file=out, execution_timeout=60)
    assert out.getvalue() == "begun é\nended\n"


def test_a_file_that_cannot_be_written(tmp_path):
    out = io.StringIO()
    out.close()
    with pytest.raises(ValueError, match="closed file"):
        pm.execute_notebook(notebook(tmp_path / "in.ipynb", "print(1)"), None, stdout_file=out)


def test_files_that_cannot_be_written(tmp_path):
    """Neither of them keeps the interpreter from its end."""
    path = notebook(tmp_path / "in.ipynb", "import sys\nprint(1)\nprint(2, file=sys.stderr)")
    code = f"import cellar.papermill as pm, io; out, err = io.StringIO(), io.StringIO(); out.close(); err.close(); pm.execute_notebook({str(path)!r}, None, stdout_file=out, stderr_file=err)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.stderr.splitlines()[-1] == "ValueError: I/O operation on closed file"


def test_lines_of_the_log_that_look_like_a_traceback(tmp_path, caplog):
    path = notebook(tmp_path / "in.ipynb", "import sys\nprint('Traceback (most recent call last):\\n  handled', file=sys.stderr)", "print('second')")
    with caplog.at_level(logging.INFO, logger="papermill"):
        pm.execute_notebook(path, None, log_output=True)
    assert "  handled" in caplog.messages and "second" in caplog.messages and [m.startswith("Ending Cell 2") for m in caplog.messages].count(True) == 1


def test_many_parameters(tmp_path):
    """More than a command line takes."""
    nb = pm.execute_notebook(notebook(tmp_path / "in.ipynb", "x = []", "len(x)", tags=["parameters"]), None, {"x": list(range(40_000))})
    assert nb.cells[2].outputs[0].data["text/plain"] == "40000"


def test_standard_output(tmp_path, capsys, caplog):
    path = notebook(tmp_path / "in.ipynb", "print(1)", "1/0")
    with caplog.at_level(logging.INFO, logger="papermill"), pytest.raises(pm.PapermillExecutionError):
        pm.execute_notebook(path, "-")
    assert "Output Notebook: -" in caplog.messages
    printed = json.loads(capsys.readouterr().out)
    assert printed["cells"][1]["outputs"][0]["text"] == ["1\n"] and printed["metadata"]["papermill"]["output_path"] == "-"
    nb = pm.execute_notebook(path, "-", prepare_only=True)
    assert json.loads(capsys.readouterr().out)["cells"][0]["id"] == nb.cells[0].id == "c0"


def test_secrets(tmp_path, monkeypatch, caplog):
    secret = "s3cr3t-Tok/en+äö\"q"
    monkeypatch.setenv("TOKEN", secret)
    monkeypatch.setenv("CELLAR_SECRETS", "TOKEN")
    path = notebook(tmp_path / "in.ipynb", "t = ''", "import os, sys\nassert t == os.environ['TOKEN'] and len(t) == 18\nprint(t)\nprint(t, file=sys.stderr)\nt", "raise ValueError(t)", tags=["parameters"])
    out, err = io.StringIO(), io.StringIO()
    with caplog.at_level(logging.INFO, logger="papermill"), pytest.raises(pm.PapermillExecutionError) as e:
        pm.execute_notebook(path, tmp_path / "out.ipynb", {"t": secret}, log_output=True, stdout_file=out, stderr_file=err)
    assert out.getvalue() == err.getvalue() == "***\n" and "ValueError: ***" in str(e.value)
    for text in (caplog.text, str(vars(e.value)), (tmp_path / "out.ipynb").read_text()):
        assert "***" in text and "s3cr3t" not in text


def test_paths_name_parameters(tmp_path):
    notebook(tmp_path / "in.ipynb", "1/(1 - n)")
    nb = pm.execute_notebook(tmp_path / "{name}.ipynb", tmp_path / "out_{n:02d}.ipynb", {"name": "in", "n": 2})
    assert nb.metadata.papermill.output_path == str(tmp_path / "out_02.ipynb") and nb.cells[1].outputs[0].data["text/plain"] == "-1.0"
    with pytest.raises(pm.PapermillExecutionError) as e:
        pm.execute_notebook(tmp_path / "{name}.ipynb", tmp_path / "out_{n:02d}.ipynb", {"name": "in", "n": 1})
    assert (e.value.cell_index, e.value.ename) == (1, "ZeroDivisionError")
    for call in (lambda path: pm.execute_notebook(path, None, {"a": 1}), lambda path: pm.inspect_notebook(path, {"a": 1}), pm.inspect_notebook):
        with pytest.raises(PapermillMissingParameterException, match="^Missing parameter 'none'$"):
            call(tmp_path / "{none}.ipynb")


def test_places(tmp_path):
    """Notebooks on a web server, which keeps what is put."""
    files = {"/in.ipynb": notebook(tmp_path / "in.ipynb", "print(1)\n1/0").read_bytes()}

    class Shelf(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path in files else 404)
            self.end_headers()
            self.wfile.write(files.get(self.path, b""))

        def do_PUT(self):
            files[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shelf) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            url = f"http://127.0.0.1:{server.server_port}"
            with pytest.raises(pm.PapermillExecutionError) as e:
                pm.execute_notebook(url + "/in.ipynb", url + "/out.ipynb")
            assert e.value.ename == "ZeroDivisionError" and json.loads(files["/out.ipynb"])["metadata"]["papermill"]["output_path"] == url + "/out.ipynb"
            nb = pm.execute_notebook(url + "/in.ipynb", url + "/{x}.ipynb", {"x": 1}, prepare_only=True)
            assert nb.metadata.papermill.output_path == url + "/1.ipynb" and "/1.ipynb" in files
            with pytest.raises(PapermillException, match="404"):
                pm.execute_notebook(url + "/none.ipynb", None)
            assert pm.inspect_notebook(url + "/in.ipynb") == {}
            command = [_program.program(), "papermill", str(notebook(tmp_path / "inner.ipynb", "'inner'")), url + "/inner.ipynb"]
            outer = notebook(tmp_path / "outer.ipynb", f"import subprocess\nsubprocess.run({command}, check=True, capture_output=True)\n'outer'")
            for output in (tmp_path / "out.ipynb", url + "/outer.ipynb"):
                assert pm.execute_notebook(outer, output).cells[0].outputs[-1].data["text/plain"] == "'outer'"
            assert b"'inner'" in files["/inner.ipynb"]
        finally:
            server.shutdown()


def test_mistakes_have_the_classes_of_papermill(tmp_path):
    path = notebook(tmp_path / "in.ipynb", "1")
    (tmp_path / "text.ipynb").write_text("a: 5")
    for mistake, kind in (
        ({"input_path": tmp_path / "text.ipynb"}, NotJSONError),
        ({"input_path": tmp_path}, IsADirectoryError),
        ({"input_path": None}, PapermillException),
        ({"input_path": 3}, TypeError),
        ({"output_path": tmp_path / "none" / "out.ipynb"}, FileNotFoundError),
        ({"kernel_name": "none"}, NoSuchKernel),
        ({"engine_name": "none"}, PapermillException),
        ({"cwd": tmp_path / "none"}, FileNotFoundError),
        ({"parameters": {"a b": 1}}, PapermillException),
        ({"start_timeout": 0}, RuntimeError),
    ):
        with pytest.raises(kind):
            pm.execute_notebook(**{"input_path": path, "output_path": None, **mistake})


def test_failures_travel(tmp_path):
    """Between processes, as schedulers send them."""
    with pytest.raises(pm.PapermillExecutionError) as e:
        pm.execute_notebook(notebook(tmp_path / "in.ipynb", "1/0"), None, progress_bar={"leave": False})
    back = pickle.loads(pickle.dumps(e.value))
    assert vars(back) == vars(e.value) and str(back) == str(e.value)


def stand_in():
    """The lines of docs/papermill.md for code that imports Papermill."""
    return (pathlib.Path(__file__).parents[2] / "docs" / "papermill.md").read_text().partition("```python\n")[2].partition("```")[0]


def test_for_code_that_imports_papermill(tmp_path):
    path = notebook(tmp_path / "in.ipynb", "1/0")
    lines = stand_in()
    lines += f"""
import papermill as pm
from papermill.exceptions import PapermillExecutionError
from papermill.execute import execute_notebook
try:
    execute_notebook({str(path)!r}, None)
except PapermillExecutionError as e:
    print(e.ename, pm.execute_notebook is execute_notebook, execute_notebook.__module__)
"""
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=False)
    assert done.stdout == "ZeroDivisionError True cellar.papermill.execute\n", done.stderr


OPERATOR = """
import papermill as pm
from jupyter_client import AsyncKernelManager
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine
from papermill.utils import merge_kwargs, remove_args

from airflow.providers.common.compat.sdk import BaseHook, BaseOperator


class FarEngine(NBClientEngine):
    @classmethod
    def execute_managed_notebook(cls, notebooks, kernel_name, **kwargs):
        km = AsyncKernelManager(kernel_name=kernel_name)
        kwargs = merge_kwargs(remove_args(["timeout", "startup_timeout", "input_path", "start_timeout"], **kwargs), kernel_name=kernel_name)
        return PapermillNotebookClient(notebooks, km=km, **kwargs).execute()


class FarHook(BaseHook):
    def __init__(self):
        from papermill.engines import papermill_engines

        papermill_engines.register("far", FarEngine)


class Operator(BaseOperator):
    def __init__(self, *, source, output, parameters, far=False, **kwargs):
        super().__init__(**kwargs)
        self.source, self.output, self.parameters, self.far = source, output, parameters, far

    def execute(self, context):
        engine = FarHook() and "far" if self.far else None
        pm.execute_notebook(
            self.source, self.output, parameters=self.parameters, progress_bar=False, report_mode=True, log_output=True,
            kernel_name=None, language=None, engine_name=engine,
        )
        return self.output
"""


def test_airflow(tmp_path):
    """An operator with a hook for kernels elsewhere that imports and calls of Papermill what Airflow's does: it runs notebooks, also by its hook's engine."""
    sdk = tmp_path / "airflow" / "providers" / "common" / "compat" / "sdk.py"
    sdk.parent.mkdir(parents=True)
    sdk.write_text("class BaseHook: pass\nclass BaseOperator:\n    def __init__(self, *, task_id): self.task_id = task_id\n")
    (tmp_path / "operator_of_airflow.py").write_text(OPERATOR)
    path = notebook(tmp_path / "in.ipynb", "n = 1", "print(n + 1)", tags=["parameters"])
    code = f"""{stand_in()}
from operator_of_airflow import Operator
for far in (False, True):
    output = {str(tmp_path)!r} + f"/out_{{far}}.ipynb"
    print(Operator(task_id="t", source={str(path)!r}, output=output, parameters={{"n": 41}}, far=far).execute({{}}))
"""
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ['PYTHONPATH']}"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.stdout.splitlines() == [str(tmp_path / "out_False.ipynb"), str(tmp_path / "out_True.ipynb")], done.stderr
    for output in done.stdout.splitlines():
        nb = nbformat.read(output, as_version=4)
        assert nb.cells[2].outputs[0].text == "42\n" and nb.cells[1].source == "# Parameters\nn = 41\n"
        assert nb.cells[1].metadata.jupyter.source_hidden and not nb.metadata.papermill.exception


def test_modules_of_papermill(tmp_path):
    """What they have gives what Papermill's gives."""
    path = str(notebook(tmp_path / "in.ipynb", "1", "2"))
    ours, theirs = pm.iorw.load_notebook_node(path), papermill.iorw.load_notebook_node(path)
    assert ours == theirs
    ours.cells[1].metadata.tags = ["x"]
    for module in (pm.utils, papermill.utils):
        assert [module.find_first_tagged_cell_index(ours, tag) for tag in "xy"] == [1, -1]
        assert (module.any_tagged_cell(ours, "x"), module.any_tagged_cell(ours, "y")) == (True, False)
        assert (module.nb_kernel_name(ours), module.nb_language(ours), module.nb_language(ours, "r")) == ("python3", "python", "r")
        with pytest.raises(ValueError, match="No kernel name found"):
            module.nb_kernel_name(nbformat.v4.new_notebook())
        with pytest.warns(Warning, match="a=2; b=3"):
            assert module.merge_kwargs({"a": 1, "c": 4}, a=2, b=3) == {"a": 2, "b": 3, "c": 4}
        assert module.remove_args(["a"], a=1, b=2) == {"b": 2} and module.remove_args(a=1) == {"a": 1}
        with module.chdir(tmp_path):
            assert os.getcwd() == str(tmp_path)
    for module in (pm.iorw, papermill.iorw):
        module.write_ipynb(ours, str(tmp_path / "written.ipynb"))
        assert module.papermill_io.read(str(tmp_path / "written.ipynb")) == nbformat.writes(ours)
        assert sorted(module.list_notebook_files(str(tmp_path))) == [path, str(tmp_path / "written.ipynb")]
    for engines in (pm.engines, papermill.engines):
        assert engines.papermill_engines.nb_language(None, ours) == "python"
        with pytest.raises((PapermillException, papermill.PapermillException), match="No engine named 'x' found"):
            engines.papermill_engines.get_engine("x")
    with pytest.raises(PapermillException, match="cellar"):
        pm.iorw.papermill_io.register("x://", object())
    assert papermill.parameterize.parameterize_path("{a:02d}/{pm[x]}", {"a": 1, "pm": {"x": 2}}) == pm.parameterize.parameterize_path("{a:02d}/{pm[x]}", {"a": 1, "pm": {"x": 2}})
    assert pm.parameterize.add_builtin_parameters({"a": 1}).keys() == papermill.parameterize.add_builtin_parameters({"a": 1}).keys()
    for arguments in (("python3", "python", {"a": [1, None, {"k": "é"}]}), ("ir", "R", {"a": 1.5}), (".net-csharp", "C#", {"a": True}, "Other words")):
        assert pm.translators.translate_parameters(*arguments) == papermill.translators.translate_parameters(*arguments)


ORPHAN = """
import io, os, sys, time
import cellar.papermill as pm
source, output = sys.argv[1:3]
class Sink(io.StringIO):
    def write(self, text):
        if not os.path.exists(output + ".forked") and os.fork() == 0:
            open(output + ".forked", "w").write(str(os.getpid()))
            time.sleep(120)
            os._exit(0)
        return len(text)
pm.execute_notebook(source, output, log_output=True, stdout_file=Sink())
"""


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("cell", ["time.sleep(120)", "while True: print('x' * 1000, flush=True)"])
def test_the_run_ends_with_the_process(tmp_path, end, cell):
    """However it ends, and whatever it has forked that lives on: the output is saved, the kernel gone."""
    begun, output = tmp_path / "begun", tmp_path / "out.ipynb"
    path = notebook(tmp_path / "in.ipynb", "print('first')", f"import os, time\nopen({str(begun)!r}, 'w').write(str(os.getpid()) + '.')\n{cell}", "3")
    process = subprocess.Popen([sys.executable, "-c", ORPHAN, str(path), str(output)], stderr=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(tmp_path)})
    forked = pathlib.Path(str(output) + ".forked")
    try:
        wait_for(lambda: begun.exists() and begun.read_text().endswith(".") and forked.exists() and forked.read_text())
        process.send_signal(end)
        assert process.wait() == -end
        wait_for(lambda: gone(int(begun.read_text()[:-1])), "the kernel's end")
        wait_for(lambda: any(c.metadata.get("papermill", {}).get("status") == "failed" for c in nbformat.read(output, as_version=4).cells), "the output")
    finally:
        process.kill()
        process.wait()
        if forked.exists() and forked.read_text():
            os.kill(int(forked.read_text()), signal.SIGKILL)
    nb = nbformat.read(output, as_version=4)
    nbformat.validate(nb)
    marked = [c for c in nb.cells if "papermill-error-cell-tag" not in c.metadata.tags]
    assert [c.metadata.papermill.status for c in marked] == ["completed", "failed", "pending"]
    assert marked[0].outputs[0].text == "first\n" and marked[1].outputs[-1].ename == "Interrupted" and nb.metadata.papermill.exception


def wait_for(what, name="the cell's begin"):
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end, f"waited a minute for {name}"
        time.sleep(0.05)


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_all_faces_give_the_same(tmp_path):
    """The same notebook by cellar run, cellar papermill, the functions, and Papermill."""
    source = notebook(tmp_path / "in.ipynb", "a = 1", "print(a)\na", "import sys\nprint('é', file=sys.stderr)", "display({'text/html': '<b>x</b>'}, raw=True)", "%%bash\necho from bash", "1/0", "2", tags=["parameters"])
    command = [_program.program(), "run", str(source), str(tmp_path / "run.ipynb"), "-p", "a", "5", "--cwd", "."]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 1
    command = [_program.program(), "papermill", str(source), str(tmp_path / "command.ipynb"), "-p", "a", "5"]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 1
    for execute, name in ((pm.execute_notebook, "functions"), (papermill.execute_notebook, "papermill")):
        with pytest.raises((pm.PapermillExecutionError, papermill.PapermillExecutionError)):
            execute(str(source), str(tmp_path / f"{name}.ipynb"), {"a": 5}, progress_bar=False)

    def shown(name):
        """What a notebook shows, without what differs between any two runs."""
        text = re.sub(r"ipykernel_\d+/\d+\.py", "a file", (tmp_path / f"{name}.ipynb").read_text())
        cells = nbformat.reads(text, as_version=4).cells
        return [(c.cell_type, c.source, c.get("outputs"), c.get("execution_count"), c.metadata.get("papermill", {}).get("status")) for c in cells]

    assert shown("run") == shown("command") == shown("functions")
    assert shown("run") == shown("papermill")


def test_unknown_arguments_are_named(tmp_path, caplog):
    pm.execute_notebook(notebook(tmp_path / "in.ipynb", "1"), None, prepare_only=True, wings=2)
    assert "wings" in caplog.text


def test_go(tmp_path):
    path = notebook(tmp_path / "go.ipynb", "alpha := 1.0 // the rate\n", 'import "fmt"\nfmt.Println(alpha)', kernel="cellar", language="go", tags=["parameters"])
    assert pm.inspect_notebook(path)["alpha"] == {"name": "alpha", "inferred_type_name": "float64", "default": "1.0", "help": "the rate"}
    nb = pm.execute_notebook(path, None, {"alpha": 2.5})
    assert nb.cells[2].outputs[0].text == "2.5\n"


def test_without_the_program(monkeypatch, tmp_path):
    monkeypatch.delenv("CELLAR", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PapermillException, match="cellar is not on the PATH"):
        pm.execute_notebook("a.ipynb", None)


def test_the_program_by_a_relative_path(monkeypatch, tmp_path):
    """It is the one that the path names here, also where it is started in another folder."""
    there, name = os.path.split(_program.program())
    monkeypatch.chdir(there)
    monkeypatch.setenv("CELLAR", "./" + name)
    assert subprocess.run([_program.program(), "version"], cwd=tmp_path, check=False).returncode == 0


def test_needs_no_package(tmp_path):
    """In a Python with nothing installed the functions work all the same."""
    path = notebook(tmp_path / "in.ipynb", "print('a\\nb')")
    code = f"import cellar.papermill as pm; nb = pm.execute_notebook({str(path)!r}, None); print(repr(nb.cells[0].outputs[0].text), type(nb).__name__)"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "'a\\nb\\n' Node\n", done.stderr
