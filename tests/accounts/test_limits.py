"""Limits on how often a stranger may do things, each counted before anything dear is done."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from app.db import Pool, transaction
from app.domain.accounts import attempts, passwords, registration, sessions
from app.domain.accounts.attempts import PER_ACCOUNT, PER_VISITOR
from app.domain.accounts.password_changes import RESETS_PER_VISITOR, reset_signer
from app.domain.accounts.users import User, lock_accounts
from app.settings import Settings
from tests.support.api import api_client, problem, wrong_fields
from tests.support.engine import execute, rows, value
from tests.support.people import PASSWORD, PEER, register, use_session
from tests.support.waiting import BOUND_S, clear_of_the_quarter

OWNER = {"email": "owner@example.com", "password": PASSWORD}
WRONG = OWNER | {"password": "wrong horse"}


@pytest.fixture(autouse=True)
async def one_window() -> None:
    await clear_of_the_quarter()


@pytest.fixture
async def visitor(settings: Settings, database_url: str, user: User) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at a public address, in which nobody is logged in."""
    async with api_client(settings, database_url, peer=PEER) as client:
        yield client


@pytest.fixture
async def proxied(settings: Settings, database_url: str, user: User) -> AsyncIterator[httpx.AsyncClient]:
    """The same behind a proxy that nobody has named: all come from 127.0.0.1."""
    async with api_client(settings, database_url) as client:
        yield client


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads in which a password was hashed or verified, one entry each time."""
    threads: list[str] = []
    run = passwords.Queue.run

    async def watched(self: passwords.Queue, whose: str, work: Callable[[], Any]) -> Any:
        def counted() -> Any:
            threads.append(threading.current_thread().name)
            return work()

        return await run(self, whose, counted)

    monkeypatch.setattr(passwords.Queue, "run", watched)
    return threads


async def post(client: httpx.AsyncClient, path: str, count: int, body: Callable[[int], dict[str, Any]]) -> list[int]:
    """So many requests; their statuses."""
    return [(await client.post(path, json=body(n))).status_code for n in range(count)]


# Registering


async def test_what_registers_nobody_hashes_nothing(
    settings: Settings, database_url: str, user: User, hashed: list[str], visitor: httpx.AsyncClient
) -> None:
    problem(await visitor.post("/api/auth/register", json=OWNER | {"email": "OWNER@example.com"}), 409)
    problem(await visitor.post("/api/auth/register", json=OWNER | {"email": "a@b.org", "invitation": "made up"}), 403)
    closed = Settings(data_dir=settings.data_dir, secret_key=settings.secret_key, allow_registration=False)
    async with api_client(closed, database_url, peer=PEER) as client:
        problem(await client.post("/api/auth/register", json=OWNER | {"email": "ann@example.com"}), 403)
        problem(await client.post("/api/auth/register", json=OWNER), 403)  # nor does it tell who has an account
    assert hashed == []


async def test_registering_is_limited_for_each_visitor(
    visitor: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, hashed: list[str]
) -> None:
    monkeypatch.setattr(attempts, "PER_VISITOR", 3)
    statuses = await post(visitor, "/api/auth/register", 5, lambda n: OWNER | {"email": f"p{n}@example.com"})
    assert statuses == [201, 201, 201, 429, 429]
    assert len(hashed) == 3


async def test_registering_is_limited_for_all_together_by_what_costs(
    proxied: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registration, "PER_INSTALLATION", 2)
    assert (
        await post(proxied, "/api/auth/register", 4, lambda _: OWNER) == [409] * 4
    )  # costs nothing and counts for none
    statuses = await post(proxied, "/api/auth/register", 3, lambda n: OWNER | {"email": f"p{n}@example.com"})
    assert statuses == [201, 201, 429]


async def test_an_invitation_that_is_used_up_while_the_password_is_hashed_opens_nothing(
    proxied: httpx.AsyncClient, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with httpx.AsyncClient(transport=proxied._transport, base_url=proxied.base_url) as owner:
        (await owner.post("/api/auth/login", json=OWNER)).raise_for_status()
        token = (await owner.post("/api/admin/invitations", json={})).json()["token"]

        async def slowly(*_asked: str) -> str:
            await execute(pool, "UPDATE invitations SET used_at = now()")
            return "a hash"

        monkeypatch.setattr(registration, "hash_new_password", slowly)
        problem(await proxied.post("/api/auth/register", json=WRONG | {"email": "a@b.org", "invitation": token}), 403)


# Hashing


async def test_passwords_are_hashed_in_two_threads_of_their_own(visitor: httpx.AsyncClient, hashed: list[str]) -> None:
    await register(visitor, "ann")
    await visitor.post("/api/auth/login", json=WRONG)
    await visitor.post("/api/auth/login", json=WRONG | {"email": "nobody@example.com"})
    await visitor.post("/api/auth/password", json={"currentPassword": PASSWORD, "newPassword": "battery staple"})
    await asyncio.gather(*(visitor.post("/api/auth/login", json=WRONG | {"email": f"{n}@b.org"}) for n in range(8)))
    assert len(hashed) == 1 + 1 + 1 + 2 + 8
    assert {name.rpartition("_")[0] for name in hashed} == {"argon2"}
    assert len(set(hashed)) <= 2


async def test_whoever_finds_too_many_waiting_is_told_so_at_once(
    visitor: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "MOST_WAITING", 2)
    held = threading.Event()

    class Held:
        def hash(self, _password: str) -> str:
            held.wait(BOUND_S)
            return "a hash"

    monkeypatch.setattr(passwords, "_hasher", Held())
    waiting = [asyncio.create_task(passwords.hash_password("x", f"visitor:{n}")) for n in range(2)]
    await asyncio.sleep(0)
    try:
        refused = await visitor.post("/api/auth/login", json=OWNER | {"email": "nobody@example.com"})
    finally:
        held.set()
    problem(refused, 503)
    assert int(refused.headers["retry-after"]) > 0
    assert await asyncio.gather(*waiting) == ["a hash"] * 2


async def test_whoever_asks_for_many_waits_for_them_alone(
    visitor: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody with an account who logged in a hundred times at once kept everybody from it: they waited for all."""
    held, done = threading.Event(), list[str]()

    class Held:
        def hash(self, whose: str) -> str:
            held.wait(BOUND_S)
            done.append(whose)
            return "a hash"

    monkeypatch.setattr(passwords, "_hasher", Held())
    many = [asyncio.create_task(passwords.hash_password("many", "visitor:192.0.2.1")) for _ in range(40)]
    await asyncio.sleep(0)
    one = asyncio.create_task(passwords.hash_password("one", "visitor:192.0.2.2"))
    await asyncio.sleep(0)
    held.set()
    await asyncio.gather(*many, one)
    assert done.index("one") <= 4  # two are at it, and a thread may take one more before we hear of the first


async def test_whoever_asks_for_too_many_is_refused_alone(
    visitor: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "MOST_OF_ONE", 2)
    held = threading.Event()

    class Held:
        def hash(self, _password: str) -> str:
            held.wait(BOUND_S)
            return "a hash"

    monkeypatch.setattr(passwords, "_hasher", Held())
    waiting = [asyncio.create_task(passwords.hash_password("x", f"visitor:{PEER}")) for _ in range(2)]
    await asyncio.sleep(0)
    waiting.append(asyncio.create_task(passwords.hash_password("x", "visitor:192.0.2.2")))
    try:
        problem(await visitor.post("/api/auth/login", json=OWNER | {"email": "nobody@example.com"}), 503)
    finally:
        held.set()
    assert await asyncio.gather(*waiting) == ["a hash"] * 3


# Logging in


async def test_how_one_gets_in_is_told_while_somebody_makes_an_account(visitor: httpx.AsyncClient, pool: Pool) -> None:
    async with transaction(pool) as conn:
        await lock_accounts(conn)
        answer = await asyncio.wait_for(visitor.get("/api/auth/ways"), BOUND_S)
    assert answer.json()["firstRun"] is False


async def test_nobody_behind_an_unknown_proxy_is_locked_out_by_a_stranger(proxied: httpx.AsyncClient) -> None:
    """Finding 8: a hundred tries from anywhere kept everybody from logging in."""

    def made_up(n: int) -> dict[str, Any]:
        return WRONG | {"email": f"nobody{n}@example.com"}

    assert set(await post(proxied, "/api/auth/login", PER_VISITOR + 1, made_up)) == {401}
    assert (await proxied.post("/api/auth/login", json=OWNER)).status_code == 200
    assert set(await post(proxied, "/api/auth/reset", RESETS_PER_VISITOR + 1, lambda n: {"email": f"n{n}@b.org"})) == {
        202
    }
    assert (await proxied.post("/api/auth/reset", json={"email": "owner@example.com"})).status_code == 202


async def test_a_visitor_who_guesses_is_limited_and_alone(
    settings: Settings, database_url: str, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "PER_VISITOR", 3)
    behind = Settings(data_dir=settings.data_dir, secret_key=settings.secret_key, trusted_proxies=("127.0.0.1",))

    def made_up(n: int) -> dict[str, Any]:
        return WRONG | {"email": f"nobody{n}@example.com"}

    async with api_client(behind, database_url, {"X-Forwarded-For": "198.51.100.9"}) as guesser:
        assert await post(guesser, "/api/auth/login", 5, made_up) == [401] * 3 + [429] * 2
        forged = {"X-Forwarded-For": "192.0.2.1, 198.51.100.9"}  # as a proxy passes on what the guesser said
        problem(await guesser.post("/api/auth/login", json=made_up(9), headers=forged), 429)
        other = {"X-Forwarded-For": "198.51.100.10"}
        assert (await guesser.post("/api/auth/login", json=OWNER, headers=other)).status_code == 200


async def test_logins_that_worked_do_not_count(visitor: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "PER_VISITOR", 2)
    assert await post(visitor, "/api/auth/login", 6, lambda _: OWNER) == [200] * 6
    assert await post(visitor, "/api/auth/login", 3, lambda _: WRONG) == [401, 401, 429]


async def test_whoever_guesses_does_not_lock_the_owner_out_of_a_browser_of_theirs(
    visitor: httpx.AsyncClient, proxied: httpx.AsyncClient
) -> None:
    (await visitor.post("/api/auth/login", json=OWNER)).raise_for_status()
    assert await post(proxied, "/api/auth/login", PER_ACCOUNT, lambda _: WRONG) == [401] * PER_ACCOUNT
    problem(await proxied.post("/api/auth/login", json=OWNER), 429)
    assert await post(visitor, "/api/auth/login", PER_ACCOUNT + 1, lambda _: OWNER) == [200] * (PER_ACCOUNT + 1)
    problem(await proxied.post("/api/auth/login", json=OWNER), 429)


async def test_a_browser_is_known_for_the_account_alone_from_which_it_logged_in(
    visitor: httpx.AsyncClient, proxied: httpx.AsyncClient
) -> None:
    (await visitor.post("/api/auth/login", json=OWNER)).raise_for_status()
    ann = await register(proxied, "ann")
    guess = {"email": ann["email"], "password": "a guess"}
    name = visitor.cookies["reachinbox-browser"].partition(".")[2]
    assert await post(visitor, "/api/auth/login", PER_ACCOUNT + 1, lambda _: guess) == [401] * PER_ACCOUNT + [429]
    visitor.cookies.clear()
    visitor.cookies.set("reachinbox-browser", f"{ann['id']}.{name}")
    problem(await visitor.post("/api/auth/login", json=guess), 429)


async def test_a_browser_that_is_known_may_not_guess_either(visitor: httpx.AsyncClient) -> None:
    (await visitor.post("/api/auth/login", json=OWNER)).raise_for_status()
    assert await post(visitor, "/api/auth/login", PER_ACCOUNT + 1, lambda _: WRONG) == [401] * PER_ACCOUNT + [429]


async def test_logins_that_worked_are_limited_by_what_anybody_has_use_for(
    visitor: httpx.AsyncClient, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "IN_ALL_PER_ACCOUNT", 3)
    await register(visitor, "ann")
    assert await post(visitor, "/api/auth/login", 5, lambda _: OWNER) == [200] * 3 + [429] * 2
    ann = OWNER | {"email": "ann@example.com"}
    assert await post(visitor, "/api/auth/login", 2, lambda _: ann) == [200] * 2
    monkeypatch.setattr(attempts, "IN_ALL_PER_VISITOR", 3)
    assert await post(visitor, "/api/auth/login", 1, lambda _: ann) == [429]
    assert await value(pool, "SELECT count(*) FROM audit_log WHERE action = 'attempts.refused'") == 1


async def test_of_too_many_sessions_the_one_that_was_used_longest_ago_ends(
    visitor: httpx.AsyncClient, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MOST", 2)
    await register(visitor, "ann")
    cookies: list[str] = []
    for _ in range(3):
        (await visitor.post("/api/auth/login", json=OWNER)).raise_for_status()
        cookies.append(visitor.cookies["reachinbox"])
    for cookie, status in zip(cookies, [401, 200, 200], strict=True):
        use_session(visitor, cookie)
        assert (await visitor.get("/api/auth/me")).status_code == status
    assert await value(pool, "SELECT count(*) FROM sessions") == 2 + 1  # nobody else's


@pytest.mark.parametrize(
    "spelling", ["owner@example.com", "OWNER@EXAMPLE.COM", " owner@example.com ", "oWnEr@eXample.com"]
)
async def test_another_spelling_is_no_further_try(proxied: httpx.AsyncClient, spelling: str) -> None:
    assert await post(proxied, "/api/auth/login", PER_ACCOUNT, lambda _: WRONG) == [401] * PER_ACCOUNT
    problem(await proxied.post("/api/auth/login", json=OWNER | {"email": spelling}), 429)


@pytest.mark.parametrize("padded", ["\0" * 300 + "owner@example.com", "owner@example.com\0", "x" * 321, "a@b.org" * 60])
@pytest.mark.parametrize("call", ["login", "reset", "register"])
async def test_what_no_address_can_be_is_refused_before_anything_else(
    visitor: httpx.AsyncClient, pool: Pool, padded: str, call: str
) -> None:
    body = {"email": padded} | ({} if call == "reset" else {"password": PASSWORD})
    assert set(wrong_fields(await visitor.post(f"/api/auth/{call}", json=body))) == {"email"}
    assert await value(pool, "SELECT count(*) FROM login_attempts") == 0


async def test_a_link_to_a_new_password_is_tried_ten_times_at_most(
    visitor: httpx.AsyncClient, pool: Pool, settings: Settings, hashed: list[str]
) -> None:
    await visitor.post("/api/auth/reset", json={"email": "owner@example.com"})
    token = reset_signer(settings.secret_key or "").sign(str(await value(pool, "SELECT id FROM password_resets")))
    body = {"token": token, "password": "battery staple"}
    assert (await visitor.post("/api/auth/reset/confirm", json=body)).status_code == 200
    statuses = await post(visitor, "/api/auth/reset/confirm", PER_ACCOUNT, lambda _: body)
    assert statuses == [422] * (PER_ACCOUNT - 1) + [429]
    assert len(hashed) == 1  # a link that is used up costs nothing


# The audit log of attempts


async def test_the_log_has_refusals_and_unknown_addresses_and_not_each_of_them(
    visitor: httpx.AsyncClient, pool: Pool
) -> None:
    await post(visitor, "/api/auth/login", PER_ACCOUNT + 5, lambda _: WRONG)
    await post(visitor, "/api/auth/login", 20, lambda n: WRONG | {"email": f"nobody{n}@example.com"})
    await post(visitor, "/api/auth/reset", RESETS_PER_VISITOR + 5, lambda n: {"email": f"nobody{n}@example.com"})
    entries = await rows(pool, "SELECT user_id, action, subject FROM audit_log ORDER BY id")
    counted = {tuple(entry.values()): entries.count(entry) for entry in entries if entry["action"] != "account.created"}
    assert counted == {
        (1, "login.failed", ""): PER_ACCOUNT,
        (1, "attempts.refused", "login"): 1,
        (None, "account.unknown", "login"): 1,
        (None, "account.unknown", "reset"): 1,
        (None, "attempts.refused", "reset"): 1,
    }


async def test_what_strangers_leave_in_the_log_is_bounded(
    settings: Settings, database_url: str, pool: Pool, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "LOGGED_OF_VISITORS", 5)
    behind = Settings(data_dir=settings.data_dir, secret_key=settings.secret_key, trusted_proxies=("127.0.0.1",))
    of_strangers = "SELECT count(*) FROM audit_log WHERE user_id IS NULL AND action LIKE 'account.unknown'"
    async with api_client(behind, database_url) as client:
        for n in range(8):
            headers = {"X-Forwarded-For": f"198.51.100.{n}"}
            problem(await client.post("/api/auth/login", json=WRONG | {"email": "x@b.org"}, headers=headers), 401)
        assert await value(pool, of_strangers) == 5
        await execute(pool, "UPDATE audit_log SET at = now() - interval '91 days' WHERE user_id IS NULL")
        await execute(pool, "UPDATE login_attempts SET window_start = now() - interval '1 day'")
        headers = {"X-Forwarded-For": "198.51.100.99"}
        problem(await client.post("/api/auth/login", json=WRONG | {"email": "x@b.org"}, headers=headers), 401)
    assert await value(pool, of_strangers) == 1
    assert await value(pool, "SELECT count(*) FROM audit_log WHERE action = 'account.created'") == 1
    assert await value(pool, "SELECT count(*) FROM login_attempts WHERE window_start < now() - interval '1 hour'") == 0
