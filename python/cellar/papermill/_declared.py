"""What the program says that notebooks and cells declare."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from typing import Any

from ._program import node, program, write_text
from .exceptions import PapermillException
from .models import Parameter


def of_notebook(path: str) -> dict[str, dict[str, Any]]:
    """The parameters of a notebook, by name."""
    done = subprocess.run([program(), "--json", "run", path, "--help-notebook"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        try:
            message = json.loads(done.stderr)["error"]
        except (ValueError, KeyError):
            message = done.stderr.strip()
        raise PapermillException(message)
    return {p["name"]: p for p in json.loads(done.stdout)}


def of_source(language: str, source: str) -> list[Parameter]:
    """What a cell in a language of the program's declares."""
    cell = {"cell_type": "code", "id": "parameters", "metadata": {"tags": ["parameters"]}, "execution_count": None, "outputs": [], "source": source}
    metadata = {"kernelspec": {"name": language, "display_name": language, "language": language}}
    with tempfile.TemporaryDirectory(prefix="cellar-") as scratch:
        path = os.path.join(scratch, "notebook.ipynb")
        with open(path, "w", encoding="utf-8") as file:
            file.write(write_text(node({"cells": [cell], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})))
        return [Parameter(**p) for p in of_notebook(path).values()]
