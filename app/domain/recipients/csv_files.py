"""CSV files of recipients: how one reads, and the list that it is.

CSV is what spreadsheets and address books export: comma, semicolon or tab; UTF-8, UTF-16 or Windows-1252; with a header
or without one. Files are streamed. One that cannot be understood at all is refused (InvalidInput, field `file`).
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from io import TextIOWrapper
from typing import Annotated, BinaryIO, NamedTuple

import msgspec

from app.domain.recipients.lists import (
    EMAIL,
    MOST_FIELDS,
    MOST_NAMES,
    SHOWN,
    Entry,
    RecipientList,
    cut,
    few,
    field_name,
    storable,
)
from app.errors import InvalidInput
from app.mail.addresses import InvalidAddress, normalize

_CHUNK = 1 << 20
_SAMPLE = 20  # records that are looked at to tell the delimiter and the columns
_FIRST = 100  # records, header included, that are shown of a file
_FIRST_CHARACTERS = 100_000  # in all of these together
_MAX_RECORD = 1_000_000  # characters, on however many lines in quotation marks
_MOST_LINES = 10_000_000
_MOST_BLANK = 10_000  # blank records one after another
_END = "\udcff"  # a line no file has: decoding never gives a lone surrogate
_LISTED = 2_000  # characters of the columns' names in a sentence
_DELIMITERS = ",;\t"
_ENCODINGS_BY_BOM = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_EMAIL_HEADER = re.compile(
    r"(?:.*_)?(?:e_?)?mail(?:_?(?:address|adresse|addr|id))?(?:_1(?:_value|_address)?)?"
    r"|courriel|correo(?:_electr[oó]nico)?|posta_elettronica"
)
_ENCODING_NAMES = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252"}

csv.field_size_limit(_MAX_RECORD)  # for the whole process: a cell that is too long costs its row, not the file


class Columns(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What the columns of a CSV file are: in which one (from 0) the address is, and each one's merge field.

    A column whose field is "" is left out; that of the address does not count.
    """

    has_header: bool
    email: Annotated[int, msgspec.Meta(ge=0)]
    fields: list[str]


class Cells(msgspec.Struct):
    """A row of a CSV file as it is. `row` counts from 1, as a spreadsheet does."""

    row: int
    cells: list[str]


class CsvShape(msgspec.Struct, rename="camel"):
    """How a CSV file was read. `columns` are a guess; the `first` rows with content have a header among them."""

    encoding: str
    columns: Columns
    first: list[Cells]


class _Shape(NamedTuple):
    """How a CSV file reads. `sample`: the first records with content, numbered; one at least.

    Of a record with more than `MOST_FIELDS` cells, the sample has one more than these.
    """

    encoding: str
    has_nul: bool
    delimiter: str
    sample: list[tuple[int, list[str]]]


class _Layout(NamedTuple):
    """How to read a CSV file. `names`: a merge field for each column, "" to leave it out; `skip`: records before the
    first row. `required`: the fields that everybody has, if without text.
    """

    encoding: str
    has_nul: bool
    delimiter: str
    names: tuple[str, ...]
    required: frozenset[str]
    email_column: int
    skip: int


def from_csv(file: BinaryIO, *, required: Collection[str] = (), columns: Columns | None = None) -> RecipientList:
    """Recipients from a CSV file, which must be seekable and stay open while the list is iterated.

    Without `columns`, its first row tells what they are. A field in `required` needs a column; its cells may be empty.
    Raises InvalidInput, here or, for a file that breaks further down, in iterating.
    """
    layout = _layout(_shape(file), columns, frozenset(required) - {EMAIL})
    names = [name for name in layout.names if name]
    absent = sorted(set(required) - {*names})
    if absent:
        have = cut(", ".join(names), _LISTED)
        raise _invalid(f"There is no column for {few(absent)}, which the template needs. The columns are {have}.")
    return RecipientList(frozenset(names), lambda: _csv_entries(file, layout))


def describe_csv(file: BinaryIO) -> tuple[CsvShape, int]:
    """How a CSV file reads, and how many rows have content, all of it looked through. Raises InvalidInput (`file`)."""
    shape = _shape(file)
    first: list[Cells] = []
    characters = rows = 0
    for row, cells in csv_rows(file, shape):
        rows += 1
        characters += sum(map(len, cells))
        if len(first) < _FIRST and (characters < _FIRST_CHARACTERS or not first):
            first.append(Cells(row, [storable(cell) for cell in cells]))
    return CsvShape(_ENCODING_NAMES[shape.encoding], guess_columns([cells for _, cells in shape.sample]), first), rows


def csv_rows(file: BinaryIO, shape: _Shape | None = None) -> Iterator[tuple[int, list[str]]]:
    """The rows with content, numbered as a spreadsheet does. Raises InvalidInput (`file`)."""
    encoding, _, delimiter, _ = shape or _shape(file)
    row = 1
    try:
        for row, cells in _records(file, encoding, delimiter):
            yield row, cells
    except csv.Error as error:
        raise _broken(row) from error


def utf8(file: BinaryIO, shape: CsvShape) -> Iterator[bytes]:
    """The same text as UTF-8 without a mark at its beginning."""
    decoder = codecs.getincrementaldecoder("utf-8-sig" if shape.encoding == "UTF-8" else shape.encoding)()
    file.seek(0)
    while chunk := file.read(_CHUNK):
        yield decoder.decode(chunk).encode()
    yield decoder.decode(b"", final=True).encode()


def guess_columns(records: Sequence[list[str]]) -> Columns:
    """Which column is the address and what the others are called, from the first records: a header may be among them.

    Under a header, a column is that of the address when it is called so and addresses are in it; else the one with
    most of them.
    """
    first, others = records[0], records[1:]
    direct = next((column for column, cell in enumerate(first) if _is_address(cell)), None)
    fields = [(direct is None and field_name(cell)) or f"column_{n}" for n, cell in enumerate(first, 1)]
    if direct is not None:
        return Columns(False, direct, _unlike(fields, direct))
    addresses = [
        sum(_is_address(cells[column]) for cells in others if column < len(cells)) for column in range(len(first))
    ]
    called = [column for column, name in enumerate(fields) if name == EMAIL or _EMAIL_HEADER.fullmatch(name)]
    called.sort(key=lambda column: fields[column] != EMAIL)
    fullest = max(range(len(first)), key=lambda column: addresses[column])
    email = next((column for column in called if addresses[column]), fullest)
    return Columns(True, email, _unlike(fields, email))


def _unlike(fields: list[str], email: int) -> list[str]:
    taken = {EMAIL}
    for column, field in enumerate(fields):
        name, n = field, 2
        if column != email:
            while name in taken:
                name, n = f"{field}_{n}", n + 1
            taken.add(name)
            fields[column] = name
    return fields


def _csv_entries(file: BinaryIO, layout: _Layout) -> Iterator[Entry]:
    """A cell without text is no field: else a row of commas would be as long as all columns' names."""
    names, email_column, width = layout.names, layout.email_column, len(layout.names)
    row = 1
    try:
        for row, cells in _records(file, layout.encoding, layout.delimiter):
            if row <= layout.skip:
                continue
            email = cells[email_column] if email_column < len(cells) else ""
            if len(cells) > width and _has_content(cells[width:]):
                yield row, email, f"The row has {len(cells):,} cells, but the file only {width} columns."
                continue
            if layout.has_nul and any("\0" in cell for cell in cells):
                yield row, email, "A cell has a NUL character, which is not text."
                continue
            fields = {name: cell for name, cell in zip(names, cells, strict=False) if cell and name}
            fields.pop(EMAIL, None)
            for name in layout.required:
                fields.setdefault(name, "")
            yield row, email, fields
    except csv.Error as error:
        raise _broken(row) from error


def _broken(row: int) -> InvalidInput:
    return _invalid(
        f"About row {row} a quotation mark opens a cell and is never closed, "
        f"or the row has more than {_MAX_RECORD:,} characters."
    )


def _records(file: BinaryIO, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The records with content, numbered as a spreadsheet does, blank ones included.

    Raises csv.Error for an overlong row, and at the end of the file if that lies within quotation marks;
    InvalidInput for a file that would be read for minutes.
    """
    blank = 0
    for row, cells in enumerate(_all_records(file, encoding, delimiter), 1):
        if _has_content(cells):
            blank = 0
            yield row, cells
            continue
        blank += 1
        if blank > _MOST_BLANK:
            raise _invalid(f"After row {row - blank:,} come more than {_MOST_BLANK:,} blank rows. Remove them.")


def _all_records(file: BinaryIO, encoding: str, delimiter: str) -> Iterator[list[str]]:
    """The csv module would let a file pass that ends within quotation marks, and all rows behind the mark would be lost
    unnoticed in one cell: a line of our own behind the last tells whether it still counts as a line.
    """
    file.seek(0)
    text = TextIOWrapper(file, encoding, newline="")
    unfinished = 0

    def lines() -> Iterator[str]:
        nonlocal unfinished
        for _ in range(_MOST_LINES):
            line = text.readline(_MAX_RECORD + 1)
            unfinished += len(line)
            if unfinished > _MAX_RECORD:
                raise csv.Error("the row does not end")
            yield line or _END
            if not line:
                return
        raise _invalid(f"The file has more than {_MOST_LINES:,} lines, blank ones included; is it a list?")

    try:
        # A blank after the delimiter is typing, not content, and a quotation mark behind it still quotes.
        for cells in csv.reader(lines(), delimiter=delimiter, skipinitialspace=True):
            if cells == [_END]:
                return
            unfinished = 0
            yield cells
        raise csv.Error("unexpected end of data")
    finally:
        text.detach()  # else the file would be closed with it


def _shape(file: BinaryIO) -> _Shape:
    encoding, has_nul = _encoding(file)
    samples = {delimiter: _sample(file, encoding, delimiter) for delimiter in _DELIMITERS}
    delimiter = max(_DELIMITERS, key=lambda delimiter: _fit(samples[delimiter]))
    shape = _Shape(encoding, has_nul, delimiter, samples[delimiter])
    if not shape.sample:
        list(csv_rows(file, shape))  # raises where it is the first row that does not end
        raise _invalid("The file is empty. It should have one recipient a row.")
    if len(shape.sample[0][1]) > MOST_FIELDS:
        raise _invalid(f"The first row has more than {MOST_FIELDS} columns. Remove those that you do not need.")
    return shape


def _layout(shape: _Shape, columns: Columns | None, required: frozenset[str]) -> _Layout:
    encoding, has_nul, delimiter, sample = shape
    row, first = sample[0]
    if columns is None:
        found = _find_email(first)
        if not found:
            raise _invalid(
                'The first row should have an email address or a header such as "email". '
                f"It reads: {', '.join(first)[:SHOWN]}"
            )
        email_column, has_header = found
        names = [(has_header and field_name(cell)) or f"column_{n}" for n, cell in enumerate(first, 1)]
        names[email_column] = EMAIL
        for name, count in Counter(names).items():
            if count > 1:
                raise _invalid(f'{count} columns are called "{cut(name, SHOWN)}". Give each a name of its own.')
    else:
        names, email_column, has_header = _named(columns, len(first)), columns.email, columns.has_header
    if (characters := sum(map(len, names))) > MOST_NAMES:
        raise _invalid(
            f"The columns' names have {characters:,} characters together, and {MOST_NAMES:,} is the most. "
            "Leave columns out, or give them shorter names."
        )
    skip = row if has_header else row - 1
    return _Layout(encoding, has_nul, delimiter, tuple(names), required, email_column, skip)


def _named(columns: Columns, width: int) -> list[str]:
    """The merge field of each column, "" for one that is left out. Raises InvalidInput (`columns`)."""
    if len(columns.fields) != width or columns.email >= width:
        raise InvalidInput({"columns": f"do not fit the file, which has {width} columns"})
    names = [field_name(name) for name in columns.fields]
    names[columns.email] = EMAIL
    for column, (name, given) in enumerate(zip(names, columns.fields, strict=True)):
        if not name and given.strip() and column != columns.email:
            raise InvalidInput({"columns": f'name one "{given[:SHOWN]}"; use letters or digits'})
    for name, count in Counter(names).items():
        if name and count > 1:
            raise InvalidInput({"columns": f'name {count} of them "{cut(name, SHOWN)}"; give each a name of its own'})
    return names


def _sample(file: BinaryIO, encoding: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """The first records with content, numbered, as far as the delimiter makes sense of the file."""
    sample: list[tuple[int, list[str]]] = []
    with suppress(csv.Error, InvalidInput):
        for row, cells in _records(file, encoding, delimiter):
            sample.append((row, cells[: MOST_FIELDS + 1]))
            if len(sample) == _SAMPLE:
                break
    return sample


def _fit(sample: list[tuple[int, list[str]]]) -> tuple[bool, int, int]:
    """How well a delimiter explains a file: it shows an email column, splits records alike, and into more."""
    if not sample:
        return False, 0, 0
    first = sample[0][1]
    width = len(first)
    alike = sum(len(cells) == width for _, cells in sample) if width > 1 else 0
    return width > MOST_FIELDS or _find_email(first) is not None, alike, width


def _find_email(cells: list[str]) -> tuple[int, bool] | None:
    """The column of addresses, and whether `cells` are its header rather than the first recipient."""
    for column, cell in enumerate(cells):
        if _is_address(cell):
            return column, False
    names = [field_name(cell) for cell in cells]
    if EMAIL in names:
        return names.index(EMAIL), True
    return next(((column, True) for column, name in enumerate(names) if _EMAIL_HEADER.fullmatch(name)), None)


def _is_address(cell: str) -> bool:
    try:
        normalize(cell)
    except InvalidAddress:
        return False
    return True


def _encoding(file: BinaryIO) -> tuple[str, bool]:
    """The encoding that all of the file agrees with, and whether there is a NUL in it.

    Windows-1252 takes nearly any bytes: it is what a file is that is not UTF-8.
    """
    file.seek(0)
    start = file.read(3)
    marked = [encoding for bom, encoding in _ENCODINGS_BY_BOM.items() if start.startswith(bom)]
    for encoding in marked or ["utf-8", "cp1252"]:
        decoder = codecs.getincrementaldecoder(encoding)()
        has_nul = False
        file.seek(0)
        try:
            while chunk := file.read(_CHUNK):
                has_nul |= "\0" in decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding, has_nul
    raise _invalid('The file is not text that we can read. Save it as "CSV UTF-8".')


def _has_content(cells: Iterable[str]) -> bool:
    return bool("".join(cells).strip())


def _invalid(detail: str) -> InvalidInput:
    return InvalidInput({"file": detail})
