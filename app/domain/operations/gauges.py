"""Figures on the whole installation, for whoever runs it: what is owed, what waits, who works. Never by tenant."""

from __future__ import annotations

from typing import NamedTuple

from app.db import Pool, Row, fetch_all, fetch_exactly_one, transaction
from app.sql import queries

sql = queries(__name__)

MOST_COUNTED = 100_000
TIMEOUT_S = 5.0


class Due(NamedTuple):
    """Emails that are due and wait: how many, MOST_COUNTED at the most, and for how long the oldest one has."""

    waiting: int
    oldest_s: float


class Plans(NamedTuple):
    """Streams that a server's words hold back; those behind by more than a minute though nothing holds them;
    and for how long the oldest change of a plan has waited to be carried out.
    """

    held: int
    behind: int
    changing_s: float


class DayRoom(NamedTuple):
    """Of logins that are limited by the day: what they have sent, what they still may, how many may nothing more."""

    used: int
    left: int
    full: int


class Grants(NamedTuple):
    """Connected mailboxes, by how their grants are; `near_end`: access tokens in use that are about to end."""

    good: int
    failing: int
    ended: int
    near_end: int


class FollowUps(NamedTuple):
    """Emails that owe a next step, and follow-ups that are due and wait, MOST_COUNTED at the most, since the mailbox is
    unread in which an answer would lie. `stopped`: of how many the next step was, by what.
    """

    following: int
    unread: int
    stopped: dict[str, int]


class Gauges(NamedTuple):
    """One reading. `emails` by status; `undecided`: of those that failed, how many wait for a person's word; `due` by
    whether they are held back (their sender is backed off, or a server's words hold them); `holds` by reason; `jobs` by
    queue and status, where a waiting job is `due` or `later`.
    """

    emails: dict[str, int]
    undecided: int
    due: dict[bool, Due]
    jobs: dict[tuple[str, str], int]
    workers: int
    lanes: int
    senders_backed_off: int
    holds: dict[str, int]
    plans: Plans
    day: DayRoom
    grants: Grants
    follow_ups: FollowUps
    inbox_unread_s: float  # the longest that a mailbox was not read whole which emails that wait are sent from


async def read_gauges(pool: Pool) -> Gauges:
    """Raises psycopg.OperationalError when the database is away or takes longer than TIMEOUT_S over one of them."""
    async with transaction(pool) as conn:
        await conn.execute(sql.careful_reading, {"timeout_ms": str(round(TIMEOUT_S * 1000))})
        emails: Row = await fetch_exactly_one(conn, sql.emails_by_status)
        due = await fetch_all(conn, sql.due_emails, {"most": MOST_COUNTED})
        jobs = await fetch_all(conn, sql.jobs_by_queue)
        holds = await fetch_exactly_one(conn, sql.holds_by_reason)
        plans = await fetch_exactly_one(conn, sql.streams_standing)
        day = await fetch_exactly_one(conn, sql.day_room)
        grants = await fetch_exactly_one(conn, sql.grants)
        unread = await fetch_exactly_one(conn, sql.inboxes_unread)
        follows: Row = await fetch_exactly_one(conn, sql.follow_ups_standing, {"most": MOST_COUNTED})
        workforce = await fetch_exactly_one(conn, sql.workforce)
    return Gauges(
        undecided=emails.pop("undecided"),
        emails=emails,
        due={row["backed_off"]: Due(row["waiting"], row["oldest_s"]) for row in due},
        jobs={(row["queue"], row["status"]): row["jobs"] for row in jobs},
        workers=workforce["workers"],
        lanes=workforce["lanes"],
        senders_backed_off=workforce["backed_off"],
        holds=holds,
        plans=Plans(**plans),
        day=DayRoom(**day),
        grants=Grants(**grants),
        follow_ups=FollowUps(follows.pop("following"), follows.pop("unread"), follows),
        inbox_unread_s=unread["unread_s"],
    )
