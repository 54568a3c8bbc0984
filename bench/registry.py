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


# Gets a folder on the disk to measure, emptied afterwards, for whatever it needs to store.
Bench = Callable[[Path], Iterator[Figure]]

BENCHES: dict[str, Bench] = {}


def bench(name: str) -> Callable[[Bench], Bench]:
    """Register the function under `name`; its docstring's first line is its help."""

    def register(function: Bench) -> Bench:
        assert name not in BENCHES, f"two benches are called {name!r}"
        BENCHES[name] = function
        return function

    return register
