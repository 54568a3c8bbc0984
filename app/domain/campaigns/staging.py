"""The recipients of a request on their way to emails: read and checked, staged in Postgres, and inserted from there.

The long part, reading and checking, runs in a thread a chunk at a time and goes straight to COPY, so neither the event
loop nor memory feels a million rows. No lock is held while it lasts. `schedule` and `preview` stage alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from app.db import Conn
from app.domain.campaigns.trial import Trial
from app.domain.planning.plan import Run
from app.domain.recipients.lists import RecipientList
from app.domain.workspaces.quotas import Room
from app.errors import InvalidInput
from app.sql import queries

sql = queries(__name__)

CHUNK = 1_000_000  # bytes: of rows, a few may be as large as many


class Target(NamedTuple):
    """Whose emails the staged recipients become."""

    workspace_id: int
    campaign_id: int
    stream_id: int
    delay_ms: int


async def stage(conn: Conn, recipients: RecipientList, trial: Trial, room: Room) -> None:
    """Read and check all recipients and keep them until the transaction ends, numbered from 0 in the list's order.

    Raises InvalidInput when none is left, QuotaReached as soon as they are more than there is room for.
    """
    encode = msgspec.json.Encoder().encode
    rows = enumerate(recipients)

    def next_chunk() -> bytearray:
        """Lines of COPY's text form."""
        chunk = bytearray()
        for number, r in rows:
            trial.see(recipients.row, r)
            # JSON escapes all control characters, and an address holds none: only backslashes are special to COPY.
            chunk += b"%d\t%b\t%b\n" % (number, r.address.encode(), encode(r.fields).replace(b"\\", b"\\\\"))
            if len(chunk) >= CHUNK:
                break
        return chunk

    await conn.execute(sql.take_time)
    await conn.execute(sql.stage_recipients)
    async with conn.cursor() as cursor, cursor.copy(sql.copy_recipients) as copy:
        while chunk := await asyncio.to_thread(next_chunk):
            room.take(len(chunk))
            await copy.write(chunk)
    if not recipients.accepted:
        raise InvalidInput({"recipients": "no valid recipient"}, rejected=recipients.rejected)


async def insert_emails(conn: Conn, target: Target, runs: Sequence[Run]) -> None:
    """Make the staged recipients emails, each at the time that `runs` have for its number."""
    times = {
        "firsts": [run.first for run in runs],
        "counts": [run.size for run in runs],
        "ats": [run.at for run in runs],
    }
    await conn.execute(sql.join_at_once)
    await conn.execute(sql.insert_emails, target._asdict() | times)
