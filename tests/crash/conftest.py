"""Worker processes that are killed, and a server for their mail that logs what it accepts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engine import Fleet
from tests.support.sinkproc import Sink


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


@pytest.fixture
def fleet(database_url: str, tmp_path: Path) -> Iterator[Fleet]:
    with Fleet(database_url, tmp_path) as fleet:
        yield fleet
