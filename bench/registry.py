"""The list of benches. A bench is a function under a name that yields its figures as it measures them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple


class Figure(NamedTuple):
    what: str
    figure: float
    unit: str
    note: str = ""


class Run(NamedTuple):
    """The arguments of a bench: a folder on the disk to measure, emptied afterwards, and sizes as asked for.

    `emails` None: as many as the bench's documentation says.
    """

    directory: Path
    emails: int | None = None
    minutes: float = 20


class Failed(Exception):
    """A measurement or the machine is not as it must be; the message says what and where."""


Bench = Callable[[Run], Iterator[Figure]]

BENCHES: dict[str, Bench] = {}
ONLY_IF_NAMED: set[str] = set()  # take many minutes


def bench(name: str, *, only_if_named: bool = False) -> Callable[[Bench], Bench]:
    """Register the function under `name`; its docstring's first line is its help."""

    def register(function: Bench) -> Bench:
        assert name not in BENCHES, f"two benches are called {name!r}"
        BENCHES[name] = function
        if only_if_named:
            ONLY_IF_NAMED.add(name)
        return function

    return register
