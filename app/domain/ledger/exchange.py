"""Emails as workers see them: the exchange.

It is the heart of the engine. A worker trades the outcomes of finished emails for as many due ones as it
has idle lanes, in one call (`app/sql/ledger/exchange.sql` tells how). SMTP runs with no transaction open; the
committed claim is the record that something is at an SMTP server.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from app.db import Conn, Pool, fetch_all, fetch_one, transaction
from app.domain.ledger import streams
from app.domain.ledger.claims import Claim, Claimant, Report
from app.domain.ledger.refusals import settle
from app.domain.planning.replan import mend
from app.sql import queries

sql = queries(__name__)

EmailStatus = Literal["SCHEDULED", "SENDING", "SENT", "FAILED", "UNKNOWN", "CANCELLED"]


class Traded(NamedTuple):
    """The result of an exchange. `late`: some reports were on emails that are not ours any more; `suppressed`: the
    reasons for which others' recipients are, whose emails were cancelled in the place of a claim; `blame`: a refusal
    that shows the sender's own trouble; `judged`: the campaign of each email that the judge has looked at.
    """

    claims: list[Claim]
    late: bool = False
    suppressed: Sequence[str] = ()
    blame: Report | None = None
    judged: Mapping[int, int] = {}


class Patience(NamedTuple):
    """How long an email is tried that is refused for now: `max_attempts` times, or so many hours; what ends first."""

    max_attempts: int | None
    retry_for_hours: float


class Outlook(NamedTuple):
    """The prospects of a sender loop: when its next email is due (None: nothing waits), until when the sender is
    blocked, both also in seconds from now; whether a limit holds something due back.
    """

    blocked_until: datetime | None
    blocked_s: float | None
    due_at: datetime | None
    due_s: float | None
    over_limit: bool


_encode = msgspec.json.Encoder().encode


async def exchange(conn: Conn, claimant: Claimant, reports: list[Report], wanted: int, *, patience: Patience) -> Traded:
    """Record `reports`, claim at most `wanted` due emails; both or neither.

    Fewer than wanted: `outlook` tells why. Reports on emails that are not ours any more change nothing: see
    `record_late`. The judge decides first on reports that need it, in the same transaction.
    """
    now = time.monotonic()
    ages = {report.id: 0.0 if report.ended is None else round(now - report.ended, 6) for report in reports}
    if not any(map(_for_the_judge, reports)):
        return await _exchange(conn, claimant, reports, wanted, ages, patience)
    async with conn.transaction():
        evidence = await settle(conn, claimant, reports, ages)
        wanted = 0 if evidence.blame else wanted
        traded = await _exchange(conn, claimant, reports, wanted, ages, patience)
    judged = {report.id: evidence.emails[report.id].campaign_id for report in reports if report.id in evidence.emails}
    return traded._replace(blame=evidence.blame, judged=judged)


def _for_the_judge(report: Report) -> bool:
    return report.refusal is not None or report.probe or (report.retried and report.kind == "ACCEPTED")


async def _exchange(
    conn: Conn, claimant: Claimant, reports: list[Report], wanted: int, ages: dict[int, float], patience: Patience
) -> Traded:
    rows = await fetch_all(
        conn,
        sql.exchange,
        {
            **claimant.parameters(),
            "ids": [report.id for report in reports],
            "outcomes": _encode(reports).decode(),
            "wanted": wanted,
            "accepted_ago_s": min((ages[report.id] for report in reports if report.kind == "ACCEPTED"), default=0.0),
            **patience._asdict(),
        },
    )
    late = bool(rows) and rows[-1]["id"] is None
    given = rows[:-1] if late else rows
    return Traded(
        [Claim(**row) for row in given if row["claimed_at"] is not None],
        late,
        [row["message_id"] for row in given if row["claimed_at"] is None],
    )


async def record_late(conn: Conn, claimant: Claimant, reports: list[Report]) -> None:
    """Record outcomes of claims that were lost meanwhile (a lease ran out, a database went back), unless a newer claim
    exists: a known outcome is never forgotten. Repeating it is harmless.
    """
    workspace_id = claimant.workspace_id
    async with conn.transaction():
        found = await streams.lock_of_emails(conn, workspace_id, [report.id for report in reports])
        await conn.execute(sql.record_late, {"workspace_id": workspace_id, "outcomes": _encode(reports).decode()})
        await streams.settle(conn, workspace_id, found)


async def outlook(conn: Conn, claimant: Claimant) -> Outlook | None:
    """The sender's next claims, and when to ask again; None when the sender is gone."""
    row = await fetch_one(conn, sql.outlook, claimant.parameters())
    return None if row is None else Outlook(**row)


async def held_claims(conn: Conn, claimant: Claimant) -> list[int]:
    """Ids of the sender's emails that this worker holds according to the ledger."""
    return [row["id"] for row in await fetch_all(conn, sql.held_claims, claimant.parameters())]


async def mend_plans(pool: Pool, workspace_id: int, sender_id: int, *, over_limit: bool) -> None:
    """Bring the sender's plans back to what can be: see `replan.mend`."""
    async with transaction(pool) as conn:
        await mend(conn, workspace_id, sender_id, over_limit=over_limit)
