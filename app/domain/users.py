"""Users: who logs in and owns everything else."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from app.db import Conn, Pool, fetch_exactly_one, fetch_one, transaction
from app.domain.passwords import check_password, hash_password
from app.domain.senders import SenderDraft, insert_sender
from app.errors import Conflict, InvalidInput, NotFound
from app.mail.addresses import InvalidAddress, normalize
from app.secrets import SecretBox
from app.sql import query

LOCK_ACCOUNTS = query("lock_accounts")
ANY_ADMIN = query("any_admin")
INSERT_USER = query("insert_user")
USER_BY_EMAIL = query("user_by_email")


class User(msgspec.Struct, frozen=True, rename="camel"):
    """Somebody who logs in. The administrator lets others in."""

    id: int
    email: str
    is_admin: bool = False


class Terms(NamedTuple):
    """What new accounts depend on."""

    box: SecretBox
    registration_open: bool
    default_hourly_limit: int


async def create_user(
    pool: Pool, box: SecretBox, email: str, password: str, *, default_hourly_limit: int, may_be_admin: bool = True
) -> User:
    """An account made by whoever runs the service. Raises InvalidInput, Conflict."""
    email = check_email(email)
    check_password(password, "password")
    hashed = await hash_password(password)
    async with transaction(pool) as conn:
        admin = may_be_admin and await needs_admin(conn)
        limit = default_hourly_limit
        return await insert_user(conn, box, email, hashed, is_admin=admin, proven=True, default_hourly_limit=limit)


async def needs_admin(conn: Conn) -> bool:
    """Whether the administrator's account is still to be made; accounts are made one at a time from here on."""
    await conn.execute(LOCK_ACCOUNTS)
    return not (await fetch_exactly_one(conn, ANY_ADMIN))["any"]


async def insert_user(
    conn: Conn,
    box: SecretBox,
    email: str,
    password_hash: str | None,
    *,
    is_admin: bool,
    proven: bool,
    default_hourly_limit: int,
) -> User:
    """An account and its default sender, which uses the fallback server. Raises Conflict.

    `proven`: somebody to be believed says that the address is this user's.
    """
    params = {"email": email, "password_hash": password_hash, "is_admin": is_admin, "proven": proven}
    row = await fetch_one(conn, INSERT_USER, params)
    if row is None:
        raise Conflict(f"{email} has an account already")
    sender = SenderDraft(email=email)
    await insert_sender(conn, box, row["id"], sender, default_hourly_limit=default_hourly_limit, is_default=True)
    return User(row["id"], email, is_admin)


async def find_user(pool: Pool, email: str) -> User:
    """Raises NotFound."""
    async with transaction(pool) as conn:
        row = await fetch_one(conn, USER_BY_EMAIL, {"email": email.strip()})
    if row is None:
        raise NotFound(f"no account for {email}")
    return User(row["id"], row["email"], row["is_admin"])


def check_email(email: str) -> str:
    """The normalized address. Raises InvalidInput."""
    try:
        return normalize(email)
    except InvalidAddress as error:
        raise InvalidInput({"email": error.reason}) from None
