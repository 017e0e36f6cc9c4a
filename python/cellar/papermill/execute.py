"""Runs a notebook."""

from __future__ import annotations

import codecs
import contextlib
import json
import logging
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from typing import IO, Any

from ._program import program, read_notebook, yaml
from .exceptions import (
    CellTimeoutError,
    DeadKernelError,
    NoSuchKernel,
    NotJSONError,
    PapermillException,
    PapermillExecutionError,
    PapermillMissingParameterException,
)

logger = logging.getLogger("papermill")

_STANDARD_OUTPUT = "-"

_DEAD_KERNEL = 138  # the exit code

_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|NoSuchKernel)(: |$)")
"""How a trace ends, as Python and so the program writes it: the exception and its message, which may go on for lines."""


def execute_notebook(
    input_path: Any,
    output_path: Any,
    parameters: Mapping[str, Any] | None = None,
    engine_name: str | None = None,
    request_save_on_cell_execute: bool = True,
    prepare_only: bool = False,
    kernel_name: str | None = None,
    language: str | None = None,
    progress_bar: bool | dict[str, Any] = True,
    log_output: bool = False,
    stdout_file: IO[str] | None = None,
    stderr_file: IO[str] | None = None,
    start_timeout: int = 60,
    report_mode: bool = False,
    cwd: Any = None,
    **engine_kwargs: Any,
) -> Any:
    """Run a notebook, and return it with its outputs.

    input_path is a path, or a notebook (nbformat's NotebookNode). output_path is where the executed notebook goes; None: nowhere. Both
    may be URLs, and name parameters: reports/{region}.ipynb. parameters are written into a cell after the one tagged ``parameters``. Of
    engine_kwargs, execution_timeout and autosave_cell_every are known, both in seconds.

    The run ends with this process, however that ends: the cell is interrupted, and the output saved.

    Raises PapermillExecutionError when a cell fails, DeadKernelError when the kernel dies, CellTimeoutError when a cell takes too long,
    TypeError when a parameter is none of JSON's types, and PapermillException for the rest.
    """
    if input_path is None:
        raise PapermillException("there is no notebook to read: input_path is None")
    with tempfile.TemporaryDirectory(prefix="cellar-") as scratch:
        output = os.path.join(scratch, "output.ipynb") if output_path is None else os.fspath(output_path)
        arguments = [program(), "papermill"]
        stdin: bytes | None = None
        if isinstance(input_path, Mapping):
            stdin = json.dumps(input_path).encode()
            arguments += ["-", output]
        else:
            arguments += [os.fspath(input_path), output]
        if parameters:
            path = os.path.join(scratch, "parameters.yaml")  # other users see a command line, and it can't be long
            with open(path, "w", encoding="utf-8") as file:
                file.write(yaml(parameters))
            arguments += ["-f", path]
        for flag, value in (
            ("--engine", engine_name),
            ("--kernel", kernel_name),
            ("--language", language),
            ("--cwd", None if cwd is None else os.fspath(cwd)),
            ("--start-timeout", start_timeout),
            ("--execution-timeout", engine_kwargs.pop("execution_timeout", None)),
            ("--autosave-cell-every", engine_kwargs.pop("autosave_cell_every", None)),
        ):
            if value is not None:
                arguments.append(f"{flag}={value}")
        for flag, on in (("--prepare-only", prepare_only), ("--report-mode", report_mode), ("--log-output", log_output)):
            if on:
                arguments.append(flag)
        if not request_save_on_cell_execute:
            arguments.append("--no-request-save-on-cell-execute")
        show_bar = bool(progress_bar) and sys.stderr is not None and sys.stderr.isatty()
        arguments.append("--progress-bar" if show_bar else "--no-progress-bar")
        if engine_kwargs:
            logger.warning("arguments that no engine of cellar knows: %s", ", ".join(sorted(engine_kwargs)))

        copy = os.path.join(scratch, "copy.ipynb")  # of an output that goes elsewhere
        printed = os.path.join(scratch, "printed.ipynb")
        if output == _STANDARD_OUTPUT:
            arguments.append("--log-level=DEBUG")  # at INFO the program would not log
        with contextlib.ExitStack() as pipes:
            for flag, to in (("--stdout-file", stdout_file), ("--stderr-file", stderr_file)):
                if to is not None:
                    path = os.path.join(scratch, flag)
                    pipes.enter_context(_pipe(path, to))
                    arguments.append(f"{flag}={path}")
            stdout = pipes.enter_context(open(printed, "wb"))
            code, said = _run(arguments, {**os.environ, "CELLAR_COPY": copy}, stdin, stdout, show_bar, output if output_path is None else None)
        if output == _STANDARD_OUTPUT:
            with open(printed, encoding="utf-8") as file:
                sys.stdout.write(file.read())
            output = printed
        else:
            output = copy if os.path.exists(copy) else output if output_path is None else _written(said, output)
        if code != 0:
            raise _failure(code, said, output)
        notebook = read_notebook(output)
        if output_path is None:
            notebook["metadata"]["papermill"]["output_path"] = None
        return notebook


def _written(said: list[str], output: str) -> str:
    """The path of the output with the parameters that it names, as the log has it."""
    for line in "".join(said).splitlines():
        if line.startswith("Output Notebook: "):
            return line.removeprefix("Output Notebook: ")
    return output


@contextlib.contextmanager
def _pipe(path: str, file: IO[str]) -> Iterator[None]:
    """Hands on to a file of the caller's what cells print, as they print it: the program opens the pipe by its name. At the end it waits for
    the rest; what went wrong with the file is the caller's to hear of."""
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(path, os.O_WRONLY)  # so that the end comes when we say so, also if the program writes nothing
    os.set_blocking(reader, True)
    failures: list[Exception] = []

    def copy() -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while chunk := os.read(reader, 1 << 16):  # to the end, or the program would wait
            if not failures:
                try:
                    file.write(decoder.decode(chunk))
                    file.flush()
                except Exception as e:
                    failures.append(e)

    thread = threading.Thread(target=copy, daemon=True)
    thread.start()
    try:
        yield
    finally:
        os.close(writer)
        thread.join()
        os.close(reader)
    if failures:
        raise failures[0]


_ties: set[int] = set()
"""Descriptors whose end is ours: see _tie."""


def _untie() -> None:
    """In a forked process, which may outlive this one, and is not the one that a run is tied to."""
    while _ties:
        os.close(_ties.pop())


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_untie)


@contextlib.contextmanager
def _tie() -> Iterator[int]:
    """A descriptor for the program, at whose end of file it interrupts the run and saves the output: the other end closes when this process
    ends, also by SIGKILL."""
    reader, writer = os.pipe()
    _ties.add(writer)
    try:
        yield reader
    finally:
        os.close(reader)
        if writer in _ties:
            _ties.remove(writer)
            os.close(writer)


def _run(
    arguments: list[str], environment: dict[str, str], stdin: bytes | None, stdout: IO[bytes], raw: bool, unsaved: str | None
) -> tuple[int, list[str]]:
    """Run the program, which ends when we do. What it says goes to the logger as it comes, or, where it draws a bar, to the terminal. unsaved is an
    output that nobody has asked for."""
    with _tie() as tie:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env={**environment, "CELLAR_PARENT": str(tie)},
            pass_fds=(tie,),
        )
        return _follow(process, stdin, raw, unsaved)


def _follow(process: subprocess.Popen[bytes], stdin: bytes | None, raw: bool, unsaved: str | None) -> tuple[int, list[str]]:
    """See _run."""
    assert process.stderr is not None
    said: list[str] = []

    def listen(stream: IO[bytes]) -> None:
        while chunk := (os.read(stream.fileno(), 1 << 16) if raw else stream.readline()):
            text = chunk.decode(errors="replace")
            if unsaved is not None:
                text = text.replace(f"Output Notebook: {unsaved}\n", "Output Notebook: Notebook will not be saved\n")
            said.append(text)
            if raw:
                sys.stderr.write(text)
                sys.stderr.flush()
            else:
                logger.info(text.rstrip("\n"))

    listener = threading.Thread(target=listen, args=(process.stderr,))
    listener.start()
    try:
        if stdin is not None:
            assert process.stdin is not None
            try:
                process.stdin.write(stdin)
                process.stdin.close()
            except BrokenPipeError:
                pass  # it has said why
        code = process.wait()
    except BaseException:  # KeyboardInterrupt reaches the program too; it ends its kernel
        process.terminate()
        process.wait()
        raise
    finally:
        listener.join()
        process.stderr.close()
    return code, said


def _failure(code: int, said: list[str], output: str) -> Exception:
    """The exception for an exit code, what the program said, and the path of the output."""
    lines = "".join(said).splitlines()
    if any(line.startswith("papermill.exceptions.PapermillExecutionError: ") for line in lines):
        failed = _failed_cell(read_notebook(output))
        if failed is not None:
            return failed
    at = next((i for i in reversed(range(len(lines))) if _EXCEPTION.match(lines[i])), None)
    if at is None:
        kind, message = "", lines[-1] if lines else f"exit code {code}"
    else:
        kind, _, first = lines[at].partition(": ")
        message = "\n".join([first, *lines[at + 1 :]]).rstrip()
    if code == _DEAD_KERNEL:
        return DeadKernelError(message)
    kind = kind.rpartition(".")[2]
    if kind == "NoSuchKernel":
        return NoSuchKernel(message.removeprefix("No such kernel named "))
    return _KINDS.get(kind, PapermillException)(message)


_KINDS: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (
        CellTimeoutError,
        FileNotFoundError,
        IsADirectoryError,
        NotADirectoryError,
        NotJSONError,
        PapermillMissingParameterException,
        PermissionError,
        RuntimeError,
        ValueError,
    )
}
"""What the program names in its last line, by that name."""


def _failed_cell(notebook: Any) -> PapermillExecutionError | None:
    """The failure that a notebook shows, with the index that its cell has without the marks of the failure."""
    index = 0
    for cell in notebook["cells"]:
        if "papermill-error-cell-tag" in cell["metadata"].get("tags", []):
            continue
        if cell["metadata"].get("papermill", {}).get("status") == "failed":
            for output in cell.get("outputs", []):
                if output["output_type"] == "error":
                    return PapermillExecutionError(
                        index, cell["execution_count"], cell["source"], output["ename"], output["evalue"], list(output["traceback"])
                    )
            return PapermillExecutionError(index, cell["execution_count"], cell["source"], "CellExecutionError", "", [])
        index += 1
    return None
