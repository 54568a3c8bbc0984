"""Recipient lists: who gets a campaign, from a JSON list here, from a CSV file in `csv_files`.

Both are streamed. A list of a million never sits in memory as objects: only the keys by which duplicates are
found do. A bad row is no reason to refuse the rest: it is noted with its number and the reason.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from app.errors import InvalidInput
from app.mail.addresses import InvalidAddress, key, normalize

EMAIL = "email"  # the field every list has: the address itself

MOST_RECIPIENTS = 2_000_000
MOST_REJECTED = 100_000
MOST_DUPLICATES_SHOWN = 1_000
MOST_FIELDS = 1_000
MOST_NAMES = 20_000  # characters in the names of a list's fields together: each campaign of it has them all

SHOWN = 320  # characters of a refused address that are worth showing
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

    `fields` is known before: every merge field that some recipient may have, the address (`email`) included.
    """

    def __init__(self, fields: frozenset[str], entries: Callable[[], Iterator[Entry]]) -> None:
        self.fields = fields
        self.accepted = 0
        self.duplicates = 0
        self.rejected: list[Rejected] = []
        self._entries = entries
        self._seen: dict[str, None] = {}  # mailboxes in the order of `_rows`, those of their rows
        self._rows = array("I")
        self._repeated: list[tuple[int, str]] = []

    def __iter__(self) -> Iterator[Recipient]:
        self.accepted = self.duplicates = 0
        self.rejected = []
        self._seen, self._rows, self._repeated = {}, array("I"), []
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
            if mailbox in self._seen:
                self.duplicates += 1
                if self.duplicates <= MOST_DUPLICATES_SHOWN:
                    self._repeated.append((row, address))
                continue
            self._seen[mailbox] = None
            self._rows.append(row)
            self.accepted += 1
            if self.accepted > MOST_RECIPIENTS:
                raise InvalidInput({"recipients": f"are more than {MOST_RECIPIENTS:,}; make it several campaigns"})
            yield Recipient(address, fields)

    @property
    def row(self) -> int:
        """Of the recipient that the iteration gave last."""
        return self._rows[-1]

    def first_duplicates(self) -> list[Duplicate]:
        """The first of the duplicates of the last iteration, each with where its mailbox is first."""
        wanted = {key(address) for _, address in self._repeated}
        first = {box: row for box, row in zip(self._seen, self._rows, strict=True) if box in wanted} if wanted else {}
        return [Duplicate(row, address, first[key(address)]) for row, address in self._repeated]

    def _reject(self, row: int, email: str, reason: str) -> None:
        # Rejected rows are part of the answer, and that is kept in Postgres for a repeated request.
        self.rejected.append(Rejected(row, storable(email[:SHOWN]), storable(reason)))
        if len(self.rejected) > MOST_REJECTED:
            first = self.rejected[:100]
            why = f"more than {MOST_REJECTED:,} rows are refused, the first of them listed here; is it the right list?"
            raise InvalidInput({"recipients": why}, rejected=first)


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
    rejected; null is the same as absent. Raises InvalidInput for more fields than anybody has.
    """
    keys: set[str] = set()
    for item in items:
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
