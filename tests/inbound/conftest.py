"""A mailbox to be read, at a real Dovecot."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.db import Pool
from app.secrets import SecretBox
from app.settings import Settings
from tests.support.dovecot import Dovecot, dovecot
from tests.support.engine import Owner
from tests.support.inbox import ANN, WORD, Owners, Read
from worker.connect import Server


@pytest.fixture
def at() -> Iterator[Dovecot]:
    with dovecot(9, {ANN: WORD}) as running:
        yield running


@pytest.fixture
def owners(at: Dovecot) -> Iterator[Owners]:
    made = Owners(at)
    yield made
    made.close()


@pytest.fixture
def server(at: Dovecot) -> Server:
    return Server("localhost", at.imaps, "tls", ANN, WORD, ca_file=at.ca_file)


@pytest.fixture
def read(pool: Pool, owner: Owner, settings: Settings, box: SecretBox) -> Read:
    return Read(pool, owner, settings, box)
