"""A new password: by whoever knows the old one, by a link, in a mail to the account's address or from an administrator,
or by the command line. With the old one end all open links to a new one.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from app.db import Conn, Pool, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.accounts import attempts, registration, sessions
from app.domain.accounts.actor import Actor
from app.domain.accounts.login import hold_password
from app.domain.accounts.passwords import check_password, hash_new_password, is_password
from app.domain.accounts.tokens import Signer
from app.domain.accounts.users import Terms, account_address, read_user
from app.domain.workspaces import audit, keys, members
from app.domain.workspaces.workspaces import lock_people, make_for_homeless
from app.errors import Conflict, InvalidInput, NotFound
from app.jobs import defer_password_reset_mail
from app.sql import queries

sql = queries(__name__)
RESET_S = 3600
RESETS_PER_ACCOUNT, RESETS_PER_VISITOR = 3, 10
NOT_VALID = {"token": "is not, or no longer, valid; ask for a new link"}


async def give_back(conn: Conn, terms: Terms, actor: Actor, user_id: int) -> None:
    """An account with an address never proven before goes to the one who proved it: nothing else opens it any more."""
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
    actor = actor.of(user_id)
    await _end_ways_in(conn, actor, user_id)
    done = await fetch_all(conn, sql.hand_over, {"user_id": user_id})
    for row in done:
        await audit.record(conn, actor, row["workspace_id"], row["action"], row["subject"])
    left = {row["was_member"] for row in done if row["was_member"] is not None}
    await lock_people(conn, left)
    await make_for_homeless(conn, terms.box, left, default_hourly_limit=terms.default_hourly_limit)
    await audit.record(conn, actor, None, "account.given_back")


async def _end_ways_in(conn: Conn, actor: Actor, user_id: int) -> int:
    """No key and no invitation that the user made lets anybody in any more; how many keys those were."""
    await members.revoke_invitations_by(conn, actor, user_id)
    await registration.revoke_invitations_by(conn, actor, user_id)
    return await keys.revoke_made_by(conn, actor, user_id)


async def change_password(
    pool: Pool, actor: Actor, user_id: int, current: str, new: str, session_id: int | None, *, revoke_keys: bool
) -> int:
    """Also logs out everywhere else, and with `revoke_keys` ends all keys and open invitations that the user made; how
    many keys those were.

    Raises InvalidInput, TooMany, Unavailable.
    """
    check_password(new, "newPassword")
    await attempts.count(pool, actor, "password", f"user:{user_id}", attempts.PER_ACCOUNT)
    async with transaction(pool) as conn:
        row = await fetch_exactly_one(conn, sql.user_by_id, {"user_id": user_id})
    place = actor.place(user_id)
    if row["password_hash"] is not None and not await is_password(current, row["password_hash"], place):
        raise InvalidInput({"currentPassword": "is not the current password"})
    hashed = await hash_new_password(new, "newPassword", place, row["email"])
    async with transaction(pool) as conn:
        if not await hold_password(conn, row):
            raise InvalidInput({"currentPassword": "is not the current password: it has just been changed"})
        await _set_password(conn, actor, user_id, hashed, but_session_id=session_id)
        return await _end_ways_in(conn, actor, user_id) if revoke_keys else 0


async def _set_password(conn: Conn, actor: Actor, user_id: int, hashed: str, *, but_session_id: int | None) -> None:
    await conn.execute(sql.set_password, {"user_id": user_id, "password_hash": hashed})
    await sessions.end_others(conn, user_id, but_session_id)
    await audit.record(conn, actor, None, "password.changed")


async def ask_for_reset(pool: Pool, actor: Actor, email: str) -> None:
    """Have the link sent, if the address has an account that is not disabled; the answer does not tell whether.

    Raises InvalidInput, TooMany.
    """
    email = account_address(email)
    await attempts.count_visitor(pool, actor, "reset", RESETS_PER_VISITOR)
    async with transaction(pool) as conn:
        user = await read_user(conn, email)
    actor = actor if user is None else actor.of(user["id"])
    await attempts.count_account(pool, actor, "reset", email, RESETS_PER_ACCOUNT)
    async with transaction(pool) as conn:
        if user is None:
            await attempts.note_unknown(conn, actor, "reset")
            return
        await audit.record(conn, actor, None, "password.reset_asked")
        if user["disabled_at"] is None:
            asked = {"user_id": user["id"], "for_s": RESET_S, "handed_over": False}
            row = await fetch_exactly_one(conn, sql.insert_password_reset, asked)
            await defer_password_reset_mail(conn, row["id"])


class ResetLink(msgspec.Struct, rename="camel"):
    """`token` is that of /reset-password; its holder sets the account's password, once, before `expires_at`."""

    token: str
    expires_at: datetime


async def make_reset_link(pool: Pool, signer: Signer, actor: Actor, user_id: int) -> ResetLink:
    """For an administrator to hand over where mail does not reach.

    Raises NotFound, and Conflict for a disabled account and for their own, whose password they know.
    """
    if actor.user_id == user_id:
        raise Conflict("this is your own account: change its password, or ask for a link at the login page")
    async with transaction(pool) as conn:
        user = await fetch_one(conn, sql.user_by_id, {"user_id": user_id})
        if user is None:
            raise NotFound(f"no account {user_id}")
        if user["disabled_at"] is not None:
            raise Conflict("the account is disabled: enable it first")
        asked = {"user_id": user_id, "for_s": RESET_S, "handed_over": True}
        row = await fetch_exactly_one(conn, sql.insert_password_reset, asked)
        await audit.record(conn, actor, None, "password.link_made", f"users/{user_id}")
    return ResetLink(signer.sign(str(row["id"])), row["expires_at"])


async def set_password(pool: Pool, actor: Actor, user_id: int, new: str) -> int:
    """By a person who runs the service: as `reset_password`, without a link. Raises InvalidInput, NotFound."""
    check_password(new, "password")
    async with transaction(pool) as conn:
        user = await fetch_one(conn, sql.user_by_id, {"user_id": user_id})
    if user is None:
        raise NotFound(f"no account {user_id}")
    hashed = await hash_new_password(new, "password", actor.place(user_id), user["email"])
    async with transaction(pool) as conn:
        await _set_password(conn, actor, user_id, hashed, but_session_id=None)
        return await _end_ways_in(conn, actor, user_id)


async def address_of_reset(pool: Pool, reset_id: int) -> str | None:
    """Where the link goes; None: the reset was used or has expired, or the account is disabled."""
    async with transaction(pool) as conn:
        row = await fetch_one(conn, sql.open_password_reset, {"reset_id": reset_id})
    return None if row is None else str(row["email"])


def reset_signer(*secret_keys: str) -> Signer:
    """Signs the ids of password resets, for the links in the mail."""
    return Signer("password reset", *secret_keys)


async def reset_password(pool: Pool, signer: Signer, terms: Terms, actor: Actor, token: str, new: str) -> int:
    """Set a new password with the link's token, once, log out everywhere and end all keys and open invitations that the
    user made; how many keys those were. Raises InvalidInput, TooMany, Unavailable.
    """
    check_password(new, "password")
    signed = signer.verify(token)
    if signed is None:
        raise InvalidInput(NOT_VALID)
    reset = {"reset_id": int(signed)}
    await attempts.count(pool, actor, "reset", f"link:{signed}", attempts.PER_ACCOUNT)
    async with transaction(pool) as conn:
        row = await fetch_one(conn, sql.open_password_reset, reset)
    if row is None:
        raise InvalidInput(NOT_VALID)
    user_id = int(row["user_id"])
    actor = actor.of(user_id)
    hashed = await hash_new_password(new, "password", actor.place(user_id), row["email"])
    async with transaction(pool) as conn:
        if await fetch_one(conn, sql.hold_let_in, {"user_id": user_id}) is None:
            raise InvalidInput(NOT_VALID)
        if await fetch_one(conn, sql.use_password_reset, reset) is None:
            raise InvalidInput(NOT_VALID)
        await _set_password(conn, actor, user_id, hashed, but_session_id=None)
        people = await fetch_all(conn, sql.people_beside, {"user_id": user_id})
        await lock_people(conn, [one["user_id"] for one in people])
        await conn.execute(sql.lock_workspaces_of, {"user_id": user_id})  # before invitations into them
        revoked = await _end_ways_in(conn, actor, user_id)
        if not row["handed_over"]:
            await _prove_address(conn, terms, actor, user_id)  # the link was in a mail to it
    return revoked
