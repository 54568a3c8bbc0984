"""How a worker logs in as a sender, to send and to read: by a password, or by an access token of its login's grant."""

from __future__ import annotations

import asyncio
from functools import partial

import structlog

from app.db import Pool, Row
from app.domain.oauth import tokens
from app.domain.oauth.providers import MailProvider, Place, Providers
from app.domain.oauth.tokens import Login, NoBearer, Outcome, TokenStore
from app.domain.operations.host_policy import HostPolicy, plain
from app.domain.senders.inbox import imap_password_place
from app.domain.senders.senders import password_place
from app.secrets import SecretBox, UndecipherableSecret
from app.settings import Settings
from worker.auth import Bearer, Bearers
from worker.connect import Server
from worker.housekeeping import step
from worker.instruments import TOKEN_REFRESHES
from worker.verdicts import ServerTrouble

REFRESH_EVERY_S = 5.0
MOST_AT_ONCE = 8  # of one provider: one that is slow holds up nobody but others of its own

log = structlog.get_logger()


class Credentials:
    """Of all senders. `fallback` is the server of those that have none of their own."""

    def __init__(self, settings: Settings, pool: Pool, box: SecretBox, fallback: Server, providers: Providers) -> None:
        self._pool = pool
        self._box = box
        self._fallback = fallback
        self._providers = providers
        self._policy = HostPolicy.of(settings)
        self._ca_file = settings.smtp_ca_file
        self._tokens = TokenStore(pool, box, providers, _count)

    def server_of(self, sender: Row) -> Server:
        """Raises ServerTrouble."""
        if sender["host"] is None:
            return self._fallback
        if sender["credential"] == "OAUTH":
            return self._at_provider(sender, self._provider_of(sender, sender["host"]).smtp)
        username, sealed = sender["username"], sender["password_encrypted"]
        password = None if username is None else self._open(sealed, password_place(sender["id"]), sender["host"])
        return Server(
            *(sender["host"], sender["port"], sender["security"], username, password, self._policy),
            ca_file=self._ca_file,
        )

    def imap_server_of(self, sender: Row) -> Server | None:
        """Where its mailbox is read; None: nowhere. Raises ServerTrouble."""
        host, username = sender["imap_host"], sender["imap_username"]
        if host is None:
            return None
        if username is not None:
            password = self._open(sender["imap_password_encrypted"], imap_password_place(sender["id"]), host)
        elif sender["credential"] == "OAUTH":
            place = self._provider_of(sender, host).imap
            if plain(place.host) != plain(host):
                text = f"the mailbox is connected, and its access tokens are for {place.host} alone"
                raise ServerTrouble(f"{host} cannot be logged in to: {text}", "token")
            return self._at_provider(sender, place)
        else:
            username = sender["username"]
            password = self._open(sender["password_encrypted"], password_place(sender["id"]), host)
        return Server(
            *(host, sender["imap_port"], sender["imap_security"], username, password, self._policy.of_reading),
            ca_file=self._ca_file,
        )

    def _open(self, sealed: bytes | None, place: str, host: str) -> str:
        if sealed is None:
            raise ServerTrouble(f"{host} cannot be logged in to: there is no password", "password")
        try:
            return self._box.open(sealed, place)
        except UndecipherableSecret as error:
            raise ServerTrouble(f"{host} cannot be logged in to: {error}", "password") from None

    def _provider_of(self, sender: Row, host: str) -> MailProvider:
        provider = self._providers.get(sender["provider"])
        if provider is None:
            text = f"the provider {sender['provider']} is not set up here any more"
            raise ServerTrouble(f"{host} cannot be logged in to: {text}", "token")
        return provider

    def _at_provider(self, sender: Row, place: Place) -> Server:
        """The provider's own server, as the operator set it up, whatever the sender's row says: no other is shown an
        access token.
        """
        login = Login(sender["workspace_id"], sender["login_id"])
        return Server(
            *(place.host, place.port, place.security, sender["username"]),
            policy=None,
            bearers=Bearers(partial(self._current, login), partial(self._renewed, login)),
            ca_file=self._ca_file,
        )

    async def _current(self, login: Login) -> Bearer:
        try:
            return await self._tokens.bearer(login)
        except NoBearer as error:
            raise ServerTrouble(str(error), "token") from None

    async def _renewed(self, login: Login, refused: Bearer) -> Bearer | None:
        try:
            return await self._tokens.renewed(login, refused.version)
        except NoBearer as error:
            raise ServerTrouble(str(error), "token") from None

    async def keep_fresh(self) -> None:
        """Refresh tokens some time before they expire, until cancelled: lanes find them fresh, and providers are asked
        evenly, not at the turn of the hour.
        """
        await asyncio.gather(*map(self._keep_fresh, self._providers))
        await asyncio.Event().wait()  # without providers: a worker ends with the first of its helpers that does

    async def _keep_fresh(self, provider: str) -> None:
        while True:
            with step("refresh_tokens"):
                while due := await tokens.due_for_refresh(self._pool, provider, MOST_AT_ONCE):
                    await asyncio.gather(*map(self._refresh, due))
            await asyncio.sleep(REFRESH_EVERY_S)

    async def _refresh(self, login: Login) -> None:
        try:
            await self._tokens.refresh_ahead(login)
        except NoBearer as error:
            log.warning("token not refreshed", login_id=login.id, ended=error.ended)

    async def close(self) -> None:
        """Let what was asked of providers come to its end."""
        await self._tokens.close()


def _count(outcome: Outcome) -> None:
    TOKEN_REFRESHES[outcome].inc()
