"""Access tokens of connected mailboxes: had from Postgres, refreshed in time, once at a time over all workers.

A process that refreshes leases the login first and talks to the provider with no transaction open. Many providers
rotate the refresh token with each use, so what comes back is committed before the access token is used: a process that
dies after the commit loses nothing, and one that dies before it loses what the provider alone may have revoked. Time is
the database's, so a worker whose clock is wrong is as good as any.

A lease that runs out (its holder hangs) lets another refresh. Both write over the version of the tokens that they read,
so the first one wins; and one that is told that the grant has ended believes it only while nobody has written since.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Literal, NamedTuple, TypeVar
from uuid import uuid4

from app.db import Conn, Pool, Row, fetch_all, fetch_one, transaction, until_answered
from app.domain.oauth import client as oauth
from app.domain.oauth.client import ALL_OF_IT_S, Client, ProviderTrouble, Tokens
from app.domain.oauth.providers import MailProvider, Providers
from app.jobs import defer_wake_up
from app.secrets import SecretBox, UndecipherableSecret
from app.sql import queries

sql = queries(__name__)

LEASE_S = 2 * ALL_OF_IT_S + 20  # longer than anybody talks to a provider
MARGIN_S = 60.0  # an access token that expires sooner is not begun with
LIVES_S = 3600.0  # an access token of which the provider does not say it
WAIT_S = 60.0  # for somebody else's refresh
LOOK_EVERY_S = 0.25
CLOSE_S = ALL_OF_IT_S + 5
FIRST_BACK_OFF_S, LONGEST_BACK_OFF_S = 5.0, 900.0
LEAST_BETWEEN_S = 60.0  # two refreshes for bearers that servers refuse: a new one would be refused, too
ENDED = "connect the mailbox again"
Outcome = Literal["refreshed", "ended", "refused", "away"]  # the others as in `oauth.Trouble`
K = TypeVar("K")
T = TypeVar("T")


class Login(NamedTuple):
    """The login that tokens belong to."""

    workspace_id: int
    id: int


class Bearer(NamedTuple):
    """An access token, and which one it is of its login's."""

    token: str
    version: int


class NoBearer(Exception):
    """There is no access token to be had now. The text is for people; `ended`: nor later, until one connects again."""

    def __init__(self, text: str, *, ended: bool = False) -> None:
        super().__init__(text)
        self.ended = ended


class TokenStore:
    """The tokens of all logins, as one process sees them: of those who ask for the same login at once, one asks on."""

    def __init__(
        self, pool: Pool, box: SecretBox, providers: Providers, count: Callable[[Outcome], None] = lambda _: None
    ) -> None:
        """`count` is told what became of each refresh."""
        self._pool = pool
        self._box = box
        self._providers = providers
        self._count = count
        self._asking: dict[tuple[Login, int | None], asyncio.Task[Bearer]] = {}
        self._ahead: dict[Login, asyncio.Task[None]] = {}

    async def bearer(self, login: Login, refused: int | None = None) -> Bearer:
        """An access token that is good for a while; not of the version that a server has `refused`. Raises NoBearer."""
        return await _shared(self._asking, (login, refused), lambda: self._bearer(login, refused))

    async def renewed(self, login: Login, refused: int) -> Bearer | None:
        """Another bearer after a server refused one; None: that was as new as can be. Raises NoBearer."""
        row = await self._read(login)
        if row["grant_version"] == refused and row["is_new"]:
            return None
        return await self.bearer(login, refused)

    async def refresh_ahead(self, login: Login) -> None:
        """Refresh tokens though they are good for a while still, unless somebody else does. Raises NoBearer."""

        async def refresh() -> None:
            await self._refresh(login, await self._read(login))

        await _shared(self._ahead, login, refresh)

    async def close(self) -> None:
        """Let what is under way come to its end, as a refresh token may have been used: within CLOSE_S, since the
        database may be away; then it goes on for as long as the process does.
        """
        if under_way := {*self._asking.values(), *self._ahead.values()}:
            await asyncio.wait(under_way, timeout=CLOSE_S)

    async def _bearer(self, login: Login, refused: int | None) -> Bearer:
        just_refreshed = False
        row = await self._read(login)
        deadline = asyncio.get_running_loop().time() + WAIT_S  # without what the database was away for
        while True:
            wanted = row["grant_version"] != refused
            # As good as they come: there are providers whose tokens live shorter than our margin.
            if wanted and (row["is_fresh"] or just_refreshed):
                return self._open(login, row)
            if await self._refresh(login, row):
                just_refreshed = True
            elif wanted and row["is_good"]:  # somebody refreshes it, or nobody can at present
                return self._open(login, row)
            elif row["is_waiting"]:
                raise NoBearer(f"no access token: {row['grant_error']}")
            elif asyncio.get_running_loop().time() > deadline:
                raise NoBearer("no access token: the provider has not answered yet")
            else:
                await asyncio.sleep(LOOK_EVERY_S)
            row = await self._read(login)

    async def _read(self, login: Login) -> Row:
        """Raises NoBearer where no grant is, or one that has ended."""
        params = _named(login) | {"margin_s": MARGIN_S, "new_s": LEAST_BETWEEN_S}
        row = await self._fetch(sql.read_tokens, params)
        if row is None:
            raise NoBearer(f"no grant is there for this login; {ENDED}", ended=True)
        if row["has_ended"]:
            raise NoBearer(f"{ENDED}: {row['grant_error']}", ended=True)
        return row

    async def _fetch(self, text: bytes, params: dict[str, Any]) -> Row | None:
        """Whoever asks for a token waits for a database that is away: that is no fault of the login's."""

        async def fetch() -> Row | None:
            async with self._pool.connection() as conn:
                return await fetch_one(conn, text, params)

        return await until_answered(fetch)

    def _open(self, login: Login, row: Row) -> Bearer:
        try:
            return Bearer(self._box.open(row["access_token_encrypted"], access_place(login.id)), row["grant_version"])
        except UndecipherableSecret as error:
            raise NoBearer(f"its access token cannot be read: {error}") from None

    async def _refresh(self, login: Login, row: Row) -> bool:
        """Whether new tokens are there; not where it is somebody else's turn, or nobody's for a while."""
        lease = uuid4()
        params = _named(login) | {"version": row["grant_version"], "lease": lease, "lease_s": LEASE_S}
        leased = await self._fetch(sql.lease_refresh, params)
        if leased is None:
            return False
        provider = self._providers.get(row["provider"])
        try:
            if provider is None:
                raise ProviderTrouble("refused", f"{row['provider']} is not set up here any more")
            refresh_token = self._box.open(leased["refresh_token_encrypted"], refresh_place(login.id))
            tokens = await ask_to_refresh(provider, refresh_token)
        except UndecipherableSecret as error:
            await self._fail(params, ProviderTrouble("refused", str(error)), provider)
        except ProviderTrouble as trouble:
            await self._fail(params, trouble, provider)
        else:
            await until_answered(lambda: self._keep(login, params, tokens))
            self._count("refreshed")
            return True
        return False

    async def _keep(self, login: Login, params: dict[str, Any], tokens: Tokens) -> None:
        async with transaction(self._pool) as conn:
            kept = await fetch_one(conn, sql.keep_tokens, params | sealed(self._box, login, tokens))
            if (
                kept is not None and kept["had_ended"]
            ):  # somebody was told so meanwhile, who asked with the token before
                await unblock(conn, login)

    async def _fail(self, params: dict[str, Any], trouble: ProviderTrouble, provider: MailProvider | None) -> None:
        self._count(trouble.kind)
        label = provider.label if provider is not None else "the provider"
        told = params | {"error": f"{label} {_sentence(trouble)}", "retry_s": trouble.retry_s}

        async def note() -> None:
            async with transaction(self._pool) as conn:
                if trouble.kind != "ended":
                    backing_off = {"first_s": FIRST_BACK_OFF_S, "longest_s": LONGEST_BACK_OFF_S}
                    await conn.execute(sql.note_failed_refresh, told | backing_off)
                elif await fetch_one(conn, sql.end_grant, told) is not None:
                    await conn.execute(sql.block_senders_of_login, told | {"reason": f"{ENDED}: {told['error']}"})

        await until_answered(note)


async def _shared(tasks: dict[K, asyncio.Task[T]], name: K, begin: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The result of the task of that name, which goes on though its askers are cancelled: it may have used a refresh
    token up.
    """
    task = tasks.get(name)
    if task is None:
        task = tasks[name] = asyncio.create_task(begin())

        def done(ended: asyncio.Task[T]) -> None:
            del tasks[name]
            if not ended.cancelled():
                ended.exception()  # nobody may be there any more to be told

        task.add_done_callback(done)
    return await asyncio.shield(task)


async def unblock(conn: Conn, login: Login) -> None:
    """The login has good tokens again: its senders go on at once."""
    for sender in await fetch_all(conn, sql.unblock_senders_of_login, _named(login)):
        await defer_wake_up(conn, sender["id"])


async def due_for_refresh(pool: Pool, provider: str, most: int) -> list[Login]:
    """Logins of this provider whose tokens are to be refreshed by now, as they are in use, or were not for a day."""
    async with pool.connection() as conn:
        rows = await fetch_all(conn, sql.due_for_refresh, {"provider": provider, "most": most})
    return [Login(row["workspace_id"], row["id"]) for row in rows]


async def ask_to_refresh(provider: MailProvider, refresh_token: str) -> Tokens:
    """Raises ProviderTrouble."""
    client = Client(provider.client_id, provider.client_secret, "")
    async with client.open(secret_in_form=provider.secret_in_form) as conversation:
        return await oauth.refresh(conversation, provider.token_url, refresh_token)


def sealed(box: SecretBox, login: Login, tokens: Tokens) -> dict[str, Any]:
    """Tokens as the database keeps them; without a refresh token, the one before goes on being good."""
    refresh = tokens.refresh_token
    return {
        "refresh_token_encrypted": None if refresh is None else box.seal(refresh, refresh_place(login.id)),
        "access_token_encrypted": box.seal(tokens.access_token, access_place(login.id)),
        "lives_s": tokens.lives_s(LIVES_S),
    }


def refresh_place(login_id: int) -> str:
    """The place that a login's refresh token is bound to."""
    return f"logins/{login_id}/refresh_token"


def access_place(login_id: int) -> str:
    """The place that a login's access token is bound to."""
    return f"logins/{login_id}/access_token"


def _sentence(trouble: ProviderTrouble) -> str:
    if trouble.kind == "away":
        return str(trouble)
    return f"says {trouble}" if trouble.kind == "ended" else f"refuses a new access token: {trouble}"


def _named(login: Login) -> dict[str, Any]:
    return {"workspace_id": login.workspace_id, "login_id": login.id}
