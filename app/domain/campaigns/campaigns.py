"""Campaigns: watched through their counts, paused, resumed, cancelled.

Sending itself is not here: a campaign only says what is owed and when, `ledger.exchange` trades it with the workers.
Whoever changes a campaign locks its streams first, and then the campaign: see `ledger.streams`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, cast

import msgspec

from app.db import Conn, Pool, Row, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.accounts.actor import LOCAL, Actor
from app.domain.ledger import holds, streams
from app.domain.ledger.holds import Held
from app.domain.pages import Page, PageRequest, page_of
from app.domain.planning import changes
from app.domain.workspaces import audit
from app.errors import Conflict, NotFound
from app.jobs import defer_wake_up
from app.sql import queries

sql = queries(__name__)
CampaignStatus = Literal["ACTIVE", "PAUSED", "CANCELLED", "FINISHED"]
OnUnknown = Literal["hold", "resend", "assume_sent"]
CANCEL_BATCH = 10_000


class Campaign(msgspec.Struct, rename="camel"):
    """`counts` has every email status and adds up to `total`; `next_at` and `last_at` are the plan of what waits,
    `used_this_hour` what counts against `hourly_limit`. `held`: a server's words hold it back, its sender's hold aside.
    After `emails_removed_at` the counts are all that is left of emails removed for their age.
    """

    id: int
    name: str
    sender_id: int
    subject: str
    body: str
    body_html: str | None
    start_time: datetime
    delay_between_ms: int
    hourly_limit: int | None
    on_unknown: OnUnknown
    status: CampaignStatus
    total: int
    counts: dict[str, int]
    next_at: datetime | None
    last_at: datetime | None
    created_at: datetime
    finished_at: datetime | None
    # Answers kept from before these were there lack them.
    used_this_hour: int = 0
    emails_removed_at: datetime | None = None
    held: Held | None = None
    language: str | None = None


def _campaign(row: Row) -> Campaign:
    return Campaign(
        id=row["id"],
        name=row["name"],
        sender_id=row["sender_id"],
        subject=row["subject"],
        body=row["body"],
        body_html=row["body_html"],
        start_time=row["start_at"],
        delay_between_ms=row["delay_ms"],
        hourly_limit=row["hourly_limit"],
        on_unknown=row["on_unknown"],
        status=row["status"],
        total=row["total"],
        counts=counts_of(row),
        used_this_hour=row["used_this_hour"],
        next_at=row["next_at"],
        last_at=row["last_at"],
        created_at=row["created_at"],
        finished_at=row["finished_at"],
        emails_removed_at=row["emails_removed_at"],
        held=row["held"],
        language=row["language"],
    )


def counts_of(row: Row) -> dict[str, int]:
    """How many of a campaign's emails are in each status."""
    return {s: row[s.lower()] for s in ("SCHEDULED", "SENDING", "SENT", "FAILED", "UNKNOWN", "CANCELLED")}


async def list_campaigns(
    pool: Pool, workspace_id: int, status: CampaignStatus | None, page: PageRequest
) -> Page[Campaign]:
    before = page.check()
    async with transaction(pool, workspace_id) as conn:
        rows = await _rows(conn, workspace_id, status=status, before=before, limit=page.limit + 1)
    return page_of([_campaign(row) for row in rows], [row["id"] for row in rows], page.limit)


async def get_campaign(pool: Pool, workspace_id: int, campaign_id: int) -> Campaign:
    """Raises NotFound."""
    async with transaction(pool, workspace_id) as conn:
        return await read_campaign(conn, workspace_id, campaign_id)


async def read_campaign(conn: Conn, workspace_id: int, campaign_id: int) -> Campaign:
    """Raises NotFound."""
    return _campaign(await read_row(conn, workspace_id, campaign_id))


async def read_row(conn: Conn, workspace_id: int, campaign_id: int) -> Row:
    rows = await _rows(conn, workspace_id, campaign_id=campaign_id)
    if not rows:
        raise NotFound(f"no campaign {campaign_id}")
    return rows[0]


async def _rows(
    conn: Conn,
    workspace_id: int,
    *,
    campaign_id: int | None = None,
    status: str | None = None,
    before: int | None = None,
    limit: int = 1,
) -> list[Row]:
    params = {
        "workspace_id": workspace_id,
        "campaign_id": campaign_id,
        "status": status,
        "before": before,
        "limit": limit,
    }
    rows = await fetch_all(conn, sql.list_campaigns, params)
    held = await holds.of_campaigns(conn, workspace_id, [row["id"] for row in rows])
    return [row | {"held": held.get(row["id"])} for row in rows]


async def lock_campaign(conn: Conn, workspace_id: int, campaign_id: int) -> Row:
    """The campaign's row, held with its streams until the end of the transaction. Raises NotFound."""
    stream_ids = await streams.lock_of_campaign(conn, workspace_id, campaign_id)
    row = await fetch_one(conn, sql.lock_campaign, {"workspace_id": workspace_id, "campaign_id": campaign_id})
    if row is None:
        raise NotFound(f"no campaign {campaign_id}")
    return row | {"stream_ids": stream_ids}


async def pause(pool: Pool, workspace_id: int, campaign_id: int, actor: Actor = LOCAL) -> Campaign:
    """From now on nothing of it is claimed; what is being sent finishes. Raises NotFound, Conflict."""
    async with transaction(pool, workspace_id) as conn:
        campaign = await lock_campaign(conn, workspace_id, campaign_id)
        if campaign["status"] not in {"ACTIVE", "PAUSED"}:
            raise Conflict(f"the campaign is {campaign['status']}; only an ACTIVE one can be paused")
        await _set_status(conn, workspace_id, campaign_id, "PAUSED")
        if campaign["status"] == "ACTIVE":
            await changes.free_room(conn, workspace_id, campaign["sender_id"], campaign_id)
            await audit.record(conn, actor, workspace_id, "campaign.paused", f"campaigns/{campaign_id}")
        return await read_campaign(conn, workspace_id, campaign_id)


async def resume(pool: Pool, workspace_id: int, campaign_id: int, actor: Actor = LOCAL) -> Campaign:
    """Plan what waits again from now on, spaced as before, and go on.

    Raises NotFound, and Conflict, also while others plan for the sender: nothing goes by a plan from before the pause.
    """
    async with transaction(pool, workspace_id) as conn:
        campaign = await lock_campaign(conn, workspace_id, campaign_id)
        _check_paused(campaign)
        await changes.ask_for_campaign(conn, workspace_id, campaign_id)
    await changes.plan_now(pool, workspace_id, campaign["sender_id"])
    async with transaction(pool, workspace_id) as conn:
        _check_paused(await lock_campaign(conn, workspace_id, campaign_id))
        await _set_status(conn, workspace_id, campaign_id, "ACTIVE")
        await audit.record(conn, actor, workspace_id, "campaign.resumed", f"campaigns/{campaign_id}")
        resumed = await read_campaign(conn, workspace_id, campaign_id)
        await defer_wake_up(conn, campaign["sender_id"], resumed.next_at)
        return resumed


def _check_paused(campaign: Row) -> None:
    if campaign["status"] != "PAUSED":
        raise Conflict(f"the campaign is {campaign['status']}; only a PAUSED one can be resumed")


async def cancel(pool: Pool, workspace_id: int, campaign_id: int, actor: Actor = LOCAL) -> Campaign:
    """From now on nothing of it is claimed, and what waits is CANCELLED: a first batch of it in this transaction,
    the rest of a very large campaign by the worker's sweep. Raises NotFound, Conflict.
    """
    async with transaction(pool, workspace_id) as conn:
        campaign = await lock_campaign(conn, workspace_id, campaign_id)
        if campaign["status"] == "FINISHED":
            raise Conflict("the campaign is FINISHED; nothing is left to cancel")
        await _set_status(conn, workspace_id, campaign_id, "CANCELLED")
        for stream_id in campaign["stream_ids"]:
            await _cancel_batch(conn, workspace_id, stream_id)
        if campaign["status"] == "ACTIVE":
            await changes.free_room(conn, workspace_id, campaign["sender_id"], campaign_id)
        if campaign["status"] != "CANCELLED":
            await audit.record(conn, actor, workspace_id, "campaign.cancelled", f"campaigns/{campaign_id}")
        return await read_campaign(conn, workspace_id, campaign_id)


async def finish_cancels(pool: Pool) -> dict[int, int]:
    """Cancel, batch by batch, what waits in cancelled campaigns; returns how many emails that were, by campaign."""
    cancelled: dict[int, int] = {}
    async with transaction(pool) as conn:
        found = await fetch_all(conn, sql.cancelled_with_waiting)
    for row in found:
        n = CANCEL_BATCH
        while n == CANCEL_BATCH:
            async with transaction(pool) as conn:
                await streams.lock(conn, row["workspace_id"], [row["stream_id"]])
                n = await _cancel_batch(conn, row["workspace_id"], row["stream_id"])
            if n:
                cancelled[row["campaign_id"]] = cancelled.get(row["campaign_id"], 0) + n
    return cancelled


async def _cancel_batch(conn: Conn, workspace_id: int, stream_id: int) -> int:
    """Cancel a batch of what waits in the stream, which is locked; returns how many emails that were."""
    params = {"workspace_id": workspace_id, "stream_id": stream_id, "batch": CANCEL_BATCH}
    row = await fetch_exactly_one(conn, sql.cancel_waiting, params)
    await streams.settle(conn, workspace_id, [stream_id])
    return cast(int, row["cancelled"])


async def _set_status(conn: Conn, workspace_id: int, campaign_id: int, status: CampaignStatus) -> None:
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id}
    await conn.execute(sql.set_streams_open, params | {"open": status == "ACTIVE"})
    await conn.execute(sql.set_campaign_status, params | {"status": status})
