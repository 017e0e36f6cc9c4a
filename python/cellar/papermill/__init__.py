"""Papermill's functions and exceptions, done by ``cellar papermill``.

``import cellar.papermill as pm`` takes the place of ``import papermill as pm``. What is the same, better and missing is written in
docs/papermill.md.
"""

from .exceptions import PapermillException, PapermillExecutionError
from .execute import execute_notebook
from .inspection import inspect_notebook

__version__ = "2.7.0"
"""The version of Papermill whose functions these are."""

__all__ = ["PapermillException", "PapermillExecutionError", "__version__", "execute_notebook", "inspect_notebook"]
