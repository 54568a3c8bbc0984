"""Names of merge fields: what they are made of, and what they may not be."""

from __future__ import annotations

import re
import unicodedata

# Words that mean something else than a merge field, with or without a filter.
LIQUID_WORDS = frozenset(
    {"true", "false", "nil", "null", "empty", "blank", "and", "or", "contains", "not", "in", "offset", "limit"}
    | {"reversed", "cols", "continue", "with", "for", "as", "if", "else", "required"}
)

UNSUBSCRIBE_URL = "unsubscribe_url"
PROVIDED = frozenset({"email", UNSUBSCRIBE_URL})  # what every message brings by itself
SENT_AT = "sent_at"  # what a later step's brings: the day on which the one before it was sent


def _marks() -> str:
    """All marks (accents, vowels of Thai and of India's scripts) as the inside of a class of a regular expression."""
    found = [code for code in range(0x300, 0x1F000) if unicodedata.category(chr(code))[0] == "M"]
    ranges: list[list[int]] = []
    for code in found:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"{chr(least)}-{chr(most)}" for least, most in ranges)


MARKS = _marks()
_MARK = re.compile(f"[{MARKS}]")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_BAR = "\N{LATIN LETTER LATERAL CLICK}"  # a letter that no name has
_ESCAPED = re.compile(f"{_BAR}([0-9a-f]+){_BAR}")


def escaped(inside: str) -> str:
    """The inside of a tag with each mark of a name written with letters, since Liquid takes no others in names. Text in
    quotes stays.
    """
    if not _MARK.search(inside):
        return inside
    end, pieces = 0, list[str]()
    for quoted in _QUOTED.finditer(inside):
        pieces += escaped_name(inside[end : quoted.start()]), quoted[0]
        end = quoted.end()
    return "".join(pieces) + escaped_name(inside[end:])


def unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if _BAR in text else text


def escaped_name(name: str) -> str:
    return _MARK.sub(lambda mark: f"{_BAR}{ord(mark[0]):x}{_BAR}", name)
