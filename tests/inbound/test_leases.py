"""Mailboxes are each read by one worker at a time; one that dies, or is too slow, records nothing twice."""

from __future__ import annotations

import os
import time
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from app.db import Pool
from app.domain.inbound import inboxes, record
from app.domain.inbound.inboxes import LeaseLost, Place
from app.domain.inbound.matching import Answer, Named
from app.domain.inbound.record import Found
from app.mail.inbound.facts import Inbound
from tests.support.dovecot import PROGRAM, WANTED
from tests.support.engine import (
    SECRET_KEY,
    WorkerProcess,
    execute,
    rows,
    settings_for,
    value,
    wait_for,
    wait_until_blocked,
)
from tests.support.inbox import Owners, Read, bounce, reply
from tests.support.sinkproc import Sink
from worker.connect import Server

needs_dovecot = pytest.mark.skipif(PROGRAM is None and "CI" not in os.environ, reason=WANTED)
NOWHERE = Server("localhost", 9, "tls", "ann@example.com", "a word")


async def _found(read: Read, *, message_id: str = "1@there.example") -> Found:
    row = (await rows(read.pool, "SELECT id, campaign_id, stream_id, recipient, status FROM emails ORDER BY id"))[0]
    email = Named(row["id"], row["campaign_id"], row["stream_id"], read.owner.sender_id, row["recipient"], "SENT")
    inbound = Inbound("REPLY", sender=email.recipient, message_id=message_id, subject="Re: s", text="Yes")
    received_at = await value(read.pool, "SELECT now()")
    return Found(Answer(inbound, email, weak=False), Place("INBOX", 7, 5), received_at)


async def test_a_mailbox_is_leased_to_one_worker_and_to_another_when_that_runs_out(read: Read) -> None:
    await read.set_up(NOWHERE, "SENT")
    await inboxes.settle(read.pool, poll_s=60)
    (mine,) = await inboxes.lease(read.pool, uuid4(), 10)
    assert await inboxes.lease(read.pool, uuid4(), 10) == []
    await execute(read.pool, "UPDATE inboxes SET lease_until = now(), next_at = now()")
    (others,) = await inboxes.lease(read.pool, uuid4(), 10)
    with pytest.raises(LeaseLost):
        await record.record(read.pool, mine, await _found(read))
    assert await read.responses() == []
    await inboxes.end(read.pool, mine, is_whole=True, poll_s=60)  # comes too late, too
    assert (await read.inbox())["lease_token"] == others.token
    assert await record.record(read.pool, others, await _found(read))
    assert not await record.record(read.pool, others, await _found(read))
    await inboxes.end(read.pool, others, is_whole=True, poll_s=60)
    assert (await read.inbox())["whole_at"] == others.began
    assert await read.counts() == {"replied": 1}


async def test_senders_that_share_a_mailbox_are_read_once(read: Read) -> None:
    await read.set_up(NOWHERE, "SENT")
    await execute(
        read.pool,
        "INSERT INTO senders (workspace_id, email, display_name, imap_host, imap_port, imap_security,"
        " imap_username, imap_password_encrypted, login_id)"
        " SELECT workspace_id, 'alias@example.com', '', imap_host, imap_port, imap_security, imap_username,"
        " imap_password_encrypted, login_id FROM senders",
    )
    await inboxes.settle(read.pool, poll_s=60)
    assert [row["sender_id"] for row in await rows(read.pool, "SELECT sender_id FROM inboxes")] == [
        read.owner.sender_id
    ]
    await execute(read.pool, "UPDATE senders SET imap_username = 'bob' WHERE email = 'alias@example.com'")
    await inboxes.settle(read.pool, poll_s=60)
    assert len(await rows(read.pool, "SELECT * FROM inboxes")) == 2


async def test_another_mailbox_is_read_from_its_beginning_and_what_was_mended_at_once(read: Read) -> None:
    await read.set_up(NOWHERE, "SENT")
    await inboxes.settle(read.pool, poll_s=60)
    (inbox,) = await inboxes.lease(read.pool, uuid4(), 1)
    await record.pass_by(read.pool, inbox, Place("INBOX", 7, 5))
    await inboxes.fail(read.pool, inbox, "refused", poll_s=600)
    assert await value(read.pool, "SELECT next_at > now() + interval '8 min' FROM inboxes")
    await execute(read.pool, "UPDATE senders SET imap_password_encrypted = 'x'")
    assert await value(read.pool, "SELECT next_at <= now() FROM inboxes")
    assert await value(read.pool, "SELECT uid FROM inbox_places") == 5
    await execute(read.pool, "UPDATE senders SET imap_username = 'bob'")
    assert await rows(read.pool, "SELECT * FROM inboxes") == []
    await inboxes.settle(read.pool, poll_s=60)
    await execute(
        read.pool,
        "UPDATE senders SET imap_host = NULL, imap_port = NULL, imap_security = NULL, imap_username = NULL,"
        " imap_password_encrypted = NULL",
    )
    await inboxes.settle(read.pool, poll_s=60)
    assert await rows(read.pool, "SELECT * FROM inboxes") == []


async def test_a_mailbox_is_looked_at_at_once_for_a_new_doubt_unless_it_fails(read: Read) -> None:
    await read.set_up(NOWHERE, "SCHEDULED", "SCHEDULED")
    await inboxes.settle(read.pool, poll_s=60)
    soon = "SELECT next_at < now() + interval '10 s' FROM inboxes"
    (inbox,) = await inboxes.lease(read.pool, uuid4(), 1)
    await inboxes.end(read.pool, inbox, is_whole=True, poll_s=60)
    assert not await value(read.pool, soon)
    doubt = "UPDATE emails SET status = 'UNKNOWN' WHERE id = %s"
    change = "UPDATE streams SET scheduled = scheduled - 1, unknown = unknown + 1"
    await execute(read.pool, "UPDATE inboxes SET next_at = now()")
    (inbox,) = await inboxes.lease(read.pool, uuid4(), 1)  # a pass is under way, and may have looked at Sent already
    await execute(read.pool, doubt, read.email_ids[0])
    await execute(read.pool, change)
    await inboxes.end(read.pool, inbox, is_whole=True, poll_s=60)
    assert await value(read.pool, soon)
    await execute(read.pool, "UPDATE inboxes SET next_at = now()")
    (inbox,) = await inboxes.lease(read.pool, uuid4(), 1)
    await inboxes.fail(read.pool, inbox, "refused", poll_s=60)
    await execute(read.pool, doubt, read.email_ids[1])
    assert not await value(read.pool, soon)


async def test_a_mailbox_that_begins_to_send_is_read_as_soon_as_those_that_do(read: Read) -> None:
    await read.set_up(NOWHERE, "SENT")
    await execute(read.pool, "UPDATE login_windows SET accepted_at = NULL")
    await inboxes.settle(read.pool, poll_s=60)
    (inbox,) = await inboxes.lease(read.pool, uuid4(), 1)
    await inboxes.end(read.pool, inbox, is_whole=True, poll_s=60)
    soon = "SELECT next_at < now() + interval '40 s' FROM inboxes"
    await inboxes.settle(read.pool, poll_s=60)
    assert not await value(read.pool, soon)
    await execute(
        read.pool,
        "INSERT INTO login_windows (workspace_id, login_id, window_start, allowed, accepted_at)"
        " SELECT workspace_id, id, this_hour(), 100, now() FROM logins"
        " ON CONFLICT (workspace_id, login_id, window_start) DO UPDATE SET accepted_at = now()",
    )
    await inboxes.settle(read.pool, poll_s=60)
    assert await value(read.pool, soon)
    later = await value(read.pool, "SELECT next_at FROM inboxes")
    await inboxes.settle(read.pool, poll_s=60)
    assert await value(read.pool, "SELECT next_at FROM inboxes") == later  # or it would never be


@needs_dovecot
async def test_a_worker_that_is_killed_before_it_commits_leaves_all_to_the_next(
    pool: Pool, database_url: str, read: Read, owners: Owners, server: Server, sink: Sink, tmp_path: Path
) -> None:
    await read.set_up(server, "SENT", "SENT")
    owners.put(reply("r1@example.com", head=f"In-Reply-To: {read.id_of(1)}\n"))
    owners.put(bounce(read.id_of(2), "r2@example.com"))
    settings = msgspec.structs.replace(settings_for(sink), smtp_ca_file=server.ca_file)
    env = {"SMTP_CA_FILE": str(server.ca_file), "IMAP_ALLOWED_PORTS": "*", "SECRET_KEY": SECRET_KEY}
    async with pool.connection() as conn, conn.transaction():
        await conn.execute(b"SELECT id FROM streams FOR UPDATE")
        worker = WorkerProcess(database_url, settings, tmp_path / "log", env=env)
        await wait_until_blocked(pool)
        worker.kill()
    assert await read.responses() == []
    second = WorkerProcess(database_url, settings, tmp_path / "second", env=env)
    began = time.monotonic()
    try:
        await wait_for(lambda: rows(pool, "SELECT 1 FROM inboxes WHERE whole_at IS NOT NULL"), "the mailbox to be read")
    finally:
        second.drain()
    assert time.monotonic() - began < 60
    assert [one["kind"] for one in await read.responses()] == ["REPLY", "BOUNCE"]
    assert await read.counts() == {"replied": 1, "bounced": 1}
