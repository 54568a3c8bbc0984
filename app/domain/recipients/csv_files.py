"""CSV files of recipients: how one reads, and the list that it is.

CSV is what spreadsheets and address books export: comma, semicolon, tab or bar, in whatever encoding their machine had
(`encodings`); with a header or without one, and the addresses in whichever column (`columns`). Files are streamed. One
that cannot be understood at all is refused (InvalidInput, field `file`).
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from io import TextIOWrapper
from typing import BinaryIO, NamedTuple

import msgspec

from app.domain.recipients import encodings
from app.domain.recipients.columns import (
    Candidate,
    Columns,
    Guess,
    above_header,
    checked,
    guess,
    is_address,
    is_domain,
    may_be_listed,
)
from app.domain.recipients.encodings import Encoding
from app.domain.recipients.lists import (
    EMAIL,
    MOST_FIELDS,
    MOST_NAMES,
    SHOWN,
    Choices,
    Entry,
    RecipientList,
    cut,
    few,
    storable,
)
from app.domain.recipients.not_csv import what_else
from app.domain.recipients.sheet_rows import HIDDEN, Taken
from app.errors import InvalidInput

_SAMPLE = 200  # records that are looked at to tell the delimiter and the columns
_FIRST = 100  # records, header included, that are shown of a file
_FIRST_CHARACTERS = 100_000  # in all of these together
_SHOWN_ROWS = 3  # that an answer shows, so that somebody sees how a file was read
_SHOWN_CELL = 200  # characters
_ILL_ROWS = 1_000  # that are named
_MAX_RECORD = 1_000_000  # characters, on however many lines in quotation marks
_MOST_LINES = 10_000_000
_MOST_BLANK = 10_000  # blank records one after another
_END = "\ud800"  # a line no file has: decoding never gives this surrogate
_LISTED = 2_000  # characters of the columns' names in a sentence
_DELIMITERS = ",;\t|"
_HIDDEN = [HIDDEN]
_SEP = re.compile(r"\"?sep=([^\"\0])\"?\s*", re.IGNORECASE)  # Excel's own first line
_MOST_TITLE = 20  # records above the header
_GUARDED = re.compile(
    r"'+[=+\-@\t\r]"
)  # what our export, and others, put before what a spreadsheet takes for a formula

csv.field_size_limit(_MAX_RECORD)  # for the whole process: a cell that is too long costs its row, not the file


class Cells(msgspec.Struct):
    """A row of a file as it is. `row` counts from 1, as a spreadsheet does."""

    row: int
    cells: list[str]


class CsvShape(msgspec.Struct, rename="camel"):
    """How a file was read. `columns` are a guess, the first of `candidates`, and the others are close to it; the
    `first` rows with content have a header among them. `sheet`: of a workbook, the one taken. `ill_rows`: the first
    with bytes that are none of the encoding; they were read as Windows-1252. `hidden_rows`: how many of the sheet are
    hidden, as a filter hides them, and left out.
    """

    encoding: str
    columns: Columns
    first: list[Cells]
    candidates: list[Candidate] = []
    sheet: str | None = None
    ill_rows: list[int] = []
    hidden_rows: int = 0


class Reading(msgspec.Struct, rename="camel"):
    """How a file was read, so that somebody sees it: `email_column` is what its column of addresses is called, and
    `others` are columns that could be meant as well. `first`: the first rows below the header; `hidden_rows` of a
    workbook are left out.
    """

    encoding: str
    email_column: str
    others: list[Candidate]
    first: list[Cells]
    sheet: str | None = None
    hidden_rows: int = 0


class _Torn(list[str]):
    """The cells of a record with a quotation mark within one that is in such marks; `lines`: how many it takes."""

    lines = 1


class _Shape(NamedTuple):
    """How a CSV file reads. `sample`: the first records with content, numbered, from the header on; one at least.
    `skips`: a line at its beginning that only names the delimiter. `inner`: each record is in quotation marks as a
    whole, and this parts its cells; `is_row`: the only record has one address behind the other, each a record.

    Of a record with more than `MOST_FIELDS` cells, the sample has one more than these.
    """

    encoding: Encoding
    delimiter: str
    skips: bool
    sample: list[tuple[int, list[str]]]
    inner: str | None = None
    is_row: bool = False


class _Layout(NamedTuple):
    """How to read a CSV file. `names`: a merge field for each column, "" to leave it out; `skip`: records before the
    first row. `required`: the fields that everybody has, if without text.
    """

    shape: _Shape
    names: tuple[str, ...]
    required: frozenset[str]
    email_column: int
    skip: int


class Asked(NamedTuple):
    """The words of a file's sender on it. `described`: how it was read when it came, before it was kept."""

    columns: Columns | None = None
    email_column: str | None = None
    encoding: str | None = None
    choices: Choices = Choices()
    described: CsvShape | None = None
    sheet: Taken | None = None


class CsvList(RecipientList):
    """A list with what is to be told of its file."""

    def __init__(self, layout: _Layout, file: BinaryIO, reading: Reading, choices: Choices) -> None:
        fields = frozenset(name for name in layout.names if name)
        super().__init__(fields, lambda: _csv_entries(file, layout), choices)
        self.reading = reading


def from_csv(
    file: BinaryIO, *, required: Collection[str] = (), columns: Columns | None = None, asked: Asked | None = None
) -> CsvList:
    """Recipients from a CSV file, which must be seekable and stay open while the list is iterated.

    Without `columns`, its first rows tell what they are. A field in `required` needs a column; its cells may be empty.
    Raises InvalidInput, here or, for a file that breaks further down, in iterating.
    """
    asked = asked or Asked(columns)
    shape = _shape(file, asked.encoding)
    layout, reading = _layout(shape, asked, frozenset(required) - {EMAIL})
    names = [name for name in layout.names if name]
    absent = sorted(set(required) - {*names})
    if absent:
        have = cut(", ".join(names), _LISTED)
        raise _invalid(f"There is no column for {few(absent)}, which the template needs. The columns are {have}.")
    return CsvList(layout, file, reading, asked.choices)


def describe_csv(file: BinaryIO, encoding: str | None = None, sheet: Taken | None = None) -> tuple[CsvShape, int]:
    """How a CSV file reads, and how many rows have content, all of it looked through. Raises InvalidInput (`file`,
    `encoding`).
    """
    shape = _shape(file, encoding)
    first: list[Cells] = []
    ill_rows: list[int] = []
    characters = rows = 0
    for row, cells in csv_rows(file, shape):
        if row < shape.sample[0][0]:
            continue
        rows += 1
        if shape.encoding.has_ill and any(map(encodings.is_ill, cells)):
            cells = [encodings.mended(cell) for cell in cells]
            if len(ill_rows) < _ILL_ROWS:
                ill_rows.append(row)
        characters += sum(map(len, cells))
        if len(first) < _FIRST and (characters < _FIRST_CHARACTERS or not first):
            first.append(Cells(row, [storable(cell) for cell in cells]))
    found = _guess(shape) or _nothing(shape)
    name, hidden = sheet or (None, 0)
    return CsvShape(shape.encoding.name, found.columns, first, found.candidates, name, ill_rows, hidden), rows


def csv_rows(file: BinaryIO, shape: _Shape | None = None) -> Iterator[tuple[int, list[str]]]:
    """The rows with content, numbered as a spreadsheet does. Raises InvalidInput (`file`)."""
    yield from _records(file, shape or _shape(file))


def utf8(file: BinaryIO, encoding: str | None = None) -> Iterator[bytes]:
    """The same text as UTF-8 without a mark at its beginning."""
    found = encodings.detect(file, encoding)
    decoder = codecs.getincrementaldecoder(found.codec)(found.errors)
    file.seek(0)
    held = ""  # what a byte that is no text is depends on the character before
    while True:
        chunk = file.read(encodings.CHUNK)
        text = held + decoder.decode(chunk, final=not chunk)
        if found.has_ill:
            text, held = (text[:-1], text[-1:]) if chunk else (text, "")
            text = encodings.mended(text)
        yield text.encode()
        if not chunk:
            return


def _nothing(shape: _Shape) -> Guess:
    """The columns of a file of which none seems to hold addresses: the first, until somebody says better."""
    width = len(shape.sample[0][1])
    return Guess(Columns(True, 0, ["", *(f"column_{n}" for n in range(2, width + 1))]), [])


def _guess(shape: _Shape, named: str | None = None) -> Guess | None:
    return guess([cells for _, cells in shape.sample], named)


def _csv_entries(file: BinaryIO, layout: _Layout) -> Iterator[Entry]:
    """A cell without text is no field: else a row of commas would be as long as all columns' names."""
    email_column, width, required = layout.email_column, len(layout.names), layout.required
    names = tuple("" if column == email_column else name for column, name in enumerate(layout.names))
    has_nul, looks_closer = layout.shape.encoding.has_nul, layout.shape.encoding.looks_closer
    for row, cells in _records(file, layout.shape):
        if row <= layout.skip:
            continue
        email = cells[email_column] if email_column < len(cells) else ""
        if type(cells) is _Torn:
            yield row, email, _why_torn(cells), ""
            continue
        if len(cells) > width and _has_content(cells[width:]):
            yield row, email, f"The row has {len(cells):,} cells, but the file only {width} columns.", ""
            continue
        if has_nul and any("\0" in cell for cell in cells):
            yield row, email, "A cell has a NUL character, which is not text.", ""
            continue
        note = ""
        if looks_closer:
            if encodings.is_ill(email):
                yield (
                    row,
                    encodings.mended(email),
                    "The address has a byte that is none of the file's encoding.",
                    "",
                )
                continue
            cells, note = _mended(cells, email_column)
        if len(cells) == width and "" not in cells:
            fields = dict(zip(names, cells, strict=True))
            del fields[""]
        else:
            fields = {name: cell for name, cell in zip(names, cells, strict=False) if cell and name}
        for name in required:
            fields.setdefault(name, "")
        yield row, email, fields, note


def _why_torn(cells: _Torn) -> str:
    why = 'A quotation mark stands within a cell that is in quotation marks; write it twice (""), or leave it out.'
    return why if cells.lines == 1 else f"{why} The cell goes on for {cells.lines:,} lines, and nobody on them is read."


def _mended(cells: list[str], email_column: int) -> tuple[list[str], str]:
    """The cells without what an export put before them or says in place of nothing, and with letters for bytes that are
    none; what was done.
    """
    notes: list[str] = []
    if any(map(encodings.is_ill, cells)):
        cells = [encodings.mended(cell) for cell in cells]
        notes.append("bytes that are no UTF-8 read as Windows-1252")
    guarded = [n for n, cell in enumerate(cells) if n != email_column and _GUARDED.match(cell)]
    if guarded:
        cells = [cell[1:] if n in guarded else cell for n, cell in enumerate(cells)]
        notes.append("the apostrophe before a formula's sign left out")
    said = [cell for cell in cells if cell.strip() in encodings.NOTHING]
    if said:
        cells = ["" if cell.strip() in encodings.NOTHING else cell for cell in cells]
        notes.append(f"{said[0].strip()}, which says that there is nothing, left out")
    return cells, "; ".join(notes)


def _broken(row: int) -> InvalidInput:
    return _invalid(
        f"In row {row} a quotation mark opens a cell and is never closed, "
        f"or the row has more than {_MAX_RECORD:,} characters."
    )


def _records(file: BinaryIO, shape: _Shape) -> Iterator[tuple[int, list[str]]]:
    """The records with content, numbered as a spreadsheet does, blank ones included.

    Raises InvalidInput for a row that is too long or has a quotation mark that is never closed, and for a file that
    would be read for minutes.
    """
    row = blank = 0
    try:
        for row, cells in enumerate(_all_records(file, shape), 1):
            if cells == _HIDDEN:
                blank = 0
                continue
            if (cells and cells[0].strip()) or _has_content(cells):
                blank = 0
                yield row, cells
                continue
            blank += 1
            if blank > _MOST_BLANK:
                raise _invalid(f"After row {row - blank:,} come more than {_MOST_BLANK:,} blank rows. Remove them.")
    except csv.Error as error:
        raise _broken(row + 1) from error


def _all_records(file: BinaryIO, shape: _Shape) -> Iterator[list[str]]:
    """The csv module would let a file pass that ends within quotation marks, and all rows behind the mark would be lost
    unnoticed in one cell: a line of our own behind the last tells whether it still counts as a line. Raises csv.Error.
    """
    file.seek(0)
    text = TextIOWrapper(file, shape.encoding.codec, shape.encoding.errors, newline="")
    unfinished = 0
    quoted: list[str] = []  # lines of the record, from the first on that has a quotation mark

    def lines() -> Iterator[str]:
        nonlocal unfinished
        for _ in range(_MOST_LINES):
            line = text.readline(_MAX_RECORD + 1)
            unfinished += len(line)
            if unfinished > _MAX_RECORD:
                raise csv.Error("the row does not end")
            if '"' in line or (quoted and line):
                quoted.append(line)
            yield line or _END
            if not line:
                return
        raise _invalid(f"The file has more than {_MOST_LINES:,} lines, blank ones included; is it a list?")

    try:
        if shape.skips:
            text.readline(_MAX_RECORD)
        # A blank after the delimiter is typing, not content, and a quotation mark behind it still quotes.
        for cells in csv.reader(lines(), delimiter=shape.delimiter, skipinitialspace=True):
            if cells == [_END]:
                return
            unfinished = 0
            is_open = bool(cells) and cells[-1].endswith(_END)
            records = [cells]
            if quoted:
                if is_open or '"' in "".join(cells):
                    records = _as_quoted(cells, quoted, shape.delimiter)
                quoted.clear()
            if is_open and type(records[0]) is _Torn:
                break
            for record in records:
                if shape.inner is not None and len(record) == 1:
                    record = next(csv.reader(record, delimiter=shape.inner, skipinitialspace=True), list[str]())
                if not shape.is_row:
                    yield record
                    continue
                for cell in record:
                    yield [cell]
            if is_open:
                return
        raise csv.Error("unexpected end of data")
    finally:
        if not file.closed:
            text.detach()  # else the file would be closed with it


def _as_quoted(cells: list[str], lines: list[str], delimiter: str) -> list[list[str]]:
    """The cells of a record in which quotation marks were left, from its lines: by the rules, or by those of programs
    that put a backslash before them, for whom the lines may be several records; else as they are, and torn.
    """
    for escape in (None, "\\"):
        strict = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True, escapechar=escape)
        with suppress(csv.Error):
            return list(strict)
    torn = _Torn(cells)
    torn.lines = len(lines)
    return [torn]


def _unwrapped(file: BinaryIO, shape: _Shape) -> _Shape:
    """A file of which each record is one cell in quotation marks, or that has one address behind the other on its only
    line, as what it was meant to be.
    """
    cells = shape.sample[0][1]
    filled = [cell for cell in cells if cell.strip()]
    if len(shape.sample) == 1 and len(cells) > 1 and any(all(map(each, filled)) for each in (is_address, is_domain)):
        return _sampled(file, shape._replace(is_row=True, sample=[]))
    if any(len(cells) != 1 for _, cells in shape.sample):
        return shape
    within = [_sampled(file, shape._replace(inner=delimiter, sample=[])) for delimiter in _DELIMITERS]
    best = max(within, key=_fit)
    width = len(best.sample[0][1])
    is_meant = width > 1 and all(len(cells) == width for _, cells in best.sample) and _fit(best)[0]
    return best if is_meant else shape


def _shape(file: BinaryIO, named: str | None = None) -> _Shape:
    encoding = encodings.detect(file, named)
    first = _first_line(file, encoding)
    if (other := what_else(first)) is not None:
        raise _invalid(other)
    if separated := _SEP.fullmatch(first):
        shape = _sampled(file, _Shape(encoding, separated[1], True, []))
    else:
        shapes = [_sampled(file, _Shape(encoding, delimiter, False, [])) for delimiter in _DELIMITERS]
        shape = max(shapes, key=_fit)
    if not shape.sample:
        list(csv_rows(file, shape))  # raises where it is the first row that does not end
        raise _invalid("The file is empty. It should have one recipient a row.")
    shape = _unwrapped(file, shape)
    if len(shape.sample[0][1]) > MOST_FIELDS:
        raise _invalid(f"The first row has more than {MOST_FIELDS} columns. Remove those that you do not need.")
    return shape


def _first_line(file: BinaryIO, encoding: Encoding) -> str:
    file.seek(0)
    text = TextIOWrapper(file, encoding.codec, encoding.errors, newline="")
    try:
        return text.readline(100)
    finally:
        text.detach()


def _layout(shape: _Shape, asked: Asked, required: frozenset[str]) -> tuple[_Layout, Reading]:
    row, first = shape.sample[0]
    found = _guess(shape, asked.email_column)
    if found is None and asked.choices.reads:
        found = guess([cells for _, cells in shape.sample], domains=True)
    columns = asked.columns or (found and found.columns)
    if columns is None:
        raise _invalid(
            'One column should have email addresses, or a header such as "email". '
            f"The first row reads: {', '.join(first)[:SHOWN]}"
        )
    names = checked(columns, len(first))
    if (characters := sum(map(len, names))) > MOST_NAMES:
        raise _invalid(
            f"The columns' names have {characters:,} characters together, and {MOST_NAMES:,} is the most. "
            "Leave columns out, or give them shorter names."
        )
    # Where addresses alone matter, nobody looks at what the columns were taken for.
    is_header = columns.has_header and not (asked.choices.reads and may_be_listed(first[columns.email]))
    skip = row if is_header else row - 1
    candidates = found.candidates if found else []
    reading = Reading(
        encoding=asked.described.encoding if asked.described else shape.encoding.name,
        email_column=(columns.has_header and cut(first[columns.email].strip(), SHOWN)) or f"column {columns.email + 1}",
        others=[candidate for candidate in candidates if candidate.column != columns.email],
        first=[_shown(row, cells) for row, cells in shape.sample if row > skip][:_SHOWN_ROWS],
        sheet=asked.described.sheet if asked.described else asked.sheet and asked.sheet.name,
        hidden_rows=asked.described.hidden_rows if asked.described else asked.sheet.hidden_rows if asked.sheet else 0,
    )
    return _Layout(shape, tuple(names), required, columns.email, skip), reading


def _shown(row: int, cells: list[str]) -> Cells:
    return Cells(row, [cut(storable(encodings.mended(cell[:_SHOWN_CELL])), _SHOWN_CELL) for cell in cells])


def _sampled(file: BinaryIO, shape: _Shape) -> _Shape:
    """With the first records with content, numbered, as far as the delimiter makes sense of the file."""
    with suppress(InvalidInput):
        for row, cells in _records(file, shape):
            shape.sample.append((row, cells[: MOST_FIELDS + 1]))
            if len(shape.sample) == _SAMPLE:
                break
    del shape.sample[: above_header([cells for _, cells in shape.sample[:_MOST_TITLE]])]
    return shape


def _fit(shape: _Shape) -> tuple[bool, int, int]:
    """How well a delimiter explains a file: it shows an email column, splits records alike, and into more."""
    if not shape.sample:
        return False, 0, 0
    width = len(shape.sample[0][1])
    alike = sum(len(cells) == width for _, cells in shape.sample) if width > 1 else 0
    return width > MOST_FIELDS or _guess(shape) is not None, alike, width


def _has_content(cells: Iterable[str]) -> bool:
    return bool("".join(cells).strip())


def _invalid(detail: str) -> InvalidInput:
    return InvalidInput({"file": detail})
