"""Recipient lists: who gets a campaign, from a JSON list here, from a CSV file in `csv_files`.

Both are streamed. A list of a million never sits in memory as objects: only the digests by which duplicates are
found do. A bad row is no reason to refuse the rest: it is noted with its number and the reason. What a few bytes of a
list may become (rows that name many fields, reasons that repeat them) is bounded here for both.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from app.bounds import FIELD_CHARACTERS, RECIPIENT_BYTES
from app.domain.recipients.mailboxes import Mailboxes
from app.errors import InvalidInput
from app.mail.addresses import InvalidAddress, key, normalize

EMAIL = "email"  # the field every list has: the address itself

MOST_RECIPIENTS = 2_000_000
MOST_ROWS = 5_000_000  # with content, duplicates and refused ones included
MOST_REJECTED = 100_000
MOST_REJECTED_BYTES = 10_000_000  # in addresses and reasons of the refused: they are in memory, in the answer, and kept
MOST_DUPLICATES_SHOWN = 1_000
MOST_FIELDS = 200  # columns of a file, keys of a JSON list
MOST_NAMES = 20_000  # characters in the names of a list's fields together: each campaign of it has them all

SHOWN = 320  # characters of a refused address that are worth showing
REASON = 300  # characters
_FEW = 3  # of many names, a sentence has as many
_NAME = 60  # characters of such a name
_UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")  # what Postgres text cannot hold
_LIQUID_WORDS = frozenset({"and", "blank", "contains", "empty", "false", "nil", "null", "or", "true"})


class Recipient(NamedTuple):
    """One mailbox and what the templates may say about it; `fields` leaves out the address."""

    address: str
    fields: dict[str, str]


class Rejected(msgspec.Struct, frozen=True):
    """A row nobody is sent to. `row` counts from 1; in a CSV as a spreadsheet does, header included."""

    row: int
    email: str
    reason: str


class Duplicate(msgspec.Struct, frozen=True):
    """A row whose mailbox is in the row `first` already."""

    row: int
    email: str
    first: int


# A row as its source gives it: number, text of the address, and the fields or, in their place, what is wrong.
Entry = tuple[int, str, dict[str, str] | str]


class RecipientList:
    """Recipients, each mailbox once, in the order of the source. Iterating counts; doing it again starts anew.

    `fields` is known before: every merge field that some recipient may have, the address (`email`) included. `row` is
    that of the recipient given last.
    """

    def __init__(self, fields: frozenset[str], entries: Callable[[], Iterator[Entry]]) -> None:
        self.fields = fields
        self.row = 0
        self.accepted = 0
        self.duplicates = 0
        self.rejected: list[Rejected] = []
        self.first_duplicates: list[Duplicate] = []
        self._entries = entries
        self.rejected_bytes = 0
        self.look: Callable[[int, dict[str, str]], str] | None = None  # why a text is not for who has these fields

    def __iter__(self) -> Iterator[Recipient]:
        """Raises InvalidInput."""
        self.accepted = self.duplicates = self.rejected_bytes = 0
        self.rejected, self.first_duplicates = [], []
        mailboxes = Mailboxes()
        for count, (row, email, fields) in enumerate(self._entries(), 1):
            if count > MOST_ROWS:
                raise too_many_rows()
            if isinstance(fields, str):
                self._reject(row, email, fields)
                continue
            if problem := _too_large(fields):
                self._reject(row, email, problem)
                continue
            try:
                address = normalize(email)
            except InvalidAddress as error:
                self._reject(row, email, error.reason)
                continue
            if self.look and (problem := self.look(row, fields)):
                self._reject(row, email, problem)
                continue
            first = mailboxes.first_row(key(address), row)
            if first is not None:
                self.duplicates += 1
                if self.duplicates <= MOST_DUPLICATES_SHOWN:
                    self.first_duplicates.append(Duplicate(row, address, first))
                continue
            self.accepted += 1
            if self.accepted > MOST_RECIPIENTS:
                raise InvalidInput({"recipients": f"are more than {MOST_RECIPIENTS:,}; make it several campaigns"})
            self.row = row
            yield Recipient(address, fields)

    def _reject(self, row: int, email: str, reason: str) -> None:
        # Rejected rows are part of the answer, and that is kept in Postgres for a repeated request.
        refused = Rejected(row, storable(email[:SHOWN]), storable(cut(reason, REASON)))
        self.rejected.append(refused)
        self.rejected_bytes += len(refused.email.encode()) + len(refused.reason.encode())
        if len(self.rejected) > MOST_REJECTED or self.rejected_bytes > MOST_REJECTED_BYTES:
            first = self.rejected[:100]
            why = f"{len(self.rejected):,} rows are refused, the first of them listed here; is it the right list?"
            raise InvalidInput({"recipients": why}, rejected=first)


def _too_large(fields: Mapping[str, str]) -> str:
    """What is wrong with a recipient who has more than is kept of one; empty: nothing."""
    if sum(map(len, fields.values())) <= FIELD_CHARACTERS:  # what nearly all are, and each field is shorter then
        return ""
    for name, text in fields.items():
        if len(text) > FIELD_CHARACTERS:
            return f"{cut(name, _NAME)} has {len(text):,} characters, and {FIELD_CHARACTERS:,} is the most."
    size = sum(len(text.encode()) for text in fields.values())
    if size > RECIPIENT_BYTES:
        return f"The fields have {size:,} bytes together, and {RECIPIENT_BYTES:,} is the most of a recipient."
    return ""


def too_many_rows() -> InvalidInput:
    return InvalidInput({"recipients": f"are more than {MOST_ROWS:,} rows; is it the right list?"})


def cut(text: str, most: int) -> str:
    """The text, or its beginning where it is longer than `most` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def few(names: Sequence[str]) -> str:
    """The first of many names, and how many more there are: people read no more, and a list repeats it for each row."""
    shown = ", ".join(cut(name, _NAME) for name in names[:_FEW])
    return f"{shown} and {len(names) - _FEW:,} more" if len(names) > _FEW else shown


def storable(text: str) -> str:
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
    rejected; null is the same as absent. Raises InvalidInput for more fields or rows than anybody has.
    """
    keys: set[str] = set()
    for count, item in enumerate(items, 1):
        if count > MOST_ROWS:
            raise too_many_rows()
        if isinstance(item, str) or keys.issuperset(item):
            continue
        keys.update(item)
        if len(keys) > MOST_FIELDS or sum(map(len, keys)) > MOST_NAMES:
            most = f"{MOST_FIELDS:,} fields with {MOST_NAMES:,} characters in their names are the most"
            raise InvalidInput({"recipients": f"have too many fields together, or too long ones: {most}"})
    names = {name: field_name(name) for name in keys}
    needed = sorted(set(required) - {EMAIL})
    return RecipientList(frozenset({*names.values(), EMAIL}), lambda: _json_entries(items, names, needed))


def _json_entries(
    items: Iterable[str | Mapping[str, object]], names: Mapping[str, str], needed: Sequence[str]
) -> Iterator[Entry]:
    for row, item in enumerate(items, 1):
        fields: dict[str, str] = {}
        problem = ""
        for name, value in [(EMAIL, item)] if isinstance(item, str) else item.items():
            if value is None:
                continue
            text = _text(value)
            field = names.get(name, name)
            if text is None:
                problem = f"{cut(name, _NAME)} is a list or an object; a merge field is text, a number, true or false."
            elif field in fields:
                problem = f"There are two values for {cut(field, _NAME)}."
            elif _UNSTORABLE.search(text):
                problem = f"{cut(name, _NAME)} has a character that is not text (NUL or half a surrogate pair)."
            else:
                fields[field] = text
        email = fields.pop(EMAIL, "")
        absent = [name for name in needed if name not in fields]
        if absent and not problem:
            problem = f"There is no value for {few(absent)}, which the template needs."
        yield row, email, problem or fields


def _text(value: object) -> str | None:
    """A JSON scalar as a template shows it; None for a list or an object."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None
