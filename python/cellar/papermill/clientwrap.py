"""The client that engines use to run a notebook under a manager: the program, and Jupyter's own client for what only that can do."""

from __future__ import annotations

import math
import os
import subprocess
import tempfile
from collections.abc import Mapping
from typing import IO, Any

try:
    from nbclient import NotebookClient as _Jupyter
    from nbclient.exceptions import CellExecutionError
except ImportError:
    _Jupyter = None  # type: ignore[assignment,misc]

from ._process import ERROR_MARKER_TAG, Call, Event, cell_failure, failed_by_a_cell, failure, run
from ._program import join_texts, node, program, read_notebook, write_text
from .exceptions import CellTimeoutError, DeadKernelError, PapermillException, PapermillExecutionError
from .iorw import local_path
from .log import logger

_BY_PROGRAM = frozenset(("timeout", "startup_timeout", "kernel_name", "allow_errors"))
"""Jupyter's options that the program has, too."""

_NO_MATTER = frozenset(("iopub_timeout", "raise_on_iopub_timeout", "shell_timeout_interval", "ipython_hist_file", "store_widget_state", "shutdown_kernel"))
"""Those about which it has nothing to decide."""


class PapermillNotebookClient(_Jupyter or object):  # type: ignore[misc,valid-type]
    """Runs ``nb_man.nb``: its cells get their outputs, and the manager hears of each cell when it begins and ends.

    The program does it, and writes ``nb_man.output_path`` meanwhile, with its journal; the manager does not. What the program can't do is done by
    Jupyter's client, with its ways of losing outputs, and saved by the manager: a kernel manager that is given (``km``, ``kernel_manager_class``), options
    other than ``timeout``, ``startup_timeout``, ``kernel_name`` and ``allow_errors``, and classes that define a part of that client. Where it is not
    installed these raise PapermillException.
    """

    def __init__(
        self,
        nb_man: Any,
        km: Any = None,
        raise_on_iopub_timeout: bool = True,
        *,
        log: Any = None,
        log_output: bool = False,
        stdout_file: IO[str] | None = None,
        stderr_file: IO[str] | None = None,
        **kw: Any,
    ) -> None:
        log = log or logger
        unknown = sorted(kw.keys() - options() - {"input_path"})
        kw = {name: value for name, value in kw.items() if name in options()}
        if _Jupyter:
            super().__init__(nb_man.nb, km=km, raise_on_iopub_timeout=raise_on_iopub_timeout, log=log, **kw)
        else:
            if km is not None:
                self._refuse("a kernel manager")
            self.nb, self.log = nb_man.nb, log
            for name in _BY_PROGRAM:
                setattr(self, name, kw.get(name, 60 if name == "startup_timeout" else None))
        self.nb_man = nb_man
        self.log_output = log_output
        self.stdout_file = stdout_file
        self.stderr_file = stderr_file
        if unknown:
            log.warning("arguments that no client of cellar knows: %s", ", ".join(unknown))

    def execute(self, **kwargs: Any) -> Any:
        """Run the notebook, and return it. A cell that fails ends the run, and raises nothing: the manager has it. Raises what ``execute_notebook``
        raises where the kernel does not start, dies, or takes too long."""
        beyond = self._beyond_program(kwargs)
        if beyond and not _Jupyter:
            self._refuse(beyond)
        elif beyond:
            self.log.info("%s: by Jupyter's client", beyond)
            self._by_jupyter(kwargs)
        else:
            self._by_program()
        return self.nb_man.nb

    def _refuse(self, what: str) -> None:
        raise PapermillException(f"{type(self).__name__}: {what}: the program has none of it, and nbclient, which has, is not installed")

    def _beyond_program(self, kwargs: Mapping[str, Any]) -> str:
        """What only Jupyter's client can do of what is wanted, "" if the program can do it all."""
        for c in type(self).__mro__[: type(self).__mro__.index(PapermillNotebookClient)]:
            for name in vars(c):
                if name in _PARTS:
                    return f"{c.__name__}.{name}"
        if kwargs:
            return ", ".join(sorted(kwargs))
        if not _Jupyter:
            return ""
        if self.km is not None:
            return "a kernel manager"
        plain = _Jupyter(self.nb)
        options = _Jupyter.class_own_traits().keys() - _BY_PROGRAM - _NO_MATTER
        return next((name for name in sorted(options) if not name.startswith("_") and getattr(self, name) != getattr(plain, name)), "")

    # By the program.

    def _by_program(self) -> None:
        with tempfile.TemporaryDirectory(prefix="cellar-") as scratch:
            path = local_path(self.nb_man.output_path)
            output = os.path.join(scratch, "output.ipynb") if path is None else path
            call = Call(
                self._hear,
                managed=True,
                allow_errors=bool(self.allow_errors),
                outputs=bool(self.log_output or self.stdout_file or self.stderr_file),
            )
            self._started = self._told = False
            before = getattr(self.nb_man, "_saved_by_program", False)
            self.nb_man._saved_by_program = True
            try:
                text = write_text(self.nb_man.nb).encode()
                code, said = run(self._arguments(output, path is not None), scratch, call=call, stdin=text, say=self._warn)
                if code < 0 and self._started:
                    self._recover(output)
            finally:
                self.nb_man._saved_by_program = before
            if code != 0 and not failed_by_a_cell(said):
                raise failure(code, said, None)

    def _recover(self, output: str) -> None:
        """Take what the program has kept in its journal, which was killed: what we have heard of it is older."""
        folder, name = os.path.split(output)
        if not os.path.exists(os.path.join(folder, f".{name}.journal")):
            return
        if subprocess.run([program(), "recover", output], stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode != 0:
            return
        kept = [cell for cell in read_notebook(output)["cells"] if ERROR_MARKER_TAG not in cell["metadata"].get("tags", [])]
        for index, (cell, ran) in enumerate(zip(self.nb_man.nb.cells, kept)):
            status = ran["metadata"].get("papermill", {}).get("status")
            if status in ("completed", "failed") and cell.metadata.get("papermill", {}).get("status") != status:
                self._end_cell(status, cell, index, ran)

    def _arguments(self, output: str, saves: bool) -> list[str]:
        arguments = [program(), "papermill", "-", output, "--no-progress-bar", "--log-level=WARNING"]
        if self.kernel_name:
            arguments.append(f"--kernel={self.kernel_name}")
        if self.startup_timeout is not None:
            arguments.append(f"--start-timeout={math.ceil(self.startup_timeout)}")
        if self.timeout is not None and self.timeout > 0:
            arguments.append(f"--execution-timeout={math.ceil(self.timeout)}")
        if saves:
            arguments.append(f"--autosave-cell-every={math.ceil(getattr(self.nb_man, 'autosave_cell_every', 30) or 0)}")
        else:
            arguments.append("--no-request-save-on-cell-execute")
        return arguments

    def _warn(self, line: str) -> None:
        """Log a warning of the program's. How a cell has failed, which it says at its end, is an exception's to say."""
        self._told = self._told or failed_by_a_cell([line])
        if not self._told:
            self.log.warning(line)

    def _hear(self, event: Event) -> None:
        """Take in what the program says: papermill/classic/call.go has the events."""
        what, index, nb = event["event"], event.get("cell"), self.nb_man.nb
        if what == "started":
            self._started = True  # the journal is this run's
            self.log.info(f"Executing notebook with kernel: {self.kernel_name or nb.metadata.get('kernelspec', {}).get('name')}")
        elif what == "running":
            self.nb_man.cell_start(nb.cells[index], index)
        elif what == "output":
            self.log_output_message(node(event["output"]))
        elif what == "ended":
            for key, value in event["metadata"].items():
                if value is None:
                    nb.metadata.pop(key, None)
                else:
                    nb.metadata[key] = node(value)
        else:
            self._end_cell(what, nb.cells[index], index, join_texts(node(event["is"])))

    def _end_cell(self, status: str, cell: Any, index: int, ran: Any) -> None:
        for key in ("outputs", "execution_count"):
            if key in ran:
                cell[key] = ran[key]
        if "execution" in ran.metadata:
            cell.metadata["execution"] = ran.metadata.execution
        late = ran.metadata.get("papermill", {}).get("late")
        if late is not None:
            cell.metadata.papermill["late"] = late
        if status == "late":
            return
        if status == "failed":
            self.nb_man.cell_exception(cell, cell_index=index, exception=_error(index, cell))
        self.nb_man.cell_complete(self.nb_man.nb.cells[index], cell_index=index)

    # By Jupyter's client.

    def _by_jupyter(self, kwargs: Mapping[str, Any]) -> None:
        self.nb = self.nb_man.nb
        self.reset_execution_trackers()
        with self.setup_kernel(**kwargs):
            self.log.info(f"Executing notebook with kernel: {self.kernel_name}")
            self.papermill_execute_cells()
            answer = self.wait_for_reply(self.kc.kernel_info())
            self.nb.metadata["language_info"] = answer["content"]["language_info"]
            self.set_widgets_metadata()

    def papermill_execute_cells(self) -> None:
        """Run the cells up to the first that fails, and tell the manager."""
        for index in range(len(self.nb.cells)):
            self.nb_man.cell_start(self.nb.cells[index], index)
            try:
                self.execute_cell(self.nb.cells[index], index)
            except (CellExecutionError, CellTimeoutError, DeadKernelError) as e:
                self.nb_man.cell_exception(self.nb.cells[index], cell_index=index, exception=e)
                if not isinstance(e, CellExecutionError):
                    raise
                return
            finally:
                self.nb_man.cell_complete(self.nb.cells[index], cell_index=index)

    def process_message(self, *args: Any, **kwargs: Any) -> Any:
        """Take in a message of the kernel."""
        output = super().process_message(*args, **kwargs)
        self.nb_man.autosave_cell()
        if output:
            self.log_output_message(output)
        return output

    # By both.

    def log_output_message(self, output: Any) -> None:
        """Hand on an output: to the log, if that is wanted, and to the files of streams."""
        kind = output["output_type"]
        if kind == "stream":
            text = "".join(output["text"])
            standard = output["name"] == "stdout"
            if self.log_output:
                (self.log.info if standard else self.log.warning)(text)
            file = self.stdout_file if standard else self.stderr_file
            if file:
                file.write(text)
                file.flush()
        elif self.log_output and "text/plain" in output.get("data", {}):
            self.log.info("".join(output["data"]["text/plain"]))


def options() -> frozenset[str]:
    """The options that a client can be given."""
    return _BY_PROGRAM | _NO_MATTER | frozenset(_Jupyter.class_traits() if _Jupyter else ())


def options_of_client() -> frozenset[str]:
    """Those for which ``execute_notebook`` needs a client: the others it knows itself, or they change nothing."""
    return options() - _NO_MATTER - {"timeout", "startup_timeout"}


_PARTS = frozenset(
    ("papermill_execute_cells", "process_message", "execute_cell", "setup_kernel", "start_new_kernel", "start_new_kernel_client", "create_kernel_manager")
) | frozenset(name for name, value in (vars(_Jupyter) if _Jupyter else {}).items() if callable(value) and not name.startswith("__") and name != "execute")
"""What Jupyter's and Papermill's clients call of themselves, and the program does not."""


def _error(index: int, cell: Any) -> PapermillExecutionError:
    return cell_failure(index, cell, next((o for o in reversed(cell.get("outputs", [])) if o["output_type"] == "error"), None))
