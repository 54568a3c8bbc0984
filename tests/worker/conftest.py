"""A sink to send to, and somebody who sends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.db import Pool
from tests.support.engine import Owner, create_owner
from tests.support.sinkproc import Sink


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


@pytest.fixture
async def owner(pool: Pool) -> Owner:
    return await create_owner(pool)
