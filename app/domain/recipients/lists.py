"""Recipient lists: who gets a campaign, from a JSON list here, from a CSV file in `csv_files`.

Both are streamed. A list of a million never sits in memory as objects: only the digests by which duplicates are
found do. A bad row is no reason to refuse the rest: it is noted with its number and the reason. An address with
something around it is taken out of that, which is noted, too; one that is probably mistyped stays as it is, and is
noted to be asked about. The growth of a few bytes of a list (rows that name many fields, reasons that repeat them) is
bounded here for both.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from app.bounds import FIELD_CHARACTERS, RECIPIENT_BYTES
from app.domain.planning.campaign_calendar import Zones
from app.domain.recipients.mailboxes import Mailboxes
from app.errors import InvalidInput
from app.mail.addresses import InvalidAddress, key, normalize
from app.mail.names import LIQUID_WORDS
from app.mail.remarks import names_no_one, wants_no_more
from app.mail.repairs import Mended, mend, needs_mending, suggestions

EMAIL = "email"  # the field every list has: the address itself

MOST_RECIPIENTS = 2_000_000
MOST_ROWS = 5_000_000  # with content, duplicates and refused ones included
MOST_REJECTED = 100_000
MOST_REJECTED_BYTES = 10_000_000  # in addresses and reasons of the refused: they are in memory, in the answer, and kept
MOST_DUPLICATES_SHOWN = 1_000
MOST_REPAIRS_SHOWN = 1_000
MOST_SUSPECTS_SHOWN = 1_000
MOST_OTHERS_SHOWN = 10  # of one cell
MOST_FIELDS = 200  # columns of a file, keys of a JSON list
MOST_NAMES = 20_000  # characters in the names of a list's fields together: each campaign of it has them all

SHOWN = 320  # characters of a refused address that are worth showing
REASON = 300  # characters
BATCH = 1_000  # recipients that are passed on together, and
BATCH_CHARACTERS = 1_000_000  # in their fields
_FEW = 3  # of many names, a sentence has as many
_NAME = 60  # characters of such a name
_MOST_COMPOSED = 1_000  # characters of a name: to put its marks in order may take as long as their square
_UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")  # what Postgres text cannot hold
_JOINERS = re.compile("[\u200b-\u200d\u2060\ufeff]")


class Recipient(NamedTuple):
    """One mailbox and what the templates may say about it; `fields` leaves out the address."""

    address: str
    fields: dict[str, str]


class Batch(NamedTuple):
    """Some recipients, one after the other: their rows, addresses and fields."""

    rows: list[int]
    addresses: list[str]
    fields: list[dict[str, str]]


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


class Repaired(msgspec.Struct, frozen=True):
    """A row that says more than an address, or says it wrongly: `email` as it came, the `address` that was taken, and
    the `others` that it has.
    """

    row: int
    email: str
    address: str
    what: str
    others: list[str]


class Suspect(msgspec.Struct, frozen=True):
    """A row whose domain is probably mistyped, and the domain that was probably meant. It is sent to as it is."""

    row: int
    email: str
    meant: str


class Choices(NamedTuple):
    """The wishes of a list's sender. `internal`: domains that the operator allows beside those of the world;
    `every_address`: of cells that have several, not the first alone; `corrections`: domains to put in others' places;
    `repeats`: rows of a mailbox that another row has are given, too; `reads`, where addresses alone matter and no other
    cell of theirs: gives the address of a cell that is none to send to, or raises InvalidAddress.
    """

    internal: frozenset[str] = frozenset()
    every_address: bool = False
    corrections: Mapping[str, str] = {}
    repeats: bool = False
    reads: Callable[[str], str] | None = None


# A row as its source gives it: number, text of the address, the fields or, in their place, what is wrong, and what was
# repaired of it ("": nothing).
Entry = tuple[int, str, dict[str, str] | str, str]


class Look(Protocol):
    """Looks at the recipients of a list while it is read."""

    def begin(self) -> None:
        """It is read, once more perhaps."""

    def look(self, row: int, fields: dict[str, str]) -> str:
        """Why a text is not for who has these fields, among which it may put some; empty: it is."""
        ...

    def see(self, batch: Batch) -> None:
        """Those who are accepted."""


class Long(Protocol):
    """Knows for whom a text is too long."""

    @property
    def beyond(self) -> int:
        """Nobody who has no more characters than that in their fields."""
        ...

    def problem(self, address: str, fields: Mapping[str, str]) -> str:
        """Why the text cannot be written; empty: it can."""
        ...


class RecipientList:
    """Recipients, each mailbox once, in the order of the source. Iterating counts; doing it again starts anew.

    `fields` is known before: every merge field that some recipient may have, the address (`email`) included. With
    `zones`, those of the recipients are noted there; who brings one that is none is rejected, as is
    whom `look` and `long` have something against. `refused`: by row and address, who is not to be sent to, and why. A
    mailbox that is rejected in one row may come in another.
    """

    def __init__(
        self, fields: frozenset[str], entries: Callable[[], Iterator[Entry]], choices: Choices | None = None
    ) -> None:
        self.fields = fields
        self._entries = entries
        self._choices = choices or Choices()
        self.zones: Zones | None = None
        self.look: Look | None = None
        self.long: Long | None = None
        self.refused: dict[tuple[int, str], str] = {}
        self._begin()

    def _begin(self) -> None:
        self.accepted = self.duplicates = self.repaired = self.suspects = self.rejected_bytes = 0
        self.rejected: list[Rejected] = []
        self.first_duplicates: list[Duplicate] = []
        self.first_repaired: list[Repaired] = []
        self.first_suspects: list[Suspect] = []

    def __iter__(self) -> Iterator[Recipient]:
        """Raises InvalidInput."""
        for batch in self.batches():
            yield from map(Recipient, batch.addresses, batch.fields)

    def batches(self) -> Iterator[Batch]:
        """The same, as many together as memory does not feel: who counts in millions feels each call. Raises
        InvalidInput.
        """
        self._begin()
        if self.zones is not None:
            self.zones.clear()
        if self.look is not None:
            self.look.begin()
        mailboxes = Mailboxes()
        internal, reads, meant_by = self._choices.internal, self._choices.reads, suggestions()
        look = self.look.look if self.look else None
        zones, long, refused = self.zones, self.long, self.refused
        beyond = long.beyond if long else RECIPIENT_BYTES
        batch, characters = Batch([], [], []), 0
        for count, (row, email, fields, note) in enumerate(self._entries(), 1):
            if count > MOST_ROWS:
                raise too_many_rows()
            is_told = isinstance(fields, str)
            if isinstance(fields, str):
                self.reject(row, email, fields)
                if reads is None:
                    continue
                fields = {}
            size = sum(map(len, fields.values()))
            if size > FIELD_CHARACTERS and reads is None and (problem := _too_large(fields)):
                self.reject(row, email, problem)
                continue
            if "**" in email:
                self.reject(row, email, "The address is masked: asterisks stand in place of letters.")
                continue
            others: Sequence[str] = ()
            mended = None
            try:
                address = normalize(email, internal)
                if (address[0] == "'" or not email.isascii()) and needs_mending(email, address):
                    mended = mend(email, internal)
            except InvalidAddress as error:
                mended = mend(email, internal)
                try:
                    address = mended.address if mended else _read(email, reads, error)
                except InvalidAddress as no_address:
                    if not is_told:
                        self.reject(row, email, no_address.reason)
                    continue
            name = fields.get("name")
            # A list of those who are not written to takes them with their remarks.
            said = wants_no_more(email, mended) if mended and reads is None else {}
            if remark := said.get(address) or (name and reads is None and names_no_one(name, address)):
                self.reject(row, email, _remarked(remark))
                continue
            if problem := (look and look(row, fields)) or (zones and zones.problem(fields)):
                self.reject(row, email, problem)
                continue
            if mended or note:
                address, others = self._repair(row, email, mended or Mended(address, "", [], []), note)
            for given in (address, *others) if others else (address,):
                if given in said:
                    self.reject(row, given, _remarked(said[given]))
                    continue
                one = given
                if meant := meant_by[given[given.rindex("@") + 1 :]]:
                    try:
                        one = self._ask(row, given, meant)
                    except InvalidAddress as error:
                        self.reject(row, given, f"Corrected as asked for: {error.reason}")
                        continue
                if size > beyond and long and (problem := long.problem(one, fields)):
                    self.reject(row, one, problem)
                    continue
                if refused and (problem := refused.get((row, one))):
                    self.reject(row, one, problem)
                    continue
                if (first := mailboxes.first_row(one.lower() if one.isascii() else key(one), row)) is not None:
                    self._note_duplicate(row, one, first)
                    if not self._choices.repeats:
                        continue
                self.accepted += 1
                if self.accepted > MOST_RECIPIENTS:
                    raise InvalidInput({"recipients": f"are more than {MOST_RECIPIENTS:,}; make it several campaigns"})
                if zones is not None:
                    zones.add(fields)
                batch.rows.append(row)
                batch.addresses.append(one)
                batch.fields.append(fields)
                characters += size
                if len(batch.rows) >= BATCH or characters >= BATCH_CHARACTERS:
                    if self.look is not None:
                        self.look.see(batch)
                    yield batch
                    batch, characters = Batch([], [], []), 0
        if self.look is not None:
            self.look.see(batch)
        yield batch

    def _note_duplicate(self, row: int, address: str, first: int) -> None:
        self.duplicates += 1
        if self.duplicates <= MOST_DUPLICATES_SHOWN:
            self.first_duplicates.append(Duplicate(row, address, first))

    def _repair(self, row: int, email: str, mended: Mended, note: str) -> tuple[str, Sequence[str]]:
        """Note what was repaired. The address to take, and the others to take with it."""
        self.repaired += 1
        takes_all = self._choices.every_address and bool(mended.others)
        if self.repaired <= MOST_REPAIRS_SHOWN:
            what = "every one of the addresses taken" if takes_all else mended.what
            self.first_repaired.append(
                Repaired(
                    row=row,
                    email=storable(cut(email, SHOWN)),
                    address=mended.address,
                    what=cut("; ".join(filter(None, (what, note))), REASON),
                    others=[] if takes_all else mended.others[:MOST_OTHERS_SHOWN],
                )
            )
        if not self._choices.every_address:
            return mended.address, []
        return mended.address, [*mended.others, *self._read_parts(row, mended.none)]

    def _read_parts(self, row: int, parts: Sequence[str]) -> Iterator[str]:
        """The addresses in parts of a cell that are none to send to. A slip of a blank leaves `@gmail.com`: of a part,
        that is nobody's.
        """
        for part in parts:
            try:
                normalize(part, self._choices.internal)
            except InvalidAddress as error:
                try:
                    yield _read(part, None if part.startswith(("@", "*@")) else self._choices.reads, error)
                except InvalidAddress as no_address:
                    self.reject(row, part, no_address.reason)

    def _ask(self, row: int, address: str, meant: str) -> str:
        """Note that the address is probably mistyped. The address to take; raises InvalidAddress for a correction that
        makes none.
        """
        local, _, domain = address.rpartition("@")
        if right := self._choices.corrections.get(domain):
            corrected = normalize(f"{local}@{right}", self._choices.internal)
            self.repaired += 1
            if self.repaired <= MOST_REPAIRS_SHOWN:
                self.first_repaired.append(Repaired(row, address, corrected, f"{domain} corrected to {right}", []))
            return corrected
        self.suspects += 1
        if self.suspects <= MOST_SUSPECTS_SHOWN:
            self.first_suspects.append(Suspect(row, address, meant))
        return address

    def reject(self, row: int, email: str, reason: str) -> None:
        """Note that nobody is sent to in that row. Raises InvalidInput where these are too many."""
        # Rejected rows are part of the answer, and that is kept in Postgres for a repeated request.
        refused = Rejected(row, storable(email[:SHOWN]), storable(cut(reason, REASON)))
        self.rejected.append(refused)
        self.rejected_bytes += len(refused.email.encode()) + len(refused.reason.encode())
        if len(self.rejected) > MOST_REJECTED or self.rejected_bytes > MOST_REJECTED_BYTES:
            first = self.rejected[:100]
            why = f"{len(self.rejected):,} rows are refused, the first of them listed here; is it the right list?"
            raise InvalidInput({"recipients": why}, rejected=first)


def _remarked(remark: str) -> str:
    return f'Beside the address stands "{cut(remark, _NAME)}". If they want mail, leave that out.'


def _read(cell: str, reads: Callable[[str], str] | None, error: InvalidAddress) -> str:
    """The address by `reads`. Raises InvalidAddress; without it, the `error` there was."""
    if reads is None:
        raise error
    return reads(cell)


def _too_large(fields: Mapping[str, str]) -> str:
    """Why a recipient with so much in their fields is refused; empty: they are not."""
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

    Lower case; letters and digits of any script stay, with the marks that belong to them (Thai and Indian vowels), and
    what is between them becomes one `_`. Words that mean something else in a template get a `_` behind, numbers one in
    front.
    """
    composed = unicodedata.normalize("NFC", header) if len(header) <= _MOST_COMPOSED else header
    text = _JOINERS.sub("", composed.lower())
    if text.isascii():
        name = re.sub(r"[\W_]+", "_", text).strip("_")
    else:
        kept = (c if c.isalnum() or unicodedata.category(c)[0] == "M" else "_" for c in text)
        name = re.sub("__+", "_", "".join(kept)).strip("_")
    if name.isdecimal():
        return f"_{name}"
    return f"{name}_" if name in LIQUID_WORDS else name


def from_json(
    items: Iterable[str | Mapping[str, object]], *, required: Collection[str] = (), choices: Choices | None = None
) -> RecipientList:
    """Recipients from a list of addresses, or of objects with `email` and merge fields, or of both.

    `items` are gone through here and again at each iteration of the list. A recipient who lacks a field in `required`
    is rejected; null is the same as absent. Raises InvalidInput for more fields or rows than anybody has.
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
    if nameless := sorted(name for name, field in names.items() if not field):
        raise InvalidInput({"recipients": f'have a field "{cut(storable(nameless[0]), _NAME)}"; use letters or digits'})
    needed = sorted(set(required) - {EMAIL})
    return RecipientList(frozenset({*names.values(), EMAIL}), lambda: _json_entries(items, names, needed), choices)


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
        yield row, email, problem or fields, ""


def _text(value: object) -> str | None:
    """A JSON scalar as a template shows it; None for a list or an object."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None
