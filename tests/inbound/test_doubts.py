"""Emails in doubt that lie in no Sent: noted, told, and sent again where that was asked for and is safe."""

from __future__ import annotations

import os
from typing import Any

import pytest

from app.domain.ledger import emails
from tests.support.dovecot import PROGRAM, WANTED
from tests.support.engine import check_conservation, execute, rows, value
from tests.support.inbox import ANN, Owners, Read, reply
from worker import inbox_pass
from worker.connect import Server
from worker.imap import Session

pytestmark = pytest.mark.skipif(PROGRAM is None and "CI" not in os.environ, reason=WANTED)
PROVEN = (
    "INSERT INTO wire_checks (workspace_id, sender_id, reader_id, started_at, done_at, sent_copy, message_id_kept)"
    " SELECT workspace_id, id, id, now(), now(), true, true FROM senders"
)


async def _tried(
    read: Read, email_id: int, attempt: int = 1, server: str | None = "mx:25", *, lost: bool = False
) -> None:
    """An attempt that left it in doubt, the latest of it."""
    await execute(
        read.pool,
        "INSERT INTO attempts (workspace_id, email_id, number, outcome, claimed_at, server, worker_lost)"
        " VALUES (%s, %s, %s, 'UNKNOWN', now(), %s, nullif(%s, false))",
        *(read.owner.workspace_id, email_id, attempt, server, lost),
    )
    await execute(read.pool, "UPDATE emails SET attempts = %s WHERE id = %s", attempt, email_id)


async def _in_doubt(read: Read) -> list[int]:
    """The numbers of the emails in doubt."""
    found = {row["id"] for row in await rows(read.pool, "SELECT id FROM emails WHERE status = 'UNKNOWN'")}
    return [number for number, email_id in enumerate(read.email_ids, 1) if email_id in found]


async def test_what_is_surely_not_in_sent_goes_again_where_its_campaign_says_so(
    read: Read, owners: Owners, server: Server
) -> None:
    await read.set_up(server, *["UNKNOWN"] * 6)
    certain, lost_twice, restored, tried_out, suppressed, there = read.email_ids
    for email_id in (certain, suppressed, there):
        await _tried(read, email_id)
    for attempt in (1, 2):
        await _tried(read, lost_twice, attempt, None, lost=True)
    await _tried(read, restored, server=None)
    await _tried(read, tried_out, 5)
    await execute(
        read.pool,
        "INSERT INTO suppressions (workspace_id, key, kind, name, reason)"
        " SELECT workspace_id, address_digest(recipient), 'ADDRESS', recipient, 'MANUAL' FROM emails WHERE id = %s",
        suppressed,
    )
    owners.put(reply(ANN, number=7).replace(b"<7.ann@there.example>", read.id_of(6).encode()), "Sent")
    await execute(read.pool, "UPDATE campaigns SET on_unknown = 'resend_if_not_in_sent'")
    for _ in range(2):
        await read.read()
    assert await _in_doubt(read) == [1, 2, 3, 4, 5]  # neither is the hour over, nor the server's habit known
    email = await emails.get_email(read.pool, read.owner.workspace_id, certain)
    assert email.not_in_sent is not None
    assert (email.not_in_sent.readings, email.not_in_sent.keeps_copies) == (2, None)
    await execute(read.pool, "UPDATE attempts SET recorded_at = now() - interval '2 hours'")
    await read.read()
    assert await _in_doubt(read) == [1, 2, 3, 4, 5]
    await execute(read.pool, PROVEN)
    for wrong, right in (
        ("done_at = now() - interval '31 days'", "done_at = now()"),
        ("message_id_kept = false", "message_id_kept = true"),
        ("sent_copy = false", "sent_copy = true"),
    ):
        await execute(read.pool, f"UPDATE wire_checks SET {wrong}")  # noqa: S608 -- a test's
        await read.read()
        assert await _in_doubt(read) == [1, 2, 3, 4, 5]
        await execute(read.pool, f"UPDATE wire_checks SET {right}")  # noqa: S608 -- a test's
    await read.read()
    assert await _in_doubt(read) == [2, 3, 4, 5]
    assert await check_conservation(read.pool, read.campaign_id) == {"SCHEDULED": 1, "SENT": 1, "UNKNOWN": 4}
    (audited,) = await rows(read.pool, "SELECT subject FROM audit_log WHERE action = 'email.unknown->scheduled'")
    assert audited["subject"].startswith(f"emails/{certain} (not in Sent, which was read ")
    assert await value(read.pool, "SELECT count(*) FROM responses WHERE email_id = %s", there) == 1


async def test_an_attempt_that_ends_in_doubt_again_begins_anew_and_a_campaign_that_holds_keeps_it(
    read: Read, owners: Owners, server: Server
) -> None:
    await read.set_up(server, "UNKNOWN")
    await execute(read.pool, PROVEN)
    await _tried(read, read.email_ids[0], 2)
    await _tried(read, read.email_ids[0], 1)
    await execute(read.pool, "UPDATE attempts SET recorded_at = now() - interval '2 hours'")
    for _ in range(3):
        await read.read()
    assert await _in_doubt(read) == [1]
    readings = "SELECT readings FROM sent_readings"
    assert await value(read.pool, readings) == 2  # nothing more is expected
    await execute(read.pool, "UPDATE emails SET attempts = 2")
    await execute(read.pool, "UPDATE campaigns SET on_unknown = 'resend_if_not_in_sent'")
    await read.read()
    assert (await value(read.pool, readings), await _in_doubt(read)) == (1, [1])
    await read.read()
    assert await _in_doubt(read) == []


async def test_doubts_that_there_is_no_time_for_keep_no_mailbox_unread_and_are_the_next_passs(
    read: Read, owners: Owners, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    await read.set_up(server, *["UNKNOWN"] * 5)
    for email_id in read.email_ids:
        await _tried(read, email_id)
    search = Session.search
    looked = 0

    def slow(session: Session, *criteria: Any) -> list[int]:
        nonlocal looked
        looked += criteria[0] == "OR"
        if looked == 3:
            monkeypatch.setattr(inbox_pass, "NOTHING_NEW_S", 0.0)
        return search(session, *criteria)

    monkeypatch.setattr(Session, "search", slow)
    seen = "SELECT count(*) FROM sent_readings"
    for n in (3, 5):
        monkeypatch.setattr(inbox_pass, "NOTHING_NEW_S", 45.0)
        looked = 0
        await execute(read.pool, "UPDATE inboxes SET whole_at = NULL")
        await read.read()
        assert await value(read.pool, seen) == n
        assert await value(read.pool, "SELECT whole_at IS NOT NULL AND next_at > now() FROM inboxes")
    assert await value(read.pool, "SELECT max(readings) FROM sent_readings") == 2
