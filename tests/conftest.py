"""What the tests share: a real Postgres, a database of their own for each, a user, the API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher

from app.db import Pool, open_pool
from app.domain.accounts import passwords
from app.domain.accounts.users import User, create_user
from app.secrets import SecretBox, open_secret_box
from app.settings import Settings
from tests.support.api import Headers, api_client, authorization
from tests.support.engine import Owner, create_owner
from tests.support.pg import TemplateServer, template_server
from tests.support.sinkproc import Sink


@pytest.fixture(scope="session", autouse=True)
def _cheap_password_hashes() -> Iterator[None]:
    """A tenth of a second for each user is what an attacker should pay, not each test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemplateServer]:
    """One server for all tests."""
    with template_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
def database_url(postgres: TemplateServer) -> Iterator[str]:
    """A fresh, migrated database."""
    with postgres.clone() as url:
        yield url


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with await open_pool(database_url) as pool:
        yield pool


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Somebody to send to."""
    with Sink() as sink:
        yield sink


@pytest.fixture
async def owner(pool: Pool) -> Owner:
    """Somebody who sends."""
    return await create_owner(pool)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The defaults, as strict with senders' servers as in production: mail goes to the sandbox."""
    return Settings(data_dir=tmp_path, secret_key="a secret for tests", smtp_allow_private=False)  # noqa: S106


@pytest.fixture
def box(settings: Settings) -> SecretBox:
    return open_secret_box(settings)


@pytest.fixture
async def user(pool: Pool, box: SecretBox) -> User:
    """Somebody with a default sender."""
    return await create_user(pool, box, "owner@example.com", "correct horse", default_hourly_limit=100)


@pytest.fixture
async def api(settings: Settings, database_url: str, pool: Pool, user: User) -> AsyncIterator[httpx.AsyncClient]:
    """The API, asked by `user`."""
    async with api_client(settings, database_url, await authorization(pool, user)) as client:
        yield client


@pytest.fixture
async def stranger(pool: Pool, box: SecretBox) -> Headers:
    """Headers that make a request another user's: `api.get(..., headers=stranger)`."""
    other = await create_user(pool, box, "stranger@example.com", "battery staple", default_hourly_limit=100)
    return await authorization(pool, other)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright's loop goes on in the main thread, and no other can be started beside it."""
    items.sort(key=lambda item: "web" in item.path.relative_to(item.config.rootpath).parts)
