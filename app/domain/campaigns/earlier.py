"""Recipients who were written to before: a campaign can leave them out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from app.db import Conn, fetch_all, fetch_exactly_one
from app.domain.campaigns.draft import Draft
from app.domain.suppressions.held import MOST_SHOWN, LeftOut
from app.errors import InvalidInput
from app.sql import queries

sql = queries(__name__)

BATCH = 10_000  # addresses looked up at a time
_NAME = 60  # characters of a campaign's name in a reason


class Earlier(NamedTuple):
    """The recipients who were taken out of the stage: their numbers, and the first of them as people read it."""

    numbers: list[int]
    shown: list[LeftOut]


async def take_out(conn: Conn, workspace_id: int, draft: Draft) -> Earlier:
    """Take out of `staged`, which has gaps in its numbers then, whom the draft leaves out since something went to them
    before.

    Raises InvalidInput for campaigns that are not there, or whose emails are not.
    """
    days, campaign_ids = draft.not_if_written_to_days, list(draft.not_in_campaigns or [])
    if days is None and not campaign_ids:
        return Earlier([], [])
    params = {"workspace_id": workspace_id, "days": days, "campaign_ids": campaign_ids}
    found = await fetch_exactly_one(conn, sql.take_out_earlier, params | {"batch": BATCH, "shown": MOST_SHOWN})
    # Only now: a campaign loses no email before it counts as deleted, so what is there still was there to be looked at.
    await _check_there(conn, workspace_id, campaign_ids)
    shown = [LeftOut(row["row"], row["email"], _reason(row["name"], row["at"])) for row in found["shown"]]
    return Earlier(found["numbers"], shown)


async def _check_there(conn: Conn, workspace_id: int, campaign_ids: Sequence[int]) -> None:
    if not campaign_ids:
        return
    rows = await fetch_all(conn, sql.campaigns_there, {"workspace_id": workspace_id, "ids": campaign_ids})
    if missing := sorted(set(campaign_ids) - {row["id"] for row in rows}):
        raise InvalidInput({"notInCampaigns": f"there is no campaign {missing[0]}"})
    if removed := sorted(row["id"] for row in rows if row["removed"]):
        why = f"the emails of campaign {removed[0]} are removed for their age: nobody knows any more to whom they went"
        raise InvalidInput({"notInCampaigns": why})


def _reason(name: str, at: str | None) -> str:
    """Such as "written to on 3 May 2026 in “Spring news”"; without a day where nothing has gone yet."""
    shown = name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"
    if at is None:
        return f"is in “{shown}”"
    day = datetime.fromisoformat(at)
    return f"written to on {day.day} {day:%B %Y} in “{shown}”"
