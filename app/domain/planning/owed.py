"""What campaigns with steps owe, if nobody answers: the room that plans of anything else leave to it.

Counted by the hour, from the emails that wait and from those that were sent and owe a next step: each later step falls
due a wait after the one before. What exactly leaves when is decided as it does (`follow_ups`).
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any, NamedTuple

from app.db import Conn, fetch_all
from app.domain.planning.campaign_calendar import in_zone, of_kept
from app.domain.planning.follow import Clock, Wait
from app.domain.planning.slots import hour_of
from app.sql import queries

sql = queries(__name__)


class Owed(NamedTuple):
    """`recipients` get an email in a clock hour; `own`: by the campaign that is planned."""

    hour: datetime
    recipients: int
    own: bool


async def owed_by_login(conn: Conn, now: datetime, params: dict[str, Any]) -> list[Owed]:
    """By all streams of a sender's login; `params` are those of `planned_by_window`, whose emails this is about."""
    owed = Counter[tuple[datetime, bool]]()
    clocks: dict[int, Clock] = {}
    for row in await fetch_all(conn, sql.followed_by_window, params):
        if row["campaign_id"] not in clocks:
            calendar = of_kept(row["calendar"])
            clocks[row["campaign_id"]] = Clock(None if calendar is None else in_zone(calendar), hour_of(now))
        clock, at = clocks[row["campaign_id"]], row["hour"]
        for wait in row["waits"] or ():
            at = max(clock.due(at, Wait.of_row(wait)), now)
            owed[hour_of(at), row["campaign_id"] == params["campaign_id"]] += row["recipients"]
    return [Owed(hour, count, own) for (hour, own), count in sorted(owed.items())]
