"""A mailbox to be read, at a real Dovecot."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from app.db import Pool, transaction
from app.domain.accounts.users import User
from app.domain.inbound import inboxes
from app.domain.inbound.matching import Named
from app.secrets import SecretBox
from app.settings import Settings
from tests.support.came import Came
from tests.support.dovecot import Dovecot, dovecot
from tests.support.engine import Owner, execute, rows
from tests.support.inbox import ANN, WORD, Owners, Read
from tests.support.ledger import insert_campaign
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


@pytest.fixture
async def came(pool: Pool, user: User) -> Came:
    async with transaction(pool) as conn:
        _, sender_id = await insert_campaign(conn, user.workspace_id, ["SENT", "SENT", "SCHEDULED"])
    await execute(
        pool,
        "UPDATE senders SET imap_host = 'imap.example.com', imap_port = 993, imap_security = 'tls',"
        " imap_username = 'ann', imap_password_encrypted = 'x' WHERE id = %s",
        sender_id,
    )
    await inboxes.settle(pool, poll_s=60)
    (inbox,) = await inboxes.lease(pool, uuid4(), 1)
    found = await rows(pool, "SELECT id, campaign_id, stream_id, recipient, status FROM emails ORDER BY id")
    emails = [
        Named(one["id"], one["campaign_id"], one["stream_id"], sender_id, one["recipient"], one["status"])
        for one in found
    ]
    return Came(pool, inbox, emails)
