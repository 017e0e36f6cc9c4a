"""Papermill's client of a kernel, by name only: the program has its own."""

from __future__ import annotations

from typing import Any

from .exceptions import PapermillException


class PapermillNotebookClient:
    """Can be imported and derived from; there are no objects of it."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise PapermillException(f"{type(self).__name__}: cellar has no client of a kernel in Python; what needs one needs Papermill itself")
