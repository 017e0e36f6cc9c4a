"""Papermill's engines, by name only. An engine is a class in Python that runs a notebook; here the program runs it, and no class can take its
place. Libraries that derive an engine can be imported; to register it or to run it raises PapermillException."""

from __future__ import annotations

from typing import Any, NoReturn

from .exceptions import PapermillException
from .utils import nb_kernel_name, nb_language


def _refuse(what: str) -> NoReturn:
    raise PapermillException(f"{what}: cellar runs no engine in Python, only nbclient's ways by its own program; what needs the engine needs Papermill itself")


class Engine:
    """What engines derive from."""

    @classmethod
    def execute_notebook(cls, *_: Any, **__: Any) -> NoReturn:
        """Raises PapermillException."""
        _refuse(cls.__name__)

    @classmethod
    def execute_managed_notebook(cls, *_: Any, **__: Any) -> NoReturn:
        """Raises PapermillException."""
        _refuse(cls.__name__)

    @classmethod
    def nb_kernel_name(cls, nb: Any, name: str | None = None) -> str:
        """The name, or that of the notebook's kernel."""
        return nb_kernel_name(nb, name)

    @classmethod
    def nb_language(cls, nb: Any, language: str | None = None) -> str:
        """The language, or the notebook's."""
        return nb_language(nb, language)


class NBClientEngine(Engine):
    """The name of the engine that the program stands for."""


class NotebookExecutionManager:
    """What Papermill hands to an engine; there are no objects of it."""

    def __init__(self, *_: Any, **__: Any) -> None:
        _refuse(type(self).__name__)


class PapermillEngines:
    """Engines by name: there is one."""

    def register(self, name: str | None, engine: Any) -> NoReturn:
        """Raises PapermillException."""
        _refuse(f"engine {name}")

    def get_engine(self, name: str | None = None) -> type[Engine]:
        """The engine of a name."""
        if name not in (None, "nbclient"):
            raise PapermillException(f"No engine named '{name}' found")
        return NBClientEngine

    def nb_kernel_name(self, engine_name: str | None, nb: Any, name: str | None = None) -> str:
        """The name, or that of the notebook's kernel."""
        return self.get_engine(engine_name).nb_kernel_name(nb, name)

    def nb_language(self, engine_name: str | None, nb: Any, language: str | None = None) -> str:
        """The language, or the notebook's."""
        return self.get_engine(engine_name).nb_language(nb, language)


papermill_engines = PapermillEngines()
