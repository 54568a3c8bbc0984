"""Login at an OpenID Connect provider: Google, unless OIDC_ISSUER names another. By the authorization code flow with
PKCE, which `app.domain.oauth.authorizations` guards.

A person known by issuer and subject is let in. An address proves something only when the provider says that it is
verified: then it links the account that has it, or makes a new one for a person who may have one.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from app.db import Conn, Pool, Row, fetch_one, transaction
from app.domain.accounts import attempts, sessions
from app.domain.accounts.actor import Actor
from app.domain.accounts.password_changes import give_back
from app.domain.accounts.provider import Identity, LoginFailed, Provider
from app.domain.accounts.registration import admit
from app.domain.accounts.users import DISABLED, Terms, lock_accounts, read_user
from app.domain.oauth import authorizations
from app.domain.oauth.authorizations import Begun, Expired, Return
from app.domain.workspaces import audit
from app.errors import Conflict, Forbidden, InvalidInput, NotFound, TooMany
from app.mail.addresses import to_ascii
from app.sql import queries

sql = queries(__name__)


class LetIn(NamedTuple):
    """The token of a new session, and the page that was asked for, as the browser brought it."""

    token: str
    next: str | None


async def begin(pool: Pool, provider: Provider, actor: Actor, invitation: str | None, next_page: str | None) -> Begun:
    """A login begins; `invitation` and `next_page` are looked at when it ends. Raises LoginFailed."""
    try:
        await attempts.count_visitor(pool, actor, "google")
    except TooMany as error:
        raise LoginFailed("busy", error.detail) from error
    secrets = authorizations.new_secrets()
    url = await provider.authorization_url(secrets.state, secrets.nonce, secrets.code_verifier)
    async with transaction(pool) as conn:
        await authorizations.keep(conn, secrets, invitation=invitation, next_page=next_page)
    return Begun(url, secrets.browser)


async def finish(pool: Pool, provider: Provider, terms: Terms, actor: Actor, returned: Return) -> LetIn:
    """Let in the person whom the provider names. Raises LoginFailed."""
    try:
        login = await authorizations.take(pool, returned, connects=False)
    except Expired as error:
        raise (_refused(returned) or LoginFailed("expired", str(error))) from error
    try:
        return LetIn(await _let_in(pool, provider, terms, actor, returned, login), login["next"])
    except LoginFailed as error:
        error.next = login["next"]
        raise


def _refused(returned: Return) -> LoginFailed | None:
    """The failure that the provider reports, if it reports one."""
    if returned.error is None:
        return None
    code = "cancelled" if returned.error == "access_denied" else "failed"
    return LoginFailed(code, f"the provider says {returned.error[:100]!r}")


async def _let_in(pool: Pool, provider: Provider, terms: Terms, actor: Actor, returned: Return, login: Row) -> str:
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

    An invitation lets somebody new in. A person who has an account accepts it from our own pages: a link alone, which
    any page can have a browser follow, must not make them a member of somebody's workspace and have it selected.
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
