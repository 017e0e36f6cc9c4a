"""Runs Papermill's own tests with cellar in the place of Papermill: what they import of it is ours."""

import importlib.util
import os
import subprocess
import sys
import tempfile
import types

import pytest

import cellar.papermill
from cellar.papermill._program import program

ROOT = importlib.util.find_spec("papermill").submodule_search_locations[0]


def install():
    """Let ``import papermill`` give cellar's, and ``papermill.tests`` Papermill's tests."""
    cellar.papermill.stand_in()
    spec = importlib.util.spec_from_file_location("papermill.tests", f"{ROOT}/tests/__init__.py", submodule_search_locations=[f"{ROOT}/tests"])
    sys.modules["papermill.tests"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["papermill.tests"])
    # The command line is no module of ours. The tests of pipes import it with the others, which are left out.
    sys.modules["papermill.cli"] = types.SimpleNamespace(__name__="papermill.cli", _is_float=None, _is_int=None, _resolve_type=None, papermill=None)
    cellar.papermill.cli = sys.modules["papermill.cli"]


def papermill_cli(arguments=None, **popen):
    """Starts the command line, as the tests of pipes start Papermill's."""
    return subprocess.Popen([program(), "papermill", *(arguments or [])], **popen)


class CommandLine:
    """Puts our command line into the tests that start one."""

    @pytest.fixture(autouse=True)
    def command_line(self, request, monkeypatch):
        if hasattr(request.module, "papermill_cli"):
            monkeypatch.setattr(request.module, "papermill_cli", papermill_cli)


install()
modules = ("execute", "inspect", "cli", "parameterize", "engines", "autosave", "clientwrap", "exceptions", "utils", "translators")
inside = ["TestCLI", "test_resolve_type", "test_is_float", "test_is_int"]  # mocks within Papermill's command line, and its parsers
options = ["-q", "-p", "no:cacheprovider", "--tb=short", "-rf", "-k", " and ".join("not " + name for name in inside)]
with tempfile.TemporaryDirectory() as folder:  # some name an output in the working folder, and expect that nobody writes it
    os.chdir(folder)
    code = pytest.main([*options, *sys.argv[1:], *(f"{ROOT}/tests/test_{name}.py" for name in modules)], plugins=[CommandLine()])
    os.chdir("/")
sys.exit(code)
