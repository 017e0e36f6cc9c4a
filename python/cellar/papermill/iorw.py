"""Papermill's reading and writing of notebooks. Files are read and written here, in one step; other places by the program."""

from __future__ import annotations

import contextlib
import copy
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from ._program import program, read_notebook, write_text
from .exceptions import PapermillException

_ELSEWHERE = re.compile(r"-$|[A-Za-z][A-Za-z0-9+.]*://")

_cwd: str | None = None  # the folder that relative paths are in; None: the process's


@contextlib.contextmanager
def local_file_io_cwd(path: Any = None) -> Iterator[None]:
    """Let relative paths of notebooks be in a folder, by default today's, wherever the process goes meanwhile."""
    global _cwd
    before, _cwd = _cwd, os.fspath(path) if path is not None else os.getcwd()
    try:
        yield
    finally:
        _cwd = before


def local_path(path: Any) -> str | None:
    """The absolute path of a file; None if there is no path, or it is one of another place."""
    if path is None or _ELSEWHERE.match(os.fspath(path)):
        return None
    return os.path.join(_cwd or os.getcwd(), os.fspath(path))


def _file(path: Any) -> str:
    path = os.fspath(path)
    if _ELSEWHERE.match(path):
        raise PapermillException(f"{path}: cellar.papermill.iorw reads and writes texts of files only; execute_notebook and inspect_notebook take the URL itself")
    return os.path.join(_cwd, path) if _cwd else path


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
    path = os.path.realpath(path)  # a link stays one
    if os.path.exists(path) and not os.path.isfile(path):  # a device or a pipe has no old text to lose
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"output folder {folder} doesn't exist.")
    if os.path.exists(path):
        mode = os.stat(path).st_mode & 0o7777
        if not os.access(path, os.W_OK):
            raise PermissionError(13, "Permission denied", path)
    else:
        mode = 0o666 & ~_umask()
    handle, temporary = tempfile.mkstemp(prefix="." + os.path.basename(path)[:200] + ".", suffix=".tmp", dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.chmod(temporary, mode)
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


papermill_io = PapermillIO()


def load_notebook_node(notebook_path: Any) -> Any:
    """A notebook, of a path or a copy of one that is there, with the metadata that Papermill's notebooks have."""
    from .version import version

    if isinstance(notebook_path, Mapping):
        notebook = _upgraded(copy.deepcopy(notebook_path))
    elif local_path(notebook_path) is not None:
        notebook = read_notebook(_file(notebook_path))
    else:
        notebook = _by_program(notebook_path)
    metadata = notebook["metadata"].get("papermill")
    if metadata is None:
        from ._program import node

        notebook["metadata"]["papermill"] = node({"default_parameters": {}, "parameters": {}, "environment_variables": {}, "version": version})
    for cell in notebook["cells"]:
        cell["metadata"].setdefault("tags", [])
        cell["metadata"].setdefault("papermill", {})
    return notebook


def _upgraded(notebook: Any) -> Any:
    """A notebook of the format's newest version, if somebody is there who can do that: the program does it all the same."""
    try:
        from nbformat import from_dict, v4
    except ImportError:
        from ._program import node

        return node(notebook)
    return v4.upgrade(from_dict(notebook))


def _by_program(place: Any) -> Any:
    """The notebook that is at another place."""
    from ._process import Call, failure, run

    with tempfile.TemporaryDirectory(prefix="cellar-") as scratch:
        output = os.path.join(scratch, "output.ipynb")
        arguments = [program(), "papermill", os.fspath(place), output, "--prepare-only", "--log-level=WARNING"]
        stdin = sys.stdin.buffer.read() if os.fspath(place) == "-" else None
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
