"""Papermill's reading and writing of notebooks, for files of this machine only: other places are the program's, which ``execute_notebook`` and
``inspect_notebook`` ask."""

from __future__ import annotations

import os
import re
from typing import Any, NoReturn

from ._program import read_notebook
from .exceptions import PapermillException

_ELSEWHERE = re.compile(r"-$|[A-Za-z][A-Za-z0-9+.]*://")


def _file(path: Any) -> str:
    path = os.fspath(path)
    if _ELSEWHERE.match(path):
        raise PapermillException(f"{path}: cellar.papermill.iorw reads and writes files only; execute_notebook and inspect_notebook take the URL itself")
    return path


class PapermillIO:
    """Reads and writes texts by path."""

    def read(self, path: Any, extensions: Any = None) -> str:
        """The text of a file."""
        with open(_file(path), encoding="utf-8") as file:
            return file.read()

    def write(self, buf: str, path: Any, extensions: Any = None) -> None:
        """Write the text of a file."""
        with open(_file(path), "w", encoding="utf-8") as file:
            file.write(buf)

    def listdir(self, path: Any) -> list[str]:
        """The paths of what is in a folder."""
        path = _file(path)
        return [os.path.join(path, name) for name in os.listdir(path)]

    def pretty_path(self, path: Any) -> Any:
        """The path."""
        return path

    def register(self, scheme: str, handler: Any) -> NoReturn:
        """Raises PapermillException."""
        raise PapermillException(f"{scheme}: cellar reads and writes no place by a class in Python; what needs it needs Papermill itself")


papermill_io = PapermillIO()


def load_notebook_node(notebook_path: Any) -> Any:
    """The notebook in a file, with the metadata that Papermill's notebooks have."""
    from . import __version__

    notebook = read_notebook(_file(notebook_path))
    notebook["metadata"].setdefault(
        "papermill", {"default_parameters": {}, "parameters": {}, "environment_variables": {}, "version": __version__}
    )
    for cell in notebook["cells"]:
        cell["metadata"].setdefault("tags", [])
        cell["metadata"].setdefault("papermill", {})
    return notebook


def write_ipynb(nb: Any, path: Any) -> None:
    """Write a notebook."""
    import nbformat

    papermill_io.write(nbformat.writes(nb), path)


def list_notebook_files(path: Any) -> list[str]:
    """The paths of the notebooks in a folder."""
    return [name for name in papermill_io.listdir(path) if name.endswith(".ipynb")]
