"""Exports as CSV (RFC 4180) in UTF-8, which spreadsheets open and `recipients.csv_files` reads again."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from datetime import datetime

# With apostrophes in front, too: one is left out when the file is read again.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_QUOTED = re.compile(r"[\",\r\n]|^\s")  # a blank in front belongs to the cell only within quotation marks


def header(names: Iterable[str], *, spreadsheet: bool) -> bytes:
    """The first line; for a `spreadsheet` with the mark before it by which those know UTF-8."""
    return (codecs.BOM_UTF8 if spreadsheet else b"") + line(names)


def line(cells: Iterable[object]) -> bytes:
    """A line that no spreadsheet takes for a formula: what begins like one gets an apostrophe in front."""
    return (",".join(_quoted(_cell(cell)) for cell in cells) + "\r\n").encode()


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    text = str(value)
    return f"'{text}" if _FORMULA.match(text) else text
