"""Logging in with a password. Attempts are counted by account and by visitor. Those that worked count for neither, as
long as there are no more of them than anybody has use for.
"""

from __future__ import annotations

from app.db import Conn, Pool, Row, fetch_one, transaction
from app.domain.accounts import attempts, sessions
from app.domain.accounts.actor import Actor
from app.domain.accounts.passwords import is_password
from app.domain.accounts.tokens import Signer, new_token
from app.domain.accounts.users import DISABLED, User, account_address, read_user, user_of
from app.domain.workspaces import audit
from app.errors import Forbidden, Unauthenticated
from app.mail.addresses import key
from app.sql import queries

sql = queries(__name__)


def browser_signer(*secret_keys: str) -> Signer:
    """Signs the names of browsers, for their cookies."""
    return Signer("browser", *secret_keys)


def name_browser(signer: Signer, user_id: int) -> str:
    """A name for the browser from which the user logged in. It opens nothing."""
    return signer.sign(f"{user_id}.{new_token()}")


async def log_in(
    pool: Pool, actor: Actor, email: str, password: str, signer: Signer, browser: str | None
) -> tuple[User, str]:
    """The user, and the token of a new session. `browser`: as it is named, if it is; its tries at this account are
    counted apart, so that guesses elsewhere do not lock the account's owner out.

    Raises InvalidInput, Unauthenticated, TooMany, Unavailable; Forbidden for a disabled account, and for a member of
    nothing.
    """
    email = account_address(email)
    await attempts.count_visitor(pool, actor, "login")
    async with transaction(pool) as conn:
        row = await read_user(conn, email)
    actor = actor if row is None else actor.of(row["id"])
    known = None if row is None or browser is None else _known(signer, browser, row["id"])
    whose = attempts.account(email) if known is None else f"browser:{known}"
    await attempts.count(pool, actor, "login", whose, attempts.PER_ACCOUNT)
    await attempts.count_in_all(pool, actor, "login", email)
    password_hash = row["password_hash"] if row else None
    if not await is_password(password, password_hash, actor.place(key(email))) or row is None:
        async with transaction(pool) as conn:
            if row is None:
                await attempts.note_unknown(conn, actor, "login")
            else:
                await audit.record(conn, actor, None, "login.failed")
        raise Unauthenticated("this address and password do not go together")
    if row["disabled_at"] is not None:
        async with transaction(pool) as conn:
            await audit.record(conn, actor, None, "login.disabled")
        raise Forbidden(DISABLED)
    user = user_of(row)
    async with transaction(pool) as conn:
        if not await hold_password(conn, row):
            raise Unauthenticated("the password has just been changed")
        await attempts.forgive(conn, actor, "login", whose)
        await audit.record(conn, actor, None, "login")
        token = await sessions.begin(conn, row["id"], actor)
    return user, token


def _known(signer: Signer, browser: str, user_id: int) -> str | None:
    name = signer.verify(browser)
    return name if name is not None and name.startswith(f"{user_id}.") else None


async def hold_password(conn: Conn, user: Row) -> bool:
    """Whether the password that was checked, which takes a while, is the user's still; from here to the end it is."""
    params = {"user_id": user["id"], "password_hash": user["password_hash"]}
    return await fetch_one(conn, sql.hold_password, params) is not None
