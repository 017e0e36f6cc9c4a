"""Papermill's reading and writing of notebooks. Files are read and written here, in one step; other places by the program."""

from __future__ import annotations

import contextlib
import contextvars
import copy
import os
import re
import stat
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from ._program import node, program, read_notebook, write_text
from .exceptions import PapermillException

_ELSEWHERE = re.compile(r"-$|[A-Za-z][A-Za-z0-9+.]*://")

_cwd: contextvars.ContextVar[str | None] = contextvars.ContextVar("_cwd", default=None)
"""The folder that relative paths are in; None: the process's."""


@contextlib.contextmanager
def local_file_io_cwd(path: Any = None) -> Iterator[None]:
    """Let relative paths of notebooks be in a folder, by default today's, wherever the process goes meanwhile."""
    token = _cwd.set(os.getcwd() if path is None else os.path.abspath(path))
    try:
        yield
    finally:
        _cwd.reset(token)


def local_path(path: Any) -> str | None:
    """The absolute path of a file; None if there is no path, or it is one of another place."""
    if path is None or _ELSEWHERE.match(os.fspath(path)):
        return None
    return os.path.join(_cwd.get() or os.getcwd(), os.fspath(path))


def _file(path: Any) -> str:
    path = os.fspath(path)
    if _ELSEWHERE.match(path):
        raise PapermillException(f"{path}: cellar.papermill.iorw reads and writes texts of files only; execute_notebook and inspect_notebook take the URL itself")
    folder = _cwd.get()
    return os.path.join(folder, path) if folder else path


class PapermillIO:
    """Reads and writes texts by path."""

    def read(self, path: Any, extensions: Any = None) -> str:
        """The text of a file."""
        with open(_file(path), encoding="utf-8") as file:
            return file.read()

    def write(self, buf: str, path: Any, extensions: Any = None) -> None:
        """Write the text of a file: whatever happens, it has the old one or the new one."""
        _replace(_file(path), buf)

    def listdir(self, path: Any) -> list[str]:
        """The paths of what is in a folder."""
        folder = _file(path)
        return [os.path.join(os.fspath(path), name) for name in os.listdir(folder)]

    def pretty_path(self, path: Any) -> Any:
        """The path."""
        return path

    def register(self, scheme: str, handler: Any) -> NoReturn:
        """Raises PapermillException."""
        raise PapermillException(f"{scheme}: cellar reads and writes no place by a class in Python; what needs it needs Papermill itself")


def _replace(path: str, text: str) -> None:
    if os.path.exists(path) and not os.path.isfile(path):  # a device or a pipe has no old text to lose
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return
    path = os.path.realpath(path)  # a link stays one
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"output folder {folder} doesn't exist.")
    mode = stat.S_IMODE(os.stat(path).st_mode) if os.path.exists(path) else None
    if mode is not None and not os.access(path, os.W_OK):
        raise PermissionError(13, "Permission denied", path)
    temporary = os.path.join(folder, f".{uuid.uuid4().hex}.tmp")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else mode), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            if mode is not None:
                os.chmod(temporary, mode)  # what the umask took away
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


papermill_io = PapermillIO()


def load_notebook_node(notebook_path: Any) -> Any:
    """A notebook, of a path or a copy of one that is there, with the metadata that Papermill's notebooks have."""
    from .version import version

    elsewhere = not isinstance(notebook_path, Mapping) and local_path(notebook_path) is None
    try:
        from nbformat import v4
    except ImportError:
        notebook = _by_program(notebook_path)
    else:
        if elsewhere:
            notebook = _by_program(notebook_path)
        else:
            notebook = node(copy.deepcopy(notebook_path)) if isinstance(notebook_path, Mapping) else read_notebook(_file(notebook_path))
        notebook = v4.upgrade(notebook) or notebook
    notebook["metadata"].setdefault(
        "papermill", node({"default_parameters": {}, "parameters": {}, "environment_variables": {}, "version": version})
    )
    for cell in notebook["cells"]:
        cell["metadata"].setdefault("tags", [])
        cell["metadata"].setdefault("papermill", node({}))
    return notebook


def _by_program(source: Any) -> Any:
    """A notebook, of a path, of another place or as it is there, as the program reads it: of the newest version."""
    from ._process import Call, failure, run

    if isinstance(source, Mapping):
        place, stdin = "-", write_text(source).encode()
    else:
        place = local_path(source) or os.fspath(source)
        stdin = sys.stdin.buffer.read() if place == "-" else None
    with tempfile.TemporaryDirectory(prefix="cellar-") as scratch:
        output = os.path.join(scratch, "output.ipynb")
        arguments = [program(), "papermill", place, output, "--prepare-only", "--log-level=WARNING"]
        code, said = run(arguments, scratch, call=Call(managed=True), stdin=stdin)
        if code != 0:
            raise failure(code, said, None)
        return read_notebook(output)


def write_ipynb(nb: Any, path: Any) -> None:
    """Write a notebook; to None nothing is written, to ``-`` it is printed."""
    if path is None:
        return
    text = write_text(nb)
    if os.fspath(path) == "-":
        sys.stdout.write(text)
    elif local_path(path) is not None:
        papermill_io.write(text, path)
    else:
        from ._process import Call, failure, run

        with tempfile.TemporaryDirectory(prefix="cellar-") as scratch:
            arguments = [program(), "papermill", "-", os.fspath(path), "--prepare-only", "--log-level=WARNING"]
            code, said = run(arguments, scratch, call=Call(managed=True), stdin=text.encode())
            if code != 0:
                raise failure(code, said, None)


def list_notebook_files(path: Any) -> list[str]:
    """The paths of the notebooks in a folder."""
    return [name for name in papermill_io.listdir(path) if name.endswith(".ipynb")]


def get_pretty_path(path: Any) -> Any:
    """A path as it is shown."""
    return "Notebook will not be saved" if path is None else "NotebookNode object" if isinstance(path, Mapping) else path
