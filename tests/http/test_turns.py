"""Requests of one workspace at once keep no other from its answer, and fill no memory while they wait."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack

import httpx
import pytest

from app.asgi import KEPT_BACK, MOST_OF_ONE
from app.db import Pool, share_out, transaction
from app.domain.accounts.users import User
from app.domain.campaigns.content import Content, Rendered
from app.errors import TooMany
from app.http.bodies import MIDDLING_OF_ONE
from tests.support.api import Headers
from tests.support.engine import wait_for
from tests.support.waiting import BOUND_S


async def test_a_workspace_has_its_share_of_the_connections(pool: Pool, user: User) -> None:
    share_out(pool, at_once=pool.max_size - KEPT_BACK, of_one=MOST_OF_ONE)
    async with AsyncExitStack() as stack:
        for _ in range(MOST_OF_ONE):
            await stack.enter_async_context(transaction(pool, user.workspace_id))
        pool.timeout = 0.2
        with pytest.raises(TooMany, match="too many requests at once"):
            await stack.enter_async_context(transaction(pool, user.workspace_id))
        pool.timeout = BOUND_S  # the pool may have to open the others
        async with transaction(pool, user.workspace_id + 1), transaction(pool):
            pass
    async with transaction(pool, user.workspace_id):
        pass


@pytest.mark.parametrize("size", [20_000, 1_500_000])
async def test_few_bodies_of_a_workspace_are_in_memory(
    api: httpx.AsyncClient, stranger: Headers, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Sixty messages to render, of eight megabytes each, were two gigabytes while they waited for a child process."""
    let_go, here = asyncio.Event(), 0

    async def render(self: Content, *message: object, **more: object) -> Rendered:
        nonlocal here
        here += 1
        await let_go.wait()
        return Rendered("s", "b", None, [], [])

    monkeypatch.setattr(Content, "render", render)
    body = json.dumps({"subject": "s", "body": "b", "email": "a@example.com"}).ljust(size)
    most = MIDDLING_OF_ONE if size < 1_000_000 else 2
    headers = {"Content-Type": "application/json"}

    def ask(more: Headers | None = None) -> asyncio.Task[httpx.Response]:
        return asyncio.create_task(api.post("/api/campaigns/render", content=body, headers=headers | (more or {})))

    asked = [ask() for _ in range(most + 5)]

    async def so_many() -> bool:
        return here == most

    await wait_for(so_many, "as many as may")
    asked.append(ask(stranger))

    async def one_more() -> bool:
        return here == most + 1

    await wait_for(one_more, "another workspace's")
    assert (await api.get("/api/campaigns")).status_code == 200  # what brings no body does not wait
    assert here == most + 1
    let_go.set()
    assert {answer.status_code for answer in await asyncio.gather(*asked)} == {200}
