"""People with browsers of their own, at one API."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Protocol

import httpx

from app.settings import Settings
from tests.support.api import api_client

PASSWORD = "correct horse"  # noqa: S105
PEER = "93.184.215.14"


class Visit(Protocol):
    """Opens a further browser, in which nobody is logged in."""

    async def __call__(self) -> httpx.AsyncClient: ...


@asynccontextmanager
async def visitors(settings: Settings, database_url: str) -> AsyncGenerator[Visit]:
    """From a public address, all of them from the same."""
    async with api_client(settings, database_url, peer=PEER) as first, AsyncExitStack() as stack:

        async def visit() -> httpx.AsyncClient:
            browser = httpx.AsyncClient(base_url=first.base_url, transport=Shared(first._transport))
            return await stack.enter_async_context(browser)

        yield visit


class Shared(httpx.AsyncBaseTransport):
    """The one application's, which a browser that is closed does not close for the others."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._transport.handle_async_request(request)


async def register(browser: httpx.AsyncClient, name: str, **more: Any) -> dict[str, Any]:
    """`name`@example.com has an account and is logged in; what the API says of them."""
    body = {"email": f"{name}@example.com", "password": PASSWORD} | more
    answer = await browser.post("/api/auth/register", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def use_session(client: httpx.AsyncClient, token: str) -> None:
    """Have the browser send this token and no other."""
    client.cookies.clear()
    client.cookies.set("reachinbox", token)


async def me(browser: httpx.AsyncClient) -> dict[str, Any]:
    return (await browser.get("/api/auth/me")).raise_for_status().json()


async def invite(owner: httpx.AsyncClient, role: str = "member", **more: Any) -> str:
    """The token of an invitation into the workspace that the owner has selected."""
    answer = await owner.post("/api/members/invitations", json={"role": role} | more)
    assert answer.status_code == 201, answer.text
    return answer.json()["token"]


async def bring_in(owner: httpx.AsyncClient, other: httpx.AsyncClient, role: str = "member") -> dict[str, Any]:
    """The other, who is logged in, joins the owner's workspace and has it selected."""
    answer = await other.post("/api/members/invitations/accept", json={"token": await invite(owner, role)})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def make_key(browser: httpx.AsyncClient, **more: Any) -> dict[str, str]:
    """Headers with a new key of the workspace that is selected."""
    answer = await browser.post("/api/keys", json={"name": "tests"} | more)
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['key']}"}
