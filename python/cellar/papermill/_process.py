"""Runs the program: its life is tied to that of this process, and it says what happens as it happens."""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import IO, Any, Callable, Optional

from ._program import read_notebook
from .exceptions import (
    CellTimeoutError,
    DeadKernelError,
    NoSuchKernel,
    NotJSONError,
    PapermillException,
    PapermillExecutionError,
    PapermillMissingParameterException,
)
from .log import logger

_DEAD_KERNEL = 138  # the exit code

_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|NoSuchKernel)(: |$)")
"""How a trace ends, as Python and so the program writes it: the exception and its message, which may go on for lines."""

Event = Mapping[str, Any]


@contextlib.contextmanager
def pipe(path: str, file: IO[str]) -> Iterator[None]:
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


class Call:
    """What is asked of the program that no flag of Papermill's can say: papermill/classic/call.go has the names."""

    def __init__(self, on_event: Optional[Callable[[Event], None]] = None, **asked: Any) -> None:
        self.on_event = on_event
        self.asked = asked


def run(
    arguments: list[str],
    scratch: str,
    *,
    call: Call | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    stdout: IO[bytes] | None = None,
    raw: bool = False,
    unsaved: str | None = None,
    say: Callable[[str], None] | None = None,
) -> tuple[int, list[str]]:
    """Run the program, which ends when we do: its exit code, and what it said, which goes to say (the log, as information) as it comes, or, where it draws a bar (raw), to
    the terminal. unsaved is an output that nobody has asked for; scratch a folder for what the program is handed."""
    call = call or Call()
    asked = dict(call.asked)
    with contextlib.ExitStack() as held:
        tie = held.enter_context(_tie())
        environment = {**os.environ, **(environment or {}), "CELLAR_PARENT": str(tie)}
        passed = [tie]
        reader = None
        if call.on_event:
            reader, writer = os.pipe()
            asked["events"] = writer
            passed.append(writer)
        if asked:
            environment["CELLAR_CALL"] = os.path.join(scratch, "call.json")
            with open(environment["CELLAR_CALL"], "w", encoding="utf-8") as file:
                json.dump(asked, file)
        try:
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                stdout=subprocess.DEVNULL if stdout is None else stdout,
                stderr=subprocess.PIPE,
                env=environment,
                pass_fds=passed,
            )
        except BaseException:
            if reader is not None:
                os.close(reader)
            raise
        finally:
            if reader is not None:
                os.close(writer)
        events = None if reader is None else held.enter_context(os.fdopen(reader, "rb"))
        return _follow(process, stdin, events, call.on_event, raw, unsaved, say or logger.info)


def _follow(
    process: subprocess.Popen[bytes],
    stdin: bytes | None,
    events: IO[bytes] | None,
    on_event: Callable[[Event], None] | None,
    raw: bool,
    unsaved: str | None,
    say: Callable[[str], None],
) -> tuple[int, list[str]]:
    """See run. Events are handed on by the caller's thread."""
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
                say(text.rstrip("\n"))

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
        if events is not None and on_event is not None:
            for line in events:
                on_event(json.loads(line))
        code = process.wait()
    except BaseException:  # KeyboardInterrupt reaches the program too; it ends its kernel
        process.terminate()
        if events is not None and on_event is not None:
            with contextlib.suppress(Exception):  # the one that has come first counts
                for line in events:  # what the cell has come to
                    on_event(json.loads(line))
            for line in events:  # or the program would wait
                pass
        process.wait()
        raise
    finally:
        listener.join()
        process.stderr.close()
    return code, said


def failed_by_a_cell(said: list[str]) -> bool:
    """Whether the program has ended as Papermill does when a cell has failed, or shows an error."""
    return any(line.startswith("papermill.exceptions.PapermillExecutionError: ") for line in "".join(said).splitlines())


def failure(code: int, said: list[str], output: str | None) -> Exception:
    """The exception for an exit code, what the program said, and the path of the output."""
    if output is not None and failed_by_a_cell(said):
        failed = _failed_cell(read_notebook(output))
        if failed is not None:
            return failed
    lines = "".join(said).splitlines()
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
