"""Recipient lists: who gets a campaign, read from a CSV file or a JSON list.

Both are streamed. A list of a million never sits in memory as objects: only the keys by which duplicates are
found do. A bad row is no reason to refuse the rest: it is noted with its number and the reason. A file that
cannot be understood at all is refused before the first row (InvalidInput, field `file`).

CSV is what spreadsheets and address books export: comma, semicolon or tab; UTF-8, UTF-16 or Windows-1252;
with a header in some spelling of "email", or without one.
"""

from __future__ import annotations

import codecs
import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from io import TextIOWrapper
from itertools import chain, islice
from typing import BinaryIO, NamedTuple

import msgspec

from app.errors import InvalidInput
from app.mail.addresses import InvalidAddress, key, normalize

EMAIL = "email"  # the field every list has: the address itself

MOST_RECIPIENTS = 2_000_000
MOST_REJECTED = 100_000

_CHUNK = 1 << 20
_SAMPLE = 20  # records that are looked at to tell the delimiter
_SHOWN = 320  # characters of a refused address that are worth showing
_MAX_CELL = 1_000_000  # characters
_END = "\udcff"  # a line no file has: decoding never gives a lone surrogate
_DELIMITERS = ",;\t"
_ENCODINGS_BY_BOM = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")  # what Postgres text cannot hold
_EMAIL_HEADER = re.compile(
    r"(?:.*_)?(?:e_?)?mail(?:_?(?:address|adresse|addr|id))?(?:_1(?:_value|_address)?)?"
    r"|courriel|correo(?:_electr[oó]nico)?|posta_elettronica"
)
_LIQUID_WORDS = frozenset({"and", "blank", "contains", "empty", "false", "nil", "null", "or", "true"})

csv.field_size_limit(_MAX_CELL)  # for the whole process; the default of 128 KiB refuses long notes


class Recipient(NamedTuple):
    """One mailbox and what the templates may say about it; `fields` leaves out the address."""

    address: str
    fields: dict[str, str]


class Rejected(msgspec.Struct, frozen=True):
    """A row nobody is sent to. `row` counts from 1; in a CSV as a spreadsheet does, header included."""

    row: int
    email: str
    reason: str


# A row as its source gives it: number, text of the address, and the fields or, in their place, what is wrong.
_Entry = tuple[int, str, dict[str, str] | str]


class RecipientList:
    """Recipients, each mailbox once, in the order of the source. Iterating counts; doing it again starts anew.

    `fields` is known before: every merge field that some recipient may have, the address (`email`) included.
    """

    def __init__(self, fields: frozenset[str], entries: Callable[[], Iterator[_Entry]]) -> None:
        self.fields = fields
        self.accepted = 0
        self.duplicates = 0
        self.rejected: list[Rejected] = []
        self._entries = entries

    def __iter__(self) -> Iterator[Recipient]:
        self.accepted = self.duplicates = 0
        self.rejected = []
        seen: set[str] = set()
        for row, email, fields in self._entries():
            if isinstance(fields, str):
                self._reject(row, email, fields)
                continue
            try:
                address = normalize(email)
            except InvalidAddress as error:
                self._reject(row, email, error.reason)
                continue
            mailbox = key(address)
            if mailbox in seen:
                self.duplicates += 1
                continue
            seen.add(mailbox)
            self.accepted += 1
            if self.accepted > MOST_RECIPIENTS:
                raise InvalidInput({"recipients": f"are more than {MOST_RECIPIENTS:,}; make it several campaigns"})
            yield Recipient(address, fields)

    def _reject(self, row: int, email: str, reason: str) -> None:
        # Rejected rows are part of the answer, and that is kept in Postgres for a repeated request.
        self.rejected.append(Rejected(row, _storable(email[:_SHOWN]), _storable(reason)))
        if len(self.rejected) > MOST_REJECTED:
            first = self.rejected[:100]
            why = f"more than {MOST_REJECTED:,} rows are refused, the first of them listed here; is it the right list?"
            raise InvalidInput({"recipients": why}, rejected=first)


def _storable(text: str) -> str:
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def field_name(header: str) -> str:
    """The merge field that a column or key is known by: `First Name` is `{{ first_name }}`.

    Lower case; letters and digits of any script stay, and what is between them becomes one `_`. Words that mean
    something else in a template get a `_` behind.
    """
    name = re.sub(r"[\W_]+", "_", unicodedata.normalize("NFC", header).lower()).strip("_")
    return f"{name}_" if name in _LIQUID_WORDS else name


def from_json(items: Iterable[str | Mapping[str, object]], *, required: Collection[str] = ()) -> RecipientList:
    """Recipients from a list of addresses, or of objects with `email` and merge fields, or of both.

    `items` are gone through here and again at each iteration of the list. Whoever lacks a field in `required` is
    rejected; null is the same as absent.
    """
    keys = {name for item in items if not isinstance(item, str) for name in item}
    names = {name: field_name(name) for name in keys}
    needed = sorted(set(required) - {EMAIL})
    return RecipientList(frozenset({*names.values(), EMAIL}), lambda: _json_entries(items, names, needed))


def _json_entries(
    items: Iterable[str | Mapping[str, object]], names: Mapping[str, str], needed: Sequence[str]
) -> Iterator[_Entry]:
    for row, item in enumerate(items, 1):
        fields: dict[str, str] = {}
        problem = ""
        for name, value in [(EMAIL, item)] if isinstance(item, str) else item.items():
            if value is None:
                continue
            text = _text(value)
            field = names.get(name, name)
            if text is None:
                problem = f"{name} is a list or an object; a merge field is text, a number, true or false."
            elif field in fields:
                problem = f"There are two values for {field}."
            elif _UNSTORABLE.search(text):
                problem = f"{name} has a character that is not text (NUL or half a surrogate pair)."
            else:
                fields[field] = text
        email = fields.pop(EMAIL, "")
        absent = [name for name in needed if name not in fields]
        if absent and not problem:
            problem = f"There is no value for {', '.join(absent)}, which the template needs."
        yield row, email, problem or fields


def _text(value: object) -> str | None:
    """A JSON scalar as a template shows it; None for a list or an object."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None


class _Layout(NamedTuple):
    """How to read a CSV file. `names`: a merge field for each column; `skip`: records before the first row."""

    encoding: str
    has_nul: bool
    delimiter: str
    names: tuple[str, ...]
    email_column: int
    skip: int


def from_csv(file: BinaryIO, *, required: Collection[str] = ()) -> RecipientList:
    """Recipients from a CSV file, which must be seekable and stay open while the list is iterated.

    A field in `required` needs a column; its cells may be empty. Raises InvalidInput, here or, for a file that
    breaks further down, in iterating.
    """
    layout = _layout(file)
    absent = sorted(set(required) - {*layout.names})
    if absent:
        raise _invalid(
            f"There is no column for {', '.join(absent)}, which the template needs. "
            f"The columns are {', '.join(layout.names)}."
        )
    return RecipientList(frozenset(layout.names), lambda: _csv_entries(file, layout))


def _csv_entries(file: BinaryIO, layout: _Layout) -> Iterator[_Entry]:
    names, email_column, width = layout.names, layout.email_column, len(layout.names)
    records = enumerate(_records(file, layout.encoding, layout.delimiter), 1)
    row = 1
    try:
        for row, cells in islice(records, layout.skip, None):
            if len(cells) < width:
                cells += [""] * (width - len(cells))
            email = cells[email_column]
            if not email.strip() and not _has_content(cells):
                continue
            if len(cells) > width and _has_content(cells[width:]):
                yield row, email, f"The row has {len(cells)} cells, but the file only {width} columns."
                continue
            if layout.has_nul and any("\0" in cell for cell in cells):
                yield row, email, "A cell has a NUL character, which is not text."
                continue
            fields = dict(zip(names, cells, strict=False))
            del fields[EMAIL]
            yield row, email, fields
    except csv.Error as error:
        raise _invalid(
            f"About row {row} a quotation mark opens a cell and is never closed, "
            f"or a cell has more than {_MAX_CELL:,} characters."
        ) from error


def _records(file: BinaryIO, encoding: str, delimiter: str) -> Iterator[list[str]]:
    """Raises csv.Error for an overlong cell, and at the end of the file if that lies within quotation marks.

    The csv module would let the second pass, and all rows behind the mark would be lost unnoticed in one cell: a line
    of our own behind the last tells whether it still counts as a line.
    """
    file.seek(0)
    text = TextIOWrapper(file, encoding, newline="")
    try:
        # A blank after the delimiter is typing, not content, and a quotation mark behind it still quotes.
        for cells in csv.reader(chain(text, [_END]), delimiter=delimiter, skipinitialspace=True):
            if cells == [_END]:
                return
            yield cells
        raise csv.Error("unexpected end of data")
    finally:
        text.detach()  # else the file would be closed with it


def _layout(file: BinaryIO) -> _Layout:
    encoding, has_nul = _encoding(file)
    samples = {delimiter: _sample(file, encoding, delimiter) for delimiter in _DELIMITERS}
    delimiter = max(_DELIMITERS, key=lambda delimiter: _fit(samples[delimiter]))
    if not samples[delimiter]:
        raise _invalid("The file is empty. It should have one recipient a row.")
    row, first = samples[delimiter][0]
    found = _find_email(first)
    if not found:
        raise _invalid(
            'The first row should have an email address or a header such as "email". '
            f"It reads: {', '.join(first)[:_SHOWN]}"
        )
    email_column, has_header = found
    names = [(has_header and field_name(cell)) or f"column_{n}" for n, cell in enumerate(first, 1)]
    names[email_column] = EMAIL
    for name, count in Counter(names).items():
        if count > 1:
            raise _invalid(f'{count} columns are called "{name}". Give each a name of its own.')
    return _Layout(encoding, has_nul, delimiter, tuple(names), email_column, row if has_header else row - 1)


def _sample(file: BinaryIO, encoding: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """The first records that are not blank, numbered, as far as the delimiter makes sense of the file."""
    records = enumerate(_records(file, encoding, delimiter), 1)
    sample: list[tuple[int, list[str]]] = []
    with suppress(csv.Error):
        for row, cells in records:
            if _has_content(cells):
                sample.append((row, cells))
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
    return _find_email(first) is not None, alike, width


def _find_email(cells: list[str]) -> tuple[int, bool] | None:
    """The column of addresses, and whether `cells` are its header rather than the first recipient."""
    for column, cell in enumerate(cells):
        try:
            normalize(cell)
        except InvalidAddress:
            continue
        return column, False
    names = [field_name(cell) for cell in cells]
    if EMAIL in names:
        return names.index(EMAIL), True
    return next(((column, True) for column, name in enumerate(names) if _EMAIL_HEADER.fullmatch(name)), None)


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
    return any(cell.strip() for cell in cells)


def _invalid(detail: str) -> InvalidInput:
    return InvalidInput({"file": detail})
