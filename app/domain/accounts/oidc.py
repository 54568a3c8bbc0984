"""Login at an OpenID Connect provider: Google, unless OIDC_ISSUER names another. Authorization code flow with PKCE.

Three secrets guard a login (OpenID Connect Core 1.0, section 3.1.2; RFC 9700, section 2.1.1). The `state` may only be
brought back by the browser that began, which shows so by its cookie; without the verifier (RFC 7636) the code is worth
nothing; the nonce ties the ID token to this login. Postgres keeps them, they work once and for ten minutes.

Whoever is known by issuer and subject is let in. An address proves something only when the provider says that it is
verified: then it links the account that has it, or makes a new one for whoever may have one.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection
from typing import Any, NamedTuple

from app.db import Conn, Pool, Row, fetch_one, transaction
from app.domain.accounts import attempts, sessions
from app.domain.accounts.actor import Actor
from app.domain.accounts.password_changes import give_back
from app.domain.accounts.provider import Identity, LoginFailed, Provider
from app.domain.accounts.registration import admit
from app.domain.accounts.tokens import digest, new_token
from app.domain.accounts.users import DISABLED, Terms, lock_accounts, read_user
from app.domain.workspaces import audit
from app.errors import Conflict, Forbidden, InvalidInput, NotFound, TooMany
from app.mail.addresses import to_ascii
from app.sql import queries

sql = queries(__name__)

LOGIN_S = 600  # as take_oidc_login has it
LONGEST_TOKEN = 200  # of what a browser brings: our own tokens have 43 characters
LONGEST_PATH = 2000


class Begun(NamedTuple):
    """Where to send the browser, and the value of the cookie that it is to bring back."""

    url: str
    browser: str


class LetIn(NamedTuple):
    """The token of a new session, and the page that was asked for, as the browser brought it."""

    token: str
    next: str | None


class Return(NamedTuple):
    """With what the provider sends the browser back (RFC 6749, sections 4.1.2 and 4.1.2.1), and the cookie."""

    state: str | None
    code: str | None
    error: str | None
    browser: str | None


async def begin(pool: Pool, provider: Provider, actor: Actor, invitation: str | None, next_page: str | None) -> Begun:
    """A login begins; `invitation` and `next_page` are looked at when it ends. Raises LoginFailed."""
    try:
        await attempts.count_visitor(pool, actor, "google")
    except TooMany as error:
        raise LoginFailed("busy", error.detail) from error
    state, browser, nonce, code_verifier = (new_token() for _ in range(4))
    url = await provider.authorization_url(state, nonce, code_verifier)
    params = {
        "state_sha256": digest(state),
        "browser_sha256": digest(browser),
        "nonce": nonce,
        "code_verifier": code_verifier,
        "invitation": invitation and invitation.replace("\0", "")[:LONGEST_TOKEN],
        "next": next_page and next_page.replace("\0", "")[:LONGEST_PATH],
    }
    async with transaction(pool) as conn:
        await conn.execute(sql.insert_oidc_login, params)
    return Begun(url, browser)


async def finish(pool: Pool, provider: Provider, terms: Terms, actor: Actor, returned: Return) -> LetIn:
    """Lets in whoever the provider says it is. Raises LoginFailed."""
    try:
        login = await _take(pool, returned)
    except LoginFailed as error:
        raise (_refused(returned) or error) from error
    try:
        return LetIn(await _let_in(pool, provider, terms, actor, returned, login), login["next"])
    except LoginFailed as error:
        error.next = login["next"]
        raise


def _refused(returned: Return) -> LoginFailed | None:
    """What the provider says has failed, if it says so."""
    if returned.error is None:
        return None
    code = "cancelled" if returned.error == "access_denied" else "failed"
    return LoginFailed(code, f"the provider says {returned.error[:100]!r}")


async def _let_in(
    pool: Pool, provider: Provider, terms: Terms, actor: Actor, returned: Return, login: dict[str, Any]
) -> str:
    """The token of a new session. Raises LoginFailed."""
    if refused := _refused(returned):
        raise refused
    if returned.code is None:
        raise LoginFailed("failed", "there is no code")
    identity = await provider.identify(returned.code, login["code_verifier"], login["nonce"])
    _check_domain(identity, provider.allowed_domains)
    async with transaction(pool) as conn:
        user_id, workspace_id = await _user_of(conn, terms, actor, identity, login["invitation"])
        await attempts.forgive(conn, actor, "google")
        await audit.record(conn, actor.of(user_id), None, "login", "google")
        return await sessions.begin(conn, user_id, actor, workspace_id)


async def _take(pool: Pool, returned: Return) -> dict[str, Any]:
    """The login that was begun. Its row is gone from here on, whatever becomes of the login."""
    if returned.state is None or returned.browser is None:
        raise LoginFailed("expired", "there is no state, or no cookie of a browser that began")
    async with transaction(pool) as conn:
        login = await fetch_one(conn, sql.take_oidc_login, {"state_sha256": digest(returned.state)})
    if login is None:
        raise LoginFailed("expired", "the state was used already, or is not ours")
    if not hmac.compare_digest(digest(returned.browser), login["browser_sha256"]):
        raise LoginFailed("expired", "the login was begun by another browser")
    if not login["fresh"]:
        raise LoginFailed("expired", "the login was begun too long ago")
    return login


def _check_domain(identity: Identity, allowed: Collection[str]) -> None:
    """Where domains are limited they are so for everybody, accounts that are there already included."""
    if not allowed:
        return
    if identity.email is None:
        raise LoginFailed("unverified", "without a verified address there is no domain to check")
    spellings = {address.rpartition("@")[2] for address in (identity.email, to_ascii(identity.email))}
    if spellings.isdisjoint(allowed):
        raise LoginFailed("domain", "the address is of a domain that is not allowed")


async def _user_of(
    conn: Conn, terms: Terms, actor: Actor, identity: Identity, invitation: str | None
) -> tuple[int, int | None]:
    """The user's id, and the workspace to begin in; from here on the identity is known. Raises LoginFailed.

    An invitation lets somebody new in. Whoever has an account accepts it from our own pages: a link alone, which any
    page can have a browser follow, must not make them a member of somebody's workspace and have it selected.
    """
    await lock_accounts(conn)  # two first logins of one person at once: the second finds what the first made
    known = await fetch_one(conn, sql.user_of_identity, {"issuer": identity.issuer, "subject": identity.subject})
    if known is not None:
        _check_enabled(known)
        return int(known["user_id"]), None
    if identity.email is None:
        raise LoginFailed("unverified", "nobody is known by this identity, and it has no verified address")
    existing = await read_user(conn, identity.email)
    if existing is not None:
        _check_enabled(existing)
        user_id, action = int(existing["id"]), "account.linked"
        if existing["email_proven_at"] is None:
            await give_back(conn, terms, actor, user_id)
        workspace_id = None
    else:
        try:
            user = await admit(conn, terms, actor, identity.email, None, invitation, proven=True)
        except (Forbidden, InvalidInput, NotFound, Conflict) as error:
            raise LoginFailed("closed", error.detail) from error
        user_id, workspace_id, action = user.id, user.workspace_id, "account.created"
    params = {"issuer": identity.issuer, "subject": identity.subject, "user_id": user_id}
    await conn.execute(sql.insert_identity, params)
    await audit.record(conn, actor.of(user_id), None, action, "google")
    return user_id, workspace_id


def _check_enabled(account: Row) -> None:
    if account["disabled_at"] is not None:
        raise LoginFailed("disabled", DISABLED)
