"""Failed emails, as work that ends: sorted by reason, and settled by a person's word.

An email that failed stays FAILED whatever is decided; only a retry makes it wait again. So campaigns' counts add up as
before, and `streams.settled` says of how many nobody is asked any more. A worker sorts, in batches, what failed since
it last looked: the exchange has no time for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import msgspec

from app.db import Conn, Pool, Row, fetch_all, fetch_exactly_one, transaction
from app.domain.accounts.actor import Actor
from app.domain.ledger import streams
from app.domain.ledger.emails import Settled, Span, email_span
from app.domain.suppressions import suppress
from app.domain.workspaces import quotas
from app.domain.workspaces.quotas import Quotas
from app.mail.failures import FailureReason, failed_for
from app.sql import queries

sql = queries(__name__)

BATCH = 1_000  # emails: some hundredths of a second
NOTE = "An email to this address failed"


class FailureGroup(msgspec.Struct, rename="camel"):
    """How many emails failed for a reason and wait for a person's word; `code` and `reply`: what the server said of the
    newest of them.
    """

    reason: FailureReason
    count: int
    code: int | None
    reply: str | None


class FailureGroups(msgspec.Struct, rename="camel"):
    """Most first. `unsorted`: how many failed just now, and have no reason yet."""

    groups: list[FailureGroup]
    unsorted: int


async def read_groups(conn: Conn, workspace_id: int, campaign_id: int | None) -> FailureGroups:
    """Of all campaigns, or of one."""
    span = await span_of(conn, workspace_id, campaign_id)
    if span is None:
        return FailureGroups([], 0)
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id, **span._asdict()}
    rows = await fetch_all(conn, sql.groups, params)
    unsorted = (await fetch_exactly_one(conn, sql.count_unsorted, params))["n"]
    return FailureGroups([FailureGroup(row["reason"], row["n"], row["code"], row["reply"]) for row in rows], unsorted)


async def span_of(conn: Conn, workspace_id: int, campaign_id: int | None) -> Span | None:
    """Where what failed lies; None: there is nothing."""
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id, "sender_id": None, "direct": None}
    return await email_span(conn, params | {"status": "FAILED"})


async def sort(pool: Pool) -> int:
    """Sort a batch of failed emails; how many. One that cannot be had now is sorted the next time."""
    async with transaction(pool) as conn:
        found = await fetch_all(conn, sql.unsorted, {"limit": BATCH})
    reasons = await asyncio.to_thread(lambda: [_reason(row) for row in found])
    n = 0
    for workspace_id, its in groupby(zip(found, reasons, strict=True), lambda each: each[0]["workspace_id"]):
        told = list(its)
        direct = sorted({row["stream_id"] for row, _ in told if row["direct"]})
        params: dict[str, Any] = {
            "workspace_id": workspace_id,
            "ids": [row["id"] for row, _ in told],
            "tried": [row["attempts"] for row, _ in told],
            "reasons": [reason for _, reason in told],
            "directs": [row["direct"] for row, _ in told],
        }
        async with transaction(pool) as conn:
            if direct:
                await streams.lock(conn, workspace_id, direct)
            n += (await fetch_exactly_one(conn, sql.sort_emails, params))["n"]
    return n


def _reason(row: Row) -> FailureReason:
    return failed_for(row["command"], row["code"], row["enhanced_code"], row["reply"], dead=row["dead"])


async def put_aside(conn: Conn, workspace_id: int, ids: Sequence[int]) -> int:
    """Decide that nothing more is done about these; how many waited for that."""
    return await _settle(conn, workspace_id, ids, "PUT_ASIDE")


async def never_again(pool: Pool, workspace_id: int, ids: Sequence[int], most: Quotas, actor: Actor) -> list[int]:
    """Write to the recipients of these no more: which have one. The emails are still to be settled (`were_suppressed`);
    repeating this is harmless. Raises QuotaReached.
    """
    params = {"workspace_id": workspace_id, "ids": list(ids)}
    async with transaction(pool) as conn:
        found = await fetch_all(conn, sql.failed_addresses, params)
        if found:
            addresses = sorted({row["recipient"] for row in found})
            await suppress.suppress(conn, workspace_id, emails=addresses, reason="MANUAL", actor=actor, note=NOTE)
            await quotas.check_suppressions(conn, workspace_id, most)
    return [row["id"] for row in found]


async def were_suppressed(conn: Conn, workspace_id: int, ids: Sequence[int]) -> int:
    """Settle emails whose recipients are written to no more; how many waited for that."""
    return await _settle(conn, workspace_id, ids, "SUPPRESSED")


async def _settle(conn: Conn, workspace_id: int, ids: Sequence[int], settled: Settled) -> int:
    await streams.lock_of_emails(conn, workspace_id, ids)
    params = {"workspace_id": workspace_id, "ids": list(ids), "settled": settled}
    return (await fetch_exactly_one(conn, sql.settle_emails, params))["n"]
