"""Runs Papermill's own tests of execution, inspection, pipes and parameters with cellar in the place of Papermill."""

import subprocess
import sys

import papermill
import papermill.exceptions
import papermill.execute
import papermill.inspection
import papermill.parameterize
import pytest

import cellar.papermill.exceptions
import cellar.papermill.execute
import cellar.papermill.inspection
from cellar.papermill._program import program, yaml
from cellar.papermill.exceptions import PapermillMissingParameterException


def papermill_cli(arguments=None, **popen):
    """Starts the command line, as the tests of pipes start Papermill's."""
    return subprocess.Popen([program(), "papermill", *(arguments or [])], **popen)


def parameterize_notebook(notebook, parameters):
    """Writes parameters into a notebook."""
    return cellar.papermill.execute_notebook(notebook, None, parameters, prepare_only=True)


def parameterize_path(path, parameters):
    """Fills in a path: the first line of the log has it, before the notebook is read, which is not there."""
    done = subprocess.run([program(), "papermill", path, "out.ipynb", "-y", yaml(parameters or {})], capture_output=True, text=True, check=False)
    kind, _, rest = done.stderr.splitlines()[0].partition(": ")
    if kind == "papermill.exceptions.PapermillMissingParameterException":
        raise PapermillMissingParameterException(rest)
    assert kind == "Input Notebook", done.stderr
    return rest.removeprefix(" ")


class CommandLine:
    """Puts our command line into the tests that start one."""

    @pytest.fixture(autouse=True)
    def command_line(self, request, monkeypatch):
        if hasattr(request.module, "papermill_cli"):
            monkeypatch.setattr(request.module, "papermill_cli", papermill_cli)


papermill.exceptions.PapermillExecutionError = cellar.papermill.exceptions.PapermillExecutionError
papermill.exceptions.PapermillMissingParameterException = PapermillMissingParameterException
papermill.exceptions.strip_color = cellar.papermill.exceptions.strip_color
papermill.execute.execute_notebook = cellar.papermill.execute.execute_notebook
papermill.inspection.inspect_notebook = cellar.papermill.inspection.inspect_notebook
papermill.parameterize.parameterize_notebook = parameterize_notebook
papermill.parameterize.parameterize_path = parameterize_path

# What looks into Papermill itself: mocks within its command line, its parsers, and its functions for what is no path.
inside = ["TestCLI", "test_resolve_type", "test_is_float", "test_is_int", "TestBuiltinParameters", "test_path_of_none", "test_path_of_notebook_node"]
tests = [f"{papermill.__path__[0]}/tests/test_{name}.py" for name in ("execute", "inspect", "cli", "parameterize")]
options = ["-q", "-p", "no:cacheprovider", "--tb=short", "-rf", "-k", " and ".join("not " + name for name in inside)]
sys.exit(pytest.main([*options, *tests], plugins=[CommandLine()]))
