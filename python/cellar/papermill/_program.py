"""The program behind the functions."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Mapping
from typing import Any

from .exceptions import PapermillException


def program() -> str:
    """The path of the program."""
    path = os.environ.get("CELLAR") or shutil.which("cellar")
    if not path:
        raise PapermillException("the program cellar is not on the PATH: install it, or name it by the environment variable CELLAR")
    return os.path.abspath(path) if os.path.dirname(path) else path  # it may be started in another folder


def yaml(value: Any) -> str:
    """A value as YAML on one line, which reads back as the same value, a tuple as a list. Raises what json raises for what is no plain value, as
    Papermill does: its text would be another value without a word."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        if math.isnan(value):
            return ".nan"
        if math.isinf(value):
            return ".inf" if value > 0 else "-.inf"
        text = repr(float(value))
        if "e" in text and "." not in text:  # without a point YAML 1.1 reads a text
            text = text.replace("e", ".0e")
        return text.replace("e", "e+") if "e" in text and "e-" not in text and "e+" not in text else text
    if isinstance(value, Mapping):
        for key in value:
            if not (key is None or isinstance(key, (str, int, float))):
                raise TypeError(f"keys must be str, int, float, bool or None, not {type(key).__name__}")
        return "{" + ", ".join(f"{json.dumps(k if isinstance(k, str) else str(k))}: {yaml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(yaml(v) for v in value) + "]"
    if isinstance(value, str):
        return json.dumps(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


class Node(dict):
    """A notebook where nbformat is not installed: a dictionary whose keys are attributes too, like nbformat's NotebookNode."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value


def node(value: Any) -> Any:
    """A value of a notebook as nbformat.from_dict gives it: what is a dictionary in it has attributes."""
    try:
        from nbformat import from_dict
    except ImportError:
        from_dict = _from_dict
    return from_dict(value)


def _from_dict(value: Any) -> Any:
    if isinstance(value, Mapping):
        return Node((key, _from_dict(v)) for key, v in value.items())
    if isinstance(value, (list, tuple)):
        return [_from_dict(v) for v in value]
    return value


def read_notebook(path: str) -> Any:
    """The notebook in a file, as nbformat.read gives it: texts joined."""
    try:
        import nbformat

        return nbformat.read(path, as_version=4)
    except ImportError:
        pass
    with open(path, encoding="utf-8") as file:
        notebook = node(json.load(file))
    for cell in notebook.cells:
        join_texts(cell)
    return notebook


def join_texts(cell: Any) -> Any:
    """The cell, with one text where the file has a list of its lines."""
    cell["source"] = _joined(cell["source"])
    for output in cell.get("outputs", []):
        if "text" in output:
            output["text"] = _joined(output["text"])
        for mime, data in output.get("data", {}).items():
            if not _is_json(mime):
                output["data"][mime] = _joined(data)
    return cell


def _is_json(mime: str) -> bool:
    return mime == "application/json" or mime.endswith("+json")


def _joined(text: Any) -> Any:
    return "".join(text) if isinstance(text, list) else text


def write_text(notebook: Any) -> str:
    """The text of a notebook, as nbformat.writes gives it."""
    try:
        import nbformat

        return nbformat.writes(notebook)
    except ImportError:
        pass
    notebook = _from_dict(notebook)
    for cell in notebook.cells:
        cell.source = _lines(cell.source)
        for output in cell.get("outputs", []):
            if "text" in output:
                output.text = _lines(output.text)
            for mime, data in output.get("data", {}).items():
                if mime.startswith("text/") or mime in ("application/javascript", "image/svg+xml"):
                    output.data[mime] = _lines(data)
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _lines(text: Any) -> Any:
    return text.splitlines(True) if isinstance(text, str) else text


class Unchanged:
    """Whether classes are still what they were: code that replaces a part of one wants that part to be called, also where the program does without.
    What Python itself keeps in a class, as when an object is copied, is no such part."""

    def __init__(self, *classes: type) -> None:
        self._was = [(c, dict(vars(c))) for c in classes]

    def __call__(self) -> bool:
        return all(
            all(vars(c).get(name, self) is value for name, value in was.items()) and all(_of_python(name) for name in vars(c).keys() - was.keys())
            for c, was in self._was
        )


def _of_python(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")
