"""Follow-ups that campaigns with steps owe, if nobody answers: plans of anything else leave room to them.

Counted by the hour, from the emails that wait and from those that were sent and owe a next step: each later step falls
due a wait after the one before. `follow_ups` decides what exactly leaves when, as it does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from app.db import Conn, Row, fetch_all
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
    counted = _by_campaign(await fetch_all(conn, sql.followed_by_window, params), now)
    owed = Counter[tuple[datetime, bool]]()
    for (hour, campaign_id), recipients in counted.items():
        owed[hour, campaign_id == params["campaign_id"]] += recipients
    return [Owed(hour, count, own) for (hour, own), count in sorted(owed.items())]


async def owed_by_logins(
    conn: Conn, workspace_id: int, now: datetime, up_to: Mapping[int, datetime]
) -> dict[int, Counter[tuple[datetime, int]]]:
    """By each login, of what was sent and of what is planned for before a time: by the hour and the campaign."""
    params = {"workspace_id": workspace_id, "login_ids": list(up_to), "tos": list(up_to.values())}
    rows = await fetch_all(conn, sql.followed_by_logins, params)
    return {login: _by_campaign(list(its), now) for login, its in groupby(rows, key=lambda row: row["login_id"])}


def _by_campaign(rows: Sequence[Row], now: datetime) -> Counter[tuple[datetime, int]]:
    """How many recipients get an email in a clock hour, and by which campaign."""
    owed = Counter[tuple[datetime, int]]()
    clocks: dict[int, Clock] = {}
    for row in rows:
        if row["campaign_id"] not in clocks:
            calendar = of_kept(row["calendar"])
            clocks[row["campaign_id"]] = Clock(None if calendar is None else in_zone(calendar), hour_of(now))
        clock, at = clocks[row["campaign_id"]], row["hour"]
        for wait in row["waits"] or ():
            at = max(clock.due(at, Wait.of_row(wait)), now)
            owed[hour_of(at), row["campaign_id"]] += row["recipients"]
    return owed
