"""Login behind a proxy, which may pass on another Host than the browser named, or be passed by."""

from __future__ import annotations

import httpx
import pytest
from msgspec import structs

from app.settings import Settings
from tests.support.api import api_client, problem

ANN = {"email": "ann@example.com", "password": "correct horse"}


async def log_in(settings: Settings, database_url: str, base_url: str, host: str, origin: str) -> httpx.Response:
    """The answer to a browser without Sec-Fetch-Site, as over plain http."""
    async with api_client(structs.replace(settings, base_url=base_url), database_url, {}) as client:
        await client.post("/api/auth/register", json=ANN)
        client.cookies.clear()
        return await client.post("/api/auth/login", json=ANN, headers={"Host": host, "Origin": origin})


@pytest.mark.parametrize(
    ("base_url", "host", "origin"),
    [
        ("http://mail.example.com:8080", "mail.example.com", "http://mail.example.com:8080"),
        ("http://mail.example.com:8080", "mail.example.com:8080", "http://mail.example.com:8080"),
        ("http://mail.example.com:8080", "10.0.0.5:3000", "http://mail.example.com:8080"),
        ("http://mail.example.com:8080", "10.0.0.5:3000", "http://10.0.0.5:3000"),
        ("https://mail.example.com", "api:3000", "https://mail.example.com"),
        ("https://mail.example.com:443", "mail.example.com", "https://mail.example.com"),
        ("https://Mail.Example.com", "api", "https://mail.example.com"),
        ("http://mail.example.com", "mail.example.com:80", "http://mail.example.com"),
        ("https://mail.example.com", "localhost:3000", "http://localhost:3000"),
    ],
)
async def test_a_page_at_the_services_address_logs_in(
    settings: Settings, database_url: str, base_url: str, host: str, origin: str
) -> None:
    assert (await log_in(settings, database_url, base_url, host, origin)).status_code == 200


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://mail.example.com:9999",
        "https://mail.example.com:8080",
        "http://mail.example.com.evil.example:8080",
        "null",
        "http://[",
    ],
)
async def test_a_page_at_another_address_does_not(settings: Settings, database_url: str, origin: str) -> None:
    answer = await log_in(settings, database_url, "http://mail.example.com:8080", "mail.example.com", origin)
    detail = problem(answer, 403)["detail"]
    assert detail.startswith("this request comes from a page of another site")
    if origin.endswith(":9999"):
        assert detail.endswith(f"; if it is this service's own, set BASE_URL to {origin}")


@pytest.mark.parametrize("path", ["login", "register", "reset"])
async def test_a_page_over_http_is_told_so_where_logins_take_https(
    settings: Settings, database_url: str, path: str
) -> None:
    """Its cookie would be dropped by the browser, and the login asked for again and again."""
    async with api_client(structs.replace(settings, base_url="https://mail.example.com"), database_url, {}) as client:
        where = {"Host": "10.0.0.5:3000", "Origin": "http://10.0.0.5:3000"}
        answer = await client.post(f"/api/auth/{path}", json=ANN, headers=where)
        said = "this page was opened over http, where nobody can log in; open https://mail.example.com instead"
        assert problem(answer, 403)["detail"] == said
        assert "set-cookie" not in answer.headers
        assert (await client.get("/api/auth/ways")).json()["baseUrl"] == "https://mail.example.com"
