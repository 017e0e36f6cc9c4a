"""Runs the program: its life is tied to that of this process, and it says what happens as it happens."""

from __future__ import annotations

import codecs
import collections
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

ERROR_MARKER_TAG = "papermill-error-cell-tag"

_DEAD_KERNEL = 138  # the exit code

_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|NoSuchKernel)(: |$)")
"""How a trace ends, as Python and so the program writes it: the exception and its message, which may go on for lines."""

Event = Mapping[str, Any]


_ends: set[int] = set()
"""Descriptors that only this process holds open: who reads the other end waits until they are closed."""


def _forked() -> None:
    """In a forked process, which may outlive this one, and is not the one that a run is tied to."""
    while _ends:
        os.close(_ends.pop())


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forked)


@contextlib.contextmanager
def _end(descriptor: int) -> Iterator[None]:
    """Close a descriptor at the end, and in a forked process when that begins."""
    _ends.add(descriptor)
    try:
        yield
    finally:
        if descriptor in _ends:
            _ends.remove(descriptor)
            os.close(descriptor)


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
        with _end(writer):
            yield
    finally:
        thread.join()
        os.close(reader)
    if failures:
        raise failures[0]


@contextlib.contextmanager
def _tie() -> Iterator[int]:
    """A descriptor for the program, at whose end of file it interrupts the run and saves the output: the other end closes when this process
    ends, also by SIGKILL."""
    reader, writer = os.pipe()
    try:
        with _end(writer):
            yield reader
    finally:
        os.close(reader)


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
        events = None
        with contextlib.ExitStack() as handed:  # to the program
            if call.on_event:
                reader, writer = os.pipe()
                handed.enter_context(_end(writer))
                events = held.enter_context(os.fdopen(reader, "rb"))
                asked["events"] = writer
                passed.append(writer)
            if asked:
                environment["CELLAR_CALL"] = os.path.join(scratch, "call.json")
                with open(environment["CELLAR_CALL"], "w", encoding="utf-8") as file:
                    json.dump(asked, file)
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                stdout=subprocess.DEVNULL if stdout is None else stdout,
                stderr=subprocess.PIPE,
                env=environment,
                pass_fds=passed,
            )
        return _follow(process, stdin, events, call.on_event, raw, unsaved, say or logger.info)


class _Lines:
    """The lines of a stream, which a thread reads: so an interrupt loses none of them, not even the one that is handled when it comes."""

    _AHEAD = 16
    """How many are read that nobody has handled: then the writer waits."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._lines: collections.deque[bytes] = collections.deque()
        self._came, self._went = threading.Event(), threading.Event()
        self._unwanted = False
        self._reader = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._reader.start()

    def _read(self, stream: IO[bytes]) -> None:
        for line in stream:
            while True:
                self._went.clear()
                if self._unwanted or len(self._lines) < self._AHEAD:
                    break
                self._went.wait()
            self._lines.append(line)
            self._came.set()
        self._lines.append(b"")
        self._came.set()

    def handle(self, handler: Callable[[bytes], None]) -> None:
        """Hand on the lines up to the end. One whose handler raises an Exception is through; one whose handler is interrupted is not."""
        while True:
            self._came.clear()
            if not self._lines:
                self._came.wait()
            elif not self._lines[0].endswith(b"\n"):  # the end; a half line is of a writer that was killed
                return
            else:
                try:
                    handler(self._lines[0])
                except Exception:
                    self._next()
                    raise
                self._next()

    def _next(self) -> None:
        self._lines.popleft()
        self._went.set()

    def drop(self) -> None:
        """Let the writer not wait any more, and wait for the end."""
        self._unwanted = True
        self._went.set()
        self._reader.join()


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

    def handle(line: bytes) -> None:
        assert on_event is not None
        on_event(json.loads(line))

    def handle_all(line: bytes) -> None:
        with contextlib.suppress(Exception):  # the one that has come first counts
            handle(line)

    listener = threading.Thread(target=listen, args=(process.stderr,))
    listener.start()
    lines = None if events is None else _Lines(events)
    try:
        if stdin is not None:
            _feed(process, stdin)
        if lines is not None:
            lines.handle(handle)
        code = process.wait()
    except BaseException:  # KeyboardInterrupt reaches the program too; it ends its kernel
        process.terminate()
        if lines is not None:
            lines.handle(handle_all)  # what the cell has come to
        raise
    finally:
        if lines is not None:
            lines.drop()
        process.wait()
        listener.join()
        process.stderr.close()
    return code, said


def _feed(process: subprocess.Popen[bytes], text: bytes) -> None:
    """Give the program its input, and the end of it, also where we are interrupted: it would wait for the rest."""
    assert process.stdin is not None
    with process.stdin, contextlib.suppress(BrokenPipeError):  # it has said why
        left = memoryview(text)
        while left:
            left = left[os.write(process.stdin.fileno(), left) :]


def failed_by_a_cell(said: list[str]) -> bool:
    """Whether the program has ended as Papermill does when a cell has failed, or shows an error."""
    return any(line.startswith("papermill.exceptions.PapermillExecutionError: ") for line in "".join(said).splitlines())


def failure(code: int, said: list[str], output: str | None) -> Exception:
    """The exception for an exit code, what the program said, and the path of the output."""
    if output is not None and failed_by_a_cell(said):
        failed = _failed_cell(read_notebook(output))
        if failed is not None:
            return failed
    if code < 0:
        return PapermillException(f"the program was killed by signal {-code}")
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
        if ERROR_MARKER_TAG in cell["metadata"].get("tags", []):
            continue
        if cell["metadata"].get("papermill", {}).get("status") == "failed":
            return cell_failure(index, cell, next((o for o in cell.get("outputs", []) if o["output_type"] == "error"), None))
        index += 1
    return None


def cell_failure(index: int, cell: Any, error: Any) -> PapermillExecutionError:
    """The exception for a cell that has failed, with the output that says how; None: none does."""
    error = error or {"ename": "CellExecutionError", "evalue": "", "traceback": []}
    return PapermillExecutionError(index, cell.get("execution_count"), cell["source"], error["ename"], error["evalue"], list(error["traceback"]))
