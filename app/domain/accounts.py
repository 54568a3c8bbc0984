"""Accounts: made, logged in to, given a new password; and invitations to make one.

The first account administers the installation. Later ones need open registration (ALLOW_REGISTRATION) or an
invitation. Passwords are hashed with argon2id off the event loop. Failed logins are limited by account and by
address, counted in Postgres before the password is looked at, so that attempts in parallel gain nothing.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from app.db import Conn, Pool, Row, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain import audit, sessions
from app.domain.pages import Page, PageRequest, page_of
from app.domain.passwords import check_password, hash_password, is_password
from app.domain.tokens import Signer, digest, new_token
from app.domain.users import USER_BY_EMAIL, Terms, User, check_email, insert_user, needs_admin
from app.domain.visitors import Visitor
from app.errors import Forbidden, InvalidInput, NotFound, TooMany, Unauthenticated
from app.jobs import defer_password_reset_mail
from app.sql import query

USER_BY_ID = query("user_by_id")
LIST_USERS = query("list_users")
HOLD_PASSWORD = query("hold_password")
SET_PASSWORD = query("set_password")
PROVE_ADDRESS = query("prove_address")
REVOKE_API_KEYS = query("revoke_api_keys")
HAND_OVER = query("hand_over")
COUNT_LOGIN_ATTEMPT = query("count_login_attempt")
FORGET_LOGIN_ATTEMPTS = query("forget_login_attempts")
INSERT_INVITATION = query("insert_invitation")
LIST_INVITATIONS = query("list_invitations")
REVOKE_INVITATION = query("revoke_invitation")
USE_INVITATION = query("use_invitation")
INSERT_PASSWORD_RESET = query("insert_password_reset")
PASSWORD_RESET_FOR_MAIL = query("password_reset_for_mail")
USE_PASSWORD_RESET = query("use_password_reset")

ATTEMPTS_PER_ACCOUNT = 10  # in a quarter of an hour
ATTEMPTS_PER_ADDRESS = 100  # many people may share one
INVITATION_S = 7 * 24 * 3600
RESET_S = 3600
MAX_INVITATIONS = 500


class Account(msgspec.Struct, rename="camel"):
    """An account as the administrator sees it."""

    id: int
    email: str
    is_admin: bool
    created_at: datetime


class Invitation(msgspec.Struct, rename="camel"):
    """`email` None: for whoever has the link. `token` is there only when it has just been made."""

    id: int
    email: str | None
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    token: str | msgspec.UnsetType = msgspec.UNSET


async def admin_is_missing(pool: Pool) -> bool:
    """Whether the first account is still to be made."""
    async with transaction(pool) as conn:
        return await needs_admin(conn)


async def register(
    pool: Pool, terms: Terms, visitor: Visitor, email: str, password: str, invitation: str | None
) -> tuple[User, str]:
    """Make an account and log in; returns the session's token too. Raises InvalidInput, Forbidden, Conflict."""
    email = check_email(email)
    check_password(password, "password")
    hashed = await hash_password(password)
    async with transaction(pool) as conn:
        user = await admit(conn, terms, email, hashed, invitation)
        await audit.record(conn, user.id, visitor, "account.created")
        return user, await sessions.begin(conn, user.id, visitor)


async def admit(
    conn: Conn, terms: Terms, email: str, password_hash: str | None, invitation: str | None, *, proven: bool = False
) -> User:
    """A new account for whoever may have one: the administrator to be, the invited, anybody while registration is
    open. Raises Forbidden, Conflict.
    """
    first = await needs_admin(conn)
    if invitation is not None:
        used = await fetch_one(conn, USE_INVITATION, {"token_sha256": digest(invitation), "email": email})
        if used is None:
            raise Forbidden("this invitation is not, or no longer, valid for this address; ask for a new one")
    elif not first and not terms.registration_open:
        raise Forbidden("registration is closed; ask the administrator for an invitation")
    return await insert_user(
        conn,
        terms.box,
        email,
        password_hash,
        is_admin=first,
        proven=proven or first,
        default_hourly_limit=terms.default_hourly_limit,
    )


async def give_back(conn: Conn, visitor: Visitor, user_id: int) -> None:
    """An account whose address was never proven goes to whoever just proved it: what opened it before does no more."""
    await conn.execute(SET_PASSWORD, {"user_id": user_id, "password_hash": None})
    await _prove_address(conn, visitor, user_id)


async def _prove_address(conn: Conn, visitor: Visitor, user_id: int) -> None:
    """The first proof ends what was there before it, for it may have been somebody else's."""
    if await fetch_one(conn, PROVE_ADDRESS, {"user_id": user_id}) is None:
        return
    await sessions.end_others(conn, user_id, None)
    await conn.execute(REVOKE_API_KEYS, {"user_id": user_id})
    await conn.execute(HAND_OVER, {"user_id": user_id})
    await audit.record(conn, user_id, visitor, "account.given_back")


async def log_in(pool: Pool, visitor: Visitor, email: str, password: str) -> tuple[User, str]:
    """The user, and the token of a new session. Raises Unauthenticated, TooMany."""
    account = f"account:{email.strip().lower()[:320]}"
    await count_attempt(pool, f"address:{visitor.address}", ATTEMPTS_PER_ADDRESS)
    await count_attempt(pool, account, ATTEMPTS_PER_ACCOUNT)
    async with transaction(pool) as conn:
        row = await fetch_one(conn, USER_BY_EMAIL, {"email": email.strip().replace("\0", "")})
    if not await is_password(password, row["password_hash"] if row else None) or row is None:
        if row is not None:
            async with transaction(pool) as conn:
                await audit.record(conn, row["id"], visitor, "login.failed")
        raise Unauthenticated("this address and password do not go together")
    async with transaction(pool) as conn:
        if not await _is_still(conn, row):
            raise Unauthenticated("the password has just been changed")
        await conn.execute(FORGET_LOGIN_ATTEMPTS, {"subject": account})
        await audit.record(conn, row["id"], visitor, "login")
        token = await sessions.begin(conn, row["id"], visitor)
    return User(row["id"], row["email"], row["is_admin"]), token


async def count_attempt(pool: Pool, subject: str, most: int) -> None:
    """One more in this quarter of an hour. Raises TooMany when it makes more than `most`."""
    async with transaction(pool) as conn:
        row = await fetch_exactly_one(conn, COUNT_LOGIN_ATTEMPT, {"subject": subject.replace("\0", "")})
    if row["count"] > most:
        raise TooMany("too many attempts to log in; wait some minutes", retry_s=max(1, row["retry_s"]))


async def change_password(
    pool: Pool, visitor: Visitor, user_id: int, current: str, new: str, session_id: int | None
) -> None:
    """Also logs out everywhere else. Raises InvalidInput, TooMany."""
    check_password(new, "newPassword")
    await count_attempt(pool, f"password:{user_id}", ATTEMPTS_PER_ACCOUNT)
    async with transaction(pool) as conn:
        row = await fetch_exactly_one(conn, USER_BY_ID, {"user_id": user_id})
    if row["password_hash"] is not None and not await is_password(current, row["password_hash"]):
        raise InvalidInput({"currentPassword": "is not the current password"})
    hashed = await hash_password(new)
    async with transaction(pool) as conn:
        if not await _is_still(conn, row):
            raise InvalidInput({"currentPassword": "is not the current password: it has just been changed"})
        await _set_password(conn, visitor, user_id, hashed, but_session_id=session_id)


async def _is_still(conn: Conn, user: Row) -> bool:
    """Whether the password that was checked, which takes a while, is the user's still; from here to the end it is."""
    params = {"user_id": user["id"], "password_hash": user["password_hash"]}
    return await fetch_one(conn, HOLD_PASSWORD, params) is not None


async def _set_password(conn: Conn, visitor: Visitor, user_id: int, hashed: str, *, but_session_id: int | None) -> None:
    await conn.execute(SET_PASSWORD, {"user_id": user_id, "password_hash": hashed})
    await sessions.end_others(conn, user_id, but_session_id)
    await audit.record(conn, user_id, visitor, "password.changed")


async def ask_for_reset(pool: Pool, visitor: Visitor, email: str) -> None:
    """Have the link sent, if the address has an account; the answer does not tell whether. Raises TooMany."""
    address = email.strip().replace("\0", "")
    await count_attempt(pool, f"reset:{visitor.address}", ATTEMPTS_PER_ACCOUNT)
    await count_attempt(pool, f"reset:{address.lower()[:320]}", 3)
    async with transaction(pool) as conn:
        row = await fetch_one(conn, INSERT_PASSWORD_RESET, {"email": address, "for_s": RESET_S})
        if row is not None:
            await defer_password_reset_mail(conn, row["id"])


async def address_of_reset(pool: Pool, reset_id: int) -> str | None:
    """Where the link goes; None: the reset was used or has expired."""
    async with transaction(pool) as conn:
        row = await fetch_one(conn, PASSWORD_RESET_FOR_MAIL, {"reset_id": reset_id})
    return None if row is None else str(row["email"])


def reset_signer(*secret_keys: str) -> Signer:
    """Signs the ids of password resets, for the links in the mail."""
    return Signer("password reset", *secret_keys)


async def reset_password(pool: Pool, signer: Signer, visitor: Visitor, token: str, new: str) -> None:
    """Set a new password with the link's token, once, and log out everywhere. Raises InvalidInput."""
    check_password(new, "password")
    reset_id = signer.verify(token)
    if reset_id is None:
        raise InvalidInput({"token": "is not, or no longer, valid; ask for a new link"})
    hashed = await hash_password(new)
    async with transaction(pool) as conn:
        row = await fetch_one(conn, USE_PASSWORD_RESET, {"reset_id": int(reset_id)})
        if row is None:
            raise InvalidInput({"token": "is not, or no longer, valid; ask for a new link"})
        await _set_password(conn, visitor, row["user_id"], hashed, but_session_id=None)
        await _prove_address(conn, visitor, row["user_id"])  # the link was in a mail to it


async def list_accounts(pool: Pool, page: PageRequest) -> Page[Account]:
    """All accounts, oldest first; for the administrator."""
    after = page.check()
    async with transaction(pool) as conn:
        rows = await fetch_all(conn, LIST_USERS, {"after": after, "limit": page.limit + 1})
    return page_of([Account(**row) for row in rows], [row["id"] for row in rows], page.limit)


async def invite(pool: Pool, visitor: Visitor, admin_id: int, email: str | None) -> Invitation:
    """A link for one new account, valid for a week. Raises InvalidInput."""
    email = None if email is None else check_email(email)
    token = new_token()
    params = {"token_sha256": digest(token), "user_id": admin_id, "email": email, "for_s": INVITATION_S}
    async with transaction(pool) as conn:
        row = await fetch_exactly_one(conn, INSERT_INVITATION, params)
        await audit.record(conn, admin_id, visitor, "invitation.created", f"invitations/{row['id']}")
    return Invitation(**row, token=token)


async def list_invitations(pool: Pool) -> list[Invitation]:
    """The newest invitations."""
    async with transaction(pool) as conn:
        return [Invitation(**row) for row in await fetch_all(conn, LIST_INVITATIONS, {"limit": MAX_INVITATIONS})]


async def revoke_invitation(pool: Pool, visitor: Visitor, admin_id: int, invitation_id: int) -> None:
    """Raises NotFound for one that is not there or used already."""
    async with transaction(pool) as conn:
        if await fetch_one(conn, REVOKE_INVITATION, {"invitation_id": invitation_id}) is None:
            raise NotFound(f"no open invitation {invitation_id}")
        await audit.record(conn, admin_id, visitor, "invitation.revoked", f"invitations/{invitation_id}")
