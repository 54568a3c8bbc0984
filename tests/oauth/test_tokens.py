"""Access tokens: refreshed in time, once over all workers, and never lost by whoever dies in between."""

from __future__ import annotations

import asyncio
import gzip
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from psycopg import OperationalError

from app.db import Conn, Pool, open_pool
from app.domain.accounts.users import User
from app.domain.oauth import tokens
from app.domain.oauth.client import ProviderTrouble
from app.domain.oauth.providers import MailProvider, Providers
from app.domain.oauth.tokens import Login, NoBearer, TokenStore, ask_to_refresh, due_for_refresh, refresh_place
from app.secrets import SecretBox
from app.settings import Settings
from tests.support.engine import execute, row, value, wait_for
from tests.support.hosts import libfaketime
from tests.support.mailboxes import granted
from tests.support.oauth import A_PAGE, BROKEN, TOO_MANY, Fault
from tests.support.oauth import MailProvider as ProviderServer
from tests.support.waiting import BOUND_S

ROOT = Path(__file__).parents[2]
T = TypeVar("T")


@pytest.fixture
async def login(pool: Pool, box: SecretBox, provider: ProviderServer, user: User) -> Login:
    """A mailbox whose access token has expired."""
    sender_id = await value(
        pool,
        "UPDATE senders SET host = 'localhost', port = 587, security = 'starttls' WHERE workspace_id = %s RETURNING id",
        user.workspace_id,
    )
    return await granted(pool, box, provider, sender_id)


@pytest.fixture
def providers(mail_provider: MailProvider) -> Providers:
    return {mail_provider.name: mail_provider}


@pytest.fixture
def store(pool: Pool, box: SecretBox, providers: Providers) -> TokenStore:
    return TokenStore(pool, box, providers)


async def _login_row(pool: Pool, login: Login) -> dict[str, Any]:
    return await row(pool, "SELECT * FROM logins WHERE id = %s", login.id)


async def test_a_good_token_is_had_without_asking_the_provider(
    store: TokenStore, login: Login, provider: ProviderServer
) -> None:
    first = await store.bearer(login)
    assert await store.bearer(login) == first
    assert provider.requests["refresh_token"] == 1


async def test_a_database_that_is_restarted_meanwhile_keeps_nobody_from_a_token(
    database_url: str, box: SecretBox, providers: Providers, login: Login, pool: Pool, provider: ProviderServer
) -> None:
    """Of which a lane would say that it was the sender's fault."""
    async with await open_pool(database_url, min_size=1, max_size=1) as cut_off:
        store = TokenStore(cut_off, box, providers)
        end = "SELECT pg_terminate_backend(%s)"
        first = await _cut(cut_off, pool, end, store.bearer(login))
        await execute(pool, "UPDATE logins SET access_expires_at = now(), refreshed_at = '-infinity'")
        second = await _cut(cut_off, pool, end, store.renewed(login, first.version))
        assert second is not None
        assert second.version == first.version + 1
        await _cut(cut_off, pool, end, store.refresh_ahead(login))
    assert provider.requests["refresh_token"] == 3
    assert (await _login_row(pool, login))["refresh_lease"] is None


async def _cut(cut_off: Pool, pool: Pool, end: str, asked: Coroutine[Any, Any, T]) -> T:
    """What is asked, by a connection of which nobody knows yet that it is gone."""
    pid = await value(cut_off, "SELECT pg_backend_pid()")
    assert await value(pool, end, pid)
    gone = "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = %s"
    await wait_for(lambda: value(pool, gone, pid), "the connection to be cut")
    return await asked


async def test_a_lease_of_which_the_answer_was_lost_is_still_ours(
    store: TokenStore, login: Login, pool: Pool, provider: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tokens.fetch_one
    losses = iter([b"SET refresh_lease ="])

    async def loses_one(conn: Conn, text: bytes, params: dict[str, Any] | None = None) -> Any:
        row = await whole(conn, text, params)
        if b"SET refresh_lease = %" in text and next(losses, None):
            await conn.commit()
            raise OperationalError("the connection is lost")
        return row

    monkeypatch.setattr(tokens, "fetch_one", loses_one)
    began = time.monotonic()
    await store.bearer(login)
    assert provider.requests["refresh_token"] == 1
    assert time.monotonic() - began < tokens.WAIT_S / 2


async def test_two_workers_with_two_hundred_lanes_at_expiry_refresh_once(
    database_url: str, box: SecretBox, providers: Providers, login: Login, provider: ProviderServer, pool: Pool
) -> None:
    provider.fault = Fault(after_s=0.5)
    async with await open_pool(database_url) as one, await open_pool(database_url) as two:
        stores = [TokenStore(one, box, providers), TokenStore(two, box, providers)]
        bearers = await asyncio.gather(*(stores[lane % 2].bearer(login) for lane in range(200)))
    assert len(set(bearers)) == 1
    assert provider.requests["refresh_token"] == 1
    assert (await _login_row(pool, login))["refresh_lease"] is None


async def test_a_rotated_token_is_committed_before_its_access_token_is_used(
    store: TokenStore, login: Login, provider: ProviderServer, pool: Pool, box: SecretBox
) -> None:
    bearer = await store.bearer(login)
    kept = await _login_row(pool, login)
    assert provider.knows(box.open(kept["refresh_token_encrypted"], refresh_place(login.id)))
    assert kept["grant_version"] == bearer.version


async def test_a_provider_that_does_not_rotate_keeps_its_refresh_token(
    store: TokenStore, login: Login, provider: ProviderServer, pool: Pool
) -> None:
    provider.rotates = False
    before = await _login_row(pool, login)
    await store.bearer(login)
    assert (await _login_row(pool, login))["grant_version"] == before["grant_version"] + 1
    await execute(pool, "UPDATE logins SET access_expires_at = now()")
    await store.bearer(login)
    assert provider.requests["refresh_token"] == 2


@pytest.mark.parametrize(
    "fault",
    [
        *(TOO_MANY, BROKEN, A_PAGE, Fault(302, b"", headers={"Location": "/"})),
        Fault(body=b"[" * 100_000),
        Fault(body=b'{"access_token": "x", "padding": "%b"}' % (b"x" * 300_000)),
        Fault(body=gzip.compress(b'{"access_token": "x"}'), headers={"Content-Encoding": "gzip"}),
        Fault(body=b'{"access_token": "\\ud800", "expires_in": 3600}'),
        Fault(body=b'{"access_token": "x", "refresh_token": "line\\nbreak"}'),
        *(Fault(body=body) for body in (b"[]", b"7", b"null", b'"error"')),
        *(Fault(body=b'{"access_token": "x", "expires_in": %b}' % said) for said in (b"1e999", b"NaN", b'"never"')),
    ],
)
async def test_a_provider_in_trouble_is_not_asked_again_at_once_and_ends_no_grant(
    store: TokenStore, login: Login, provider: ProviderServer, pool: Pool, fault: Fault
) -> None:
    provider.fault, began_at = fault, await value(pool, "SELECT clock_timestamp()")
    for _ in range(3):
        with pytest.raises(NoBearer) as caught:
            await store.bearer(login)
        assert not caught.value.ended
        assert "The company" in str(caught.value)
        assert "html" not in str(caught.value)
    kept = await _login_row(pool, login)
    assert (kept["refresh_failures"], kept["grant_ended_at"], kept["refresh_lease"]) == (1, None, None)
    waits = "SELECT refresh_after BETWEEN %s + 0.9 * w AND now() + 1.1 * w FROM logins, make_interval(secs => %s) w"
    assert await value(pool, f"{waits} WHERE id = %s", began_at, 7 if fault is TOO_MANY else 5, login.id)
    provider.fault = None
    await execute(pool, "UPDATE logins SET refresh_after = now()")
    await store.bearer(login)
    assert (await _login_row(pool, login))["refresh_failures"] == 0


@pytest.mark.parametrize("said", ["1" + "0" * 400, "1e18", "-5"])
async def test_how_long_a_token_lives_is_believed_within_reason(
    store: TokenStore, login: Login, provider: ProviderServer, pool: Pool, said: str
) -> None:
    provider.fault = Fault(body=b'{"access_token": "good", "refresh_token": "next", "expires_in": %b}' % said.encode())
    assert (await store.bearer(login)).token == "good"  # noqa: S105 -- nobody's
    lives = "SELECT access_expires_at < now() + interval '367 days' FROM logins WHERE id = %s"
    assert await value(pool, lives, login.id)


async def test_a_provider_that_is_away_or_too_slow_costs_nothing_while_the_token_is_good(
    store: TokenStore, login: Login, provider: ProviderServer, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = await store.bearer(login)
    monkeypatch.setattr("app.domain.oauth.client.ALL_OF_IT_S", 0.2)
    provider.fault = Fault(after_s=0.6)
    await execute(pool, "UPDATE logins SET access_expires_at = now() + interval '30 seconds'")
    assert await store.bearer(login) == good
    assert "no answer within" in (await _login_row(pool, login))["grant_error"]


async def test_a_grant_that_was_taken_back_blocks_its_senders_and_tells_webhooks(
    store: TokenStore, login: Login, provider: ProviderServer, pool: Pool, user: User
) -> None:
    hook = "INSERT INTO webhooks (workspace_id, url, events) VALUES (%s, 'https://example.com', '{sender.blocked}')"
    await execute(pool, hook, user.workspace_id)
    provider.revoke("ann@example.com")
    for _ in range(2):
        with pytest.raises(NoBearer, match=r"connect the mailbox again: The company says invalid_grant") as caught:
            await store.bearer(login)
        assert caught.value.ended
    assert provider.requests["refresh_token"] == 1
    sender = await row(pool, "SELECT * FROM senders WHERE login_id = %s", login.id)
    assert sender["block_reason"].startswith("connect the mailbox again")
    told = await row(pool, "SELECT event, data FROM webhook_deliveries")
    assert (told["event"], told["data"]["senderId"]) == ("sender.blocked", sender["id"])
    assert await due_for_refresh(pool, "company", 10) == []


async def test_a_provider_that_names_the_token_that_it_refuses_gives_it_not_away(
    provider: ProviderServer, mail_provider: MailProvider
) -> None:
    token = "1//04-a-refresh-token-of-somebody"  # noqa: S105 -- nobody's
    said = f'{{"error": "invalid_grant", "error_description": "{"x" * 270} {token} is revoked"}}'
    for body in (said, said.replace("x" * 270, "token")):
        provider.fault = Fault(400, body.encode())
        with pytest.raises(ProviderTrouble) as caught:
            await ask_to_refresh(mail_provider, token)
        assert caught.value.kind == "ended"
        assert token[:10] not in str(caught.value)


@pytest.mark.parametrize("secret", ["GOCSPX-the-secret-of-the-client", "short"])
async def test_a_secret_of_ours_that_the_provider_repeats_is_shown_to_nobody(
    provider: ProviderServer, mail_provider: MailProvider, secret: str
) -> None:
    ours = msgspec.structs.replace(mail_provider, client_secret=secret)
    said = {"error": "invalid_client", "error_description": f"the secret {secret} is wrong"}
    provider.fault = Fault(401, msgspec.json.encode(said))
    with pytest.raises(ProviderTrouble) as caught:
        await ask_to_refresh(ours, "a refresh token")
    assert caught.value.kind == "refused"
    assert str(caught.value) == "invalid_client: the secret … is wrong"


async def test_a_refused_token_is_refreshed_once_and_not_again_while_it_is_new(
    store: TokenStore, login: Login, provider: ProviderServer, pool: Pool
) -> None:
    first = await store.bearer(login)
    await execute(pool, "UPDATE logins SET refreshed_at = now() - interval '2 minutes'")
    renewed = await asyncio.gather(*(store.renewed(login, first.version) for _ in range(100)))
    assert provider.requests["refresh_token"] == 2
    (second,) = set(renewed)
    assert second is not None
    assert second.version == first.version + 1
    assert await store.renewed(login, second.version) is None
    assert await store.renewed(login, first.version) == second
    assert provider.requests["refresh_token"] == 2


async def test_a_hung_holder_of_the_lease_takes_the_grant_from_nobody(
    database_url: str,
    store: TokenStore,
    box: SecretBox,
    providers: Providers,
    login: Login,
    provider: ProviderServer,
    pool: Pool,
) -> None:
    """It has used the refresh token up; the next one is told that there is no grant, until the first writes."""
    arrived, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def hang(grant_type: str) -> None:
        loop.call_soon_threadsafe(arrived.set)
        go_on.wait(BOUND_S)

    provider.before_answer = hang
    hung = asyncio.create_task(store.bearer(login))
    await arrived.wait()
    await execute(pool, "UPDATE logins SET refresh_lease_until = now()")
    async with await open_pool(database_url) as other_pool:
        with pytest.raises(NoBearer):
            await TokenStore(other_pool, box, providers).bearer(login)
        go_on.set()
        bearer = await hung
        assert await TokenStore(other_pool, box, providers).bearer(login) == bearer
    kept = await row(pool, "SELECT l.grant_ended_at, s.block_reason FROM logins l JOIN senders s ON s.login_id = l.id")
    assert kept == {"grant_ended_at": None, "block_reason": None}


async def test_who_is_cancelled_cancels_no_refresh(
    store: TokenStore, login: Login, provider: ProviderServer, pool: Pool
) -> None:
    arrived, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def wait(grant_type: str) -> None:
        loop.call_soon_threadsafe(arrived.set)
        go_on.wait(BOUND_S)

    provider.before_answer = wait
    lane = asyncio.create_task(store.bearer(login))
    await arrived.wait()
    lane.cancel()
    await asyncio.gather(lane, return_exceptions=True)
    go_on.set()
    await store.close()
    assert (await _login_row(pool, login))["grant_version"] == 2


CHILD = """
import asyncio, sys
from app.db import open_pool
from app.domain.oauth.providers import read_providers
from app.domain.oauth.tokens import Login, TokenStore
from app.secrets import SecretBox
from app.settings import from_env

async def main():
    url, workspace, login = sys.argv[1:]
    async with await open_pool(url) as pool:
        store = TokenStore(pool, SecretBox("a secret for tests"), read_providers(from_env()))
        print((await store.bearer(Login(int(workspace), int(login)))).version, flush=True)

asyncio.run(main())
"""


def _child(database_url: str, login: Login, settings: Settings, **env: str) -> subprocess.Popen[str]:
    """Another process that wants the token."""
    environment = os.environ | {"MAIL_PROVIDERS_FILE": str(settings.mail_providers_file)} | env
    arguments = [database_url, str(login.workspace_id), str(login.id)]
    command = [sys.executable, "-c", CHILD, *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)  # noqa: S603 -- ours


async def test_a_worker_killed_before_the_provider_answers_loses_nothing_that_the_provider_keeps(
    database_url: str, connect_settings: Settings, store: TokenStore, login: Login, provider: ProviderServer, pool: Pool
) -> None:
    """Its lease keeps others from asking until it is over; then one does, with the token that is there."""
    provider.rotates = False  # what a provider revokes with its use is lost with the answer, whoever asked
    arrived, go_on = threading.Event(), threading.Event()

    def hang(grant_type: str) -> None:
        arrived.set()
        go_on.wait(BOUND_S)

    provider.before_answer = hang
    with _child(database_url, login, connect_settings) as victim:
        assert await asyncio.to_thread(arrived.wait, 30)
        victim.send_signal(signal.SIGKILL)
    provider.before_answer = lambda grant_type: None
    go_on.set()
    waiting = asyncio.create_task(store.bearer(login))
    await asyncio.wait([waiting], timeout=0.6)
    assert not waiting.done()
    await execute(pool, "UPDATE logins SET refresh_lease_until = now()")
    assert (await waiting).version == 2


@pytest.mark.parametrize("forgets", [False, True])
async def test_a_worker_killed_between_the_providers_answer_and_its_commit_loses_what_the_provider_forgot_alone(
    database_url: str,
    connect_settings: Settings,
    store: TokenStore,
    login: Login,
    provider: ProviderServer,
    pool: Pool,
    forgets: bool,
) -> None:
    """The token that was there is used once more: where it is good no more, the person is asked to connect again."""
    provider.forgets = forgets
    arrived, go_on = threading.Event(), threading.Event()

    def hold(grant_type: str) -> None:
        arrived.set()
        go_on.wait(BOUND_S)

    provider.before_answer = hold
    with _child(database_url, login, connect_settings) as victim:
        assert await asyncio.to_thread(arrived.wait, 30)
        async with pool.connection() as holder, holder.transaction():
            await holder.execute(b"SELECT FROM logins FOR UPDATE")
            go_on.set()
            waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s"
            await wait_for(lambda: _any(pool, waiting, "%had_ended%"), "the new tokens to be written")
            victim.send_signal(signal.SIGKILL)
            victim.wait()
    provider.before_answer = lambda grant_type: None
    assert (await _login_row(pool, login))["grant_version"] == 1
    await execute(pool, "UPDATE logins SET refresh_lease_until = now()")
    if not forgets:
        assert (await store.bearer(login)).version == 2
        return
    with pytest.raises(NoBearer, match="connect the mailbox again") as caught:
        await store.bearer(login)
    assert caught.value.ended
    assert (await value(pool, "SELECT block_reason FROM senders WHERE login_id = %s", login.id)) == str(caught.value)


async def test_a_worker_killed_at_any_point_leaves_a_grant_that_works(
    database_url: str, connect_settings: Settings, store: TokenStore, login: Login, provider: ProviderServer, pool: Pool
) -> None:
    """Before it has the lease, held up by a lock on the row, and after its commit."""
    provider.rotates = True
    for locked_after in ("lease", "answer"):
        await execute(
            pool, "UPDATE logins SET access_expires_at = now(), refresh_lease_until = NULL, refresh_lease = NULL"
        )
        before = provider.requests["refresh_token"]
        if locked_after == "lease":
            async with pool.connection() as holder, holder.transaction():
                await holder.execute(b"SELECT FROM logins FOR UPDATE")
                with _child(database_url, login, connect_settings) as victim:
                    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s"
                    await wait_for(lambda w=waiting: _any(pool, w, "%refresh_lease%"), "the lease to be asked for")
                    victim.send_signal(signal.SIGKILL)
            assert provider.requests["refresh_token"] == before
            # PostgreSQL goes on without it: the dead have the lease, and it is to run out now.
            leased = "SELECT 1 FROM logins WHERE refresh_lease_until > now()"
            await wait_for(lambda w=leased: _any(pool, w), "the lease to be given to the dead")
            await execute(pool, "UPDATE logins SET refresh_lease_until = now()")
        else:
            with _child(database_url, login, connect_settings) as done:
                assert await asyncio.to_thread(done.stdout.readline)  # pyright: ignore[reportOptionalMemberAccess]
                done.send_signal(signal.SIGKILL)
        await store.bearer(login)
        assert (await _login_row(pool, login))["grant_ended_at"] is None


async def _any(pool: Pool, text: str, *params: object) -> bool:
    async with pool.connection() as conn:
        return await (await conn.execute(text.encode(), params)).fetchone() is not None


@pytest.mark.skipif(libfaketime() is None and "CI" not in os.environ, reason="needs Debian's faketime")
@pytest.mark.parametrize("offset", ["+3600", "-3600"])
async def test_a_worker_whose_clock_is_an_hour_off_refreshes_when_others_do(
    database_url: str,
    connect_settings: Settings,
    store: TokenStore,
    login: Login,
    provider: ProviderServer,
    offset: str,
) -> None:
    first = await store.bearer(login)
    skewed = {"LD_PRELOAD": str(libfaketime()), "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    with _child(database_url, login, connect_settings, **skewed) as child:
        said, _ = await asyncio.to_thread(child.communicate, None, 60)
    assert int(said) == first.version
    assert provider.requests["refresh_token"] == 1


async def test_refreshes_ahead_are_spread_and_for_mailboxes_in_use(
    store: TokenStore, login: Login, provider: ProviderServer, pool: Pool
) -> None:
    times = set[float]()
    for _ in range(20):
        await execute(pool, "UPDATE logins SET access_expires_at = now()")
        await store.bearer(login)
        ahead = "SELECT extract(epoch FROM refresh_at - refreshed_at)::float FROM logins WHERE id = %s"
        times.add(await value(pool, ahead, login.id))
    assert all(1800 <= at <= 3240 for at in times)
    assert max(times) - min(times) > 300
    assert await due_for_refresh(pool, "company", 10) == []
    await execute(pool, "UPDATE logins SET refresh_at = now() - interval '1 hour'")
    assert await due_for_refresh(pool, "company", 10) == []  # nobody uses it
    await execute(pool, "UPDATE logins SET refresh_at = now() - interval '25 hours'")
    assert await due_for_refresh(pool, "company", 10) == [login]  # lest it dies of disuse
    assert await due_for_refresh(pool, "google", 10) == []  # a provider that is slow holds up its own alone
    await store.refresh_ahead(login)
    assert await due_for_refresh(pool, "company", 10) == []
    assert provider.requests["refresh_token"] == 21


async def test_tokens_that_live_shorter_than_our_margin_are_used_all_the_same(
    store: TokenStore, login: Login, provider: ProviderServer
) -> None:
    provider.lives_s = 10
    assert (await store.bearer(login)).version == 2
    assert provider.requests["refresh_token"] == 1


async def test_a_provider_that_is_down_ends_no_grant(
    pool: Pool, box: SecretBox, mail_provider: MailProvider, login: Login
) -> None:
    down = msgspec.structs.replace(mail_provider, token_url="http://127.0.0.1:9/token")  # noqa: S106 -- an address
    with pytest.raises(NoBearer, match="The company cannot be asked") as caught:
        await TokenStore(pool, box, {"company": down}).bearer(login)
    assert not caught.value.ended


async def test_a_provider_that_is_set_up_no_more_is_said_to_be(
    pool: Pool, box: SecretBox, login: Login, provider: ProviderServer
) -> None:
    with pytest.raises(NoBearer, match="company is not set up here any more"):
        await TokenStore(pool, box, {}).bearer(login)
    assert provider.forms == []
