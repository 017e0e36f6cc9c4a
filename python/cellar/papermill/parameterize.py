"""Writes parameters into notebooks and paths."""

from __future__ import annotations

import datetime
import os
import tempfile
import uuid
from collections.abc import Mapping
from typing import Any

from . import engines, translators
from ._process import Call, failure, run
from ._program import node, program, write_text, yaml
from .exceptions import PapermillException, PapermillMissingParameterException
from .iorw import load_notebook_node
from .log import logger
from .translators import translate_parameters
from .utils import find_first_tagged_cell_index


def add_builtin_parameters(parameters: Mapping[str, Any] | None) -> dict[str, Any]:
    """The parameters, and what paths can name besides: ``pm`` with ``run_uuid``, ``current_datetime_local`` and ``current_datetime_utc``."""
    of_run = {
        "run_uuid": str(uuid.uuid4()),
        "current_datetime_local": datetime.datetime.now(),
        "current_datetime_utc": datetime.datetime.now(datetime.timezone.utc),
    }
    return {"pm": of_run, **(parameters or {})}


def parameterize_path(path: Any, parameters: Mapping[str, Any] | None) -> Any:
    """A path with the parameters that it names. What is no path (a notebook, None) stays as it is."""
    if path is None or isinstance(path, Mapping):
        return path
    try:
        return os.fspath(path).format(**(parameters or {}))
    except KeyError as e:
        raise PapermillMissingParameterException(f"Missing parameter {e}") from None


def parameterize_notebook(
    nb: Any,
    parameters: Mapping[str, Any] | str,
    report_mode: bool = False,
    comment: str = "Parameters",
    kernel_name: str | None = None,
    language: str | None = None,
    engine_name: str | None = None,
) -> Any:
    """A notebook with a cell that gives the parameters their values, behind the one tagged ``parameters``, or in the place of the one of a former run.

    The program writes the cell, or a translator that was registered in Python. A text as parameters is the path of a YAML file.
    """
    engine = engines.papermill_engines.get_engine(engine_name)
    kernel_name, language = engine.nb_kernel_name(nb, kernel_name), engine.nb_language(nb, language)
    given = None if isinstance(parameters, str) else parameters
    translator = translators.papermill_translators.find_translator(kernel_name, language)
    if translators.by_program(translator, kernel_name, language) and translate_parameters is translators.translate_parameters:
        call = Call(managed=True, comment=comment)
    else:
        if given is None:
            raise PapermillException("parameters in a file are read by the program, and not where a translator in Python writes them")
        yaml(given)  # of other types Papermill makes texts in silence
        call = Call(managed=True, source=translate_parameters(kernel_name, language, given, comment))
    with tempfile.TemporaryDirectory(prefix="cellar-") as scratch:
        output, path = os.path.join(scratch, "output.ipynb"), os.path.join(scratch, "parameters.yaml")
        if given is None:
            path = os.fspath(parameters)  # type: ignore[arg-type]
        else:
            with open(path, "w", encoding="utf-8") as file:
                file.write(yaml(given))
        arguments = [program(), "papermill", "-", output, "--prepare-only", "-f", path, f"--kernel={kernel_name}", f"--language={language}", "--log-level=WARNING"]
        code, said = run(arguments, scratch, call=call, stdin=write_text(nb).encode(), say=logger.warning)
        if code != 0:
            raise failure(code, said, None)
        made = load_notebook_node(output)
    if report_mode:
        cell = made.cells[find_first_tagged_cell_index(made, "injected-parameters")]
        cell.metadata.setdefault("jupyter", node({}))["source_hidden"] = True
    return made
