"""How often something may be tried in a quarter of an hour, counted in Postgres before anything is looked at, so that
attempts in parallel gain nothing. Attempts that cost us work, or that guess, are counted here.

Counted are accounts, by their address, and visitors, by where they come from (`Actor.visitor`). The first attempt that
a window refuses is in the audit log; so is the first that names an address which has no account. It bounds entries
about people who were not logged in: so many a window, none for longer than a quarter of a year.
"""

from __future__ import annotations

from typing import Literal

from app.db import Conn, Pool, Row, fetch_exactly_one, transaction
from app.domain.accounts.actor import Actor
from app.domain.workspaces import audit
from app.domain.workspaces.audit import Action
from app.errors import TooMany
from app.mail.addresses import key
from app.sql import queries

sql = queries(__name__)

PER_ACCOUNT = 10
PER_VISITOR = 100  # many people may share one address
IN_ALL_PER_ACCOUNT, IN_ALL_PER_VISITOR = 100, 1000  # with those that worked, each of which costs as much
LOGGED_OF_VISITORS = 100  # entries, of all visitors together

What = Literal["login", "google", "register", "reset", "password", "invitation", "link"]


async def count_visitor(pool: Pool, actor: Actor, what: What, most: int | None = None) -> None:
    """One more from where the actor is, if that is known. Raises TooMany when it makes more than `most`."""
    if actor.visitor is not None:
        await count(pool, actor, what, f"visitor:{actor.visitor}", PER_VISITOR if most is None else most)


async def count_account(pool: Pool, actor: Actor, what: What, email: str, most: int = PER_ACCOUNT) -> None:
    """One more for the account with this address, whether or not there is one. Raises TooMany."""
    await count(pool, actor, what, account(email), most)


async def count_in_all(pool: Pool, actor: Actor, what: What, email: str) -> None:
    """One more for the account and the visitor, which it stays if it works. Raises TooMany."""
    await count(pool, actor, what, f"all of {account(email)}", IN_ALL_PER_ACCOUNT)
    if actor.visitor is not None:
        await count(pool, actor, what, f"all of visitor:{actor.visitor}", IN_ALL_PER_VISITOR)


async def count(pool: Pool, actor: Actor, what: What, whose: str, most: int) -> None:
    """One more of `whose`. Raises TooMany when it makes more than `most` in this window."""
    async with transaction(pool) as conn:
        row = await _count(conn, f"{what}:{whose}")
        if row["count"] == most + 1:
            await _record(conn, actor, "attempts.refused", what)
    if row["count"] > most:
        raise TooMany("too many attempts; wait some minutes", retry_s=max(1, row["retry_s"]))


async def forgive(conn: Conn, actor: Actor, what: What, whose: str | None = None) -> None:
    """It worked: that does not count for the visitor, and what else was counted begins anew."""
    if whose is not None:
        await conn.execute(sql.forget_attempts, {"subject": f"{what}:{whose}"})
    if actor.visitor is not None:
        await conn.execute(sql.take_back_attempt, {"subject": f"{what}:visitor:{actor.visitor}"})


async def note_unknown(conn: Conn, actor: Actor, what: What) -> None:
    """Somebody named an address that has no account: in the log once a window and visitor."""
    if (await _count(conn, f"unknown:{what}:{actor.visitor}"))["count"] == 1:
        await _record(conn, actor, "account.unknown", what)


async def _count(conn: Conn, subject: str) -> Row:
    return await fetch_exactly_one(conn, sql.count_attempt, {"subject": subject})


async def _record(conn: Conn, actor: Actor, action: Action, what: What) -> None:
    if actor.user_id is None:
        if (await _count(conn, "logged of visitors"))["count"] > LOGGED_OF_VISITORS:
            return
        await conn.execute(sql.forget_visitors)
    await audit.record(conn, actor, None, action, what)


def account(email: str) -> str:
    """The account with this address, whether or not there is one, as what is counted."""
    return f"account:{key(email)}"
