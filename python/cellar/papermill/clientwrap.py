"""The client of a kernel that runs a notebook under a manager, which engines use: the program."""

from __future__ import annotations

import logging
import math
import os
import tempfile
from typing import IO, Any

from ._process import Call, Event, failed_by_a_cell, failure, run
from ._program import join_texts, node, program, write_text
from .exceptions import PapermillException, PapermillExecutionError
from .iorw import local_path
from .log import logger


class PapermillNotebookClient:
    """Runs ``nb_man.nb`` by the program: its cells get their outputs, and the manager hears of each cell when it begins and ends.

    Of Jupyter's options it knows ``timeout``, ``startup_timeout``, ``kernel_name`` and ``allow_errors``; others are named in a warning. While it runs,
    the program writes ``nb_man.output_path``, with its journal, and the manager does not.
    """

    def __init__(
        self,
        nb_man: Any,
        km: Any = None,
        raise_on_iopub_timeout: bool = True,
        *,
        log: logging.Logger | None = None,
        log_output: bool = False,
        stdout_file: IO[str] | None = None,
        stderr_file: IO[str] | None = None,
        timeout: float | None = None,
        startup_timeout: float = 60,
        kernel_name: str | None = None,
        allow_errors: bool = False,
        **kw: Any,
    ) -> None:
        if km is not None or "kernel_manager_class" in kw:
            raise PapermillException(f"{type(self).__name__}: cellar starts its kernels itself, and runs none by a kernel manager in Python; what needs one needs Papermill itself")
        self.nb_man = nb_man
        self.log = log or logger
        self.log_output = log_output
        self.stdout_file = stdout_file
        self.stderr_file = stderr_file
        self.timeout = timeout
        self.startup_timeout = startup_timeout
        self.kernel_name = kernel_name
        self.allow_errors = allow_errors
        kw.pop("input_path", None)
        if kw:
            self.log.warning("arguments that no client of cellar knows: %s", ", ".join(sorted(kw)))

    @property
    def nb(self) -> Any:
        """The notebook."""
        return self.nb_man.nb

    def execute(self, **kwargs: Any) -> Any:
        """Run the notebook, and return it. A cell that fails ends the run, and raises nothing: the manager has it. Raises what ``execute_notebook``
        raises where the kernel does not start, dies, or takes too long."""
        self._refuse_parts()
        if kwargs:
            self.log.warning("arguments that no client of cellar knows: %s", ", ".join(sorted(kwargs)))
        with tempfile.TemporaryDirectory(prefix="cellar-") as scratch:
            path = local_path(self.nb_man.output_path)
            output = os.path.join(scratch, "output.ipynb") if path is None else path
            call = Call(
                self._hear,
                managed=True,
                allow_errors=bool(self.allow_errors),
                outputs=bool(self.log_output or self.stdout_file or self.stderr_file),
            )
            before = getattr(self.nb_man, "_saved_by_program", False)
            self.nb_man._saved_by_program = path is not None
            try:
                code, said = run(self._arguments(output, path is not None), scratch, call=call, stdin=write_text(self.nb).encode(), say=self.log.warning)
            finally:
                self.nb_man._saved_by_program = before
            if code != 0 and not failed_by_a_cell(said):
                raise failure(code, said, None)
        return self.nb

    def _refuse_parts(self) -> None:
        """Raise PapermillException for a class that defines a part of Jupyter's client which is not called here: the run would not be the one it means."""
        for c in type(self).__mro__[: type(self).__mro__.index(PapermillNotebookClient)]:
            parts = sorted(name for name in vars(c) if name.removeprefix("async_") in _PARTS)
            if parts:
                raise PapermillException(f"{c.__name__} defines {', '.join(parts)}: cellar runs cells by its own program, which does not call it; what needs it needs Papermill itself")

    def _arguments(self, output: str, saves: bool) -> list[str]:
        arguments = [program(), "papermill", "-", output, "--no-progress-bar", "--log-level=WARNING"]
        if self.kernel_name:
            arguments.append(f"--kernel={self.kernel_name}")
        if self.startup_timeout is not None:
            arguments.append(f"--start-timeout={math.ceil(self.startup_timeout)}")
        if self.timeout is not None and self.timeout > 0:
            arguments.append(f"--execution-timeout={math.ceil(self.timeout)}")
        if saves:
            arguments.append(f"--autosave-cell-every={math.ceil(getattr(self.nb_man, 'autosave_cell_every', 30))}")
        else:
            arguments.append("--no-request-save-on-cell-execute")
        return arguments

    def _hear(self, event: Event) -> None:
        """Take in what the program says: papermill/classic/call.go has the events."""
        what, index = event["event"], event.get("cell")
        if what == "started":
            self.log.info(f"Executing notebook with kernel: {self.kernel_name or self.nb.metadata.kernelspec.name}")
        elif what == "running":
            self.nb_man.cell_start(self.nb.cells[index], index)
        elif what == "output":
            self.log_output_message(node(event["output"]))
        elif what == "ended":
            for key, value in event["metadata"].items():
                if value is None:
                    self.nb.metadata.pop(key, None)
                else:
                    self.nb.metadata[key] = node(value)
        else:
            self._end_cell(what, index, join_texts(node(event["is"])))

    def _end_cell(self, status: str, index: int, ran: Any) -> None:
        cell = self.nb.cells[index]
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
        self.nb_man.cell_complete(self.nb.cells[index], cell_index=index)

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


_PARTS = frozenset(
    (
        *("papermill_execute_cells", "process_message", "reset_execution_trackers", "create_kernel_manager", "start_new_kernel"),
        *("start_new_kernel_client", "setup_kernel", "execute_cell", "run_cell", "set_widgets_metadata", "wait_for_reply", "output", "clear_output"),
        *("clear_display_id_mapping", "handle_comm_msg", "register_output_hook", "remove_output_hook", "on_comm_open_jupyter_widget"),
    )
)
"""What nbclient's and Papermill's clients call of themselves."""


def _error(index: int, cell: Any) -> PapermillExecutionError:
    error = next((o for o in reversed(cell.get("outputs", [])) if o["output_type"] == "error"), None)
    if error is None:
        return PapermillExecutionError(index, cell.get("execution_count"), cell["source"], "CellExecutionError", "", [])
    return PapermillExecutionError(index, cell.get("execution_count"), cell["source"], error["ename"], error["evalue"], list(error["traceback"]))
