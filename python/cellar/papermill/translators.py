"""Translators: classes that write parameters as the source of a cell, by the name of a kernel or a language.

Those of the languages that the program knows ask the program; their texts are Papermill's but where docs/papermill.md says otherwise. One that is
registered here takes the place of the program's, also in ``execute_notebook``.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Mapping
from typing import Any

from ._declared import of_source
from ._program import Unchanged, node, program, read_notebook, write_text, yaml
from .exceptions import PapermillException
from .models import Parameter


class PapermillTranslators:
    """Translators by the name of a kernel or a language."""

    def __init__(self) -> None:
        self._translators: dict[str, Any] = {}

    def register(self, language: str, translator: Any) -> None:
        """Give a kernel or a language a translator."""
        self._translators[language] = translator

    def find_translator(self, kernel_name: str, language: str) -> Any:
        """The translator of a kernel, else of a language. Raises PapermillException if there is none."""
        for name in (kernel_name, language, str(kernel_name).lower(), str(language).lower()):
            if name in self._translators:
                return self._translators[name]
        raise PapermillException(f"No parameter translator functions specified for kernel '{kernel_name}' or language '{language}'")


class Translator:
    """What translators derive from. They define ``comment``, ``translate_dict`` and ``translate_list``, and what their language has other than the
    languages of C's family."""

    @classmethod
    def translate_raw_str(cls, val: Any) -> str:
        """A value as Python prints it."""
        return str(val)

    @classmethod
    def translate_escaped_str(cls, str_val: Any) -> str:
        """A text between quotes, with backslashes before what can't stand there."""
        text = str_val.encode("unicode_escape").decode("ascii") if isinstance(str_val, str) else str(str_val)
        return '"' + text.replace('"', '\\"') + '"'

    @classmethod
    def translate_str(cls, val: str) -> str:
        """A text."""
        return cls.translate_escaped_str(val)

    @classmethod
    def translate_none(cls, val: None) -> str:
        """None."""
        return cls.translate_raw_str(val)

    @classmethod
    def translate_int(cls, val: int) -> str:
        """An integer."""
        return cls.translate_raw_str(val)

    @classmethod
    def translate_float(cls, val: float) -> str:
        """A float."""
        return cls.translate_raw_str(val)

    @classmethod
    def translate_bool(cls, val: bool) -> str:
        """True or False."""
        return "true" if val else "false"

    @classmethod
    def translate_dict(cls, val: Mapping[str, Any]) -> str:
        """A mapping."""
        raise NotImplementedError(f"{cls.__name__} can't write mappings")

    @classmethod
    def translate_list(cls, val: list[Any]) -> str:
        """A list."""
        raise NotImplementedError(f"{cls.__name__} can't write lists")

    @classmethod
    def translate(cls, val: Any) -> str:
        """A value, by the method of its type; one of another type is the text that str makes of it."""
        if val is None:
            return cls.translate_none(val)
        for kind, method in (
            (str, cls.translate_str),
            (bool, cls.translate_bool),  # which is an int, too
            (int, cls.translate_int),
            (float, cls.translate_float),
            (dict, cls.translate_dict),
            (list, cls.translate_list),
        ):
            if isinstance(val, kind):
                return method(val)
        return cls.translate_escaped_str(val)

    @classmethod
    def comment(cls, cmt_str: str) -> str:
        """A comment on one line."""
        raise NotImplementedError(f"{cls.__name__} can't write comments")

    @classmethod
    def assign(cls, name: str, str_val: str) -> str:
        """A statement that gives a name a value, which is written already."""
        return f"{name} = {str_val}"

    @classmethod
    def codify(cls, parameters: Mapping[str, Any], comment: str = "Parameters") -> str:
        """The source of the cell."""
        lines = [cls.comment(comment), *(cls.assign(name, cls.translate(val)) for name, val in parameters.items())]
        return "".join(line + "\n" for line in lines)

    @classmethod
    def inspect(cls, parameters_cell: Any) -> list[Parameter]:
        """What a cell declares. Raises NotImplementedError where nobody can tell."""
        raise NotImplementedError(f"{cls.__name__} can't tell what a cell declares")


_HOOKS = (
    *("translate_raw_str", "translate_escaped_str", "translate_str", "translate_none", "translate_int", "translate_float", "translate_bool"),
    *("translate_dict", "translate_list", "translate", "comment", "assign"),
)
"""What a class can define to change what codify writes."""


class _Program(Translator):
    """Asks the program. The classes below have a ``language``; one that derives them and defines a hook has its cell put together of what the hooks
    give, where the elements of lists and mappings are the program's."""

    language = ""
    statement = "{name} = {value}"
    mark = ("#", "")

    @classmethod
    def _value(cls, val: Any) -> str:
        line = _ask(cls.language, {"x": val}).split("\n", 1)[1].rstrip("\n")
        before, _, after = cls.statement.partition("{value}")
        before = before.format(name="x")
        if not (line.startswith(before) and line.endswith(after)):  # it needs a statement of its own
            raise NotImplementedError(f"{cls.__name__} writes {val!r} only as a whole: {line}")
        return line[len(before) : len(line) - len(after)]

    translate_str = translate_none = translate_int = translate_float = translate_bool = translate_dict = translate_list = _value

    @classmethod
    def comment(cls, cmt_str: str) -> str:
        before, after = cls.mark
        return f"{before} {cmt_str.strip()} {after}".rstrip()

    @classmethod
    def assign(cls, name: str, str_val: str) -> str:
        return cls.statement.format(name=name, value=str_val)

    @classmethod
    def codify(cls, parameters: Mapping[str, Any], comment: str = "Parameters") -> str:
        owner = next(c for c in cls.__mro__ if "language" in vars(c))
        if all(getattr(cls, hook).__func__ is getattr(owner, hook).__func__ for hook in _HOOKS):
            return _ask(cls.language, parameters, comment)
        return super().codify(parameters, comment)

    @classmethod
    def inspect(cls, parameters_cell: Any) -> list[Parameter]:
        return of_source(cls.language, parameters_cell["source"])


def _ask(language: str, parameters: Mapping[str, Any], comment: str = "Parameters") -> str:
    """What the program writes in a language."""
    from ._process import Call, failure, run

    notebook = node({"cells": [], "metadata": {"kernelspec": {"name": language, "display_name": language, "language": language}}, "nbformat": 4, "nbformat_minor": 5})
    with tempfile.TemporaryDirectory(prefix="cellar-") as scratch:
        path, output = os.path.join(scratch, "parameters.yaml"), os.path.join(scratch, "output.ipynb")
        with open(path, "w", encoding="utf-8") as file:
            file.write(yaml(parameters))
        arguments = [program(), "papermill", "-", output, "--prepare-only", "-f", path, "--log-level=ERROR"]
        code, said = run(arguments, scratch, call=Call(managed=True, comment=comment), stdin=write_text(notebook).encode())
        if code != 0:
            raise failure(code, said, None)
        return str(read_notebook(output)["cells"][0]["source"])


class PythonTranslator(_Program):
    """Python. Derived classes change elements of lists and mappings, too."""

    language = "python"

    @classmethod
    def translate_none(cls, val: None) -> str:
        return "None"

    @classmethod
    def translate_bool(cls, val: bool) -> str:
        return "True" if val else "False"

    @classmethod
    def translate_int(cls, val: int) -> str:
        return str(int(val))

    @classmethod
    def translate_float(cls, val: float) -> str:
        return repr(float(val)) if math.isfinite(val) else f"float('{float(val)!r}')"

    @classmethod
    def translate_str(cls, val: str) -> str:
        return cls.translate_escaped_str(val)

    @classmethod
    def translate_dict(cls, val: Mapping[str, Any]) -> str:
        return "{" + ", ".join(f"{cls.translate_str(str(key))}: {cls.translate(v)}" for key, v in val.items()) + "}"

    @classmethod
    def translate_list(cls, val: list[Any]) -> str:
        return "[" + ", ".join(cls.translate(v) for v in val) + "]"


class RTranslator(_Program):
    """R, where a name can't begin with a low line."""

    language = "r"

    @classmethod
    def assign(cls, name: str, str_val: str) -> str:
        return super().assign(name.lstrip("_"), str_val)


class ScalaTranslator(_Program):
    """Scala."""

    language = "scala"
    statement = "val {name} = {value}"
    mark = ("//", "")


class JuliaTranslator(_Program):
    """Julia."""

    language = "julia"


class MatlabTranslator(_Program):
    """MATLAB."""

    language = "matlab"
    statement = "{name} = {value};"
    mark = ("%", "")


class CSharpTranslator(_Program):
    """C#."""

    language = "c#"
    statement = "var {name} = {value};"
    mark = ("//", "")


class FSharpTranslator(_Program):
    """F#."""

    language = "f#"
    statement = "let {name} = {value}"
    mark = ("(*", "*)")


class PowershellTranslator(_Program):
    """PowerShell."""

    language = "powershell"
    statement = "${name} = {value}"


class BashTranslator(_Program):
    """bash."""

    language = "bash"
    statement = "{name}={value}"


class GoTranslator(_Program):
    """Go."""

    language = "go"
    statement = "{name} := {value}"
    mark = ("//", "")


class OctaveTranslator(MatlabTranslator):
    """Octave."""

    language = "octave"


class JavaScriptTranslator(_Program):
    """JavaScript."""

    language = "javascript"
    statement = "var {name} = {value};"
    mark = ("//", "")


class TypeScriptTranslator(JavaScriptTranslator):
    """TypeScript."""

    language = "typescript"


class RustTranslator(_Program):
    """Rust."""

    language = "rust"
    statement = "let {name} = {value};"
    mark = ("//", "")


class SQLTranslator(_Program):
    """SQL."""

    language = "sql"
    mark = ("--", "")


_BY_PROGRAM: dict[str, type[_Program]] = {
    "python": PythonTranslator,
    "R": RTranslator,
    "r": RTranslator,
    "scala": ScalaTranslator,
    "julia": JuliaTranslator,
    "matlab": MatlabTranslator,
    "octave": OctaveTranslator,
    ".net-csharp": CSharpTranslator,
    "c#": CSharpTranslator,
    "csharp": CSharpTranslator,
    ".net-fsharp": FSharpTranslator,
    "f#": FSharpTranslator,
    "fsharp": FSharpTranslator,
    ".net-powershell": PowershellTranslator,
    "powershell": PowershellTranslator,
    "pwsh": PowershellTranslator,
    "pysparkkernel": PythonTranslator,
    "sparkkernel": ScalaTranslator,
    "sparkrkernel": RTranslator,
    "bash": BashTranslator,
    "go": GoTranslator,
    "javascript": JavaScriptTranslator,
    "typescript": TypeScriptTranslator,
    "deno": TypeScriptTranslator,
    "tslab": TypeScriptTranslator,
    "jslab": TypeScriptTranslator,
    "rust": RustTranslator,
    "sql": SQLTranslator,
}
"""The names that the program knows: papermill/parameters/translate.go."""

papermill_translators = PapermillTranslators()
for _name, _translator in _BY_PROGRAM.items():
    papermill_translators.register(_name, _translator)

_unchanged = Unchanged(Translator, _Program, *_BY_PROGRAM.values())


def all_by_program() -> bool:
    """Whether the program writes all languages that it knows, and nobody has added one."""
    return papermill_translators._translators == _BY_PROGRAM and _unchanged()


def by_program(translator: Any, kernel_name: str, language: str) -> bool:
    """Whether a translator is the one that the program takes itself for this kernel and language."""
    for name in (kernel_name.lower(), language.lower()):  # the program's order
        if name in _BY_PROGRAM:
            return translator is _BY_PROGRAM[name] and _unchanged()
    return False


def translate_parameters(kernel_name: str, language: str, parameters: Mapping[str, Any], comment: str = "Parameters") -> str:
    """The source of a cell that gives parameters their values."""
    return papermill_translators.find_translator(kernel_name, language).codify(parameters, comment)
