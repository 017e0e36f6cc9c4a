"""Papermill's functions and exceptions, done by ``cellar papermill``.

``import cellar.papermill as pm`` takes the place of ``import papermill as pm``. What is the same, better and missing is written in
docs/papermill.md.
"""

import importlib
import sys

from .exceptions import PapermillException, PapermillExecutionError
from .execute import execute_notebook
from .inspection import inspect_notebook
from .version import version as __version__

__all__ = ["PapermillException", "PapermillExecutionError", "__version__", "execute_notebook", "inspect_notebook", "stand_in"]

_MODULES = ("clientwrap", "engines", "exceptions", "execute", "inspection", "iorw", "log", "models", "parameterize", "translators", "utils", "version")


def stand_in() -> None:
    """Make ``import papermill``, and that of its modules that are here, give this package from now on, for code that is not ours to edit.

    Modules of Papermill that are not here can't be imported any more. Code that has imported Papermill before keeps what it has.
    """
    for name in [name for name in sys.modules if name.partition(".")[0] == "papermill"]:
        del sys.modules[name]
    sys.modules["papermill"] = sys.modules[__name__]
    for name in _MODULES:
        sys.modules["papermill." + name] = importlib.import_module("." + name, __name__)
