"""Every failure is answered as problem details (RFC 9457), whatever it is."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from app import asgi, db
from app.bounds import TEXT
from app.db import Pool, transaction
from app.domain.accounts.users import User
from app.settings import Settings
from tests.support.api import api_client, authorization, problem, schedule, wrong_fields
from tests.support.pg import TemplateServer
from tests.support.waiting import BOUND_S


async def test_an_unknown_address_is_not_found(api: httpx.AsyncClient) -> None:
    for path in ("/nowhere.txt", "/api", "/api/nowhere", "/api/campaigns/1/nowhere", "/api/schema/nowhere"):
        assert problem(await api.get(path), 404)["title"] == "Not Found"


async def test_a_host_that_is_none_is_refused_as_ever(api: httpx.AsyncClient) -> None:
    """Its port was read for the problem's words, and raised what nobody caught."""
    answer = await api.get("/api/nowhere", headers={"Host": "localhost:99999"})
    assert problem(answer, 404)["instance"] == "/api/nowhere"


async def test_a_method_that_is_not_taken_says_which_are(api: httpx.AsyncClient) -> None:
    response = await api.put("/api/campaigns")
    problem(response, 405)
    assert "GET" in response.headers["Allow"]


async def test_a_problem_says_what_is_wrong_in_a_word_and_a_sentence(api: httpx.AsyncClient) -> None:
    body = problem(await api.get("/api/campaigns/7"), 404)
    assert (body["type"], body["detail"]) == ("urn:reachinbox:problem:not_found", "no campaign 7")
    body = problem(await api.get("/api/campaigns?limit=0"), 422)
    assert body["type"] == "urn:reachinbox:problem:invalid_input"
    assert body["errors"] == [{"field": "limit", "detail": "0 is out of range; give 1 to 500"}]


async def test_a_body_of_ordinary_size_is_taken_and_a_larger_one_refused(api: httpx.AsyncClient) -> None:
    url = f"/api/campaigns/{(await schedule(api))['campaign']['id']}"
    assert (await api.patch(url, json={"body": "x" * TEXT.most})).status_code == 200
    assert list(wrong_fields(await api.patch(url, json={"body": "x" * (TEXT.most + 1)}))) == ["body"]
    problem(await api.patch(url, json={"body": "x" * 10_000_000}), 413)


async def test_an_unknown_failure_tells_the_log_alone(
    api: httpx.AsyncClient, pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    async with pool.connection() as conn:
        await conn.execute("DROP TABLE login_windows CASCADE")
    response = await api.get("/api/stats/hourly")
    problem(response, 500)
    assert "login_windows" not in response.text
    assert "login_windows" in caplog.text
    assert "Traceback" in caplog.text


async def test_what_is_nobodys_own_does_not_wait_for_ever_either(
    settings: Settings, database_url: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "LOCK_MS", 100)
    async with api_client(settings, database_url, {}) as api, transaction(pool) as conn:
        await conn.execute("LOCK TABLE login_attempts IN ACCESS EXCLUSIVE MODE")
        login = {"email": "owner@example.com", "password": "correct horse"}
        answer = await api.post("/api/auth/login", json=login)
    assert problem(answer, 409)["type"] == "urn:reachinbox:problem:being_changed"


async def test_while_the_database_is_down_the_service_is_unavailable_and_comes_back(
    settings: Settings,
    database_url: str,
    pool: Pool,
    user: User,
    postgres: TemplateServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asgi, "POOL_TIMEOUT_S", 0.2)
    headers = await authorization(pool, user)
    async with api_client(settings, database_url, headers) as api:
        assert (await api.get("/api/campaigns")).status_code == 200
        postgres.refuse_connections(database_url)
        for path in ("/api/campaigns", "/api/campaigns", "/readyz"):
            response = await api.get(path)
            problem(response, 503)
            assert "psycopg" not in response.text
        assert (await api.get("/healthz")).status_code == 200
        postgres.accept_connections(database_url)
        async with asyncio.timeout(BOUND_S):
            while (await api.get("/readyz")).status_code != 200:
                pass  # each try waits for the pool, which tries again within a few seconds
        assert (await api.get("/api/campaigns")).status_code == 200
