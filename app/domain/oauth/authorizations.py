"""Somebody has been sent to a provider, and is to come back: what guards the way there and back.

Three secrets do (OpenID Connect Core 1.0, section 3.1.2; RFC 9700, section 2.1.1). The `state` may only be brought back
by the browser that began, which shows so by its cookie; without the verifier (RFC 7636) the code is worth nothing; the
nonce ties the ID token to this authorization. Postgres keeps them, they work once and for ten minutes.
"""

from __future__ import annotations

import hmac
from typing import Any, NamedTuple

from app.db import Conn, Pool, Row, fetch_one, transaction
from app.domain.accounts.tokens import digest, new_token
from app.sql import queries

sql = queries(__name__)

AUTHORIZATION_S = 600  # as take_authorization has it
LONGEST_TOKEN = 200  # of what a browser brings: our own tokens have 43 characters
LONGEST_PATH = 2000


class Secrets(NamedTuple):
    """Those of one authorization; `browser` is the value of the cookie that it is to come back with."""

    state: str
    browser: str
    nonce: str
    code_verifier: str


class Begun(NamedTuple):
    """Where to send the browser, and the value of the cookie that it is to bring back."""

    url: str
    browser: str


class Return(NamedTuple):
    """With what the provider sends the browser back (RFC 6749, sections 4.1.2 and 4.1.2.1; RFC 9207), and a cookie."""

    state: str | None
    code: str | None
    error: str | None
    browser: str | None
    issuer: str | None = None


class Mailbox(NamedTuple):
    """The purpose of an authorization that connects a mailbox; `sender_id` None: of a new sender."""

    provider: str
    session_id: int
    user_id: int
    workspace_id: int
    sender_id: int | None


class Expired(Exception):
    """Nobody may go on with this; the text is for the log."""


def new_secrets() -> Secrets:
    return Secrets(*(new_token() for _ in range(4)))


async def keep(
    conn: Conn,
    secrets: Secrets,
    *,
    invitation: str | None = None,
    next_page: str | None,
    mailbox: Mailbox | None = None,
) -> None:
    """An authorization begins; `invitation` and `next_page` are looked at when it ends."""
    params: dict[str, Any] = {
        "state_sha256": digest(secrets.state),
        "browser_sha256": digest(secrets.browser),
        "nonce": secrets.nonce,
        "code_verifier": secrets.code_verifier,
        "invitation": invitation and invitation.replace("\0", "")[:LONGEST_TOKEN],
        "next": next_page and next_page.replace("\0", "")[:LONGEST_PATH],
    }
    named = dict.fromkeys(Mailbox._fields) if mailbox is None else mailbox._asdict()
    await conn.execute(sql.insert_authorization, params | named)


async def take(pool: Pool, returned: Return, *, connects: bool) -> Row:
    """Take the authorization that a mailbox's connection or a login began: its row is gone from here on.

    Raises Expired.
    """
    if returned.state is None or returned.browser is None:
        raise Expired("there is no state, or no cookie of a browser that began")
    params = {"state_sha256": digest(returned.state), "connects": connects}
    async with transaction(pool) as conn:
        begun = await fetch_one(conn, sql.take_authorization, params)
    if begun is None:
        raise Expired("the state was used already, or is not ours")
    if not hmac.compare_digest(digest(returned.browser), begun["browser_sha256"]):
        raise Expired("it was begun by another browser")
    if not begun["fresh"]:
        raise Expired("it was begun too long ago")
    return begun
