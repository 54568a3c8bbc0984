"""A provider of mailboxes, and the API of somebody who connects theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from app.db import Pool
from app.domain.accounts.actor import LOCAL
from app.domain.accounts.users import User
from app.domain.oauth.providers import MailProvider, read_providers
from app.settings import Settings
from tests.support.api import api_client
from tests.support.mailboxes import log_in, providers_file
from tests.support.oauth import MailProvider as ProviderServer


@pytest.fixture
def provider() -> Iterator[ProviderServer]:
    with ProviderServer() as running:
        yield running


@pytest.fixture
def connect_settings(settings: Settings, provider: ProviderServer, tmp_path: Path) -> Settings:
    return msgspec.structs.replace(settings, mail_providers_file=providers_file(tmp_path, provider))


@pytest.fixture
def mail_provider(connect_settings: Settings) -> MailProvider:
    return read_providers(connect_settings)["company"]


@pytest.fixture
async def browser(
    connect_settings: Settings, database_url: str, pool: Pool, user: User
) -> AsyncIterator[httpx.AsyncClient]:
    """The user's, logged in."""
    async with api_client(connect_settings, database_url) as client:
        await log_in(client, pool, user.id, LOCAL)
        yield client
