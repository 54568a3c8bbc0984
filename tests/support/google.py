"""Login with Google as a browser does it, at the API and at a provider of the tests."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from app.db import Pool, fetch_exactly_one
from app.settings import Settings
from tests.support.api import problem
from tests.support.oidc import CLIENT_ID, CLIENT_SECRET, ProviderProcess

START, CALLBACK = "/api/auth/google", "/api/auth/google/callback"


def with_login(settings: Settings, issuer: str, **fields: Any) -> Settings:
    login = {"google_client_id": CLIENT_ID, "google_client_secret": CLIENT_SECRET, "oidc_issuer": issuer}
    return msgspec.structs.replace(settings, **login | fields)


async def begin(browser: httpx.AsyncClient, invitation: str | None = None, next_page: str | None = None) -> str:
    """The page of the provider that the browser is sent to."""
    asked = {"invitation": invitation, "next": next_page}
    response = await browser.get(START, params={name: value for name, value in asked.items() if value is not None})
    assert response.status_code == 302, response.headers
    return response.headers["location"]


async def come_back(browser: httpx.AsyncClient, url: str) -> str:
    """Where the browser is sent from the callback."""
    parts = urlsplit(url)
    assert url.startswith(f"http://127.0.0.1:3000{CALLBACK}?")
    response = await browser.get(f"{parts.path}?{parts.query}")
    assert response.status_code == 303
    assert "reachinbox-login" not in browser.cookies
    return response.headers["location"]


async def log_in(
    browser: httpx.AsyncClient, provider: ProviderProcess, subject: str, invitation: str | None = None
) -> str:
    return await come_back(browser, provider.log_in(await begin(browser, invitation), subject))


async def me(browser: httpx.AsyncClient) -> str:
    response = await browser.get("/api/auth/me")
    assert response.status_code == 200, response.text
    return response.json()["email"]


async def assert_let_in_nobody(browser: httpx.AsyncClient, pool: Pool, *, users: int = 0) -> None:
    problem(await browser.get("/api/auth/me"), 401)
    assert await counts(pool) == {"users": users, "identities": 0, "sessions": 0}


async def counts(pool: Pool) -> dict[str, int]:
    async with pool.connection() as conn:
        return {
            table: (await fetch_exactly_one(conn, f"SELECT count(*) FROM {table}".encode()))["count"]  # noqa: S608
            for table in ("users", "identities", "sessions")
        }
