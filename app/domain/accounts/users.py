"""Users: the people who log in. They act in workspaces of which they are members."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from app.db import Conn, Pool, Row, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.accounts.actor import LOCAL
from app.domain.accounts.passwords import check_password, hash_new_password
from app.domain.workspaces import audit, workspaces
from app.domain.workspaces.roles import Role
from app.errors import Conflict, Forbidden, InvalidInput, NotFound
from app.mail.addresses import InvalidAddress, normalize
from app.secrets import SecretBox
from app.sql import queries

sql = queries(__name__)

LONGEST_ADDRESS = 320  # that is looked at (RFC 3696, erratum 1690): what we send to is shorter
DEMO = "demo@example.com"
DISABLED = "this account is disabled; ask the administrator"


class User(msgspec.Struct, frozen=True, rename="camel"):
    """Somebody who logs in, in the workspace that they have selected, with their role in it. The administrator lets
    others in, and sees no workspace for it.
    """

    id: int
    email: str
    is_admin: bool
    workspace_id: int
    workspace_name: str
    role: Role


def user_of(row: Row) -> User:
    """From a row that has `workspace_of`. Raises Forbidden for somebody who is a member of none."""
    if row["workspace_id"] is None:
        raise Forbidden("you are a member of no workspace; ask the administrator")
    return User(**{name: row[name] for name in User.__struct_fields__})


class Terms(NamedTuple):
    """The settings that new accounts depend on."""

    box: SecretBox
    registration_open: bool
    default_hourly_limit: int


async def create_user(
    pool: Pool, box: SecretBox, email: str, password: str, *, default_hourly_limit: int, may_be_admin: bool = True
) -> User:
    """An account made by whoever runs the service. Raises InvalidInput, Conflict."""
    email = check_email(email)
    check_password(password, "password")
    hashed = await hash_new_password(password, "password", LOCAL.place(email), email)
    async with transaction(pool) as conn:
        admin = may_be_admin and await needs_admin(conn)
        limit = default_hourly_limit
        user = await insert_user(conn, box, email, hashed, is_admin=admin, proven=True, default_hourly_limit=limit)
        await audit.record(conn, LOCAL, None, "account.created", f"users/{user.id}")
        return user


async def lock_accounts(conn: Conn) -> None:
    """Make accounts one at a time until the commit."""
    await conn.execute(sql.lock_accounts)


async def needs_admin(conn: Conn) -> bool:
    """Whether the administrator's account is still to be made; accounts are made one at a time from here on."""
    await lock_accounts(conn)
    return not await any_admin(conn)


async def any_admin(conn: Conn) -> bool:
    """Whether there is an administrator's account already."""
    return bool((await fetch_exactly_one(conn, sql.any_admin))["any"])


def taken(email: str) -> Conflict:
    """The error for an address that has an account."""
    return Conflict(f"{email} has an account already")


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
    """An account, its own workspace and the default sender of that, which uses the fallback server. The administrator
    sees the demo, too. Raises Conflict.

    `proven`: somebody to be believed says that the address is this user's.
    """
    params = {"email": email, "password_hash": password_hash, "is_admin": is_admin, "proven": proven}
    row = await fetch_one(conn, sql.insert_user, params)
    if row is None:
        raise taken(email)
    limit = default_hourly_limit
    workspace_id, _ = await workspaces.make(conn, box, row["id"], email, email, default_hourly_limit=limit)
    if is_admin:
        await show_demo(conn)
    return User(row["id"], email, is_admin, workspace_id, email, "owner")


async def show_demo(conn: Conn) -> None:
    """Make administrators members of the demo's workspace: what they try there is part of nobody's work."""
    for row in await fetch_all(conn, sql.show_demo, {"demo": DEMO}):
        subject = f"members/{row['user_id']}, member"
        await audit.record(conn, LOCAL, row["workspace_id"], "member.joined", subject)


def account_address(email: str) -> str:
    """An address that somebody typed, in the form that accounts have: look-ups and counts by an address go by this.

    Raises InvalidInput for a text that no address can be.
    """
    email = email.strip()
    if "\0" in email or len(email) > LONGEST_ADDRESS:
        raise InvalidInput({"email": f"is no address: give at most {LONGEST_ADDRESS} characters, and none that is NUL"})
    try:
        return normalize(email)
    except InvalidAddress:
        return email


async def read_user(conn: Conn, email: str, workspace_id: int | None = None) -> Row | None:
    """The row of the account with this `account_address`, in that workspace if it is one of theirs."""
    return await fetch_one(conn, sql.user_by_email, {"email": email, "workspace_id": workspace_id})


async def find_id(pool: Pool, email: str) -> int:
    """Of the account with this address. Raises InvalidInput, NotFound."""
    async with transaction(pool) as conn:
        row = await read_user(conn, account_address(email))
    if row is None:
        raise NotFound(f"no account for {email}")
    return int(row["id"])


async def find_user(pool: Pool, email: str, workspace_id: int | None = None) -> User:
    """In that workspace, or in the first of theirs. Raises InvalidInput, NotFound, also for who is no member of it."""
    async with transaction(pool) as conn:
        row = await read_user(conn, account_address(email), workspace_id)
    if row is None:
        raise NotFound(f"no account for {email}")
    if workspace_id is not None and row["workspace_id"] != workspace_id:
        raise NotFound(f"{row['email']} is no member of a workspace {workspace_id}")
    return user_of(row)


def check_email(email: str) -> str:
    """The normalized address. Raises InvalidInput."""
    try:
        return normalize(email)
    except InvalidAddress as error:
        raise InvalidInput({"email": error.reason}) from None
