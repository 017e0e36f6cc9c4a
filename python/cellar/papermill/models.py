"""What a notebook says of its parameters."""

from __future__ import annotations

from typing import NamedTuple


class Parameter(NamedTuple):
    """A parameter that a cell declares."""

    name: str
    inferred_type_name: str  # "None": nobody knows
    default: str  # as it is written there
    help: str
