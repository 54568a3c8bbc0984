"""Where a server keeps no copies of what it sends, who reads the mailbox puts them into Sent, each once."""

from __future__ import annotations

import os
from email import message_from_bytes, policy

import pytest

from app.db import Pool
from app.mail.message import MessageBuilder
from tests.support.dovecot import PROGRAM, WANTED
from tests.support.engine import execute, rows, value
from tests.support.inbox import ANN, Owners, Read, reply
from tests.worker.test_links import part
from worker.connect import Server
from worker.imap import Session
from worker.verdicts import ServerTrouble

pytestmark = pytest.mark.skipif(PROGRAM is None and "CI" not in os.environ, reason=WANTED)


async def were_sent(pool: Pool) -> None:
    """All emails, ten minutes ago, after a check that showed no copy."""
    await execute(
        pool,
        "INSERT INTO wire_checks (workspace_id, sender_id, reader_id, started_at, done_at, sent_copy)"
        " SELECT workspace_id, id, id, now(), now() - interval '2 hours', false FROM senders",
    )
    await execute(pool, "UPDATE streams SET accepted_at = now()")
    await execute(pool, "UPDATE emails SET attempts = 1, sent_at = now() - interval '10 min' WHERE status = 'SENT'")
    await execute(
        pool,
        "INSERT INTO attempts (workspace_id, email_id, number, outcome, claimed_at, content_version)"
        " SELECT e.workspace_id, e.id, 1, 'ACCEPTED', now() - interval '10 min', c.content_version"
        " FROM emails e JOIN campaigns c ON c.id = e.campaign_id WHERE e.status = 'SENT'",
    )
    await execute(
        pool,
        "INSERT INTO login_windows (workspace_id, login_id, window_start, accepted_at, allowed)"
        " SELECT workspace_id, id, date_trunc('hour', now()), now(), 9 FROM logins",
    )


def _copies(owners: Owners) -> list[bytes]:
    """To whom those in Sent are."""
    if owners.imap.select("Sent", readonly=True)[1] == [b"0"]:
        return []
    found = owners.imap.fetch("1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (TO)])")[1]
    owners.imap.unselect()
    return [told[1].strip() for told in found if isinstance(told, tuple)]


async def test_each_email_gets_one_just_as_it_was_sent(read: Read, owners: Owners, server: Server) -> None:
    await read.set_up(server, "SENT", "SENT", "FAILED", "SENT")
    await were_sent(read.pool)
    owners.put(reply(ANN).replace(b"<1.ann@there.example>", read.id_of(2).encode()), "Sent")
    await execute(read.pool, "UPDATE emails SET sent_at = now() WHERE id = %s", read.email_ids[3])
    for _ in range(2):
        await read.read()
        assert _copies(owners) == [b"To: ann@example.com", b"To: r1@example.com"]
    await execute(read.pool, "UPDATE emails SET sent_at = now() - interval '2 min' WHERE id = %s", read.email_ids[3])
    await execute(read.pool, "DELETE FROM sent_copies")  # a worker that died before it could say so
    await read.read()
    assert _copies(owners) == [b"To: ann@example.com", b"To: r1@example.com", b"To: r4@example.com"]
    owners.imap.select("Sent", readonly=True)
    flags, body = (
        part for one in owners.imap.fetch("2", "(FLAGS BODY.PEEK[])")[1] if isinstance(one, tuple) for part in one
    )
    owners.imap.unselect()
    assert b"\\Seen" in flags
    claimed_at = await value(read.pool, "SELECT claimed_at FROM attempts WHERE email_id = %s", read.email_ids[0])
    sender = await rows(read.pool, "SELECT display_name FROM senders")
    builder = MessageBuilder(
        from_address=ANN, display_name=sender[0]["display_name"], subject="s", body="b", body_html=None
    )
    assert body == builder.build("r1@example.com", {}, read.id_of(1), claimed_at).content


async def test_a_later_step_gets_the_copy_of_its_own_text_in_its_thread(
    read: Read, owners: Owners, server: Server
) -> None:
    await read.set_up(server, "SENT", "SENT")
    await were_sent(read.pool)
    await execute(read.pool, "UPDATE streams SET stepped = true, followed = 1")
    for position, body in ((1, None), (2, "Two, since {{ sent_at }}.")):
        await execute(
            read.pool,
            "INSERT INTO campaign_steps (workspace_id, campaign_id, position, wait, body)"
            " SELECT workspace_id, id, %s, '1 day', %s FROM campaigns",
            position,
            body,
        )
    first, second = read.email_ids
    step = "(SELECT id FROM campaign_steps WHERE position = %s)"
    # It went on the 20th, and is known to have gone since the 21st.
    await execute(
        read.pool,
        f"UPDATE emails SET step_id = {step}, claimed_at = '2026-11-20 12:00Z' WHERE id = %s",  # noqa: S608 -- a test's
        *(1, first),
    )
    await execute(
        read.pool,
        f"UPDATE emails SET step_id = {step}, follows_id = %s, after_at = '2026-11-21 12:00Z' WHERE id = %s",  # noqa: S608 -- a test's
        *(2, first, second),
    )
    await read.read()
    assert _copies(owners) == [b"To: r1@example.com", b"To: r2@example.com"]
    owners.imap.select("Sent", readonly=True)
    found = [told[1] for told in owners.imap.fetch("1:*", "(BODY.PEEK[])")[1] if isinstance(told, tuple)]
    owners.imap.unselect()
    own, later = (message_from_bytes(one, policy=policy.default) for one in found)
    assert (own["Subject"], own["References"]) == ("s", None)
    assert (later["Subject"], later["References"], later["In-Reply-To"]) == ("Re: s", read.id_of(1), read.id_of(1))
    assert [part(one, "plain").strip() for one in (own, later)] == ["b", "Two, since 2026-11-20."]


async def test_nothing_is_written_where_that_is_not_wanted_or_not_known_to_be_needed(
    read: Read, owners: Owners, server: Server
) -> None:
    await read.set_up(server, "SENT")
    await were_sent(read.pool)
    for table, off, on in (
        ("senders", "copy_to_sent = false", "copy_to_sent = true"),
        ("wire_checks", "sent_copy = true, message_id_kept = true", "message_id_kept = NULL"),
        ("wire_checks", "sent_copy = NULL", "sent_copy = false"),
        ("campaigns", "content_version = content_version + 1", "content_version = content_version - 1"),
    ):
        await execute(read.pool, f"UPDATE {table} SET {off}")  # noqa: S608 -- a test's
        await read.read()
        assert _copies(owners) == []
        await execute(read.pool, f"UPDATE {table} SET {on}")  # noqa: S608 -- a test's
    await execute(read.pool, "DELETE FROM sent_copies")
    await read.read()
    assert _copies(owners) == [b"To: r1@example.com"]


async def test_a_server_that_takes_no_copy_is_read_all_the_same_and_not_asked_again(
    read: Read, owners: Owners, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    await read.set_up(server, "SENT")
    await were_sent(read.pool)
    owners.put(reply("r1@example.com"))
    asked: list[str] = []

    def append(*args: object) -> None:
        asked.append(str(args[1]))
        raise ServerTrouble("over quota", "protocol")

    monkeypatch.setattr(Session, "append", append)
    for _ in range(2):
        await read.read()
    assert asked == ["Sent"]
    assert len(await read.responses()) == 1
    inbox = await read.inbox()
    assert (inbox["error"], inbox["whole_at"] is not None) == (None, True)
