"""HTML as people's programs write it: read to its end, whatever is in it."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

# By a number that no character has. Python ends itself over one with thousands of digits.
_NO_CHARACTER = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{8,});?")


class LenientParser(HTMLParser):
    """Python's own, which knows of `<![if …]>` and `<![CDATA[…]]>` and ends itself over others of their kind."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def feed(self, data: str) -> None:
        super().feed(_countable(data))

    def parse_marked_section(self, i: int, report: int = 1) -> int:
        """Leaves it out, up to its `>`; negative: that is not there yet."""
        end = self.rawdata.find(">", i)
        return end + 1 if end >= 0 else -1


def unescape(text: str) -> str:
    """HTML's references to characters as these. What is none by its number is shown as browsers show it."""
    return html.unescape(_countable(text))


def _countable(text: str) -> str:
    return _NO_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", text)
