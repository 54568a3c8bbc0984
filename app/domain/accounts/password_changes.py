"""A new password: by whoever knows the old one, or by a link in a mail to the account's address."""

from __future__ import annotations

from app.db import Conn, Pool, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.accounts import sessions
from app.domain.accounts.actor import Actor
from app.domain.accounts.login import ATTEMPTS_PER_ACCOUNT, count_attempt, hold_password
from app.domain.accounts.passwords import check_password, hash_password, is_password
from app.domain.accounts.tokens import Signer
from app.domain.accounts.users import Terms
from app.domain.workspaces import audit
from app.domain.workspaces.workspaces import lock_people, make_for_homeless
from app.errors import InvalidInput
from app.jobs import defer_password_reset_mail
from app.sql import queries

sql = queries(__name__)
RESET_S = 3600


async def give_back(conn: Conn, terms: Terms, actor: Actor, user_id: int) -> None:
    """An account whose address was never proven goes to whoever just proved it: what opened it before does no more."""
    await conn.execute(sql.set_password, {"user_id": user_id, "password_hash": None})
    await _prove_address(conn, terms, actor, user_id)


async def _prove_address(conn: Conn, terms: Terms, actor: Actor, user_id: int) -> None:
    """The first proof ends what was there before it, for it may have been somebody else's.

    The account keeps the workspaces of which it is the only owner, alone from here on, and is in no others any more.
    """
    if await fetch_one(conn, sql.prove_address, {"user_id": user_id}) is None:
        return
    people = await fetch_all(conn, sql.people_beside, {"user_id": user_id})
    await lock_people(conn, [row["user_id"] for row in people])
    await conn.execute(sql.lock_workspaces_of, {"user_id": user_id})  # or who joins this moment would stay
    await sessions.end_others(conn, user_id, None)
    await conn.execute(sql.revoke_api_keys, {"user_id": user_id})
    left = [row["user_id"] for row in await fetch_all(conn, sql.hand_over, {"user_id": user_id})]
    await lock_people(conn, left)
    await make_for_homeless(conn, terms.box, left, default_hourly_limit=terms.default_hourly_limit)
    await audit.record(conn, actor.of(user_id), None, "account.given_back")


async def change_password(
    pool: Pool, actor: Actor, user_id: int, current: str, new: str, session_id: int | None
) -> None:
    """Also logs out everywhere else. Raises InvalidInput, TooMany."""
    check_password(new, "newPassword")
    await count_attempt(pool, f"password:{user_id}", ATTEMPTS_PER_ACCOUNT)
    async with transaction(pool) as conn:
        row = await fetch_exactly_one(conn, sql.user_by_id, {"user_id": user_id})
    if row["password_hash"] is not None and not await is_password(current, row["password_hash"]):
        raise InvalidInput({"currentPassword": "is not the current password"})
    hashed = await hash_password(new)
    async with transaction(pool) as conn:
        if not await hold_password(conn, row):
            raise InvalidInput({"currentPassword": "is not the current password: it has just been changed"})
        await _set_password(conn, actor, user_id, hashed, but_session_id=session_id)


async def _set_password(conn: Conn, actor: Actor, user_id: int, hashed: str, *, but_session_id: int | None) -> None:
    await conn.execute(sql.set_password, {"user_id": user_id, "password_hash": hashed})
    await sessions.end_others(conn, user_id, but_session_id)
    await audit.record(conn, actor.of(user_id), None, "password.changed")


async def ask_for_reset(pool: Pool, actor: Actor, email: str) -> None:
    """Have the link sent, if the address has an account; the answer does not tell whether. Raises TooMany."""
    address = email.strip().replace("\0", "")
    await count_attempt(pool, f"reset:{actor.address}", ATTEMPTS_PER_ACCOUNT)
    await count_attempt(pool, f"reset:{address.lower()[:320]}", 3)
    async with transaction(pool) as conn:
        row = await fetch_one(conn, sql.insert_password_reset, {"email": address, "for_s": RESET_S})
        if row is not None:
            await defer_password_reset_mail(conn, row["id"])


async def address_of_reset(pool: Pool, reset_id: int) -> str | None:
    """Where the link goes; None: the reset was used or has expired."""
    async with transaction(pool) as conn:
        row = await fetch_one(conn, sql.password_reset_for_mail, {"reset_id": reset_id})
    return None if row is None else str(row["email"])


def reset_signer(*secret_keys: str) -> Signer:
    """Signs the ids of password resets, for the links in the mail."""
    return Signer("password reset", *secret_keys)


async def reset_password(pool: Pool, signer: Signer, terms: Terms, actor: Actor, token: str, new: str) -> None:
    """Set a new password with the link's token, once, and log out everywhere. Raises InvalidInput."""
    check_password(new, "password")
    reset_id = signer.verify(token)
    if reset_id is None:
        raise InvalidInput({"token": "is not, or no longer, valid; ask for a new link"})
    hashed = await hash_password(new)
    async with transaction(pool) as conn:
        row = await fetch_one(conn, sql.use_password_reset, {"reset_id": int(reset_id)})
        if row is None:
            raise InvalidInput({"token": "is not, or no longer, valid; ask for a new link"})
        await _set_password(conn, actor, row["user_id"], hashed, but_session_id=None)
        await _prove_address(conn, terms, actor, row["user_id"])  # the link was in a mail to it
