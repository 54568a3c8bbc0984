"""The API through PgBouncer in transaction mode: users stay apart on shared connections; what needs more says so."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from msgspec import structs

from app.db import Pool, fetch_exactly_one, open_pool_through_pooler, sql
from app.domain.accounts.users import User
from app.embedded import roles
from app.settings import Settings
from tests.support.api import Headers, api_client, authorization
from tests.support.pgbouncer import PROGRAM, pgbouncer
from tests.support.shell import Shell

pytestmark = pytest.mark.skipif(PROGRAM is None and "CI" not in os.environ, reason="no pgbouncer here")
WHO = (
    b"SELECT pg_backend_pid() AS connection, current_user AS role,"
    b" current_setting('reachinbox.workspace_id', true) AS id"
)


@pytest.fixture
def pooler_url(database_url: str) -> Iterator[str]:
    """Two connections for everybody."""
    with pgbouncer(database_url, pool_size=2) as url:
        yield url


@pytest.fixture
async def pooled_api(
    settings: Settings, database_url: str, pooler_url: str, pool: Pool, user: User
) -> AsyncIterator[httpx.AsyncClient]:
    pooled = structs.replace(settings, database_url=database_url, database_pooler_url=pooler_url)
    async with api_client(pooled, database_url, await authorization(pool, user)) as client:
        yield client


async def test_two_users_who_share_its_connections_see_their_own_rows_only(
    pooled_api: httpx.AsyncClient, stranger: Headers
) -> None:
    me = dict(pooled_api.headers)
    mine, theirs = [f"mine{n}@example.com" for n in range(20)], [f"theirs{n}@example.com" for n in range(20)]

    async def own_emails(headers: Headers) -> set[str]:
        answer = await pooled_api.get("/api/emails?limit=100", headers=headers)
        assert answer.status_code == 200, answer.text
        return {email["recipient"] for email in answer.json()["items"]}

    async def schedule(headers: Headers, recipients: list[str]) -> None:
        campaign = {"subject": "Hello", "body": "A text.", "recipients": recipients}
        answer = await pooled_api.post("/api/campaigns/schedule", json=campaign, headers=headers)
        assert answer.status_code == 201, answer.text

    await asyncio.gather(schedule(me, mine), schedule(stranger, theirs))
    seen = await asyncio.gather(*(own_emails(stranger if n % 2 else me) for n in range(60)))
    assert all(emails == set(theirs if n % 2 else mine) for n, emails in enumerate(seen))


async def test_on_one_shared_connection_a_transaction_leaves_nothing_of_its_user_behind(database_url: str) -> None:
    with pgbouncer(database_url, pool_size=1) as url:
        async with (
            await open_pool_through_pooler(url, min_size=2, max_size=2) as pool,
            pool.connection() as first,
            pool.connection() as second,
        ):
            seen = []
            for number in range(4):
                conn, other = (first, second) if number % 2 else (second, first)
                async with conn.transaction():
                    limits = {"lock_ms": "1", "statement_ms": "60000"}
                    await conn.execute(sql.become_tenant, limits | {"workspace_id": str(number)})
                    seen.append(await fetch_exactly_one(conn, WHO))
                seen.append(await fetch_exactly_one(other, WHO))
    (connection,) = {row["connection"] for row in seen}
    assert connection
    assert [(row["role"], row["id"]) for row in seen[::2]] == [("reachinbox_tenant", str(n)) for n in range(4)]
    assert {row["role"] for row in seen[1::2]} == {roles.SERVICE}
    assert {row["id"] for row in seen[1::2]} == {""}


async def test_times_are_utc_whichever_connection_is_lent(database_url: str, pooler_url: str, pool: Pool) -> None:
    async with pool.connection() as conn:
        await conn.execute("ALTER ROLE CURRENT_USER SET timezone TO 'Asia/Tokyo'")
    try:
        async with await open_pool_through_pooler(pooler_url, min_size=4, max_size=4) as pooled:
            zones = await asyncio.gather(*(_zone(pooled) for _ in range(12)))
    finally:
        async with pool.connection() as conn:
            await conn.execute("ALTER ROLE CURRENT_USER RESET timezone")
    assert set(zones) == {"UTC"}


async def _zone(pool: Pool) -> str:
    async with pool.connection() as conn, conn.transaction():
        row = await fetch_exactly_one(conn, b"SELECT current_setting('timezone') AS zone, pg_sleep(0.05)")
    return row["zone"]


def test_migrations_and_workers_refuse_it(tmp_path: Path, pooler_url: str) -> None:
    shell = Shell(tmp_path, DATABASE_URL=pooler_url, SECRET_KEY="a secret for tests")  # noqa: S106
    ended = shell("migrate")
    assert ended.returncode == 1
    assert "unsupported startup parameter" in ended.stderr
    assert "DATABASE_POOLER_URL" in ended.stderr


def test_they_refuse_it_as_well_where_it_drops_what_it_does_not_know(tmp_path: Path, database_url: str) -> None:
    with pgbouncer(database_url, pool_size=5, setting="ignore_startup_parameters = options") as url:
        shell = Shell(tmp_path, DATABASE_URL=url, SECRET_KEY="a secret for tests")  # noqa: S106
        for command in ("migrate", "worker", "api"):
            ended = shell(command)
            assert ended.returncode == 1, command
            assert "DATABASE_POOLER_URL" in ended.stderr, command


def test_the_doctor_looks_at_both(tmp_path: Path, database_url: str, pooler_url: str) -> None:
    shell = Shell(tmp_path, DATABASE_URL=database_url, SECRET_KEY="a secret for tests")  # noqa: S106
    assert "ok    pooler" in shell("doctor", DATABASE_POOLER_URL=pooler_url).stdout
    ended = shell("doctor", DATABASE_POOLER_URL="postgresql://reachinbox@127.0.0.1:1/reachinbox")
    assert ended.returncode == 1
    assert "FAIL  pooler" in ended.stdout
