"""Emails as workers see them: the exchange.

It is the heart of the engine. A worker trades the outcomes of finished emails for as many due ones as it
has idle lanes, in one statement (`app/sql/ledger/exchange.sql` tells how). SMTP runs with no transaction open; the
committed claim is the record that something is at an SMTP server.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec

from app.db import Conn, Pool, fetch_all, fetch_one, transaction
from app.domain.planning.replan import mend
from app.sql import queries

sql = queries(__name__)

EmailStatus = Literal["SCHEDULED", "SENDING", "SENT", "FAILED", "UNKNOWN", "CANCELLED"]
Outcome = Literal["ACCEPTED", "REJECTED", "DEFERRED", "RELEASED", "UNKNOWN"]


class Claim(NamedTuple):
    """An email that is ours to send."""

    id: int
    campaign_id: int
    content_version: int
    recipient: str
    fields: dict[str, str]
    retry_count: int
    attempts: int
    scheduled_at: datetime
    claimed_at: datetime
    message_id: str | None


class Report(msgspec.Struct, omit_defaults=True):
    """What became of a claim. UNBEGUN: nothing was tried, it goes back as if never claimed.

    `command` is where the conversation ended (MAIL, RCPT, DATA, or `.` for the reply to the message),
    `again_in_s` when a DEFERRED or RELEASED email is due next (None: when it was), `content_version` which text of the
    campaign it was made from.
    """

    id: int
    kind: Outcome | Literal["UNBEGUN"]
    command: str | None = None
    code: int | None = None
    enhanced_code: str | None = None
    reply: str | None = None
    duration_ms: int | None = None
    server: str | None = None
    message_id: str | None = None
    again_in_s: float | None = None
    content_version: int | None = None


class Outlook(NamedTuple):
    """What a sender loop may expect: when its next email is due (None: nothing waits), until when the sender is
    blocked, both also in seconds from now; whether a limit holds something due back; whether the window's row is there.
    """

    window_open: bool
    blocked_until: datetime | None
    blocked_s: float | None
    due_at: datetime | None
    due_s: float | None
    over_limit: bool


class Claimant(NamedTuple):
    """Who trades: a worker (by its token) for one sender."""

    token: UUID
    workspace_id: int
    sender_id: int

    def parameters(self) -> dict[str, Any]:
        return self._asdict()


def message_id(claim: Claim, domain: str) -> str:
    """The Message-ID of an email: the same for every attempt at it."""
    return claim.message_id or f"<{claim.id}.{claim.campaign_id}.reachinbox@{domain}>"


_encode = msgspec.json.Encoder().encode


async def exchange(
    conn: Conn, claimant: Claimant, reports: list[Report], wanted: int, *, max_attempts: int
) -> list[Claim]:
    """Record `reports`, claim at most `wanted` due emails; both or neither.

    Fewer than wanted: `outlook` tells why. Reports on emails that are not ours any more change nothing.
    """
    rows = await fetch_all(
        conn,
        sql.exchange,
        {
            **claimant.parameters(),
            "outcomes": _encode(reports).decode(),
            "wanted": wanted,
            "max_attempts": max_attempts,
        },
    )
    return [Claim(**row) for row in rows]


async def outlook(conn: Conn, claimant: Claimant) -> Outlook | None:
    """What comes next for the sender; None when it is gone. Opens the current window if it is not there yet."""
    row = await fetch_one(conn, sql.outlook, claimant.parameters())
    if row is None:
        return None
    if not row["window_open"]:
        await conn.execute(sql.open_window, claimant.parameters())
    return Outlook(**row)


async def held_claims(conn: Conn, claimant: Claimant) -> list[int]:
    """Ids of the sender's emails that this worker holds according to the ledger."""
    return [row["id"] for row in await fetch_all(conn, sql.held_claims, claimant.parameters())]


async def mend_plans(pool: Pool, workspace_id: int, sender_id: int, *, over_limit: bool) -> None:
    """Bring the sender's plans back to what can be: see `replan.mend`."""
    async with transaction(pool) as conn:
        await mend(conn, workspace_id, sender_id, over_limit=over_limit)
