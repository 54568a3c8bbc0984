"""The database as commands meet it: theirs or the embedded one, and with the right schema or not at all."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from app.db import Pool, open_pool
from app.domain.operations import readiness
from app.embedded.postgres import EmbeddedPostgres
from app.settings import Settings


@contextmanager
def url_of(settings: Settings) -> Generator[str]:
    """The database's URL. Without DATABASE_URL the embedded one's, which runs while a process uses it."""
    if settings.database_url is not None:
        yield settings.database_url
    else:
        with EmbeddedPostgres(settings.data_dir) as postgres:
            yield postgres.url


@asynccontextmanager
async def migrated_pool(url: str) -> AsyncGenerator[Pool]:
    """A small pool on a database that has every migration. Raises Unavailable when it has not."""
    async with await open_pool(url, max_size=2) as pool:
        await readiness.check(pool)
        yield pool


async def check_migrated(url: str) -> None:
    """Raises Unavailable when there is something to migrate."""
    async with migrated_pool(url):
        pass


def say_waiting(sentence: str) -> None:
    """Say what `migrate` waits for, on standard error."""
    print(f"reachinbox: waiting: {sentence}", file=sys.stderr, flush=True)
