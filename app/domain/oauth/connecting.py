"""Connecting a mailbox: its owner agrees at their provider, and the login keeps the grant.

The authorization is bound to the browser, the session and the workspace in which it began. The provider says whose
mailbox it is in the ID token, which comes from its token endpoint itself, so that TLS stands for its signature (OpenID
Connect Core 1.0, section 3.1.3.7, 6); that address is the login. To connect a mailbox that is there already gives its
login another grant: its senders, their limits and campaigns stay, and go on. Where others alone send by it, from other
addresses, it becomes a sender of its own beside them.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import msgspec
from joserfc import jws
from joserfc.errors import JoseError

from app.db import Conn, Pool, Row, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.accounts.actor import Actor
from app.domain.accounts.users import User
from app.domain.ledger import holds
from app.domain.oauth import authorizations, tokens
from app.domain.oauth import client as oauth
from app.domain.oauth.authorizations import Begun, Expired, Mailbox, Return
from app.domain.oauth.client import Client, ProviderTrouble, Tokens
from app.domain.oauth.providers import MailProvider, Providers
from app.domain.oauth.tokens import Login
from app.domain.planning import changes as plan_changes
from app.domain.senders import logins, verification
from app.domain.senders.draft import SenderDraft, Server
from app.domain.senders.senders import insert_connected
from app.domain.workspaces import audit, members, quotas
from app.domain.workspaces.quotas import Quotas
from app.domain.workspaces.roles import MEMBER, covers
from app.errors import NotFound, QuotaReached
from app.jobs import defer_planning
from app.mail.addresses import InvalidAddress, key, normalize
from app.secrets import SecretBox
from app.sql import queries

sql = queries(__name__)

Failure = Literal[
    "cancelled",  # by the person, or their administrator
    "expired",  # or begun in another browser, session or workspace
    "scope",  # mail was not among what they agreed to
    "no_refresh_token",  # so that it would last an hour
    "other_mailbox",  # than the one that was to be connected again
    "role",  # in the workspace, which may have changed meanwhile
    "another_account",  # than the page's: the browser's person or workspace has changed since it was opened
    "quota",
    "failed",
]
_SERVER = ("host", "port", "security", "username")


class ConnectFailed(Exception):
    """`code` is for the person, the text for the log; neither holds a secret. `next` is as in `Connected`."""

    def __init__(self, code: Failure, reason: str) -> None:
        super().__init__(reason)
        self.code: Failure = code
        self.next: str | None = None


class Connected(NamedTuple):
    """The sender, and the page that was asked for, as the browser brought it."""

    sender_id: int
    next: str | None


class Place(NamedTuple):
    """Where the browser comes back to, and who is there."""

    redirect_uri: str
    user: User
    session_id: int


async def begin(
    pool: Pool, provider: MailProvider, place: Place, sender_id: int | None, next_page: str | None
) -> Begun:
    """Somebody wants to connect a mailbox: a new one, or the sender's again. Raises NotFound."""
    user = place.user
    hint: dict[str, str] = {}
    if sender_id is not None:
        sender = await _mailbox(pool, user.workspace_id, sender_id)
        names = sender["username"] or "", sender["email"]
        hint = {"login_hint": next(name for name in names if "@" in name)}
    secrets = authorizations.new_secrets()
    async with _client(provider, place.redirect_uri).open() as client:
        url, _ = client.create_authorization_url(
            provider.authorize_url,
            state=secrets.state,
            nonce=secrets.nonce,
            code_verifier=secrets.code_verifier,
            **provider.asks,
            **hint,
        )
    mailbox = Mailbox(provider.name, place.session_id, user.id, user.workspace_id, sender_id)
    async with transaction(pool) as conn:
        await authorizations.keep(conn, secrets, next_page=next_page, mailbox=mailbox)
    return Begun(str(url), secrets.browser)


class Terms(NamedTuple):
    """On which a new sender is let in."""

    box: SecretBox
    default_hourly_limit: int
    most: Quotas


class _Kept(NamedTuple):
    """The sender, and whether it leaves a server whose words hold something back."""

    sender_id: int
    leaves_server: bool


async def finish(
    pool: Pool, providers: Providers, terms: Terms, place: Place, actor: Actor, returned: Return
) -> Connected:
    """The browser is back. Raises ConnectFailed."""
    try:
        begun = await authorizations.take(pool, returned, connects=True)
    except Expired as error:
        raise ConnectFailed("expired", str(error)) from error
    try:
        return Connected(await _connect(pool, providers, terms, place, actor, returned, begun), begun["next"])
    except ConnectFailed as error:
        error.next = begun["next"]
        raise


async def _connect(
    pool: Pool, providers: Providers, terms: Terms, place: Place, actor: Actor, returned: Return, begun: Row
) -> int:
    await _check_place(pool, place, begun)
    provider = providers.get(begun["provider"])
    if provider is None:
        raise ConnectFailed("failed", "the provider is set up no more")
    # RFC 9207: a code of another provider's is for nobody here.
    if returned.issuer is not None and provider.issuer is not None and returned.issuer != provider.issuer:
        raise ConnectFailed("failed", f"another issuer answers: {returned.issuer[:100]!r}")
    if returned.error is not None:
        code = "cancelled" if returned.error == "access_denied" else "failed"
        raise ConnectFailed(code, f"the provider says {returned.error[:100]!r}")
    if returned.code is None:
        raise ConnectFailed("failed", "there is no code")
    given, address = await _ask(provider, place.redirect_uri, returned.code, begun)
    workspace_id: int = begun["workspace_id"]
    try:
        async with transaction(pool, workspace_id) as conn:
            await _check_role(conn, place.user)  # once more: the provider may have taken its time
            kept = await _keep(conn, terms, actor, provider, workspace_id, begun["sender_id"], given, address)
    except QuotaReached as error:
        raise ConnectFailed("quota", error.detail) from error
    if kept.leaves_server:  # as where a sender is changed: in a transaction of its own
        await holds.forget(pool, workspace_id, kept.sender_id)
    return kept.sender_id


async def _check_place(pool: Pool, place: Place, begun: Row) -> None:
    """Raises ConnectFailed, also where somebody lost the workspace or the role for it on the way."""
    user = place.user
    if (place.session_id, user.id, user.workspace_id) != (begun["session_id"], begun["user_id"], begun["workspace_id"]):
        raise ConnectFailed("expired", "it was begun in another session or workspace")
    async with transaction(pool, user.workspace_id) as conn:
        await _check_role(conn, user)


async def _check_role(conn: Conn, user: User) -> None:
    """Until the end of the transaction they keep it. Raises ConnectFailed."""
    try:
        role = await members.hold_role(conn, user.workspace_id, user.id)
    except NotFound as error:
        raise ConnectFailed("role", error.detail) from error
    if not covers(role, MEMBER):
        raise ConnectFailed("role", f"this takes the role {MEMBER}")


async def _ask(provider: MailProvider, redirect_uri: str, code: str, begun: Row) -> tuple[Tokens, str]:
    """The tokens for the code, and whose mailbox it is. Raises ConnectFailed."""
    client = _client(provider, redirect_uri)
    try:
        async with client.open(secret_in_form=provider.secret_in_form) as conversation:
            given = await oauth.exchange(conversation, provider.token_url, code, begun["code_verifier"])
        if given.id_token is None:
            raise ValueError("there is no ID token")
        stated: dict[str, Any] = msgspec.json.decode(jws.extract_compact(given.id_token.encode()).payload)
        claims = oauth.check_claims(stated, provider.client_id, begun["nonce"], provider.issuer)
        named = (getattr(claims, claim) for claim in provider.address_claims)
        address = normalize(next(name for name in named if name is not None))
    except (ProviderTrouble, JoseError, InvalidAddress, StopIteration, *oauth.NO_ANSWER) as error:
        raise ConnectFailed("failed", f"{type(error).__name__}: {str(error)[:300]}") from error
    if lacking := provider.lacks(given.scope):
        raise ConnectFailed("scope", f"not given: {' '.join(lacking)}")
    if given.refresh_token is None:
        raise ConnectFailed("no_refresh_token", "no refresh token came")
    return given, address


async def _keep(
    conn: Conn,
    terms: Terms,
    actor: Actor,
    provider: MailProvider,
    workspace_id: int,
    sender_id: int | None,
    given: Tokens,
    address: str,
) -> _Kept:
    """Raises ConnectFailed, QuotaReached."""
    await logins.lock(conn, workspace_id)
    server = Server(provider.smtp.host, provider.smtp.port, provider.smtp.security, address)
    params = {"workspace_id": workspace_id, "username": address, "host": server.host}
    action = "sender.changed"
    leaves_server = False
    if sender_id is None:
        before = await fetch_one(conn, sql.sender_of_mailbox, params)
        if before is not None and before["retired_at"] is not None:
            await quotas.check_senders(conn, workspace_id, terms.most)
            await conn.execute(sql.reinstate, {"workspace_id": workspace_id, "sender_id": before["id"]})
            action = "sender.reinstated"
    else:
        before = await fetch_one(conn, sql.mailbox_of_sender, params | {"sender_id": sender_id})
        if before is None:
            raise ConnectFailed("failed", "the sender is there no more")
        if key(address) not in {key(before["username"] or ""), key(before["email"])}:
            raise ConnectFailed("other_mailbox", "somebody connected another mailbox than the sender's")
    if before is None:
        await quotas.check_senders(conn, workspace_id, terms.most)
        draft = SenderDraft(email=address, server=server, max_connections=provider.max_connections)
        limit = terms.default_hourly_limit
        sender_id = await insert_connected(conn, workspace_id, draft, default_hourly_limit=limit)
        action = "sender.created"
    else:
        sender_id = int(before["id"])
        leaves_server = await _move(conn, workspace_id, sender_id, server) and not before["is_at_server"]
    of = await _login_of(conn, workspace_id, sender_id)
    imap = {f"imap_{name}": getattr(provider.imap, name) for name in ("host", "port", "security")}
    by_grant = await fetch_all(conn, sql.go_by_grant, params | imap | {"login_id": of.id, "sender_id": sender_id})
    await verification.forget(conn, workspace_id, [row["id"] for row in by_grant])
    granted = tokens.sealed(terms.box, of, given) | {"login_id": of.id, "provider": provider.name}
    await conn.execute(sql.set_grant, params | granted)
    await tokens.unblock(conn, of)
    await audit.record(conn, actor, workspace_id, action, f"senders/{sender_id}")
    return _Kept(sender_id, leaves_server)


async def _move(conn: Conn, workspace_id: int, sender_id: int, server: Server) -> bool:
    """The sender logs in at this server, and shares the login of others that do. Whether it has its login still, and
    alone. Comes after `logins.lock`.
    """
    before = await _login_of(conn, workspace_id, sender_id)
    params = {"workspace_id": workspace_id, "sender_id": sender_id}
    await conn.execute(sql.set_mailbox, params | {name: getattr(server, name) for name in _SERVER})
    course = await logins.follow_server(conn, workspace_id, sender_id, server)
    both = [before.id, (await _login_of(conn, workspace_id, sender_id)).id]
    alike = await fetch_all(conn, sql.senders_of_logins, params | {"login_ids": both})
    if course == "STAYS":
        return len(alike) == 1
    for each in await plan_changes.ask_for_senders(conn, workspace_id, [row["id"] for row in alike]):
        await defer_planning(conn, workspace_id, each)
    return False


async def _login_of(conn: Conn, workspace_id: int, sender_id: int) -> Login:
    params = {"workspace_id": workspace_id, "sender_id": sender_id}
    return Login(workspace_id, (await fetch_exactly_one(conn, sql.login_of_sender, params))["login_id"])


async def _mailbox(pool: Pool, workspace_id: int, sender_id: int) -> Row:
    async with transaction(pool, workspace_id) as conn:
        params = {"workspace_id": workspace_id, "sender_id": sender_id, "host": None, "username": None}
        sender = await fetch_one(conn, sql.mailbox_of_sender, params)
    if sender is None:
        raise NotFound(f"no sender {sender_id}")
    return sender


def _client(provider: MailProvider, redirect_uri: str) -> Client:
    return Client(provider.client_id, provider.client_secret, provider.scope, redirect_uri)
