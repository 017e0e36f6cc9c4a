"""What installed packages name by entry points for Papermill, which they import."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from .exceptions import PapermillException


def _entry_points(group: str) -> list[Any]:
    import importlib.metadata  # which is slow to import, and seldom needed

    found: Any = importlib.metadata.entry_points()
    return list(found.select(group=group) if hasattr(found, "select") else found.get(group, []))  # a dictionary before Python 3.10


def names(group: str) -> list[str]:
    """The names of a group."""
    return [point.name for point in _entry_points(group)]


def load(group: str, name: str) -> Any:
    """What a name stands for. What it imports of Papermill is this package's, where Papermill is not there or nobody has imported it yet."""
    point = next(point for point in _entry_points(group) if point.name == name)
    with _standing_in():
        try:
            return point.load()
        except (ImportError, AttributeError) as e:
            raise PapermillException(f"{name}: {point.value}, which an installed package names in {group}, can't be loaded: {e}") from e


@contextlib.contextmanager
def _standing_in() -> Iterator[None]:
    """Let ``import papermill`` give this package: for good, if there is no Papermill; else for a while, if it has not been imported."""
    if "papermill" in sys.modules:
        yield
        return
    import importlib.util

    from . import stand_in

    there = importlib.util.find_spec("papermill") is not None
    stand_in()
    try:
        yield
    finally:
        if there:
            for name in [name for name in sys.modules if name.partition(".")[0] == "papermill"]:
                del sys.modules[name]
