"""Lists of recipients that a workspace keeps by name: grown by uploads, filtered for campaigns, exported, erased.

A recipient is in a list once. A row that comes again for the same mailbox updates the fields that it brings; a campaign
takes a copy, so that no later change of a list changes what is owed. A list may say what its addresses are kept for and
where they come from, which is what their owners may ask (GDPR, articles 5, 13 and 14).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any, BinaryIO, NamedTuple

import msgspec
from psycopg.types.json import Jsonb

from app.bounds import LABEL, NOTE
from app.db import Conn, Pool, Row, containing, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain import csv_lines
from app.domain.accounts.actor import Actor
from app.domain.pages import Page, PageRequest, page_of
from app.domain.recipients import lists, stored_lists
from app.domain.recipients.conditions import Condition
from app.domain.recipients.lists import EMAIL, MOST_FIELDS, MOST_NAMES, MOST_RECIPIENTS, Choices, RecipientList
from app.domain.recipients.stored_lists import Named
from app.domain.workspaces import audit, quotas
from app.domain.workspaces.quotas import UNLIMITED, Quotas
from app.errors import Conflict, InvalidInput, NotFound
from app.mail.addresses import InvalidAddress, key, normalize_any, to_ascii
from app.sql import queries
from app.turns import Turns

sql = queries(__name__)

MOST_LISTS = 1_000  # of a workspace
EXPORT_PAGE = 500
CHUNK = 1_000_000  # bytes
AT_ONCE = 2  # each reads for seconds and holds a connection

_turns = Turns(AT_ONCE, of_one=AT_ONCE - 1)


class SavedList(msgspec.Struct, rename="camel"):
    """A list as it is kept. `fields`: the merge fields that some of its recipients have; `size` in bytes."""

    id: int
    name: str
    purpose: str | None
    source: str | None
    fields: list[str]
    recipients: int
    size: int
    created_at: datetime
    changed_at: datetime


class SavedRecipient(msgspec.Struct, rename="camel"):
    """A recipient of a list."""

    id: int
    email: str
    fields: dict[str, str]
    added_at: datetime
    changed_at: datetime


class SavedNamed(NamedTuple):
    """A saved list as a campaign names it: those of its recipients who fit every condition."""

    list_id: int
    conditions: list[Condition]
    choices: Choices = Choices()


class Grown(msgspec.Struct, rename="camel"):
    """The effect of an upload on a list, or of its trial: how many are new, and of how many fields were updated."""

    saved_list: SavedList = msgspec.field(name="list")
    added: int
    updated: int
    duplicates: int
    rejected: list[lists.Rejected]
    repaired: int
    repaired_rows: list[lists.Repaired]
    suspects: int
    suspect_rows: list[lists.Suspect]


class About(msgspec.Struct, frozen=True):
    """The name, purpose and source of a list. Raises InvalidInput by `check`."""

    name: str
    purpose: str | None = None
    source: str | None = None

    def check(self) -> None:
        if not self.name.strip() or not LABEL.allow(len(self.name)) or "\0" in self.name:
            raise InvalidInput({"name": f"give {LABEL} characters"})
        for name, text in (("purpose", self.purpose), ("source", self.source)):
            if text is not None and (not NOTE.allow(len(text)) or "\0" in text):
                raise InvalidInput({name: f"give {NOTE} characters"})


async def create(pool: Pool, workspace_id: int, about: About, actor: Actor) -> SavedList:
    """Raises InvalidInput, Conflict."""
    about.check()
    async with transaction(pool, workspace_id) as conn:
        await conn.execute(sql.lock_saved, {"workspace_id": workspace_id})
        if (await fetch_exactly_one(conn, sql.count_saved, {"workspace_id": workspace_id}))["n"] >= MOST_LISTS:
            raise Conflict(f"there are {MOST_LISTS:,} saved lists already; delete one")
        row = await fetch_one(conn, sql.insert_saved, {"workspace_id": workspace_id, **msgspec.to_builtins(about)})
        if row is None:
            raise _taken(about.name)
        await audit.record(conn, actor, workspace_id, "list.created", f"saved-lists/{row['id']}")
    return SavedList(**row)


async def change(pool: Pool, workspace_id: int, list_id: int, about: Callable[[SavedList], About]) -> SavedList:
    """`about` makes what the list is to say of what it says. Raises InvalidInput, NotFound, Conflict."""
    async with transaction(pool, workspace_id) as conn:
        wanted = about(await _locked(conn, workspace_id, list_id))
        wanted.check()
        params = {"workspace_id": workspace_id, "id": list_id, **msgspec.to_builtins(wanted)}
        if (await fetch_exactly_one(conn, sql.name_taken, params))["taken"]:
            raise _taken(wanted.name)
        return SavedList(**await fetch_exactly_one(conn, sql.change_saved, params))


async def page(pool: Pool, workspace_id: int, asked: PageRequest) -> Page[SavedList]:
    """Newest first. Raises InvalidInput."""
    params = {"workspace_id": workspace_id, "before": asked.check(), "limit": asked.limit + 1}
    async with transaction(pool, workspace_id) as conn:
        rows = await fetch_all(conn, sql.page_of_saved, params)
    return page_of([SavedList(**row) for row in rows], [row["id"] for row in rows], asked.limit)


async def get(pool: Pool, workspace_id: int, list_id: int) -> SavedList:
    """Raises NotFound."""
    async with transaction(pool, workspace_id) as conn:
        row = await fetch_one(conn, sql.saved_list, {"workspace_id": workspace_id, "id": list_id})
    if row is None:
        raise _not_found(list_id)
    return SavedList(**row)


async def remove(pool: Pool, workspace_id: int, list_id: int, actor: Actor) -> None:
    """With its recipients; campaigns made of it stay. Raises NotFound."""
    async with transaction(pool, workspace_id) as conn:
        await conn.execute(sql.take_time_to_save)
        if not (await fetch_exactly_one(conn, sql.remove_saved, {"workspace_id": workspace_id, "id": list_id}))["n"]:
            raise _not_found(list_id)
        await audit.record(conn, actor, workspace_id, "list.removed", f"saved-lists/{list_id}")


async def grow(
    pool: Pool,
    workspace_id: int,
    list_id: int,
    given: Callable[[frozenset[str]], RecipientList] | Named,
    actor: Actor,
    most: Quotas = UNLIMITED,
    *,
    preview: bool = False,
) -> Grown:
    """Add recipients, and update the fields of those who are there, all or nothing. A preview says what that would do.

    Raises InvalidInput, NotFound, Conflict (too many recipients; QuotaReached).
    """
    async with (
        _turns.take(workspace_id),
        stored_lists.spool() as file,
        transaction(pool, workspace_id) as conn,
        conn.transaction(force_rollback=preview),
    ):
        params = {"workspace_id": workspace_id, "id": list_id}
        await _locked(conn, workspace_id, list_id)
        make = await stored_lists.use(conn, workspace_id, given, file) if isinstance(given, Named) else given
        recipients = await asyncio.to_thread(make, frozenset[str]())
        await conn.execute(sql.take_time_to_save)
        await conn.execute(sql.stage_saved)
        size = await _stage(conn, workspace_id, recipients, most)
        merged = await fetch_exactly_one(conn, sql.merge_staged, params)
        await quotas.check_again(conn, workspace_id, most, size, campaign=False)
        fields = sorted(recipients.fields - {EMAIL})
        after = SavedList(**await fetch_exactly_one(conn, sql.count_anew, params | {"fields": fields}))
        _check_size(after)
        await audit.record(conn, actor, workspace_id, "list.grown", f"saved-lists/{list_id}")
    return Grown(
        saved_list=after,
        added=merged["added"],
        updated=merged["updated"],
        duplicates=recipients.duplicates,
        rejected=recipients.rejected,
        repaired=recipients.repaired,
        repaired_rows=recipients.first_repaired,
        suspects=recipients.suspects,
        suspect_rows=recipients.first_suspects,
    )


async def _stage(conn: Conn, workspace_id: int, recipients: RecipientList, most: Quotas) -> int:
    """Copy them. Returns how many bytes they are; raises InvalidInput where there is none, QuotaReached."""
    room = await quotas.room(conn, workspace_id, most)
    encode = msgspec.json.Encoder().encode
    every = iter(recipients)

    def next_chunk() -> bytearray:
        chunk = bytearray()
        for one in every:
            # As in scheduling: an address holds no control character, and JSON escapes all.
            chunk += b"%b\t%b\n" % (one.address.encode(), encode(one.fields).replace(b"\\", b"\\\\"))
            if len(chunk) >= CHUNK:
                break
        return chunk

    async with conn.cursor() as cursor, cursor.copy(sql.copy_saved) as copy:
        while chunk := await asyncio.to_thread(next_chunk):
            room.take(len(chunk))
            await copy.write(chunk)
    if not recipients.accepted:
        raise InvalidInput({"recipients": "no valid recipient"}, rejected=recipients.rejected)
    return room.taken


def _check_size(after: SavedList) -> None:
    if after.recipients > MOST_RECIPIENTS:
        raise Conflict(f"the list would have more than {MOST_RECIPIENTS:,} recipients; make it several")
    if len(after.fields) > MOST_FIELDS or sum(map(len, after.fields)) > MOST_NAMES:
        raise Conflict(
            f"the list would have more than {MOST_FIELDS} fields, or {MOST_NAMES:,} characters in their names"
        )


async def page_of_recipients(
    pool: Pool, workspace_id: int, list_id: int, q: str | None, conditions: Sequence[Condition], asked: PageRequest
) -> Page[SavedRecipient]:
    """In the order in which they came; `q` is a part of the address. Raises InvalidInput, NotFound."""
    if q is not None and "\0" in q:
        raise InvalidInput({"q": "has a NUL character, which no address has"})
    like = None if q is None else containing(q)
    await get(pool, workspace_id, list_id)
    params = _params(workspace_id, list_id, conditions) | {"q": like, "after": asked.check(), "limit": asked.limit + 1}
    async with transaction(pool, workspace_id) as conn:
        rows = await fetch_all(conn, sql.page_of_recipients, params)
    items = [
        SavedRecipient(row["id"], row["address"], row["fields"], row["added_at"], row["changed_at"]) for row in rows
    ]
    return page_of(items, [row["id"] for row in rows], asked.limit)


async def count(pool: Pool, workspace_id: int, list_id: int, conditions: Sequence[Condition]) -> int:
    """How many recipients fit. Raises InvalidInput, NotFound."""
    await get(pool, workspace_id, list_id)
    async with transaction(pool, workspace_id) as conn:
        row = await fetch_exactly_one(conn, sql.count_fitting, _params(workspace_id, list_id, conditions))
    return row["n"]


async def remove_recipient(pool: Pool, workspace_id: int, list_id: int, email: str) -> None:
    """Raises InvalidInput, NotFound."""
    try:
        address = normalize_any(email)
    except InvalidAddress as error:
        raise InvalidInput({"email": error.reason}) from None
    params = {"workspace_id": workspace_id, "id": list_id, "addresses": [key(address), key(to_ascii(address))]}
    async with transaction(pool, workspace_id) as conn:
        await _locked(conn, workspace_id, list_id)
        if not await fetch_all(conn, sql.remove_recipient, params):
            raise NotFound(f"the list has no recipient {address}")
        await conn.execute(sql.count_anew, params | {"fields": []})


async def export(
    pool: Pool, actor: Actor, workspace_id: int, list_id: int, *, spreadsheet: bool
) -> AsyncIterator[bytes]:
    """A list as CSV that can be uploaded again, piece by piece; with `spreadsheet`, so that Excel reads its letters.

    Raises NotFound.
    """
    kept = await get(pool, workspace_id, list_id)
    async with transaction(pool, workspace_id) as conn:
        await audit.record(conn, actor, workspace_id, "list.exported", f"saved-lists/{list_id}")
    return _export(pool, workspace_id, kept, spreadsheet)


async def _export(pool: Pool, workspace_id: int, kept: SavedList, spreadsheet: bool) -> AsyncIterator[bytes]:
    yield csv_lines.header((EMAIL, *kept.fields), spreadsheet=spreadsheet)
    params = _params(workspace_id, kept.id, ()) | {"q": None, "limit": EXPORT_PAGE}
    after: int | None = None
    while True:
        async with transaction(pool, workspace_id) as conn:
            rows = await fetch_all(conn, sql.page_of_recipients, params | {"after": after})
        cells = ((row["address"], *map(row["fields"].get, kept.fields)) for row in rows)
        yield b"".join(csv_lines.line(each, spreadsheet=spreadsheet) for each in cells)
        if len(rows) < EXPORT_PAGE:
            return
        after = rows[-1]["id"]


async def use(
    conn: Conn, workspace_id: int, named: SavedNamed, file: BinaryIO
) -> Callable[[frozenset[str]], RecipientList]:
    """Fill `file` with a copy of the list, one recipient a line as JSON; what comes back makes the recipients.

    Raises InvalidInput (`savedListId`, `filter`).
    """
    kept = await fetch_one(conn, sql.saved_list, {"workspace_id": workspace_id, "id": named.list_id})
    if kept is None:
        raise InvalidInput({"savedListId": f"there is no saved list {named.list_id}"})
    _check_fields(kept, named.conditions)
    held = bytearray()
    async for row in _stream(conn, sql.recipients_that_fit, _params(workspace_id, named.list_id, named.conditions)):
        held += row["item"].encode() + b"\n"
        if len(held) >= CHUNK:
            await asyncio.to_thread(file.write, bytes(held))
            held.clear()
    await asyncio.to_thread(file.write, bytes(held))
    fields = frozenset(kept["fields"])

    def make(required: frozenset[str]) -> RecipientList:
        made = lists.from_json(stored_lists.Items(file), required=required, choices=named.choices)
        made.fields |= fields
        return made

    return make


def _check_fields(kept: Row, conditions: Sequence[Condition]) -> None:
    """Raises InvalidInput for a condition on a field that nobody has: it would be as if there were none."""
    known = {EMAIL, *kept["fields"]}
    for number, condition in enumerate(conditions):
        if condition.field not in known:
            have = lists.few(sorted(known))
            raise InvalidInput({f"filter[{number}].field": f'is none of the list: "{condition.field}"; it has {have}'})


async def personal(conn: Conn, workspace_id: int, addresses: Sequence[str]) -> list[dict[str, Any]]:
    """Where an address is kept, as its owner may ask."""
    rows = await fetch_all(conn, sql.personal_saved, {"workspace_id": workspace_id, "addresses": list(addresses)})
    return [
        {
            "id": row["id"],
            "name": row["name"],
            "purpose": row["purpose"],
            "source": row["source"],
            "email": row["address"],
            "fields": row["fields"],
            "addedAt": row["added_at"],
            "changedAt": row["changed_at"],
        }
        for row in rows
    ]


async def erase(conn: Conn, workspace_id: int, addresses: Sequence[str]) -> int:
    """Take an address out of all lists, those included to which it is being added. Returns out of how many."""
    await conn.execute(sql.lock_every_list, {"workspace_id": workspace_id})
    row = await fetch_exactly_one(conn, sql.erase_saved, {"workspace_id": workspace_id, "addresses": list(addresses)})
    return row["n"]


def _params(workspace_id: int, list_id: int, conditions: Sequence[Condition]) -> dict[str, Any]:
    return {"workspace_id": workspace_id, "id": list_id, "filter": Jsonb(msgspec.to_builtins(list(conditions)))}


async def _stream(conn: Conn, text: bytes, params: dict[str, Any]) -> AsyncIterator[Row]:
    async with conn.cursor() as cursor:
        async for row in cursor.stream(text, params):
            yield row


async def _locked(conn: Conn, workspace_id: int, list_id: int) -> SavedList:
    row = await fetch_one(conn, sql.lock_list, {"workspace_id": workspace_id, "id": list_id})
    if row is None:
        raise _not_found(list_id)
    return SavedList(**row)


def _taken(name: str) -> Conflict:
    return Conflict(f'there is a saved list called "{name}" already; give this one another name')


def _not_found(list_id: int) -> NotFound:
    return NotFound(f"there is no saved list {list_id}")
