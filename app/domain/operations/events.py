"""Changes while somebody watches: the progress of campaigns and the troubles of senders.

`watching` looks once a second while a stream is open. Nothing announces its changes: the exchange has no time for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

import msgspec

from app.db import Pool, Row, fetch_all, fetch_exactly_one, transaction
from app.domain.campaigns.campaigns import CampaignStatus, counts_of
from app.domain.ledger import holds
from app.domain.ledger.holds import Held
from app.sql import queries

sql = queries(__name__)

AT_MOST = 200  # of each kind: more than anybody watches


class CampaignProgress(msgspec.Struct, rename="camel", frozen=True):
    """The fields of a campaign that change by themselves; as in `Campaign`."""

    kind: ClassVar[str] = "campaign"

    id: int
    status: CampaignStatus
    total: int
    counts: dict[str, int]
    used_this_hour: int
    next_at: datetime | None
    last_at: datetime | None
    finished_at: datetime | None
    held: Held | None
    undecided: int


class SenderState(msgspec.Struct, rename="camel", frozen=True):
    """Until when a sender is blocked and why, and what holds it; all None: nothing does, or no longer."""

    kind: ClassVar[str] = "sender"

    id: int
    blocked_until: datetime | None
    block_reason: str | None
    held: Held | None


class Came(msgspec.Struct, rename="camel", frozen=True):
    """The latest of what came back, once anything has."""

    kind: ClassVar[str] = "responses"

    latest_id: int
    id: int = 0  # there is one for all


Event = CampaignProgress | SenderState | Came


async def look(pool: Pool, workspace_id: int, campaigns: Sequence[int], senders: Sequence[int]) -> list[Event]:
    """The state of all that moves, and of these campaigns and senders, which did when they were last looked at."""
    async with transaction(pool, workspace_id) as conn:
        params = {"workspace_id": workspace_id, "limit": AT_MOST}
        progress = await fetch_all(conn, sql.campaign_progress, params | {"ids": list(campaigns)})
        states = await fetch_all(conn, sql.sender_states, params | {"ids": list(senders)})
        held = await holds.of_campaigns(conn, workspace_id, [row["id"] for row in progress])
        held_senders = await holds.of_senders(conn, workspace_id, [row["id"] for row in states])
        came = (await fetch_exactly_one(conn, sql.latest_response, params))["latest_id"]
    return [
        *(_progress(row, held.get(row["id"])) for row in progress),
        *(SenderState(**row, held=held_senders.get(row["id"])) for row in states),
        *([] if came is None else [Came(came)]),
    ]


def _progress(row: Row, held: Held | None) -> CampaignProgress:
    return CampaignProgress(
        id=row["id"],
        status=row["status"],
        total=row["total"],
        counts=counts_of(row),
        used_this_hour=row["used_this_hour"],
        next_at=row["next_at"],
        last_at=row["last_at"],
        finished_at=row["finished_at"],
        held=held,
        undecided=row["undecided"],
    )
