"""Quotas: how much a workspace may have, by the operator's settings, so that nobody fills what all share.

Stored bytes are those of emails' recipients and fields and of campaigns' texts, counted as they are written
(`campaigns.stored_bytes`, with the refused rows of an answer that is kept), of files that go along, of drafts, and of
lists, uploaded and saved. Campaigns whose emails retention has removed count no more. A list is read for long: so a
campaign is checked before, to be refused early, and once more (`check_again`) when it is to be written.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from app.db import Conn, fetch_exactly_one, fetch_one
from app.errors import QuotaReached
from app.settings import Settings
from app.sql import queries

sql = queries(__name__)

# More than one workspace writes at once, by all that limits that.
NEAR_BYTES = 2_000_000_000
NEAR_CAMPAIGNS = 20


class Quotas(msgspec.Struct, frozen=True, kw_only=True):
    """The most of each that a workspace may have; 0: any number."""

    senders: int = 0
    keys: int = 0
    campaigns_a_day: int = 0
    stored_bytes: int = 0
    suppressions: int = 0


UNLIMITED = Quotas()


def quotas_of(settings: Settings) -> Quotas:
    return Quotas(
        senders=settings.quota_senders,
        keys=settings.quota_keys,
        campaigns_a_day=settings.quota_campaigns_a_day,
        stored_bytes=settings.quota_stored_megabytes * 1_000_000,
        suppressions=settings.quota_suppressions,
    )


async def check_senders(conn: Conn, workspace_id: int, quotas: Quotas) -> None:
    """Raises QuotaReached unless there is room for one more; nobody else adds one before the end of the transaction."""
    if quotas.senders:
        await conn.execute(sql.lock_quota, {"workspace_id": workspace_id, "quota": "senders"})
        count = (await fetch_exactly_one(conn, sql.count_senders, {"workspace_id": workspace_id}))["n"]
        if count >= quotas.senders:
            raise _reached(f"has {count:,} senders, and {quotas.senders:,} is the most", "delete one", "QUOTA_SENDERS")


async def check_keys(conn: Conn, workspace_id: int, quotas: Quotas) -> None:
    """Raises QuotaReached unless there is room for one more; nobody else adds one before the end of the transaction."""
    if quotas.keys:
        await conn.execute(sql.lock_quota, {"workspace_id": workspace_id, "quota": "keys"})
        count = (await fetch_exactly_one(conn, sql.count_keys, {"workspace_id": workspace_id}))["n"]
        if count >= quotas.keys:
            raise _reached(f"has {count:,} keys in use, and {quotas.keys:,} is the most", "revoke one", "QUOTA_KEYS")


async def check_suppressions(conn: Conn, workspace_id: int, quotas: Quotas) -> None:
    """Raises QuotaReached if the transaction has added some beyond; `suppress` keeps others from adding meanwhile."""
    most = quotas.suppressions
    params = {"workspace_id": workspace_id, "most": most}
    if most and (await fetch_exactly_one(conn, sql.has_more_suppressions, params))["has_more"]:
        raise _reached(
            f"would have more than {most:,} suppressions, and that is the most",
            "suppress domains instead of their addresses",
            "QUOTA_SUPPRESSIONS",
        )


async def check_campaigns(conn: Conn, workspace_id: int, quotas: Quotas) -> None:
    """Raises QuotaReached unless there is room for one more today."""
    most = quotas.campaigns_a_day
    if most and (row := await fetch_one(conn, sql.full_until, {"workspace_id": workspace_id, "before": most - 1})):
        until: datetime = row["until"].astimezone(UTC)
        raise _reached(
            f"has scheduled {most:,} campaigns in 24 hours, and that is the most",
            f"schedule the next one after {until:%Y-%m-%d %H:%M} UTC",
            "QUOTA_CAMPAIGNS_A_DAY",
        )


async def room(conn: Conn, workspace_id: int, quotas: Quotas) -> Room:
    """How much more the workspace may store."""
    if not quotas.stored_bytes:
        return Room(None)
    used = (await fetch_exactly_one(conn, sql.stored, {"workspace_id": workspace_id}))["bytes"]
    return Room(quotas.stored_bytes - used, quotas.stored_bytes)


async def check_again(conn: Conn, workspace_id: int, quotas: Quotas, size: int, *, campaign: bool) -> None:
    """Raises QuotaReached unless there is room for `size` bytes and, with `campaign`, for one more today.

    Where little room is left, nobody else adds any before the end of the transaction, which writing a million emails
    puts off: where there is plenty, what is written at once cannot pass a quota, and nobody waits.
    """
    nearly = Quotas(
        campaigns_a_day=quotas.campaigns_a_day and max(1, quotas.campaigns_a_day - NEAR_CAMPAIGNS),
        stored_bytes=quotas.stored_bytes and max(1, quotas.stored_bytes - NEAR_BYTES),
    )
    try:
        await _check(conn, workspace_id, nearly, size, campaign=campaign)
    except QuotaReached:
        await conn.execute(sql.lock_quota, {"workspace_id": workspace_id, "quota": "stored"})
        await _check(conn, workspace_id, quotas, size, campaign=campaign)


async def _check(conn: Conn, workspace_id: int, quotas: Quotas, size: int, *, campaign: bool) -> None:
    if campaign:
        await check_campaigns(conn, workspace_id, quotas)
    (await room(conn, workspace_id, quotas)).take(size)


class Room:
    """The bytes that a workspace may still store; `take` those about to be written."""

    def __init__(self, left: int | None, most: int = 0) -> None:
        self.taken = 0
        self._left = left
        self._most = most

    def take(self, size: int) -> None:
        """Raises QuotaReached when there is not as much."""
        self.taken += size
        if self._left is not None and self.taken > max(self._left, 0):
            raise _reached(
                f"would store more than {self._most / 1_000_000:,.0f} MB (recipients and their fields, texts, files, "
                "lists), and that is the most",
                "delete lists that you do not need, make this one smaller, or wait until old emails are removed",
                "QUOTA_STORED_MEGABYTES",
            )


def _reached(what: str, act: str, setting: str) -> QuotaReached:
    return QuotaReached(f"the workspace {what}; {act}, or ask whoever runs this service for more ({setting})")
