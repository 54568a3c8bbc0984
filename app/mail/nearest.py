"""The known name that an unknown one was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

MOST_CHARACTERS = 40
MOST_NAMES = 1_000


def nearest(name: str, names: Iterable[str]) -> str:
    """To be put behind an error; empty where nothing is near. Of names longer or more than anybody's, not all count."""
    near = get_close_matches(name[:MOST_CHARACTERS], islice(names, MOST_NAMES), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""
