"""Which rows of a workbook (XLSX) are hidden, by a filter or by hand: they are no part of what its reader sees, and a
filter is what people set to write to some of a list. What unpacks it is ended where it has to be (`sheets`).
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Container
from typing import NamedTuple
from xml.etree import ElementTree

HIDDEN = "\ue000 a hidden row"  # the line in such a row's place, by which those behind keep their numbers

_ROW = re.compile(rb"<(?:\w+:)?row\b([^>]*)>")
_NUMBER = re.compile(rb"\br=[\"'](\d{1,7})[\"']")
_IS_HIDDEN = re.compile(rb"\bhidden=[\"'](?:1|true)[\"']")
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


class Taken(NamedTuple):
    """The sheet that was taken of a workbook."""

    name: str
    hidden_rows: int


def hidden_rows(parts: zipfile.ZipFile, sheet: str) -> Container[int]:
    """The numbers, from 1, of those that a sheet hides. Raises what a workbook that is none has raised."""
    text = parts.read(_path_of(parts, sheet))
    if b"hidden=" not in text:
        return ()
    found = set[int]()
    number = 0
    for row in _ROW.finditer(text):
        number = int(said[1]) if (said := _NUMBER.search(row[1])) else number + 1
        if _IS_HIDDEN.search(row[1]):
            found.add(number)
    return found


def _path_of(parts: zipfile.ZipFile, sheet: str) -> str:
    """Of the part that has the sheet."""
    book = ElementTree.fromstring(parts.read("xl/workbook.xml"))  # noqa: S314 -- in a child process, within a budget
    related = ElementTree.fromstring(parts.read("xl/_rels/workbook.xml.rels"))  # noqa: S314 -- as above
    key = next(one.get(_RELATION) for one in book.iter() if one.tag.endswith("}sheet") and one.get("name") == sheet)
    target = next(one.get("Target", "") for one in related if one.get("Id") == key)
    return posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")
