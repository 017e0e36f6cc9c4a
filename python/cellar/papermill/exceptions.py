"""The exceptions of Papermill, and those of its libraries that pass through it."""

from __future__ import annotations

import re

try:  # who catches those of the libraries catches these
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
except ImportError:

    class DeadKernelError(RuntimeError):  # type: ignore[no-redef]
        """The kernel died."""

    class CellTimeoutError(TimeoutError):  # type: ignore[no-redef]
        """A cell ran longer than it may."""


try:
    from jupyter_client.kernelspec import NoSuchKernel
except ImportError:

    class NoSuchKernel(KeyError):  # type: ignore[no-redef]
        """There is no kernel of this name."""

        def __init__(self, name: str) -> None:
            super().__init__(name)
            self.name = name

        def __str__(self) -> str:
            return f"No such kernel named {self.name}"


try:
    from nbformat.reader import NotJSONError
except ImportError:

    class NotJSONError(ValueError):  # type: ignore[no-redef]
        """A notebook is no JSON."""


class PapermillException(Exception):
    """Something went wrong with a notebook."""


class PapermillMissingParameterException(PapermillException):
    """A path names a parameter that has no value."""


class PapermillExecutionError(PapermillException):
    """A cell of the notebook failed."""

    def __init__(
        self, cell_index: int, exec_count: int | None, source: str, ename: str, evalue: str, traceback: list[str]
    ) -> None:
        super().__init__(cell_index, exec_count, source, ename, evalue, traceback)
        self.cell_index = cell_index
        self.exec_count = exec_count
        self.source = source
        self.ename = ename
        self.evalue = evalue
        self.traceback = traceback

    def __str__(self) -> str:
        trace = strip_color("\n".join(self.traceback))
        return f'\n{75 * "-"}\nException encountered at "In [{self.exec_count}]":\n{trace}\n'


class PapermillRateLimitException(PapermillException):
    """A store asked for fewer requests."""


class PapermillOptionalDependencyException(PapermillException):
    """A part that is not installed is needed."""


class AwsError(PapermillException):
    """S3 refused something."""


class FileExistsError(AwsError):
    """A key of S3 is there already."""


class PapermillWarning(Warning):
    """The base of Papermill's warnings."""


class PapermillParameterOverwriteWarning(PapermillWarning):
    """A parameter of the caller's is overwritten."""


_COLORS = re.compile("\x1b\\[(K|.*?m)")


def strip_color(text: str) -> str:
    """The text without the colours of a terminal."""
    return _COLORS.sub("", text)


__all__ = [
    "AwsError",
    "CellTimeoutError",
    "DeadKernelError",
    "FileExistsError",
    "NoSuchKernel",
    "NotJSONError",
    "PapermillException",
    "PapermillExecutionError",
    "PapermillMissingParameterException",
    "PapermillOptionalDependencyException",
    "PapermillParameterOverwriteWarning",
    "PapermillRateLimitException",
    "PapermillWarning",
    "strip_color",
]
