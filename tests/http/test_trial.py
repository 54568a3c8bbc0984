"""A trial answers for this machine alone, whatever is asked: a page elsewhere may have its name lead here."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from msgspec import structs

from app.settings import Settings
from tests.support.api import api_client, problem

OURS = ("localhost", "LOCALHOST:3000", "127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:3000")
OTHERS = (
    *("rebind.evil.example:3222", "mail.example.com", "10.0.0.5:3000", "0.0.0.0:3000", "127.0.0.2", "[::]", "::1"),
    *("localhost.evil.example", "127.0.0.1.evil.example", "evil.example@localhost", "localhost:3000:80", "localhost."),
    *("localhost, evil.example", " ", ""),
)


@pytest.fixture
async def trial(settings: Settings, database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with api_client(settings, database_url) as client:
        yield client


@pytest.mark.parametrize("host", OURS)
async def test_it_answers_by_the_names_of_this_machine_at_any_port(trial: httpx.AsyncClient, host: str) -> None:
    assert (await trial.get("/readyz", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("host", OTHERS)
async def test_it_answers_by_no_other_name(trial: httpx.AsyncClient, host: str) -> None:
    for method, path in (
        *(("GET", "/"), ("GET", "/campaigns"), ("GET", "/metrics"), ("GET", "/readyz"), ("GET", "/no/such/thing")),
        *(("POST", "/api/auth/register"), ("GET", "/api/campaigns"), ("GET", "/api/schema")),
    ):
        refused = await trial.request(method, path, headers={"Host": host})
        assert "set BASE_URL" in problem(refused, 421)["detail"]
        assert refused.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_request_with_two_names_has_none(trial: httpx.AsyncClient) -> None:
    headers = [("Host", "localhost"), ("Host", "rebind.evil.example")]
    problem(await trial.get("/readyz", headers=headers), 421)


async def test_a_probe_may_ask_by_any_address_whether_it_lives(trial: httpx.AsyncClient) -> None:
    assert (await trial.get("/healthz", headers={"Host": "10.0.0.5:3000"})).status_code == 200


async def test_whoever_said_where_people_reach_it_is_asked_by_any_name(settings: Settings, database_url: str) -> None:
    async with api_client(structs.replace(settings, base_url="https://mail.example.com"), database_url) as client:
        assert (await client.get("/readyz", headers={"Host": "10.0.0.5"})).status_code == 200
