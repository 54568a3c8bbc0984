"""The sheets of a workbook (XLSX, XLS, ODS) as CSV; for child processes only: a small file can unpack to anything.

The size that it names before it is opened is believed no further than that it is too much: its real output is bounded
by the budget of the child, and by what a sheet may be as text.
"""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Container, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import chain, islice
from xml.etree.ElementTree import ParseError

import msgspec
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetVisibleEnum

from app.domain.recipients.columns import above_header, guess, is_listed
from app.domain.recipients.sheet_rows import HIDDEN, hidden_rows

MOST_UNPACKED = 100_000_000  # bytes
MOST_RATIO = 100  # of these to those of the file
MOST_TEXT = 100_000_000  # bytes of the CSV
MOST_PACKED = 20_000_000  # bytes of it as it is handed over: the API has it in memory for a moment
MOST_SHEETS = 100
_LOOKED_AT = 100  # rows, for an address
_PIECE = 1_000  # rows

Cell = int | float | str | bool | time | date | datetime | timedelta


class Sheet(msgspec.Struct):
    """One sheet. `text`: CSV, deflated, in which `HIDDEN` stands for each of its `hidden_rows`; `wrong`: why there is
    none.
    """

    name: str = ""
    text: bytes = b""
    wrong: str = ""
    hidden_rows: int = 0


def first_sheet(whole: bool, workbook: bytes) -> Sheet:
    """The first visible sheet with a column of addresses, else the first with content. `whole`: hidden rows count, and
    no other sheet may have addresses. For `app.killable`.
    """
    if wrong := _too_much(workbook):
        return Sheet(wrong=wrong)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(workbook))
        names = [
            sheet.name for sheet in book.sheets_metadata if sheet.visible == SheetVisibleEnum.Visible
        ] or book.sheet_names
        taken: CalamineSheet | None = None
        for name in names[:MOST_SHEETS]:
            sheet = book.get_sheet_by_name(name)
            if _has_addresses(sheet):
                taken = sheet
                break
            if taken is None and sheet.total_height:
                taken = sheet
        if taken is None:
            return Sheet(wrong="The Excel file is empty.")
        if whole and (other := _other_list(book, taken)):
            return Sheet(
                wrong=f"The Excel file has addresses on two sheets, {taken.name} and {other}. Send each by itself."
            )
    except (CalamineError, OSError, ValueError) as error:
        return Sheet(wrong=f"The file is no Excel file that we can read: {str(error)[:200]}. Save it as CSV.")
    return _packed(taken, workbook, whole)


def _too_much(workbook: bytes) -> str:
    if not workbook.startswith(b"PK"):
        return ""
    try:
        with zipfile.ZipFile(io.BytesIO(workbook)) as parts:
            size = sum(part.file_size for part in parts.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return "The file is a broken Excel file. Save it again, or as CSV."
    if size > MOST_UNPACKED or size > MOST_RATIO * len(workbook):
        return (
            f"The Excel file unpacks to {size:,} bytes; {MOST_UNPACKED:,} are the most, and {MOST_RATIO} times its own "
            "size. Save it as CSV."
        )
    return ""


def _other_list(book: CalamineWorkbook, taken: CalamineSheet) -> str:
    """The name of another sheet with addresses or domains, hidden or not; empty: there is none."""
    for name in book.sheet_names[:MOST_SHEETS]:
        if name != taken.name and any(map(is_listed, chain.from_iterable(_first_rows(book.get_sheet_by_name(name))))):
            return name
    return ""


def _first_rows(sheet: CalamineSheet) -> list[list[str]]:
    return [_texts(row) for row in islice(sheet.iter_rows(), _LOOKED_AT)]


def _has_addresses(sheet: CalamineSheet) -> bool:
    """By the rule by which a column of a file is found; an address within a note makes no list of a sheet."""
    rows = _first_rows(sheet)
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    found = guess(filled[above_header(filled) :]) if filled else None
    return found is not None and bool(found.candidates)


def _hidden(workbook: bytes, name: str) -> Container[int]:
    """None of XLS and ODS: these do not say it so."""
    if not workbook.startswith(b"PK"):
        return ()
    with zipfile.ZipFile(io.BytesIO(workbook)) as parts:
        return hidden_rows(parts, name) if "xl/workbook.xml" in parts.namelist() else ()


def _packed(sheet: CalamineSheet, workbook: bytes, whole: bool) -> Sheet:
    try:
        hidden = () if whole else _hidden(workbook, sheet.name)
    except (KeyError, StopIteration, ValueError, ParseError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        hidden = ()  # it is put together in a way of its own, which is read without that
    packer = zlib.compressobj(1)
    packed = bytearray()
    size = left_out = 0
    for piece, its_hidden in _pieces(sheet, hidden):
        left_out += its_hidden
        size += len(piece)
        packed += packer.compress(piece)
        if size > MOST_TEXT or len(packed) > MOST_PACKED:
            return Sheet(wrong="The sheet is too large as text. Save it as CSV, or make it several lists.")
    packed += packer.flush()
    return Sheet(sheet.name, bytes(packed), hidden_rows=left_out)


def _pieces(sheet: CalamineSheet, hidden: Container[int]) -> Iterator[tuple[bytes, int]]:
    """CSV, with the blank rows before the first that has content, so that rows are numbered as Excel does; and how many
    of these rows are hidden.
    """
    lines = io.StringIO()
    writer = csv.writer(lines)
    left_out = 0
    for number, row in enumerate(sheet.iter_rows(), 1):
        if number in hidden:
            left_out += 1
            writer.writerow([HIDDEN])
        else:
            writer.writerow(_texts(row))
        if number % _PIECE == 0:
            yield lines.getvalue().encode("utf-8", "replace"), left_out
            left_out = 0
            lines.seek(0)
            lines.truncate()
    yield lines.getvalue().encode("utf-8", "replace"), left_out


def _texts(row: Sequence[Cell]) -> list[str]:
    return [cell.replace("\0", "") if isinstance(cell, str) else _text(cell) for cell in row]


def _text(cell: Cell) -> str:
    """As a template shows it: numbers as Excel does, with 15 digits at most, dates by ISO 8601, durations in hours."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e20 else f"{cell:.15g}"
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(" ")
    if isinstance(cell, timedelta):
        minutes, seconds = divmod(round(cell.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return str(cell)
