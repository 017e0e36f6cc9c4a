"""Tests of engines and translators in Python."""

import copy
import io
import json
import logging
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import nbformat
import papermill
import pytest
from test_papermill import gone, notebook, wait_for

import cellar.papermill as pm
from cellar.papermill import _process, engines, translators
from cellar.papermill._program import program
from cellar.papermill.clientwrap import PapermillNotebookClient
from cellar.papermill.engines import Engine, NBClientEngine, NotebookExecutionManager, papermill_engines
from cellar.papermill.exceptions import CellTimeoutError, DeadKernelError, PapermillException
from cellar.papermill.iorw import load_notebook_node, write_ipynb
from cellar.papermill.parameterize import parameterize_notebook
from cellar.papermill.translators import PythonTranslator, Translator, papermill_translators


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """What a test registers is gone after it."""
    monkeypatch.setattr(papermill_engines, "_engines", dict(papermill_engines._engines))
    monkeypatch.setattr(papermill_translators, "_translators", dict(papermill_translators._translators))


@pytest.fixture
def started(monkeypatch):
    """The command lines of the programs that were started."""
    commands = []
    popen = subprocess.Popen
    monkeypatch.setattr(_process.subprocess, "Popen", lambda command, **options: commands.append(command[2:]) or popen(command, **options))
    return commands


def statuses(nb):
    return [c.metadata.papermill.status for c in nb.cells if "papermill-error-cell-tag" not in c.metadata.get("tags", [])]


# Engines that run cells by themselves.


class Calculator(Engine):
    """Evaluates cells in this process."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, **kwargs):
        cls.called = {"kernel_name": kernel_name, **kwargs}
        names = {}
        for index, cell in enumerate(nb_man.nb.cells):
            nb_man.cell_start(cell, index)
            if "stop" in cell.source:
                raise RuntimeError("stopped")
            try:
                exec(cell.source, names)
                cell.outputs = [nbformat.v4.new_output("stream", text=str(names.get("x")))]
            except Exception as e:
                cell.outputs = [nbformat.v4.new_output("error", ename=type(e).__name__, evalue=str(e), traceback=[])]
                nb_man.cell_exception(cell, cell_index=index)
                return
            finally:
                nb_man.cell_complete(cell, cell_index=index)


def test_an_engine(tmp_path, caplog):
    papermill_engines.register("calculator", Calculator)
    path = notebook(tmp_path / "in.ipynb", "x = 1", "x += 1", tags=["parameters"])
    with caplog.at_level(logging.INFO, logger="papermill"):
        nb = pm.execute_notebook(path, tmp_path / "out_{x}.ipynb", {"x": 20, "y": 1}, engine_name="calculator", progress_bar=False, log_output=True, wings=2)
    assert [c.outputs[0].text for c in nb.cells] == ["1", "20", "21"] and statuses(nb) == ["completed"] * 3
    assert nb == nbformat.read(tmp_path / "out_20.ipynb", as_version=4)
    assert nb.metadata.papermill.parameters == {"x": 20, "y": 1} and nb.metadata.papermill.output_path == str(tmp_path / "out_20.ipynb")
    assert nb.metadata.papermill.exception is None and nb.metadata.papermill.duration > 0
    assert "Passed unknown parameter: y" in caplog.messages and "Executing Cell 2---------------------------------------" in caplog.messages
    assert Calculator.called == {
        "kernel_name": "python3", "log_output": True, "input_path": str(path), "start_timeout": 60, "stdout_file": None, "stderr_file": None, "wings": 2,
    }


def test_engines_are_called_as_papermill_calls_them(tmp_path):
    path = str(notebook(tmp_path / "in.ipynb", "1"))
    calls = []
    for module, execute in ((engines, pm.execute_notebook), (papermill.engines, papermill.execute_notebook)):

        class Spy(module.Engine):
            @classmethod
            def execute_notebook(cls, *args, **kwargs):
                calls.append((len(args), args[1:], kwargs))
                return args[0]

        module.papermill_engines.register("spy", Spy)
        execute(path, str(tmp_path / "out.ipynb"), engine_name="spy", cwd=str(tmp_path), autosave_cell_every=3, execution_timeout=4, other=5)
        execute(path, None, engine_name="spy", request_save_on_cell_execute=False, kernel_name="k", progress_bar={"leave": False}, log_output=True, start_timeout=9)
    assert calls[:2] == calls[2:]


def test_an_engine_whose_cell_fails(tmp_path):
    papermill_engines.register("calculator", Calculator)
    output = tmp_path / "out.ipynb"
    with pytest.raises(pm.PapermillExecutionError) as e:
        pm.execute_notebook(notebook(tmp_path / "in.ipynb", "x = 1", "1/0", "x"), output, engine_name="calculator", progress_bar=False)
    assert (e.value.cell_index, e.value.ename) == (1, "ZeroDivisionError")
    nb = nbformat.read(output, as_version=4)
    nbformat.validate(nb)
    assert statuses(nb) == ["completed", "failed", "pending"] and nb.metadata.papermill.exception is True
    assert ["papermill-error-cell-tag" in c.metadata.get("tags", []) for c in nb.cells] == [True, False, True, False, False]
    nb = pm.execute_notebook(output, None, engine_name="calculator", prepare_only=True)  # the marks go
    assert len(nb.cells) == 3


def test_an_engine_that_fails_half_way(tmp_path):
    """What it has run is saved, and what it has not is not said to be."""
    papermill_engines.register("calculator", Calculator)
    with pytest.raises(RuntimeError, match="stopped"):
        pm.execute_notebook(notebook(tmp_path / "in.ipynb", "x = 1", "stop", "x"), tmp_path / "out.ipynb", engine_name="calculator", progress_bar=False)
    nb = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert statuses(nb) == ["completed", "failed", "pending"] and nb.cells[0].outputs[0].text == "1" and nb.metadata.papermill.exception is True


def test_an_engine_that_says_nothing_of_cells(tmp_path):
    """They are completed, as Papermill has it."""

    class Silent(Engine):
        @classmethod
        def execute_managed_notebook(cls, nb_man, kernel_name, **kwargs):
            pass

    papermill_engines.register("silent", Silent)
    nb = pm.execute_notebook(notebook(tmp_path / "in.ipynb", "1", "2"), None, engine_name="silent", progress_bar=False)
    assert statuses(nb) == ["completed"] * 2


def test_an_engine_that_leaves_cells_out(tmp_path):
    """Better than Papermill's, where they are completed."""

    class Half(Engine):
        @classmethod
        def execute_managed_notebook(cls, nb_man, kernel_name, **kwargs):
            nb_man.cell_start(nb_man.nb.cells[0])
            nb_man.cell_complete(nb_man.nb.cells[0])

    papermill_engines.register("half", Half)
    assert statuses(pm.execute_notebook(notebook(tmp_path / "in.ipynb", "1", "2"), None, engine_name="half", progress_bar=False)) == ["completed", "pending"]


KILLED = """
import sys, time, os
import cellar.papermill as pm
from cellar.papermill.engines import Engine, papermill_engines
class Endless(Engine):
    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, **kwargs):
        nb_man.nb.cells[0].source += "#" * 10_000_000
        while True:
            nb_man.cell_start(nb_man.nb.cells[0])
            open(sys.argv[3], "w").close()
papermill_engines.register("endless", Endless)
pm.execute_notebook(sys.argv[1], sys.argv[2], engine_name="endless", progress_bar=False)
"""


def test_an_engine_that_is_killed(tmp_path):
    """While it saves: what is there is a notebook, a whole one."""
    begun, output = tmp_path / "begun", tmp_path / "out.ipynb"
    for pause in (0.01, 0.05, 0.1):
        begun.unlink(missing_ok=True)
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(notebook(tmp_path / "in.ipynb", "1")), str(output), str(begun)])
        try:
            wait_for(begun.exists)
            time.sleep(pause)
        finally:
            process.kill()
            process.wait()
        nb = nbformat.read(output, as_version=4)
        nbformat.validate(nb)
        assert len(nb.cells[0].source) > 10_000_000 and statuses(nb) == ["running"]


def test_writing_is_one_step(tmp_path, monkeypatch):
    """The file keeps its mode, a link stays one, and an error leaves the old text and nothing else. The mask of modes, which all threads share, is left alone."""
    mask = os.umask(0o027)
    try:
        monkeypatch.setattr(os, "umask", None)
        write_ipynb(nbformat.v4.new_notebook(), tmp_path / "new.ipynb")
        assert (tmp_path / "new.ipynb").stat().st_mode & 0o777 == 0o640
    finally:
        monkeypatch.undo()
        os.umask(mask)
    (tmp_path / "new.ipynb").unlink()
    real, link = tmp_path / "real.ipynb", tmp_path / "link.ipynb"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    write_ipynb(nbformat.v4.new_notebook(), link)
    assert link.is_symlink() and real.stat().st_mode & 0o777 == 0o640 and json.loads(real.read_text())["cells"] == []
    written = real.read_text()
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        write_ipynb(nbformat.v4.new_notebook(metadata={"a": 1}), real)
    assert real.read_text() == written and sorted(p.name for p in tmp_path.iterdir()) == ["link.ipynb", "real.ipynb"]
    with pytest.raises(FileNotFoundError):
        write_ipynb(nbformat.v4.new_notebook(), tmp_path / "none" / "out.ipynb")


# Engines that change what the program is told.


def test_the_program_runs_it_all_in_one_process(tmp_path, started):
    """As long as nothing of it was replaced; so it does with nbclient's name."""
    path = notebook(tmp_path / "in.ipynb", "a = 1", "a", tags=["parameters"])
    for name in (None, "nbclient"):
        pm.execute_notebook(path, None, {"a": 2}, engine_name=name, autosave_cell_every=3, timeout=60)
    assert len(started) == 2


def test_options_that_change_nothing(tmp_path, started, caplog, monkeypatch):
    """Need no engine in Python, so secrets can be kept, and are no unknown arguments."""
    monkeypatch.setenv("TOKEN", "s3cr3t-Token")
    monkeypatch.setenv("CELLAR_SECRETS", "TOKEN")
    path = notebook(tmp_path / "in.ipynb", "1")
    pm.execute_notebook(path, None, iopub_timeout=10, raise_on_iopub_timeout=True, startup_timeout=5)
    pm.execute_notebook(path, None, prepare_only=True, on_cell_start=print)
    assert len(started) == 2 and not [m for m in caplog.messages if "arguments" in m]
    pm.execute_notebook(path, None, prepare_only=True, wings=2)
    assert "arguments that no engine of cellar knows: wings" in caplog.messages


def test_an_engine_that_derives_nbclients(tmp_path, started, caplog):
    """It gives the kernel less time than the caller; the program runs the cells."""

    class Strict(NBClientEngine):
        @classmethod
        def execute_managed_notebook(cls, nb_man, kernel_name, **kwargs):
            return super().execute_managed_notebook(nb_man, kernel_name, **{**kwargs, "execution_timeout": 1})

    papermill_engines.register("strict", Strict)
    path = notebook(tmp_path / "in.ipynb", "n = 0", "import time\nprint('é')\nn", "time.sleep(n)", "3", tags=["parameters"])
    out = io.StringIO()
    with caplog.at_level(logging.INFO, logger="papermill"):
        nb = pm.execute_notebook(path, tmp_path / "out.ipynb", {"n": 0}, engine_name="strict", progress_bar=False, log_output=True, stdout_file=out)
    assert nb.cells[2].outputs == [{"output_type": "stream", "name": "stdout", "text": "é\n"}, nbformat.v4.new_output("execute_result", {"text/plain": "0"}, execution_count=3)]
    assert statuses(nb) == ["completed"] * 5 and nb == nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert nb.metadata.language_info.name == "python" and nb.metadata.papermill.input_path == str(path) and "iopub.execute_input" in nb.cells[2].metadata.execution
    assert [c.execution_count for c in nb.cells] == [1, 2, 3, 4, 5] and out.getvalue() == "é\n" and "é\n" in caplog.messages and "0" in caplog.messages
    assert [command[0:2] for command in started] == [["-", started[0][1]], ["-", str(tmp_path / "out.ipynb")]]  # the parameters, then the run
    with pytest.raises(CellTimeoutError, match="after 1 seconds"):
        pm.execute_notebook(path, tmp_path / "out.ipynb", {"n": 60}, engine_name="strict", progress_bar=False)
    nb = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert statuses(nb) == ["completed", "completed", "completed", "failed", "pending"] and nb.cells[3].outputs[-1].ename == "TimeoutError" and nb.metadata.papermill.exception is True


def test_failures_of_an_engine_that_derives_nbclients(tmp_path, caplog):
    class Same(NBClientEngine):
        pass

    papermill_engines.register("same", Same)

    def run(*sources, output=tmp_path / "out.ipynb", **kwargs):
        return pm.execute_notebook(notebook(tmp_path / "in.ipynb", *sources), output, engine_name="same", progress_bar=False, **kwargs)

    with pytest.raises(pm.PapermillExecutionError) as e:
        run("x = 1", "1/0", "x")
    assert (e.value.cell_index, e.value.exec_count, e.value.ename) == (1, 2, "ZeroDivisionError") and "ZeroDivisionError" in str(e.value) and caplog.messages == []  # which would say it twice
    nb = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert statuses(nb) == ["completed", "failed", "pending"] and nb.metadata.papermill.exception is True and len(nb.cells) == 5
    with pytest.raises(DeadKernelError):
        run("1", "import os; os._exit(3)", "3")
    assert statuses(nbformat.read(tmp_path / "out.ipynb", as_version=4)) == ["completed", "failed", "pending"]
    with pytest.raises(FileNotFoundError):
        run("1", output=tmp_path / "none" / "out.ipynb")
    nb = run("1", "import sys; sys.exit(0)", "3")
    assert statuses(nb) == ["completed", "completed", "pending"]
    nb = pm.execute_notebook(notebook(tmp_path / "in.ipynb", "1/0", "2", tags=["raises-exception"]), None, engine_name="same", progress_bar=False)
    assert statuses(nb) == ["completed", "completed"]
    with pytest.raises(pm.PapermillExecutionError):  # as in Papermill; the cells behind it have run
        run("1/0", "2", allow_errors=True)
    assert statuses(nbformat.read(tmp_path / "out.ipynb", as_version=4)) == ["completed", "completed"]


def test_the_manager_hears_of_cells_as_they_run(tmp_path):
    """So a library can show where a notebook is, with what its cells have shown; what it adds is saved."""
    heard = []

    class Listening(NotebookExecutionManager):
        def cell_start(self, cell, cell_index=None, **kwargs):
            super().cell_start(cell, cell_index, **kwargs)
            heard.append(("start", cell_index))
            (tmp_path / "go").touch()

        def cell_complete(self, cell, cell_index=None, **kwargs):
            super().cell_complete(cell, cell_index, **kwargs)
            heard.append(("end", cell_index, cell.outputs[0].text))
            cell.metadata["seen"] = True

    class Told(NBClientEngine):
        @classmethod
        def execute_notebook(cls, nb, kernel_name, output_path=None, progress_bar=True, log_output=False, autosave_cell_every=30, **kwargs):
            man = Listening(nb, output_path, log_output, progress_bar, autosave_cell_every)
            man.notebook_start()
            cls.execute_managed_notebook(man, kernel_name, log_output=log_output, **kwargs)
            man.notebook_complete()
            return man.nb

    papermill_engines.register("told", Told)
    wait = f"import os, time\nwhile not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.01)\nprint(1)"
    nb = pm.execute_notebook(notebook(tmp_path / "in.ipynb", wait, "print(2)"), tmp_path / "out.ipynb", engine_name="told", progress_bar=False)
    assert heard == [("start", 0), ("end", 0, "1\n"), ("start", 1), ("end", 1, "2\n")]
    assert nb.cells[1].metadata.seen and nb == nbformat.read(tmp_path / "out.ipynb", as_version=4)


def test_outputs_that_come_late_are_not_lost(tmp_path):
    papermill_engines.register("same", type("Same", (NBClientEngine,), {}))
    late = "import threading, time\nd = display('x', display_id=True)\nthreading.Thread(target=lambda: (time.sleep(1), print('late'))).start()"
    nb = pm.execute_notebook(notebook(tmp_path / "in.ipynb", late, "d.update('y')"), tmp_path / "out.ipynb", engine_name="same", progress_bar=False)
    assert nb.cells[0].outputs[0].data["text/plain"] == "'y'" and any(o.get("text") == "late\n" for c in nb.cells for o in c.outputs)
    assert nb == nbformat.read(tmp_path / "out.ipynb", as_version=4)


ORPHAN = """
import sys
import cellar.papermill as pm
from cellar.papermill.engines import NBClientEngine, papermill_engines
papermill_engines.register("same", type("Same", (NBClientEngine,), {}))
pm.execute_notebook(sys.argv[1], sys.argv[2], engine_name="same", progress_bar=False)
"""


def test_the_run_of_an_engine_ends_with_the_process(tmp_path):
    """And loses nothing: the program saves."""
    begun, output = tmp_path / "begun", tmp_path / "out.ipynb"
    path = notebook(tmp_path / "in.ipynb", "print('first')", f"import os, time\nprint('before', flush=True)\nopen({str(begun)!r}, 'w').write(str(os.getpid()) + '.')\ntime.sleep(120)", "3")
    process = subprocess.Popen([sys.executable, "-c", ORPHAN, str(path), str(output)], stderr=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(tmp_path)})
    try:
        wait_for(lambda: begun.exists() and begun.read_text().endswith("."))
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_for(lambda: gone(int(begun.read_text()[:-1])), "the kernel's end")
        wait_for(lambda: "failed" in statuses(nbformat.read(output, as_version=4)), "the output")
    finally:
        process.kill()
        process.wait()
    nb = nbformat.read(output, as_version=4)
    assert statuses(nb) == ["completed", "failed", "pending"] and nb.cells[0].outputs[0].text == "first\n" and nb.cells[1].outputs[0].text == "before\n"
    assert nb.metadata.papermill.input_path == str(path)


def test_an_interrupt(tmp_path):
    """Of this process: the cell has failed, the output is there."""
    papermill_engines.register("same", type("Same", (NBClientEngine,), {}))
    begun = tmp_path / "begun"

    def interrupt():
        wait_for(begun.exists)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        pm.execute_notebook(notebook(tmp_path / "in.ipynb", f"import time\nprint(1)\nopen({str(begun)!r}, 'w').close()\ntime.sleep(60)", "2"), tmp_path / "out.ipynb", engine_name="same", progress_bar=False)
    thread.join()
    nb = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert statuses(nb) == ["failed", "pending"] and nb.cells[0].outputs[0].text == "1\n"


def test_an_interrupt_while_an_event_is_read(tmp_path, monkeypatch):
    """The program's output has what the event says, and the manager, which saves after it, too."""
    papermill_engines.register("same", type("Same", (NBClientEngine,), {}))
    read, interrupts = json.loads, [KeyboardInterrupt()]

    def interrupted(text):
        if interrupts and b'"completed"' in text:
            raise interrupts.pop()
        return read(text)

    monkeypatch.setattr(_process, "json", type("json", (), {"loads": interrupted, "dump": json.dump}))
    with pytest.raises(KeyboardInterrupt):
        pm.execute_notebook(notebook(tmp_path / "in.ipynb", "print('x' * 100_000)", "import time; time.sleep(60)"), tmp_path / "out.ipynb", engine_name="same", progress_bar=False)
    nb = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert statuses(nb)[0] == "completed" and nb.cells[0].outputs[0].text == "x" * 100_000 + "\n" and "completed" not in statuses(nb)[1:]


def test_an_interrupt_while_the_program_reads_the_notebook(tmp_path, monkeypatch):
    """It is not left waiting for the rest."""

    def write(descriptor, text, write=os.write):
        write(descriptor, text[:10])
        raise KeyboardInterrupt

    monkeypatch.setattr(_process, "os", type("os", (), {**vars(os), "write": write}))
    with pytest.raises(KeyboardInterrupt):
        _process.run([program(), "papermill", "-", str(tmp_path / "out.ipynb")], str(tmp_path), stdin=b"{" * 100)


def test_a_program_that_is_killed(tmp_path, monkeypatch):
    """As for want of memory: what the cell had shown is in its journal, and is not written over by what the manager has."""
    papermill_engines.register("same", type("Same", (NBClientEngine,), {}))
    processes, popen = [], subprocess.Popen
    monkeypatch.setattr(_process.subprocess, "Popen", lambda *args, **options: processes.append(popen(*args, **options)) or processes[-1])
    begun = tmp_path / "begun"
    path = notebook(tmp_path / "in.ipynb", "print(1)", f"import time\nprint('shown', flush=True)\ntime.sleep(1)\nopen({str(begun)!r}, 'w').close()\ntime.sleep(60)", "3")
    for output in (tmp_path / "out.ipynb", None):
        seen = []
        monkeypatch.setattr(NotebookExecutionManager, "__init__", lambda self, *args, made=NotebookExecutionManager.__init__, **kw: seen.append(self) or made(self, *args, **kw))
        begun.unlink(missing_ok=True)

        def kill():
            wait_for(begun.exists)
            processes[-1].kill()

        thread = threading.Thread(target=kill)
        thread.start()
        with pytest.raises(PapermillException, match="killed by signal 9"):
            pm.execute_notebook(path, output, engine_name="same", progress_bar=False)
        thread.join()
        assert statuses(seen[0].nb) == ["completed", "failed", "pending"] and seen[0].nb.cells[1].outputs[0].text == "shown\n"
    nb = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert statuses(nb) == ["completed", "failed", "pending"] and nb.cells[1].outputs[0].text == "shown\n" and len(nb.cells) == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["begun", "in.ipynb", "out.ipynb"]


def test_a_fork_does_not_hold_a_run(tmp_path):
    """Nor do the pipes that it inherits."""
    children = []

    class Forking(io.StringIO):
        def write(self, text):
            pid = os.fork()
            if not pid:
                time.sleep(60)
                os._exit(0)
            children.append(pid)
            return super().write(text)

    papermill_engines.register("same", type("Same", (NBClientEngine,), {}))
    path, began = notebook(tmp_path / "in.ipynb", "print(1)"), time.monotonic()
    try:
        for engine in (None, "same"):
            out = Forking()
            pm.execute_notebook(path, None, engine_name=engine, progress_bar=False, stdout_file=out)
            assert out.getvalue() == "1\n"
        assert time.monotonic() - began < 50
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def test_a_manager_that_raises(tmp_path):
    """Its exception is the run's, and the kernel is gone."""

    class Angry(NotebookExecutionManager):
        def cell_complete(self, cell, cell_index=None, **kwargs):
            super().cell_complete(cell, cell_index, **kwargs)
            raise ValueError("enough")

    nb = load_notebook_node(notebook(tmp_path / "in.ipynb", "import os\nprint(os.getpid())", "import time; time.sleep(60)"))
    manager = Angry(nb, str(tmp_path / "out.ipynb"), progress_bar=False)
    manager.notebook_start()
    with pytest.raises(ValueError, match="enough"):
        PapermillNotebookClient(manager).execute()
    assert gone(int(nb.cells[0].outputs[0].text))


def test_a_part_that_was_replaced(tmp_path, monkeypatch, started):
    """Code that replaces a method of ours has it called."""
    seen = []
    begin = NotebookExecutionManager.cell_start
    monkeypatch.setattr(NotebookExecutionManager, "cell_start", lambda self, cell, index=None: seen.append(index) or begin(self, cell, index))
    pm.execute_notebook(notebook(tmp_path / "in.ipynb", "1", "2"), None, progress_bar=False)
    assert seen == [0, 1]


def test_a_copy_replaces_no_part():
    """Though Python keeps something in the class of what it copies."""
    copy.copy(NotebookExecutionManager(nbformat.v4.new_notebook(), progress_bar=False))
    copy.copy(PythonTranslator())
    assert engines.done_by_program(None) and translators.all_by_program()


def test_secrets_are_kept_from_engines_in_python(tmp_path, monkeypatch):
    papermill_engines.register("calculator", Calculator)
    monkeypatch.setenv("TOKEN", "s3cr3t-Token")
    monkeypatch.setenv("CELLAR_SECRETS", "TOKEN")
    with pytest.raises(PapermillException, match="CELLAR_SECRETS"):
        pm.execute_notebook(notebook(tmp_path / "in.ipynb", "x = 1"), tmp_path / "out.ipynb", {"x": "s3cr3t-Token"}, engine_name="calculator")
    assert not (tmp_path / "out.ipynb").exists()


def test_the_working_folder(tmp_path, monkeypatch):
    """Relative paths of notebooks are the caller's, and the cells run in cwd."""
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path)
    notebook(tmp_path / "in.ipynb", "import os\nx = os.getcwd()\nprint(x)")
    for engine in (Calculator, type("Same", (NBClientEngine,), {})):
        papermill_engines.register("e", engine)
        nb = pm.execute_notebook("in.ipynb", "out.ipynb", engine_name="e", cwd="there", progress_bar=False)
        assert nb.cells[0].outputs[0].text.strip() == str(tmp_path / "there") and nb == nbformat.read("out.ipynb", as_version=4)
        assert os.getcwd() == str(tmp_path) and os.listdir("there") == []


# What the program can't do, and Jupyter's client can.


def test_a_kernel_manager(tmp_path, started):
    """As Airflow's hook has for a kernel elsewhere."""
    from jupyter_client import AsyncKernelManager

    class Far(NBClientEngine):
        @classmethod
        def execute_managed_notebook(cls, nb_man, kernel_name, **kwargs):
            return PapermillNotebookClient(nb_man, km=AsyncKernelManager(kernel_name=kernel_name), stdout_file=kwargs["stdout_file"]).execute()

    papermill_engines.register("far", Far)
    out = io.StringIO()
    with pytest.raises(pm.PapermillExecutionError) as e:
        pm.execute_notebook(notebook(tmp_path / "in.ipynb", "print(1)", "1/0", "3"), tmp_path / "out.ipynb", engine_name="far", progress_bar=False, stdout_file=out)
    assert e.value.cell_index == 1 and out.getvalue() == "1\n" and started == []
    assert statuses(nbformat.read(tmp_path / "out.ipynb", as_version=4)) == ["completed", "failed", "pending"]


def test_a_class_that_defines_a_part_of_jupyters_client(tmp_path):
    seen = []

    class Client(PapermillNotebookClient):
        def process_message(self, *args, **kwargs):
            seen.append(args[0]["msg_type"])
            return super().process_message(*args, **kwargs)

    nb = load_notebook_node(notebook(tmp_path / "in.ipynb", "print(1)"))
    manager = NotebookExecutionManager(nb, progress_bar=False)
    manager.notebook_start()
    Client(manager).execute()
    assert nb.cells[0].outputs[0].text == "1\n" and "stream" in seen and statuses(nb) == ["completed"]


def test_hooks_of_jupyters_client(tmp_path):
    seen = []
    pm.execute_notebook(notebook(tmp_path / "in.ipynb", "1", "2"), None, progress_bar=False, on_cell_executed=lambda cell, cell_index, execute_reply: seen.append(cell_index))
    assert seen == [0, 1]


# Entry points.


def package(folder, name, group, source):
    """An installed package with an entry point."""
    (folder / f"{name}.py").write_text(source)
    info = folder / f"{name}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[{group}]\nfar-away = {name}:FarEngine\nbroken = {name}:Nothing\n")


PACKAGE = """
from papermill.engines import NBClientEngine
from papermill.clientwrap import PapermillNotebookClient

class FarEngine(NBClientEngine):
    @classmethod
    def nb_kernel_name(cls, nb, name=None):
        return "python3"

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, **kwargs):
        super().execute_managed_notebook(nb_man, kernel_name, **kwargs)
        nb_man.nb.metadata["engine"] = cls.__base__.__module__
"""


def test_entry_points(tmp_path):
    """An engine that an installed package names is found by its name, and what it imports of Papermill is this package's, whether Papermill is there or not."""
    package(tmp_path, "farengine", "papermill.engine", PACKAGE)
    path = notebook(tmp_path / "in.ipynb", "print(1)", kernel="elsewhere")
    code = f"""
import importlib.util, sys
if "without" in sys.argv:
    find = importlib.util.find_spec
    importlib.util.find_spec = lambda name, *a: None if name == "papermill" else find(name, *a)
import cellar.papermill as pm
assert "farengine" not in sys.modules
nb = pm.execute_notebook({str(path)!r}, {str(tmp_path / "out.ipynb")!r}, engine_name="far-away", progress_bar=False)
print(nb.cells[0].outputs[0].text.strip(), nb.metadata.engine, "papermill" in sys.modules)
for name in ("broken", "none"):
    try:
        pm.execute_notebook({str(path)!r}, None, engine_name=name)
    except pm.PapermillException as e:
        print(e)
"""
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ['PYTHONPATH']}"}
    for arguments, stays in (([], False), (["without"], True)):
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, env=environment)
        lines = done.stdout.splitlines()
        assert lines[0] == f"1 cellar.papermill.engines {stays}", done.stderr
        assert lines[1].startswith("broken: farengine:Nothing, which an installed package names in papermill.engine, can't be loaded: ")
        assert lines[2:] == ["No engine named 'none' found"]


# Translators.


class Shouting(Translator):
    """A language that nobody has heard of."""

    @classmethod
    def comment(cls, cmt_str):
        return f"! {cmt_str}"

    @classmethod
    def assign(cls, name, str_val):
        return f"LET {name.upper()} BE {str_val}"

    @classmethod
    def translate_list(cls, val):
        return " AND ".join(cls.translate(v) for v in val)

    @classmethod
    def inspect(cls, parameters_cell):
        words = parameters_cell.source.split()
        return [pm.models.Parameter(words[1].lower(), "None", words[3], "")]


def test_a_translator(tmp_path, caplog):
    papermill_translators.register("loud", Shouting)
    path = notebook(tmp_path / "in.ipynb", "LET A BE 1", language="loud", tags=["parameters"])
    nb = pm.execute_notebook(path, tmp_path / "out.ipynb", {"a": [1, "x", None], "b": True}, prepare_only=True)
    assert nb.cells[1].source == '! Parameters\nLET A BE 1 AND "x" AND None\nLET B BE true\n' and nb.cells[1].metadata.tags == ["injected-parameters"]
    assert nb.metadata.papermill.parameters == {"a": [1, "x", None], "b": True} and nb == nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert [m for m in caplog.messages if m.startswith("Passed")] == ["Passed unknown parameter: b"]
    assert pm.inspect_notebook(path) == {"a": {"name": "a", "inferred_type_name": "None", "default": "1", "help": ""}}
    with pytest.raises(NotImplementedError, match="mappings"):
        pm.execute_notebook(path, None, {"a": {}}, prepare_only=True)
    with pytest.raises(TypeError, match="not JSON serializable"):
        parameterize_notebook(load_notebook_node(path), {"a": object()})


def test_a_translator_takes_the_programs_place(tmp_path, started):
    class Hex(PythonTranslator):
        @classmethod
        def translate_int(cls, val):
            return hex(val)

    path = notebook(tmp_path / "in.ipynb", "a = 0", "print(a)", tags=["parameters"])
    papermill_translators.register("python", Hex)
    nb = pm.execute_notebook(path, None, {"a": [255, {"k": -1}]})
    assert nb.cells[1].source == '# Parameters\na = [0xff, {"k": -0x1}]\n' and nb.cells[2].outputs[0].text == "[255, {'k': -1}]\n"


def test_a_kernels_own_translator(tmp_path):
    """One of ours under another name: a kernel that says another language."""
    papermill_translators.register("my-spark", PythonTranslator)
    path = notebook(tmp_path / "in.ipynb", "a = 0", kernel="my-spark", language="scala", tags=["parameters"])
    assert pm.execute_notebook(path, None, {"a": None}, prepare_only=True).cells[1].source == "# Parameters\na = None\n"


@pytest.mark.parametrize("value", [0, -7, 2**70, True, None, 1.5, 1e300, float("inf"), float("nan"), "", "é\n\t\"\\'", [1, [None]], {"k": {"l": False}}], ids=repr)
def test_hooks_write_what_the_program_writes(value):
    """A derived class whose hooks do nothing of their own, for every language that can be put together so."""
    for name, translator in sorted(translators._BY_PROGRAM.items()):
        derived = type("Derived", (translator,), {"comment": classmethod(lambda cls, text: translator.comment(text))})
        try:
            whole = translator.codify({"x": value})
        except PapermillException:
            continue  # no such value there
        try:
            assert derived.codify({"x": value}) == whole, name
        except NotImplementedError:
            assert name in ("c#", "csharp", ".net-csharp", "rust", "go", "bash", "sql", "javascript", "typescript", "deno", "tslab", "jslab"), name


@pytest.mark.parametrize("kernel, language, first", [("python3", "python", "# "), ("ir", "R", "# "), ("cellar", "go", "// "), (".net-fsharp", "F#", "(* "), ("x", "scala", "// ")])
def test_comments(tmp_path, kernel, language, first):
    nb = load_notebook_node(notebook(tmp_path / "in.ipynb", "", kernel=kernel, language=language, tags=["parameters"]))
    made = parameterize_notebook(nb, {"x": 1}, comment="Two\nlines", report_mode=True)
    lines = made.cells[1].source.splitlines()
    assert [line.removesuffix(" *)") for line in lines[:2]] == [first + "Two", first + "lines"] and "x" in lines[2]
    assert made.cells[1].metadata.jupyter.source_hidden and "jupyter" not in made.cells[0].metadata and len(nb.cells) == 1
    assert parameterize_notebook(made, {}, comment="None").cells[1].source.splitlines() == [first + "None" + (" *)" if kernel == ".net-fsharp" else "")]


def test_a_comment_that_would_end(tmp_path):
    nb = load_notebook_node(notebook(tmp_path / "in.ipynb", "", kernel=".net-fsharp", language="F#", tags=["parameters"]))
    with pytest.raises(PapermillException, match="it would end before its last word"):
        parameterize_notebook(nb, {"x": 1}, comment="*) exit 1 (*")


def test_old_notebooks(tmp_path):
    """They are upgraded, as Papermill does it."""
    cell = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": ["x = 1"]}
    path = tmp_path / "in.ipynb"
    path.write_text(json.dumps({"cells": [cell], "metadata": {"kernelspec": {"name": "python3", "display_name": "", "language": "python"}}, "nbformat": 4, "nbformat_minor": 2}))
    papermill_engines.register("calculator", Calculator)
    nb = pm.execute_notebook(path, tmp_path / "out.ipynb", engine_name="calculator", progress_bar=False)
    assert nb.nbformat_minor == 5 and nb.cells[0].id and statuses(nb) == ["completed"]
    assert pm.execute_notebook(nbformat.read(path, as_version=4), None, engine_name="calculator", progress_bar=False).cells[0].id


def test_places(tmp_path):
    """Notebooks on a web server: the output is delivered when the run ends."""
    import http.server

    files, puts = {"/in.ipynb": notebook(tmp_path / "in.ipynb", "x = 1", "2", tags=["parameters"]).read_bytes()}, []

    class Shelf(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path in files else 404)
            self.end_headers()
            self.wfile.write(files.get(self.path, b""))

        def do_PUT(self):
            puts.append(self.path)
            files[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_):
            pass

    papermill_engines.register("same", type("Same", (NBClientEngine,), {}))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shelf) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            url = f"http://127.0.0.1:{server.server_port}"
            nb = pm.execute_notebook(url + "/in.ipynb", url + "/out_{x}.ipynb", {"x": 5}, engine_name="same", progress_bar=False)
            there = json.loads(files["/out_5.ipynb"])
            assert there["metadata"]["papermill"]["output_path"] == url + "/out_5.ipynb" and there["cells"][2]["outputs"] and statuses(nb) == ["completed"] * 3
            assert len(puts) <= 3  # as it begins and ends
            with pytest.raises(PapermillException, match="404"):
                pm.execute_notebook(url + "/none.ipynb", None, engine_name="same")
        finally:
            server.shutdown()


def test_standard_output(tmp_path, capsys):
    papermill_engines.register("calculator", Calculator)
    pm.execute_notebook(notebook(tmp_path / "in.ipynb", "x = 1"), "-", engine_name="calculator", progress_bar=False, request_save_on_cell_execute=False)
    assert json.loads(capsys.readouterr().out)["cells"][0]["outputs"][0]["text"] == ["1"]


def test_threads(tmp_path, monkeypatch):
    """Runs of several threads don't mix up their paths."""
    monkeypatch.chdir(tmp_path)
    papermill_engines.register("same", type("Same", (NBClientEngine,), {}))
    for i in range(4):
        notebook(tmp_path / f"in{i}.ipynb", f"print({i})")
    threads = [threading.Thread(target=pm.execute_notebook, args=(f"in{i}.ipynb", f"out{i}.ipynb"), kwargs={"engine_name": "same", "progress_bar": False}) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [nbformat.read(f"out{i}.ipynb", as_version=4).cells[0].outputs[0].text for i in range(4)] == [f"{i}\n" for i in range(4)]


def test_without_packages(tmp_path):
    """Engines work in a Python with nothing installed, but for what is Jupyter's."""
    path = notebook(tmp_path / "in.ipynb", "a = 1", "print(a)", "1/0", "4", tags=["parameters"])
    code = f"""
import cellar.papermill as pm
from cellar.papermill.engines import NBClientEngine, papermill_engines
from cellar.papermill.clientwrap import PapermillNotebookClient
class Same(NBClientEngine):
    pass
papermill_engines.register("same", Same)
try:
    pm.execute_notebook({str(path)!r}, {str(tmp_path / "out.ipynb")!r}, {{"a": 2}}, engine_name="same")
except pm.PapermillExecutionError as e:
    print(e.cell_index, e.ename)
try:
    pm.execute_notebook({str(path)!r}, None, engine_name="same", on_cell_start=print)
except pm.PapermillExecutionError as e:
    print(e.cell_index)
try:
    PapermillNotebookClient(type("M", (), dict(nb=None)), km=object())
except pm.PapermillException as e:
    print(e)
"""
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["3 ZeroDivisionError", "2", "PapermillNotebookClient: a kernel manager: the program has none of it, and nbclient, which has, is not installed"], done.stderr
    nb = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    nbformat.validate(nb)
    assert statuses(nb) == ["completed", "completed", "completed", "failed", "pending"] and nb.cells[3].outputs[0].text == "2\n"
    assert pathlib.Path(tmp_path / "out.ipynb").read_text() == nbformat.writes(nb) + "\n" * (not nbformat.writes(nb).endswith("\n"))
