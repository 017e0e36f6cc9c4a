"""Says what parameters a notebook declares."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from typing import Any

from ._program import program
from .exceptions import PapermillException, PapermillMissingParameterException

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
    done = subprocess.run([program(), "--json", "run", path, "--help-notebook"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        try:
            message = json.loads(done.stderr)["error"]
        except (ValueError, KeyError):
            message = done.stderr.strip()
        raise PapermillException(message)
    return {p["name"]: p for p in json.loads(done.stdout)}
