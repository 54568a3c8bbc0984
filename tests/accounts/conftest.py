"""Providers to log in at, and browsers in which nobody has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from app.settings import Settings
from tests.support.api import api_client
from tests.support.google import with_login
from tests.support.oidc import FakeProvider, ProviderProcess, provider_process


@pytest.fixture(scope="module")
def provider() -> Iterator[ProviderProcess]:
    with provider_process() as running:
        running.set_user("ada", email="Ada@example.com", email_verified=True)
        running.set_user("unverified", email="owner@example.com", email_verified=False)
        running.set_user("owner", email="OWNER@example.com", email_verified=True)
        yield running


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with FakeProvider() as running:
        yield running


@pytest.fixture
async def browser(settings: Settings, database_url: str, provider: ProviderProcess) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody's yet, where login is set up with the real provider."""
    async with api_client(with_login(settings, provider.issuer), database_url) as client:
        yield client


@pytest.fixture
async def at_fake(settings: Settings, database_url: str, fake: FakeProvider) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody's yet, where login is set up with the fake provider."""
    async with api_client(with_login(settings, fake.issuer), database_url) as client:
        yield client
