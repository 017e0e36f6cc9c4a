"""Engines: classes that run a notebook, by name. The one without a name, ``nbclient``, is the program.

A class that derives ``Engine`` runs cells by itself; one that derives ``NBClientEngine`` changes what the program is told. ``execute_notebook`` asks
a registered engine for the kernel and the language, and hands the notebook to it. Packages name engines by entry points of the group
``papermill.engine``; one is loaded when its name is asked for and nobody has registered it.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Mapping
from typing import Any

from . import _installed
from ._program import Unchanged
from .clientwrap import PapermillNotebookClient
from .exceptions import PapermillException
from .iorw import write_ipynb
from .log import logger
from .utils import merge_kwargs, nb_kernel_name, nb_language, remove_args


class PapermillEngines:
    """Engines by name."""

    _GROUP = "papermill.engine"

    def __init__(self) -> None:
        self._engines: dict[str | None, Any] = {}

    def register(self, name: str | None, engine: Any) -> None:
        """Give an engine a name."""
        self._engines[name] = engine

    def register_entry_points(self) -> None:
        """Register all engines of installed packages, which loads them. Nobody has to: get_engine finds the one it is asked for."""
        for name in _installed.names(self._GROUP):
            self.register(name, _installed.load(self._GROUP, name))

    def get_engine(self, name: str | None = None) -> Any:
        """The engine of a name. Raises PapermillException if there is none."""
        if name not in self._engines:
            if name is None or name not in _installed.names(self._GROUP):
                raise PapermillException(f"No engine named '{name}' found")
            self.register(name, _installed.load(self._GROUP, name))
        return self._engines[name]

    def execute_notebook_with_engine(self, engine_name: str | None, nb: Any, kernel_name: str, **kwargs: Any) -> Any:
        """Run a notebook by the engine of a name."""
        return self.get_engine(engine_name).execute_notebook(nb, kernel_name, **kwargs)

    def nb_kernel_name(self, engine_name: str | None, nb: Any, name: str | None = None) -> str:
        """The kernel in which an engine runs a notebook; name: what the caller says."""
        return self.get_engine(engine_name).nb_kernel_name(nb, name)

    def nb_language(self, engine_name: str | None, nb: Any, language: str | None = None) -> str:
        """The language that an engine takes a notebook to be in; language: what the caller says."""
        return self.get_engine(engine_name).nb_language(nb, language)


class NotebookExecutionManager:
    """The state of a notebook that an engine runs: the engine says how far cells are, and the manager writes that into their metadata and saves.

    Every method takes a notebook as ``nb``, which takes the place of the one that was run so far.
    """

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"

    def __init__(
        self, nb: Any, output_path: str | None = None, log_output: bool = False, progress_bar: bool | Mapping[str, Any] = True, autosave_cell_every: float = 30
    ) -> None:
        self.nb = nb
        self.output_path = output_path
        self.log_output = log_output
        self.autosave_cell_every = autosave_cell_every
        self.max_autosave_pct = 25
        self.start_time: datetime.datetime | None = None
        self.end_time: datetime.datetime | None = None
        self.last_save_time = self.now()
        self.pbar = _bar(progress_bar, len(nb.cells))
        self._saved_by_program = False  # what is at output_path is newer than what we have: see the client
        self._broken_off = False  # the engine has raised

    def now(self) -> datetime.datetime:
        """The time."""
        return datetime.datetime.now(datetime.timezone.utc)

    def set_timer(self) -> None:
        """Note that the run begins."""
        self.start_time, self.end_time = self.now(), None

    def save(self, **kwargs: Any) -> None:
        """Write the notebook to its output, if it has one, in one step."""
        self._take(kwargs)
        if self.output_path and not self._saved_by_program:
            write_ipynb(self.nb, self.output_path)
        self.last_save_time = self.now()

    def autosave_cell(self, **kwargs: Any) -> None:
        """Save, if the last time was ``autosave_cell_every`` seconds ago. What takes too much of the time is done half as often."""
        self._take(kwargs)
        begun = self.now()
        if self.autosave_cell_every == 0 or (begun - self.last_save_time).total_seconds() < self.autosave_cell_every:
            return
        self.save()
        took = (self.now() - begun).total_seconds()
        if took * 100 > self.autosave_cell_every * self.max_autosave_pct:
            self.autosave_cell_every *= 2
            logger.warning("a save took %.2f s: the next ones are %s s apart", took, self.autosave_cell_every)

    def notebook_start(self, **kwargs: Any) -> None:
        """Make all cells pending, without what a former run has left in them, and save. ``Engine.execute_notebook`` calls it."""
        self._take(kwargs)
        self.set_timer()
        assert self.start_time is not None
        self._metadata().update(start_time=self.start_time.isoformat(), end_time=None, duration=None, exception=None)
        for cell in self.nb.cells:
            cell.metadata["papermill"] = _node(exception=None, start_time=None, end_time=None, duration=None, status=self.PENDING)
            if cell.get("cell_type") == "code":
                cell.execution_count, cell.outputs = None, []
        self.save()

    def cell_start(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        """Note that a cell begins, and save. Engines may call it."""
        self._take(kwargs)
        if self.log_output:
            logger.info(f"Executing Cell {_number(cell_index):-<40}")
        self._of(cell).update(start_time=self.now().isoformat(), status=self.RUNNING, exception=False)
        does = self.get_cell_description(cell)
        if self.pbar is not None and does is not None:
            self.pbar.set_description(f"Executing {does}")
        self.save()

    def cell_exception(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        """Note that a cell has failed. Engines call it before cell_complete."""
        self._take(kwargs)
        self._of(cell).update(exception=True, status=self.FAILED)
        self._metadata()["exception"] = True

    def cell_complete(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        """Note that a cell is through, and save. Engines may call it."""
        self._take(kwargs)
        ended = self.now()
        if self.log_output:
            logger.info(f"Ending Cell {_number(cell_index):-<43}")
            sys.stdout.flush()
            sys.stderr.flush()
        of = self._of(cell)
        of["end_time"] = ended.isoformat()
        if of.get("start_time"):
            of["duration"] = (ended - datetime.datetime.fromisoformat(of["start_time"])).total_seconds()
        if of.get("status") != self.FAILED:
            of["status"] = self.COMPLETED
        self.save()
        if self.pbar is not None:
            self.pbar.update(1)

    def notebook_complete(self, **kwargs: Any) -> None:
        """Note how the run has ended, and save. ``Engine.execute_notebook`` calls it, whatever has happened.

        Cells of which the engine has said nothing are completed, if it says nothing of any; else those that are pending did not run.
        """
        self._take(kwargs)
        self.end_time = self.now()
        of = self._metadata()
        of["end_time"] = self.end_time.isoformat()
        if self.start_time is not None:
            of["duration"] = (self.end_time - self.start_time).total_seconds()
        if self._broken_off:
            of["exception"] = True
        self._settle()
        self.complete_pbar()
        self.cleanup_pbar()
        self.save()

    def _settle(self) -> None:
        """Give all cells the state in which they stay."""
        silent = all(self._of(cell).get("start_time") is None for cell in self.nb.cells if cell.get("cell_type") == "code")
        for cell in self.nb.cells:
            of = self._of(cell)
            status = of.get("status")
            if status == self.FAILED:
                return
            if self._broken_off:
                if status == self.RUNNING:
                    of.update(status=self.FAILED, exception=True)
            elif status == self.PENDING and (silent or cell.get("cell_type") != "code"):
                of["status"] = self.COMPLETED

    def get_cell_description(self, cell: Any, escape_str: str = "papermill_description=") -> str | None:
        """What a cell says that it does: the word behind escape_str in its source."""
        source = None if cell is None else cell["source"]
        words = (source or "").partition(escape_str)[2].split()
        return words[0] if words else None

    def complete_pbar(self) -> None:
        """Fill the progress bar."""
        if self.pbar is not None:
            self.pbar.n = len(self.nb.cells)
            self.pbar.refresh()

    def cleanup_pbar(self) -> None:
        """Close the progress bar."""
        bar, self.pbar = getattr(self, "pbar", None), None
        if bar is not None:
            bar.close()

    def __del__(self) -> None:
        self.cleanup_pbar()

    def _take(self, kwargs: Mapping[str, Any]) -> None:
        if kwargs.get("nb"):
            self.nb = kwargs["nb"]

    def _metadata(self) -> Any:
        return self.nb.metadata.setdefault("papermill", _node())

    def _of(self, cell: Any) -> Any:
        return cell.metadata.setdefault("papermill", _node())


def _node(**values: Any) -> Any:
    from ._program import node

    return node(values)


def _number(index: int | None) -> str:
    return "" if index is None else str(index + 1)


def _bar(wanted: bool | Mapping[str, Any], cells: int) -> Any:
    """A progress bar, if one is wanted and tqdm is there to draw it. A mapping has arguments of tqdm's."""
    if not wanted:
        return None
    if not isinstance(wanted, (bool, Mapping)):
        raise TypeError(f"progress_bar must be instance of bool or dict, but actual type '{type(wanted)}'.")
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    return tqdm(total=cells, **{"unit": "cell", "desc": "Executing", **({} if isinstance(wanted, bool) else wanted)})


class Engine:
    """What engines derive from: they define ``execute_managed_notebook``, and where it matters ``nb_kernel_name`` and ``nb_language``."""

    @classmethod
    def execute_notebook(
        cls,
        nb: Any,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: bool | Mapping[str, Any] = True,
        log_output: bool = False,
        autosave_cell_every: float = 30,
        **kwargs: Any,
    ) -> Any:
        """Run a notebook under a manager, and return it."""
        nb_man = NotebookExecutionManager(
            nb, output_path=output_path, progress_bar=progress_bar, log_output=log_output, autosave_cell_every=autosave_cell_every
        )
        nb_man.notebook_start()
        try:
            cls.execute_managed_notebook(nb_man, kernel_name, log_output=log_output, **kwargs)
        except BaseException:
            nb_man._broken_off = True
            raise
        finally:
            nb_man.cleanup_pbar()
            nb_man.notebook_complete()
        return nb_man.nb

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **kwargs: Any) -> Any:
        """Run ``nb_man.nb``. Must leave in it what the cells have shown; what it returns does not matter."""
        raise NotImplementedError(f"{cls.__name__} does not define execute_managed_notebook")

    @classmethod
    def nb_kernel_name(cls, nb: Any, name: str | None = None) -> str:
        """The name, or that of the notebook's kernel."""
        return nb_kernel_name(nb, name)

    @classmethod
    def nb_language(cls, nb: Any, language: str | None = None) -> str:
        """The language, or the notebook's."""
        return nb_language(nb, language)


class NBClientEngine(Engine):
    """Runs notebooks by the program."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        log_output: bool = False,
        stdout_file: Any = None,
        stderr_file: Any = None,
        start_timeout: int = 60,
        execution_timeout: int | None = None,
        **kwargs: Any,
    ) -> Any:
        """Run the notebook. The rest of the arguments are the client's; ``timeout`` counts where there is no ``execution_timeout``."""
        return PapermillNotebookClient(
            nb_man,
            **merge_kwargs(
                remove_args(["input_path", "timeout", "startup_timeout"], **kwargs),
                timeout=execution_timeout or kwargs.get("timeout"),
                startup_timeout=start_timeout,
                kernel_name=kernel_name,
                log=logger,
                log_output=log_output,
                stdout_file=stdout_file,
                stderr_file=stderr_file,
            ),
        ).execute()


papermill_engines = PapermillEngines()
papermill_engines.register(None, NBClientEngine)
papermill_engines.register("nbclient", NBClientEngine)

_unchanged = Unchanged(Engine, NBClientEngine, NotebookExecutionManager, PapermillNotebookClient)
_ours = (NBClientEngine, NotebookExecutionManager, PapermillNotebookClient)


def done_by_program(name: str | None) -> bool:
    """Whether the engine of a name is the program, and nothing that takes part in its runs has been replaced. Raises PapermillException if there is none."""
    engine = papermill_engines.get_engine(name)
    return (engine, NotebookExecutionManager, PapermillNotebookClient) == _ours and _unchanged()
