"""Says what parameters a notebook declares."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

try:
    import click
except ImportError:  # who has a context of click's has click
    click = None  # type: ignore[assignment]

from . import translators
from ._declared import of_notebook
from .exceptions import PapermillMissingParameterException
from .models import Parameter
from .utils import any_tagged_cell, find_first_tagged_cell_index

_ELSEWHERE = re.compile(r"-$|git:|[A-Za-z][A-Za-z0-9+.]*://")
"""How a path begins that names no file, but standard input, a commit or another machine."""


def inspect_notebook(notebook_path: Any, parameters: Mapping[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    """The parameters that the cell tagged ``parameters`` declares: by name, with name, inferred_type_name, default (its source) and help.

    parameters fill in the path, such as ``reports/{region}.ipynb``.
    """
    path = os.fspath(notebook_path)
    try:
        path = path.format(**(parameters or {}))
    except KeyError as e:
        raise PapermillMissingParameterException(f"Missing parameter {e}") from None
    if not _ELSEWHERE.match(path):
        with open(path, "rb"):  # what Python says of a file that is not there, as Papermill does
            pass
    if not translators.all_by_program():
        found = _by_translator(path)
        if found is not None:
            return {p.name: dict(p._asdict()) for p in found}
    return of_notebook(path)


def _by_translator(path: str) -> list[Parameter] | None:
    """What a translator in Python says of a notebook; None, if the program writes its language."""
    from .iorw import load_notebook_node
    from .log import logger
    from .utils import nb_kernel_name, nb_language

    nb = load_notebook_node(path)
    at = find_first_tagged_cell_index(nb, "parameters")
    if at < 0:
        return None
    kernel_name, language = nb_kernel_name(nb), nb_language(nb)
    translator = translators.papermill_translators.find_translator(kernel_name, language)
    if translators.by_program(translator, kernel_name, language):
        return None
    try:
        return list(translator.inspect(nb.cells[at]))
    except NotImplementedError:
        logger.warning(f"Translator for '{language}' language does not support parameter introspection.")
        return []


def display_notebook_help(ctx: Any, notebook_path: Any, parameters: Mapping[str, Any] | None) -> int:
    """Print, as help of a command of click's, what a notebook declares. The exit code: 1 for a notebook without a cell tagged ``parameters``."""
    from .iorw import load_notebook_node

    known = inspect_notebook(notebook_path, parameters)
    click.echo(ctx.command.get_usage(ctx))
    click.echo(f"\nParameters inferred for notebook '{notebook_path}':")
    if not known and not any_tagged_cell(load_notebook_node(os.fspath(notebook_path).format(**(parameters or {}))), "parameters"):
        click.echo("\n  No cell tagged 'parameters'")
        return 1
    if not known:
        click.echo("\n  Can't infer anything about this notebook's parameters. It may not have any parameter defined.")
    for p in known.values():
        kind = "Unknown type" if p["inferred_type_name"] == "None" else p["inferred_type_name"]
        text = f"  {p['name']}: {kind} (default {p['default']})"
        if len(text) <= 30:
            text = f"{text:<34}{p['help']}"
        elif p["help"]:
            text += "\n" + " " * 34 + p["help"]
        click.echo(text)
    return 0
