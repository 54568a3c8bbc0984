"""Patterns of many alternatives, written one under the other."""

from __future__ import annotations

import re

# Where a line is set in further than the first, it goes on with the one before.
_CONTINUED = re.compile(r"\n {8,}")


def any_of(alternatives: str) -> str:
    """The pattern for any of the lines."""
    lines = _CONTINUED.sub("", alternatives).split("\n")
    return "|".join(line.strip(" ") for line in lines if line.strip())


def lower(alternatives: str) -> re.Pattern[str]:
    """Any of the lines, in a text in lower case: that is done in half the time."""
    return re.compile(any_of(alternatives))


def words(alternatives: str) -> re.Pattern[str]:
    """Any of the lines, whatever their case."""
    return re.compile(any_of(alternatives), re.IGNORECASE)
