"""The recipients of a request on their way to emails: read and checked, staged in Postgres, and inserted from there.

The long part, reading and checking, runs in a thread a chunk at a time and goes straight to COPY, so neither the event
loop nor memory feels a million rows. No lock is held while it lasts. `schedule` and `preview` stage alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from functools import partial
from typing import NamedTuple

import msgspec
from psycopg.rows import tuple_row

from app.db import Conn, fetch_all
from app.domain.campaigns.trial import Seen, Trial, Unwritable
from app.domain.planning.campaign_calendar import Zones
from app.domain.planning.plan import NEVER, Places, Plan
from app.domain.planning.stream import MICROSECOND
from app.domain.recipients.lists import Recipient, RecipientList, Rejected
from app.domain.suppressions.held import LeftOut
from app.domain.workspaces.quotas import Room
from app.errors import InvalidInput
from app.mail.opaque import digest
from app.sql import queries

sql = queries(__name__)

NULL = "\\N"  # in COPY's text form
PLACES = 20_000  # that are passed on at a time
FETCHED = 50  # recipients at a time, each with up to a hundred thousand characters
MOST_READINGS = 5  # of a list: a mailbox may have as many rows that it cannot be written to with
CHUNK = 1_000_000  # bytes: of rows, a few may be as large as many


class Target(NamedTuple):
    """The place of the emails that the staged recipients become: the campaign, these of its streams as the plan numbers
    them, and its first step, if others follow.
    """

    workspace_id: int
    campaign_id: int
    stream_ids: list[int]
    step_id: int | None = None


async def stage(conn: Conn, recipients: RecipientList, trial: Trial, room: Room, address_key: bytes) -> None:
    """Read and check all recipients, and keep those to whom all texts can be written until the transaction ends,
    numbered from 0 in the list's order. `address_key`: what digests of addresses are made with.

    Raises InvalidInput when none is left, or as `Trial.run` does; QuotaReached as soon as they are more than there is
    room for.
    """
    await conn.execute(sql.take_time)
    await conn.execute(sql.stage_recipients)
    found: list[Unwritable] = []
    taken = room.taken
    for _ in range(MOST_READINGS):
        await _read(conn, recipients, trial, room, address_key)
        found = await trial.run(partial(_staged, conn))
        if not found:
            return
        # The mailbox of a row that goes may be in a later row, too, which was a duplicate until then.
        recipients.refused |= {(one.seen.row, one.seen.recipient.address): one.reason for one in found}
        await conn.execute(sql.empty_stage)
        room.taken = taken
    raise found[0].wrong()


async def _read(conn: Conn, recipients: RecipientList, trial: Trial, room: Room, address_key: bytes) -> None:
    """Raises InvalidInput and QuotaReached."""
    trial.begin()
    encode_lines = msgspec.json.Encoder().encode_lines
    batches = recipients.batches()
    staged = 0

    def next_chunk() -> bytearray:
        """Lines of COPY's text form."""
        nonlocal staged
        chunk = bytearray()
        for batch in batches:
            trial.see(batch)
            # JSON escapes all control characters, and an address holds none: only backslashes are special to COPY.
            every = encode_lines(batch.fields).decode().replace("\\", "\\\\").split("\n")
            lines = [
                f"{number}\t{row}\t{address}\t\\\\x{digest(address_key, address).hex()}\t{fields}\n"
                for number, (row, address, fields) in enumerate(
                    zip(batch.rows, batch.addresses, every[:-1], strict=True), staged
                )
            ]
            staged += len(lines)
            chunk += "".join(lines).encode()
            if len(chunk) >= CHUNK:
                break
        return chunk

    async with conn.cursor() as cursor, cursor.copy(sql.copy_recipients) as copy:
        while chunk := await asyncio.to_thread(next_chunk):
            room.take(len(chunk))
            await copy.write(chunk)
    if not recipients.accepted:
        raise InvalidInput({"recipients": "no valid recipient"}, rejected=recipients.rejected)


async def _staged(conn: Conn, numbers: Sequence[int]) -> AsyncGenerator[Sequence[Seen]]:
    async with conn.cursor(name="staged_ones", row_factory=tuple_row) as cursor:
        await cursor.execute(sql.staged_of, {"numbers": list(numbers)})
        while rows := await cursor.fetchmany(FETCHED):
            yield [Seen(number, row, Recipient(address, fields)) for number, row, address, fields in rows]


async def leave_out(
    conn: Conn, recipients: RecipientList, taken: Sequence[int], shown: Sequence[LeftOut], why: str
) -> None:
    """Go on without those that were taken out of the stage, by their numbers; `shown`: the first of them.

    Raises InvalidInput when nobody is left: everybody on the list `why`.
    """
    if not taken:
        return
    numbers = sorted(taken)
    recipients.accepted -= len(numbers)
    if not recipients.accepted:
        left_out = [Rejected(each.row, each.email, each.reason) for each in shown]
        raise InvalidInput({"recipients": f"everybody on the list {why}"}, rejected=[*recipients.rejected, *left_out])
    if recipients.zones is not None:
        await asyncio.to_thread(recipients.zones.leave_out, numbers)
    await conn.execute(sql.close_ranks, {"numbers": numbers, "first": numbers[0]})


async def addresses_of(conn: Conn, numbers: Iterable[int]) -> dict[int, str]:
    """Of staged recipients, by their numbers."""
    rows = await fetch_all(conn, sql.addresses_of, {"numbers": list(numbers)})
    return {row["number"]: row["recipient"] for row in rows}


async def insert_emails(conn: Conn, target: Target, made: Plan, zones: Zones | None = None) -> None:
    """Make the staged recipients emails, each at the place that the plan has for its number."""
    await conn.execute(sql.join_at_once)
    if made.places is not None and zones is not None:
        await conn.execute(sql.stage_places)
        async with conn.cursor() as cursor, cursor.copy(sql.copy_places) as copy:
            for first in range(0, len(zones.numbers), PLACES):
                await copy.write(await asyncio.to_thread(_lines, target, made.places, zones, first))
        await conn.execute(sql.insert_placed_emails, target._asdict())
        return
    runs = made.runs
    columns = {
        "streams": [target.stream_ids[run.stream] for run in runs],
        "firsts": [run.first for run in runs],
        "counts": [run.size for run in runs],
        "ats": [run.at for run in runs],
        "gaps": [run.gap // MICROSECOND for run in runs],
        "jitters": [run.jitter // MICROSECOND for run in runs],
        "ends": [run.end for run in runs],
        "untils": [run.until for run in runs],
        "divided": len(target.stream_ids) > 1,
    }
    await conn.execute(sql.insert_emails, target._asdict() | columns)


def _lines(target: Target, places: Places, zones: Zones, first: int) -> bytes:
    """Places from the number `first` on, in COPY's text form; times are microseconds since 1970."""
    lines: list[str] = []
    for number in range(first, min(first + PLACES, len(zones.numbers))):
        until = places.untils[number]
        zone = zones.names[zones.numbers[number]] if zones.brought[number] else NULL
        lines.append(
            f"{number}\t{target.stream_ids[places.streams[number]]}\t{places.ats[number]}\t{places.jitters[number]}"
            f"\t{NULL if until == NEVER else until}\t{zone}\n"
        )
    return "".join(lines).encode()
