"""The worker's side of the webhooks' outbox: it sends the rows of `webhook_deliveries`.

A lease on the webhook's row lets one run at a time deliver to it, so events go in order; each outcome is recorded
in a transaction of its own that renews the lease, and no transaction is open while somebody's server is spoken to. A
run that dies between an answer and its record leaves the delivery PENDING: it is sent again under the same id.
"""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb

from app.db import Pool, fetch_all, fetch_one, transaction
from app.jobs import defer_deliveries
from app.sql import queries

sql = queries(__name__)

LEASE_S = 30.0  # longer than one try takes
BATCH = 50
RETRY_S = (5, 300, 1800, 7200, 18_000, 36_000, 36_000)  # after each failed try; about 28 hours in all
LONGEST_PAUSE_S = 600.0  # of a webhook whose tries fail: 1, 2, 4, 8 … seconds up to this
PATIENCE_DAYS = 3  # a webhook that failed for longer, with something to tell all the while, is disabled
UNSAID = "(erased: a recipient was, during the try)"  # in the place of what the receiver said


class Target(NamedTuple):
    """A webhook that is ours to deliver to for as long as the lease lasts."""

    token: UUID
    workspace_id: int
    webhook_id: int
    url: str
    secret_encrypted: bytes

    def parameters(self) -> dict[str, Any]:
        return {"token": self.token, "workspace_id": self.workspace_id, "webhook_id": self.webhook_id}


class Due(NamedTuple):
    """Something to tell; `attempts` so far."""

    id: int
    message_id: str
    event: str
    data: dict[str, Any]
    created_at: datetime
    attempts: int


class Answer(NamedTuple):
    """The result of a try: `error` None, it was taken; without a status code, no server answered."""

    status_code: int | None
    error: str | None

    @property
    def gone(self) -> bool:
        """RFC 9110, 15.5.11: the receiver wants no more."""
        return self.status_code == 410


async def lease(pool: Pool, webhook_id: int, token: UUID) -> Target | None:
    """Lease the webhook. None: somebody else delivers to it, it is disabled, deleted, or has a pause."""
    async with pool.connection() as conn:
        row = await fetch_one(conn, sql.lease_webhook, {"webhook_id": webhook_id, "token": token, "lease_s": LEASE_S})
    return None if row is None else Target(token, row["workspace_id"], row["id"], row["url"], row["secret_encrypted"])


async def due(pool: Pool, target: Target) -> list[Due]:
    """The next few, in the order in which to tell them."""
    async with pool.connection() as conn:
        rows = await fetch_all(conn, sql.due_deliveries, target.parameters() | {"limit": BATCH})
    return [Due(**row) for row in rows]


async def record(pool: Pool, target: Target, told: Due, answer: Answer) -> bool:
    """Whether to go on: the lease is still ours, and the webhook neither disabled nor in need of a pause.

    The webhook is locked first, as an erasure locks it: what the receiver says of whom that has taken out of the
    delivery by then is not kept.
    """
    params = target.parameters() | {
        "delivery_id": told.id,
        "told": Jsonb(told.data),
        "unsaid": UNSAID,
        "status_code": answer.status_code,
        "error": answer.error,
        "gone": answer.gone,
        "again_in_s": again_in_s(told.attempts + 1),
        "longest_pause_s": LONGEST_PAUSE_S,
        "patience_days": PATIENCE_DAYS,
        "lease_s": LEASE_S,
    }
    async with transaction(pool) as conn:
        if await fetch_one(conn, sql.hold_webhook, params) is None:
            return False
        row = await fetch_one(conn, sql.record_delivery, params)
    return row is not None and row["disabled_at"] is None and row["retry_at"] is None


def again_in_s(attempts: int) -> float | None:
    """How long after so many failed tries the next one is, give or take a fifth; None: there is no other."""
    return RETRY_S[attempts - 1] * random.uniform(0.8, 1.2) if attempts <= len(RETRY_S) else None  # noqa: S311


async def release(pool: Pool, target: Target, *, wakes: bool) -> None:
    """Let others have it; if more is due and it `wakes`, wake one."""
    async with transaction(pool) as conn:
        row = await fetch_one(conn, sql.release_webhook, target.parameters())
        if wakes and row is not None and row["more"]:
            await defer_deliveries(conn, target.webhook_id)


async def wake_neglected(pool: Pool) -> None:
    """Defer a job for each webhook with something due that nobody delivers: a pause is over, or a wake-up was lost.

    Each by itself: one that has the wake-up of a webhook must not wait for another one's, see `tell`.
    """
    async with pool.connection() as conn:
        neglected = await fetch_all(conn, sql.neglected_webhooks)
    for row in neglected:
        async with transaction(pool) as conn:
            await defer_deliveries(conn, row["webhook_id"])
