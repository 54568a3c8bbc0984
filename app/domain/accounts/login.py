"""Logging in with a password. Attempts are limited by account and by address, counted in Postgres before the
password is looked at, so that attempts in parallel gain nothing.
"""

from __future__ import annotations

from app.db import Conn, Pool, Row, fetch_exactly_one, fetch_one, transaction
from app.domain.accounts import sessions
from app.domain.accounts.actor import Actor
from app.domain.accounts.passwords import is_password
from app.domain.accounts.users import User, read_user, user_of
from app.domain.workspaces import audit
from app.errors import TooMany, Unauthenticated
from app.sql import queries

sql = queries(__name__)
ATTEMPTS_PER_ACCOUNT = 10  # in a quarter of an hour
ATTEMPTS_PER_ADDRESS = 100  # many people may share one


async def log_in(pool: Pool, actor: Actor, email: str, password: str) -> tuple[User, str]:
    """The user, and the token of a new session. Raises Unauthenticated, TooMany, Forbidden for a member of nothing."""
    account = f"account:{email.strip().lower()[:320]}"
    await count_attempt(pool, f"address:{actor.address}", ATTEMPTS_PER_ADDRESS)
    await count_attempt(pool, account, ATTEMPTS_PER_ACCOUNT)
    async with transaction(pool) as conn:
        row = await read_user(conn, email)
    if not await is_password(password, row["password_hash"] if row else None) or row is None:
        if row is not None:
            async with transaction(pool) as conn:
                await audit.record(conn, actor.of(row["id"]), None, "login.failed")
        raise Unauthenticated("this address and password do not go together")
    user = user_of(row)
    async with transaction(pool) as conn:
        if not await hold_password(conn, row):
            raise Unauthenticated("the password has just been changed")
        await conn.execute(sql.forget_login_attempts, {"subject": account})
        await audit.record(conn, actor.of(row["id"]), None, "login")
        token = await sessions.begin(conn, row["id"], actor)
    return user, token


async def count_attempt(pool: Pool, subject: str, most: int) -> None:
    """One more in this quarter of an hour. Raises TooMany when it makes more than `most`."""
    async with transaction(pool) as conn:
        row = await fetch_exactly_one(conn, sql.count_login_attempt, {"subject": subject.replace("\0", "")})
    if row["count"] > most:
        raise TooMany("too many attempts; wait some minutes", retry_s=max(1, row["retry_s"]))


async def hold_password(conn: Conn, user: Row) -> bool:
    """Whether the password that was checked, which takes a while, is the user's still; from here to the end it is."""
    params = {"user_id": user["id"], "password_hash": user["password_hash"]}
    return await fetch_one(conn, sql.hold_password, params) is not None
