"""Papermill's functions for notebooks and arguments, which libraries import; the same."""

from __future__ import annotations

import contextlib
import functools
import os
import warnings
from collections.abc import Collection, Iterator
from typing import Any, Callable

from .exceptions import PapermillParameterOverwriteWarning
from .log import logger


def any_tagged_cell(nb: Any, tag: str) -> bool:
    """Whether a cell has the tag."""
    return find_first_tagged_cell_index(nb, tag) >= 0


def find_first_tagged_cell_index(nb: Any, tag: str) -> int:
    """The index of the first cell that has the tag, or -1."""
    return next((i for i, cell in enumerate(nb["cells"]) if tag in cell["metadata"].get("tags", [])), -1)


def nb_kernel_name(nb: Any, name: str | None = None) -> str:
    """The name, or that of the notebook's kernel."""
    name = name or nb["metadata"].get("kernelspec", {}).get("name")
    if not name:
        raise ValueError("No kernel name found in notebook and no override provided.")
    return name


def nb_language(nb: Any, language: str | None = None) -> str:
    """The language, or the notebook's."""
    metadata = nb["metadata"]
    language = language or metadata.get("language_info", {}).get("name") or metadata.get("kernelspec", {}).get("language")
    if not language:
        raise ValueError("No language found in notebook and no override provided.")
    return language


def merge_kwargs(caller_args: dict[str, Any], **callee_args: Any) -> dict[str, Any]:
    """Both; of those that both have the callee's, with a warning."""
    if caller_args.keys() & callee_args.keys():
        given = "; ".join(f"{name}={value}" for name, value in callee_args.items())
        warnings.warn(f"Callee will overwrite caller's argument(s): {given}", PapermillParameterOverwriteWarning, stacklevel=2)
    return {**caller_args, **callee_args}


def remove_args(args: Collection[str] | None = None, **kwargs: Any) -> dict[str, Any]:
    """The arguments but those of these names."""
    return {name: value for name, value in kwargs.items() if name not in (args or ())}


def retry(num: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function be called again when it raises: num times in all."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            for left in reversed(range(num)):
                try:
                    return function(*args, **kwargs)
                except Exception as e:
                    if not left:
                        raise
                    logger.debug("%s is called again: %s", function.__name__, e)

        return call

    return decorate


@contextlib.contextmanager
def chdir(path: Any) -> Iterator[None]:
    """Work in a folder for a while; None: where we are."""
    before = os.getcwd()
    if path is not None:
        os.chdir(path)
    try:
        yield
    finally:
        if path is not None:
            os.chdir(before)
