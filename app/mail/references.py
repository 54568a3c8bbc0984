"""Character references of HTML (`&nbsp;`, `&#160;`) as browsers read them, however many digits they have: Python's own
fails on more than 4,300.
"""

from __future__ import annotations

import re
from html import unescape

_MOST_DIGITS = 7
_LONG = re.compile(rf"&#(?P<hex>[xX])?(?P<digits>(?(hex)[0-9a-fA-F]|[0-9]){{{_MOST_DIGITS + 1},}})")
_NO_CHARACTER = "&#65533"


def bounded(html: str) -> str:
    """With few digits in each: more than a few name no character, which shows as U+FFFD."""
    return _LONG.sub(_bounded, html)


def read(text: str) -> str:
    """The text between tags as it shows."""
    return unescape(bounded(text))


def _bounded(reference: re.Match[str]) -> str:
    digits = reference["digits"].lstrip("0") or "0"
    return _NO_CHARACTER if len(digits) > _MOST_DIGITS else f"&#{reference['hex'] or ''}{digits}"
