"""Runs a notebook."""

from __future__ import annotations

import contextlib
import copy
import json
import math
import os
import sys
import tempfile
from collections.abc import Mapping
from typing import IO, Any

from . import engines, translators
from .clientwrap import options, options_of_client
from ._process import ERROR_MARKER_TAG, Call, cell_failure, failure, pipe, run
from ._program import node, program, read_notebook, yaml
from .exceptions import PapermillException, PapermillExecutionError
from .iorw import get_pretty_path, load_notebook_node, local_file_io_cwd, local_path, write_ipynb
from .log import logger
from .parameterize import add_builtin_parameters, parameterize_notebook, parameterize_path
from .utils import chdir, find_first_tagged_cell_index

_STANDARD_OUTPUT = "-"


def execute_notebook(
    input_path: Any,
    output_path: Any,
    parameters: Mapping[str, Any] | None = None,
    engine_name: str | None = None,
    request_save_on_cell_execute: bool = True,
    prepare_only: bool = False,
    kernel_name: str | None = None,
    language: str | None = None,
    progress_bar: bool | dict[str, Any] = True,
    log_output: bool = False,
    stdout_file: IO[str] | None = None,
    stderr_file: IO[str] | None = None,
    start_timeout: int = 60,
    report_mode: bool = False,
    cwd: Any = None,
    **engine_kwargs: Any,
) -> Any:
    """Run a notebook, and return it with its outputs.

    input_path is a path, or a notebook (nbformat's NotebookNode). output_path is where the executed notebook goes; None: nowhere. Both
    may be URLs, and name parameters: reports/{region}.ipynb. parameters are written into a cell after the one tagged ``parameters``. Of
    engine_kwargs, execution_timeout and autosave_cell_every are known, both in seconds, and the options of PapermillNotebookClient; an engine in
    Python gets them all.

    The run ends with this process, however that ends: the cell is interrupted, and the output saved.

    Raises PapermillExecutionError when a cell fails, DeadKernelError when the kernel dies, CellTimeoutError when a cell takes too long,
    TypeError when a parameter is none of JSON's types, and PapermillException for the rest.
    """
    if input_path is None:
        raise PapermillException("there is no notebook to read: input_path is None")
    if not engines.done_by_program(engine_name) or engine_kwargs.keys() & options_of_client() and not prepare_only:
        return _by_engine(
            input_path,
            output_path,
            parameters,
            report_mode,
            cwd,
            engine_name,
            kernel_name,
            language,
            request_save_on_cell_execute,
            prepare_only,
            dict(progress_bar=progress_bar, log_output=log_output, start_timeout=start_timeout, stdout_file=stdout_file, stderr_file=stderr_file, **engine_kwargs),
        )
    with tempfile.TemporaryDirectory(prefix="cellar-") as scratch:
        output = os.path.join(scratch, "output.ipynb") if output_path is None else os.fspath(output_path)
        arguments = [program(), "papermill"]
        stdin: bytes | None = None
        if isinstance(input_path, Mapping):
            stdin = json.dumps(input_path).encode()
            arguments += ["-", output]
        else:
            arguments += [os.fspath(input_path), output]
        call = None
        if parameters:
            path = os.path.join(scratch, "parameters.yaml")  # other users see a command line, and it can't be long
            with open(path, "w", encoding="utf-8") as file:
                file.write(yaml(parameters))
            arguments += ["-f", path]
            call = _written_in_python(input_path, parameters, kernel_name, language, engine_name)
        for flag, value in (
            ("--engine", engine_name if engine_name == "nbclient" else None),
            ("--kernel", kernel_name),
            ("--language", language),
            ("--cwd", None if cwd is None else os.fspath(cwd)),
            ("--start-timeout", start_timeout),
            ("--execution-timeout", _timeout(engine_kwargs)),
            ("--autosave-cell-every", engine_kwargs.pop("autosave_cell_every", None)),
        ):
            if value is not None:
                arguments.append(f"{flag}={value}")
        for flag, on in (("--prepare-only", prepare_only), ("--report-mode", report_mode), ("--log-output", log_output)):
            if on:
                arguments.append(flag)
        if not request_save_on_cell_execute:
            arguments.append("--no-request-save-on-cell-execute")
        show_bar = bool(progress_bar) and sys.stderr is not None and sys.stderr.isatty()
        arguments.append("--progress-bar" if show_bar else "--no-progress-bar")
        unknown = engine_kwargs.keys() - options()
        if unknown:
            logger.warning("arguments that no engine of cellar knows: %s", ", ".join(sorted(unknown)))

        copy_of = os.path.join(scratch, "copy.ipynb")  # an output that goes elsewhere
        printed = os.path.join(scratch, "printed.ipynb")
        if output == _STANDARD_OUTPUT:
            arguments.append("--log-level=DEBUG")  # at INFO the program would not log
        with contextlib.ExitStack() as pipes:
            for flag, to in (("--stdout-file", stdout_file), ("--stderr-file", stderr_file)):
                if to is not None:
                    path = os.path.join(scratch, flag)
                    pipes.enter_context(pipe(path, to))
                    arguments.append(f"{flag}={path}")
            stdout = pipes.enter_context(open(printed, "wb"))
            code, said = run(
                arguments,
                scratch,
                call=call,
                environment={"CELLAR_COPY": copy_of},
                stdin=stdin,
                stdout=stdout,
                raw=show_bar,
                unsaved=output if output_path is None else None,
            )
        if output == _STANDARD_OUTPUT:
            with open(printed, encoding="utf-8") as file:
                sys.stdout.write(file.read())
            output = printed
        else:
            output = copy_of if os.path.exists(copy_of) else output if output_path is None else _written(said, output)
        if code != 0:
            raise failure(code, said, output)
        notebook = read_notebook(output)
        if output_path is None:
            notebook["metadata"]["papermill"]["output_path"] = None
        return notebook


def _timeout(engine_kwargs: dict[str, Any]) -> int | None:
    """The seconds that a cell may take: execution_timeout, else timeout, as Jupyter's client calls it. Both leave the arguments."""
    timeout = engine_kwargs.pop("timeout", None)
    timeout = engine_kwargs.pop("execution_timeout", None) or timeout
    return None if timeout is None or timeout < 0 else math.ceil(timeout)


def _written(said: list[str], output: str) -> str:
    """The path of the output with the parameters that it names, as the log has it."""
    for line in "".join(said).splitlines():
        if line.startswith("Output Notebook: "):
            return line.removeprefix("Output Notebook: ")
    return output


def _written_in_python(
    input_path: Any, parameters: Mapping[str, Any], kernel_name: str | None, language: str | None, engine_name: str | None
) -> Call | None:
    """What asks the program to take the source of the parameters from a translator in Python; None: it writes that itself."""
    if translators.all_by_program():
        return None
    nb = load_notebook_node(parameterize_path(input_path, add_builtin_parameters(parameters)))
    writer = _warn_of_unknown(nb, parameters, kernel_name, language, engine_name)
    return None if writer is None else Call(source=translators.translate_parameters(*writer, parameters))


def _warn_of_unknown(
    nb: Any, parameters: Mapping[str, Any], kernel_name: str | None, language: str | None, engine_name: str | None
) -> tuple[str, str] | None:
    """The kernel and the language for which a translator in Python writes a notebook's parameters, after a warning of those that the notebook does not
    declare; None: the program writes them, and warns."""
    engine = engines.papermill_engines.get_engine(engine_name)
    kernel_name, language = engine.nb_kernel_name(nb, kernel_name), engine.nb_language(nb, language)
    translator = translators.papermill_translators.find_translator(kernel_name, language)
    if translators.by_program(translator, kernel_name, language):
        return None
    at = find_first_tagged_cell_index(nb, "parameters")
    known: set[str] = set()
    if at >= 0:
        try:
            known = {p.name for p in translator.inspect(nb.cells[at])}
        except NotImplementedError:
            logger.warning(f"Translator for '{language}' language does not support parameter introspection.")
    for name in parameters:
        if name not in known:
            logger.warning(f"Passed unknown parameter: {name}")
    if at < 0 and find_first_tagged_cell_index(nb, "injected-parameters") < 0:
        logger.warning("Input notebook does not contain a cell with tag 'parameters'")
    return kernel_name, language


def _by_engine(
    input_path: Any,
    output_path: Any,
    parameters: Mapping[str, Any] | None,
    report_mode: bool,
    cwd: Any,
    engine_name: str | None,
    kernel_name: str | None,
    language: str | None,
    request_save_on_cell_execute: bool,
    prepare_only: bool,
    arguments: dict[str, Any],
) -> Any:
    """execute_notebook by an engine in Python, which gets the arguments."""
    if os.environ.get("CELLAR_SECRETS"):
        raise PapermillException("CELLAR_SECRETS and an engine in Python: the engine would save the secrets; leave one of them out")
    paths = add_builtin_parameters(parameters)
    input_path = parameterize_path(input_path, paths)
    output_path = parameterize_path(output_path, paths)
    logger.info(f"Input Notebook:  {get_pretty_path(input_path)}")
    logger.info(f"Output Notebook: {get_pretty_path(output_path)}")
    with local_file_io_cwd():
        if cwd is not None:
            logger.info(f"Working directory: {os.fspath(cwd)}")
        _check_output(output_path)
        nb = load_notebook_node(input_path)
        if parameters:
            _warn_of_unknown(nb, parameters, kernel_name, language, engine_name)
            nb = parameterize_notebook(nb, parameters, report_mode, kernel_name=kernel_name, language=language, engine_name=engine_name)
        prepare_notebook_metadata(nb, input_path, output_path, report_mode)
        remove_error_markers(nb)
        if not prepare_only:
            kernel_name = engines.papermill_engines.nb_kernel_name(engine_name, nb, kernel_name)
            with chdir(cwd):
                nb = engines.papermill_engines.execute_notebook_with_engine(
                    engine_name,
                    nb,
                    input_path=input_path,
                    output_path=output_path if request_save_on_cell_execute else None,
                    kernel_name=kernel_name,
                    **arguments,
                )
            raise_for_execution_errors(nb, output_path)
        write_ipynb(nb, output_path)
        return nb


def _check_output(path: Any) -> None:
    """Make sure, before hours of work, that there is a place for the output."""
    file = local_path(path)
    if file is None:
        return
    if os.path.isdir(file):
        raise IsADirectoryError(21, "Is a directory", path)
    folder = os.path.dirname(file)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"output folder {folder} doesn't exist.")


def prepare_notebook_metadata(nb: Any, input_path: Any, output_path: Any, report_mode: bool = False) -> Any:
    """The notebook, which says where it comes from and goes to, and in report mode hides its sources."""
    for cell in nb.cells:
        if report_mode and cell.cell_type == "code":
            cell.metadata.setdefault("jupyter", node({}))["source_hidden"] = True
    nb.metadata.papermill["input_path"] = _STANDARD_OUTPUT if isinstance(input_path, Mapping) else input_path  # as the program calls it
    nb.metadata.papermill["output_path"] = output_path
    return nb


_STYLE = 'style="color:red; font-family:Helvetica Neue, Helvetica, Arial, sans-serif; font-size:2em;"'


def remove_error_markers(nb: Any) -> Any:
    """The notebook without the cells that lead to an error of a former run."""
    nb.cells = [cell for cell in nb.cells if ERROR_MARKER_TAG not in cell.metadata.get("tags", [])]
    return nb


def raise_for_execution_errors(nb: Any, output_path: Any) -> None:
    """Raise PapermillExecutionError if a cell has failed or shows an error, after the notebook was written with cells that lead to it.

    Of several cells the last one counts, and of its errors the first. A cell tagged ``raises-exception`` may show one, and one that ends the notebook by
    SystemExit with 0 or nothing has not failed.
    """
    error = None
    for index, cell in enumerate(nb.cells):
        found = _error(index, cell)
        if found is not None:
            error = found
            if not found.traceback and found.ename == "CellExecutionError":  # nothing shows it: nothing ran behind it
                break
    if error is None:
        return
    marked = copy.copy(nb)
    marked.cells = list(nb.cells)
    marked.cells.insert(
        error.cell_index, _marker(f'<span id="papermill-error-cell" {_STYLE}>Execution using papermill encountered an exception here and stopped:</span>')
    )
    marked.cells.insert(0, _marker(f"<span {_STYLE}>An Exception was encountered at '<a href=\"#papermill-error-cell\">In [{error.exec_count}]</a>'.</span>"))
    write_ipynb(marked, output_path)
    raise error


def _error(index: int, cell: Any) -> PapermillExecutionError | None:
    if cell.get("cell_type") != "code" or "raises-exception" in cell.metadata.get("tags", []):
        return None
    ends = False
    for output in cell.get("outputs", []):
        if output["output_type"] != "error":
            continue
        if output["ename"] == "SystemExit" and output["evalue"] in ("", "0"):
            ends = True
            continue
        return cell_failure(index, cell, output)
    if not ends and cell.metadata.get("papermill", {}).get("exception") is True:
        return cell_failure(index, cell, None)
    return None


def _marker(source: str) -> Any:
    cell = {"cell_type": "markdown", "metadata": {"tags": [ERROR_MARKER_TAG]}, "source": source}
    try:
        from nbformat.v4 import new_markdown_cell

        cell["id"] = new_markdown_cell().get("id")
    except ImportError:
        import uuid

        cell["id"] = uuid.uuid4().hex[:8]
    return node({key: value for key, value in cell.items() if value is not None})
