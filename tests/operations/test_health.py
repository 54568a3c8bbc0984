"""/healthz and /readyz: for whoever runs the service, no key needed."""

from __future__ import annotations

import httpx

from app.db import Pool
from tests.support.api import problem
from tests.support.pg import TemplateServer


async def test_a_process_that_answers_is_alive(api: httpx.AsyncClient) -> None:
    del api.headers["Authorization"]
    response = await api.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_it_is_alive_without_a_database(
    api: httpx.AsyncClient, postgres: TemplateServer, database_url: str
) -> None:
    """Or the supervisor would kill it for what is none of its fault."""
    postgres.refuse_connections(database_url)
    assert (await api.get("/healthz")).status_code == 200
    postgres.accept_connections(database_url)


async def test_with_a_migrated_database_it_is_ready(api: httpx.AsyncClient) -> None:
    del api.headers["Authorization"]
    response = await api.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_without_a_migration_it_is_not_ready(api: httpx.AsyncClient, pool: Pool) -> None:
    async with pool.connection() as conn:
        await conn.execute("DELETE FROM _yoyo_migration WHERE migration_id = '0003_tenants'")
    assert "0003_tenants" in problem(await api.get("/readyz"), 503)["detail"]


async def test_without_any_migration_it_is_not_ready(api: httpx.AsyncClient, pool: Pool) -> None:
    async with pool.connection() as conn:
        await conn.execute("DROP TABLE _yoyo_migration")
    assert "0001_procrastinate" in problem(await api.get("/readyz"), 503)["detail"]


async def test_with_a_migration_of_a_newer_version_it_stays_ready(api: httpx.AsyncClient, pool: Pool) -> None:
    """During an upgrade both versions run side by side on the newer schema."""
    async with pool.connection() as conn:
        await conn.execute(
            "INSERT INTO _yoyo_migration (migration_hash, migration_id, applied_at_utc) VALUES ('x', '9999_x', now())"
        )
    assert (await api.get("/readyz")).status_code == 200
