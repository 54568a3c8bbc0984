"""Exports as CSV (RFC 4180) in UTF-8, which spreadsheets open and `recipients.csv_files` reads again."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from datetime import datetime

# With apostrophes in front, too: one is left out when the file is read again.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
# Where numbers have a decimal comma, spreadsheets split at semicolons. Quotation marks are then in the midst of a cell
# and keep nothing together: lines end within them, too.
_SPLIT_FORMULA = re.compile(r"([;\t\r\n])(?=[\s\"]*[=+\-@])")
_QUOTED = re.compile(r"[\",\r\n]|^\s")  # a blank in front belongs to the cell only within quotation marks


def header(names: Iterable[str], *, spreadsheet: bool) -> bytes:
    """The first line; for a `spreadsheet` with the mark before it by which those know UTF-8."""
    return (codecs.BOM_UTF8 if spreadsheet else b"") + line(names, spreadsheet=spreadsheet)


def line(cells: Iterable[object], *, spreadsheet: bool = False) -> bytes:
    """A line that no spreadsheet takes for a formula: what begins like one gets an apostrophe in front. For a
    `spreadsheet` parts of a cell do, too; a file that is read again has them as they are.
    """
    texts = map(_cell, cells)
    if spreadsheet:
        texts = (_SPLIT_FORMULA.sub(r"\1'", text) for text in texts)
    return (",".join(map(_quoted, texts)) + "\r\n").encode()


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    text = str(value)
    return f"'{text}" if _FORMULA.match(text) else text
