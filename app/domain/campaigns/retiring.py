"""Retiring a sender: no campaign can choose it any more, and what it has not begun goes to its campaigns' others.

Its record stays, and what it has begun it ends: retries, and later steps in threads of its own. Until then its mailbox
is read, and as long as anything has answers go there or had; after that no more (`read_senders`). A campaign that only
this sender sends is somebody's to decide first.
"""

from __future__ import annotations

from contextlib import suppress

from app.db import Conn, Pool, Row, fetch_all, fetch_one, transaction
from app.domain.accounts.actor import LOCAL, Actor
from app.domain.campaigns.change import Changes, change
from app.domain.senders.senders import Sender, get_sender
from app.domain.workspaces import audit, quotas
from app.domain.workspaces.quotas import UNLIMITED, Quotas
from app.errors import Conflict, NotFound
from app.sql import queries

sql = queries(__name__)
_NAMED = 3


async def retire(pool: Pool, workspace_id: int, sender_id: int, actor: Actor = LOCAL) -> Sender:
    """A repeated call hands over what is left, should the first have died on its way. Raises NotFound, Conflict."""
    params = {"workspace_id": workspace_id, "sender_id": sender_id}
    async with transaction(pool, workspace_id) as conn:
        sender = await _lock(conn, workspace_id, sender_id)
        if sender["is_default"]:
            raise Conflict("the default sender cannot be retired")
        campaigns = await fetch_all(conn, sql.campaigns_of, params)
        if alone := [row["name"] for row in campaigns if not row["others"]]:
            raise Conflict(_alone(alone))
        if sender["retired_at"] is None:
            await conn.execute(sql.set_retired, params | {"is_retired": True})
            await audit.record(conn, actor, workspace_id, "sender.retired", f"senders/{sender_id}")
    for row in campaigns:
        with suppress(Conflict):  # it ended meanwhile: nothing is left to hand over
            await change(pool, workspace_id, row["id"], Changes(sender_ids=row["others"]), actor)
    return await get_sender(pool, workspace_id, sender_id)


async def reinstate(
    pool: Pool, workspace_id: int, sender_id: int, actor: Actor = LOCAL, most: Quotas = UNLIMITED
) -> Sender:
    """Campaigns can choose it again; what others took over stays with them. Raises NotFound, QuotaReached."""
    async with transaction(pool, workspace_id) as conn:
        await quotas.check_senders(conn, workspace_id, most)
        if (await _lock(conn, workspace_id, sender_id))["retired_at"] is not None:
            params = {"workspace_id": workspace_id, "sender_id": sender_id, "is_retired": False}
            await conn.execute(sql.set_retired, params)
            await audit.record(conn, actor, workspace_id, "sender.reinstated", f"senders/{sender_id}")
    return await get_sender(pool, workspace_id, sender_id)


async def _lock(conn: Conn, workspace_id: int, sender_id: int) -> Row:
    row = await fetch_one(conn, sql.lock_sender, {"workspace_id": workspace_id, "sender_id": sender_id})
    if row is None:
        raise NotFound(f"no sender {sender_id}")
    return row


def _alone(names: list[str]) -> str:
    named = ", ".join(f"“{name}”" for name in names[:_NAMED])
    more = len(names) - _NAMED
    others = f" and {more:,} more" if more > 0 else ""
    return f"{named}{others} would have no sender left; give each another one, or cancel it"
