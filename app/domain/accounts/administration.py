"""Acts of the administrator, or of the command line, on accounts of others.

A disabled account opens nothing: no login, no session, no key, no link to a new password, no invitation that it made.
All of that but sessions comes back when it is enabled. Workspaces go on: scheduled campaigns are sent, unless paused.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec

from app.db import Conn, Pool, Row, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.accounts import sessions
from app.domain.accounts.actor import Actor
from app.domain.accounts.users import LONGEST_ADDRESS, lock_accounts
from app.domain.campaigns import campaigns
from app.domain.pages import Page, PageRequest, page_of
from app.domain.workspaces import audit, keys, members
from app.errors import Conflict, InvalidInput, NotFound
from app.sql import queries

sql = queries(__name__)


class Account(msgspec.Struct, rename="camel"):
    """An account as the administrator sees it; `sessions` and `keys` are how many still work, or would."""

    id: int
    email: str
    is_admin: bool
    created_at: datetime
    disabled_at: datetime | None
    sessions: int
    keys: int


class Disabled(msgspec.Struct, rename="camel"):
    """An account that is disabled now, and how many campaigns were paused with it."""

    account: Account
    campaigns_paused: int


async def list_accounts(pool: Pool, page: PageRequest, q: str | None = None) -> Page[Account]:
    """Accounts whose address has `q` in it, oldest first. Raises InvalidInput."""
    if q is not None and ("\0" in q or len(q) > LONGEST_ADDRESS):
        raise InvalidInput({"q": f"give at most {LONGEST_ADDRESS} characters of an address"})
    after = page.check()
    async with transaction(pool) as conn:
        rows = await _list(conn, after=after, q=q, limit=page.limit + 1)
    return page_of([Account(**row) for row in rows], [row["id"] for row in rows], page.limit)


async def disable(pool: Pool, actor: Actor, user_id: int, *, pause_campaigns: bool = False) -> Disabled:
    """Nobody gets in by the account from the commit on; its sessions are over. To do it again is harmless.

    `pause_campaigns`: those that run in workspaces which it alone owns. Raises NotFound, and Conflict for oneself and
    for the last administrator.
    """
    async with transaction(pool) as conn:
        await check_dispensable(conn, actor, user_id)
        if await fetch_one(conn, sql.disable_user, {"user_id": user_id}) is not None:
            await audit.record(conn, actor, None, "account.disabled", f"users/{user_id}")
        await sessions.end_others(conn, user_id, None)
    paused = await _pause_campaigns(pool, actor, user_id) if pause_campaigns else 0
    async with transaction(pool) as conn:
        return Disabled(await _read(conn, user_id), paused)


async def check_dispensable(conn: Conn, actor: Actor, user_id: int) -> None:
    """Raises NotFound, and Conflict for oneself and for the last administrator, which holds until the commit."""
    if actor.user_id == user_id:
        raise Conflict("this is your own account: somebody else has to do that")
    await lock_accounts(conn)  # of two administrators who disable each other, one stays
    account = await _read(conn, user_id)
    other_admin = (await fetch_exactly_one(conn, sql.has_other_admin, {"user_id": user_id}))["has_other_admin"]
    if account.is_admin and not other_admin:
        raise Conflict("this is the last administrator's account")


async def enable(pool: Pool, actor: Actor, user_id: int) -> Account:
    """The account opens again, by its password and keys. Raises NotFound."""
    async with transaction(pool) as conn:
        await _read(conn, user_id)
        if await fetch_one(conn, sql.enable_user, {"user_id": user_id}) is not None:
            await audit.record(conn, actor, None, "account.enabled", f"users/{user_id}")
        return await _read(conn, user_id)


async def end_sessions(pool: Pool, actor: Actor, user_id: int) -> Account:
    """The account is logged out everywhere. Raises NotFound."""
    async with transaction(pool) as conn:
        await _read(conn, user_id)
        if await sessions.end_others(conn, user_id, None):
            await audit.record(conn, actor, None, "sessions.ended", f"users/{user_id}")
        return await _read(conn, user_id)


async def revoke_keys(pool: Pool, actor: Actor, user_id: int) -> Account:
    """None of the keys that the account made, in whichever workspace, opens anything any more. Raises NotFound."""
    async with transaction(pool) as conn:
        await _read(conn, user_id)
        if await keys.revoke_made_by(conn, actor, user_id):
            await audit.record(conn, actor, None, "keys.revoked", f"users/{user_id}")
        return await _read(conn, user_id)


async def _pause_campaigns(pool: Pool, actor: Actor, user_id: int) -> int:
    async with transaction(pool) as conn:
        alone = list(await members.owned_alone(conn, user_id))
        active = await fetch_all(conn, sql.active_campaigns_in, {"workspace_ids": alone})
    paused = 0
    for row in active:
        with suppress(Conflict, NotFound):  # it has just ended
            await campaigns.pause(pool, row["workspace_id"], row["id"], actor)
            paused += 1
    return paused


async def _read(conn: Conn, user_id: int) -> Account:
    """Raises NotFound."""
    rows = await _list(conn, user_id=user_id)
    if not rows:
        raise NotFound(f"no account {user_id}")
    return Account(**rows[0])


async def _list(conn: Conn, **wanted: Any) -> list[Row]:
    params = {"user_id": None, "after": None, "q": None, "limit": 1, "idle_s": sessions.IDLE_S}
    return await fetch_all(conn, sql.list_accounts, params | wanted)
