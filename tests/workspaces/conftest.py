"""Ann, who has an account and administers the installation, and Bob, who has one, too."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from app.settings import Settings
from tests.support.people import Visit, register, visitors


@pytest.fixture
async def visit(settings: Settings, database_url: str) -> AsyncIterator[Visit]:
    async with visitors(settings, database_url) as visit:
        yield visit


@pytest.fixture
async def ann(visit: Visit) -> httpx.AsyncClient:
    browser = await visit()
    await register(browser, "ann")
    return browser


@pytest.fixture
async def bob(visit: Visit, ann: httpx.AsyncClient) -> httpx.AsyncClient:
    browser = await visit()
    await register(browser, "bob")
    return browser
