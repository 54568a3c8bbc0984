"""Mending a plan that cannot be kept, for the sender loop that met it: at once, and so little that nothing waits."""

from __future__ import annotations

from app.db import Conn, Row, fetch_all
from app.domain.ledger import streams
from app.domain.planning.changes import ask_for_campaign, campaigns_asked
from app.domain.planning.course import Course, move, read_course, try_lock_plan
from app.jobs import defer_planning
from app.sql import queries

sql = queries(__name__)

OVERDUE_S = 60.0  # a spaced campaign later than this has lost its plan and gets a new one
MOST = 2_000  # emails that are moved at once
WORTH_ALL_S = 600.0  # later than this, all that waits is planned again: what its end is said to be is too far off


async def mend(conn: Conn, workspace_id: int, sender_id: int, *, over_limit: bool) -> None:
    """Bring what is due first back to what can be, at most `MOST` emails; where that is not enough, have campaigns
    planned again in the background.

    With `over_limit`, what is due moves to the next windows, in order and ahead of what is planned there: that will
    overflow in its turn by as much, so one deferred email does not wait behind a backlog of weeks, and the backlog is
    never rewritten. Otherwise, a spaced campaign that fell behind (its worker was away) is spaced anew.

    While somebody else plans, it does nothing: the loop looks again.
    """
    if not await try_lock_plan(conn, sender_id):
        return
    rows = await fetch_all(conn, sql.open_streams, {"workspace_id": workspace_id, "sender_id": sender_id})
    if over_limit:
        late = [row for row in rows if row["late_s"] >= 0]
        await streams.lock(conn, workspace_id, [row["id"] for row in late])
        await _move_what_is_due(conn, workspace_id, sender_id, [row["campaign_id"] for row in rows], late)
    else:
        late = [row for row in rows if row["gap_ms"] and (row["behind_s"] or 0) > OVERDUE_S]
        await streams.lock(conn, workspace_id, [row["id"] for row in late])
        await _space_anew(conn, workspace_id, sender_id, late)


async def _move_what_is_due(
    conn: Conn, workspace_id: int, sender_id: int, campaign_ids: list[int], late: list[Row]
) -> None:
    due: list[tuple[Row, list[Row]]] = []
    left = MOST
    for row in late:
        first = await _first(conn, workspace_id, row["id"], left + 1, due_only=True)
        due.append((row, first))
        left -= len(first)
        if left < 0:
            await _ask(conn, workspace_id, sender_id, [row["campaign_id"] for row in late])
            return
    taken = None
    for row, first in due:
        # `taken`: used up, nothing planned.
        _, course = await read_course(
            conn, workspace_id, row["campaign_id"], sender_id, except_campaign_ids=campaign_ids, taken=taken
        )
        await _place(conn, workspace_id, row["id"], first, course)
        taken = course.taken


async def _space_anew(conn: Conn, workspace_id: int, sender_id: int, late: list[Row]) -> None:
    for row in late:
        first = await _first(conn, workspace_id, row["id"], max(MOST // len(late), 1), due_only=False)
        _, course = await read_course(conn, workspace_id, row["campaign_id"], sender_id)
        await _place(conn, workspace_id, row["id"], first, course)
        overdue = row["behind_s"] * 1000 / row["gap_ms"]
        if len(first) < row["scheduled"] and (overdue > len(first) or row["behind_s"] > WORTH_ALL_S):
            await _ask(conn, workspace_id, sender_id, [row["campaign_id"]])


async def _place(conn: Conn, workspace_id: int, stream_id: int, emails: list[Row], course: Course) -> None:
    emails = sorted(emails, key=lambda row: not row["is_owed"])
    places = course.places([row["zone"] for row in emails], sum(row["is_owed"] for row in emails))
    await move(conn, workspace_id, stream_id, [row["id"] for row in emails], places, course)


async def _first(conn: Conn, workspace_id: int, stream_id: int, limit: int, *, due_only: bool) -> list[Row]:
    params = {"workspace_id": workspace_id, "stream_id": stream_id, "limit": limit, "due_only": due_only}
    return await fetch_all(conn, sql.first_waiting, params)


async def _ask(conn: Conn, workspace_id: int, sender_id: int, campaign_ids: list[int]) -> None:
    """Ask for the campaigns that are not asked for yet: a change that is under way would begin again."""
    asked = await campaigns_asked(conn, workspace_id, sender_id)
    if new := [campaign_id for campaign_id in campaign_ids if campaign_id not in asked]:
        for campaign_id in new:
            await ask_for_campaign(conn, workspace_id, campaign_id, sender_id=sender_id)
        await defer_planning(conn, workspace_id, sender_id)
