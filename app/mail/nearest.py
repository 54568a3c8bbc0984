"""The known name that an unknown one was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, names: Iterable[str]) -> str:
    """To be put behind an error; empty where nothing is near."""
    near = get_close_matches(name[:100], names, n=1)
    return f"; did you mean '{near[0]}'?" if near else ""
