"""Troubles that need a person right now, read off the state of things: none is kept, and a mended one is gone."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from app.db import Pool, Row, fetch_all, fetch_exactly_one, transaction
from app.domain.operations import installation
from app.domain.operations.installation import Ours
from app.domain.workspaces.roles import OWNER, Role, covers
from app.sql import queries

sql = queries(__name__)

AT_MOST = 50  # of each kind: more than anybody reads

AlertKind = Literal[
    "installation.other",
    "worker.missing",
    "sender.blocked",
    "sender.unread",
    "campaign.held",
    "campaign.paused",  # by itself
    "email.unknown",
    "email.failed",
    "webhook.disabled",
    "webhook.failing",
]


class Alert(msgspec.Struct, rename="camel", kw_only=True):
    """`message` is for people; of the ids those are given that say what it is about. `since` None: not known.

    `count` is how many emails of the campaign, `until` when a sender or a campaign that is held back is
    tried again.
    """

    kind: AlertKind
    message: str
    since: datetime | None
    campaign_id: int | None = None
    sender_id: int | None = None
    webhook_id: int | None = None
    count: int | None = None
    until: datetime | None = None


async def list_alerts(pool: Pool, workspace_id: int, role: Role, ours: Ours) -> list[Alert]:
    """The alerts for this role, those that hold up most first: about webhooks for roles that may see these."""
    other = await installation.trouble(pool, ours)
    async with pool.connection() as conn:  # whether a worker runs is nobody's in particular
        worker = await fetch_exactly_one(conn, sql.workers_alive)
    params = {"workspace_id": workspace_id, "limit": AT_MOST}
    async with transaction(pool, workspace_id) as conn:
        senders = await fetch_all(conn, sql.blocked_senders, params)
        unread = await fetch_all(conn, sql.unread_senders, params)
        held = await fetch_all(conn, sql.held_campaigns, params)
        braked = await fetch_all(conn, sql.braked_campaigns, params)
        campaigns = await fetch_all(conn, sql.campaigns_in_trouble, params)
        webhooks = await fetch_all(conn, sql.webhooks_in_trouble, params) if covers(role, OWNER) else []
    alerts: list[Alert] = []
    if other is not None:
        alerts.append(Alert(kind="installation.other", message=other, since=None))
    elif not worker["alive"]:
        message = "No worker is running: nothing is sent until one is."
        alerts.append(Alert(kind="worker.missing", message=message, since=worker["last_seen"]))
    return [
        *alerts,
        *map(_of_sender, senders),
        *map(_of_mailbox, unread),
        *map(_of_held, held),
        *map(_of_braked, braked),
        *map(_of_campaign, campaigns),
        *map(_of_webhook, webhooks),
    ]


def _of_sender(row: Row) -> Alert:
    return Alert(
        kind="sender.blocked",
        message=f"{row['email']} is held back: {row['block_reason']}",
        since=row["since"],
        sender_id=row["id"],
        until=row["blocked_until"],
    )


def _of_mailbox(row: Row) -> Alert:
    return Alert(
        kind="sender.unread",
        message=f"The mailbox of {row['email']} cannot be read: {row['error']}",
        since=row["since"],
        sender_id=row["id"],
        until=row["next_at"],
    )


def _of_held(row: Row) -> Alert:
    return Alert(
        kind="campaign.held",
        message=f"“{row['name']}” is held back, for its emails are refused one after the other: {row['words']}",
        since=row["since"],
        campaign_id=row["id"],
        until=row["probe_at"],
    )


def _of_braked(row: Row) -> Alert:
    message = f"“{row['name']}” has paused itself: {row['brake']}"
    return Alert(kind="campaign.paused", message=message, since=None, campaign_id=row["id"])


def _of_campaign(row: Row) -> Alert:
    count = row["count"]
    emails = "1 email" if count == 1 else f"{count:,} emails"
    if row["status"] == "FAILED":
        kind, what = "email.failed", f"{emails} of “{row['name']}” failed; retry what can be mended."
    else:
        kind, what = "email.unknown", f"{emails} of “{row['name']}” may have arrived; decide whether to send again."
    return Alert(kind=kind, message=what, since=row["since"], campaign_id=row["id"], count=count)


def _of_webhook(row: Row) -> Alert:
    host = urlsplit(str(row["url"])).hostname  # the rest of an address often is a secret, and alerts take no `admin`
    if row["disabled_at"] is not None:
        kind, message = "webhook.disabled", f"The webhook to {host} was disabled: {row['disabled_reason']}"
    else:
        kind, message = "webhook.failing", f"The webhook to {host} fails: {row['last_error']}"
    return Alert(kind=kind, message=message, since=row["since"], webhook_id=row["id"])
