"""Faults while a mailbox is read: responses are recorded all the same, and once."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from app.db import Pool
from tests.inbound.test_copies import were_sent
from tests.inbound.test_hostile import EXAMINE, READ
from tests.support.dovecot import PROGRAM, WANTED
from tests.support.engine import Fleet, check_conservation, execute, rows, settings_for, value, wait_for
from tests.support.hosts import libfaketime
from tests.support.imap import Hostile
from tests.support.inbox import ANN, Owners, Read, bounce, reply
from tests.support.sinkproc import Sink
from worker import inbox_pass
from worker.auth import Bearer, Bearers
from worker.connect import Server
from worker.credentials import Credentials
from worker.imap_protocol import Protocol

needs_dovecot = pytest.mark.skipif(PROGRAM is None and "CI" not in os.environ, reason=WANTED)


class _CutAt:
    """Lets so many commands, and parts of them, go out, and hangs up before the last one is answered."""

    def __init__(self) -> None:
        self.at = 0
        self.said: list[str] = []

    def begin(self, at: int) -> None:
        self.at, self.said = at, []

    def send(self, protocol: Protocol, data: bytes) -> None:
        begins = data.startswith(protocol.tagpre)  # others are parts of a command
        self.said.append(data.split()[1].decode() if begins else self.said[-1])
        protocol.sock.sendall(data)
        if len(self.said) == self.at:
            with socket.socket(fileno=os.dup(protocol.sock.fileno())) as below_tls:
                below_tls.shutdown(socket.SHUT_RDWR)


@needs_dovecot
async def test_a_connection_that_is_cut_in_whichever_command_loses_nothing_and_doubles_nothing(
    read: Read, owners: Owners, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    await read.set_up(server, "SENT", "SENT", "UNKNOWN", "SENT")
    await were_sent(read.pool)
    sent_long_ago = "UPDATE emails SET sent_at = now() - interval '2 days' WHERE id = ANY (%s)"
    await execute(read.pool, sent_long_ago, read.email_ids[:2])  # only the last gets a copy
    owners.put(reply("r1@example.com", head=f"In-Reply-To: {read.id_of(1)}\n"))
    owners.put(bounce(read.id_of(2), "r2@example.com"), "Junk")
    owners.put(reply(ANN, number=7).replace(b"<7.ann@there.example>", read.id_of(3).encode()), "Sent")
    cut = _CutAt()
    monkeypatch.setattr(Protocol, "send", lambda protocol, data: cut.send(protocol, data))
    while True:
        cut.begin(cut.at + 1)
        await read.read()
        goes_on = len(cut.said) >= cut.at
        # An answer that was quicker than the cut is heard: then it is the next command that is cut.
        in_append = "APPEND" in cut.said[cut.at - 1 :]
        cut.at += 1000
        await read.read()
        cut.at -= 1000
        assert (await read.inbox())["error"] is None, cut.said
        found = await read.responses("kind::text AS kind")
        assert sorted(one["kind"] for one in found) == ["BOUNCE", "FOUND_IN_SENT", "REPLY"], cut.said
        assert await read.counts() == {"replied": 1, "bounced": 1}, cut.said
        assert await check_conservation(read.pool, read.campaign_id) == {"SENT": 4}
        owners.imap.select("Sent", readonly=True)
        # The one that we looked for, and one that we put there, unless that was what was cut.
        assert len(owners.imap.search(None, "ALL")[1][0].split()) in ({1, 2} if in_append else {2}), cut.said
        owners.imap.unselect()
        if not goes_on:
            break
        await _as_before(read, owners)
    assert cut.at > 25


async def _as_before(read: Read, owners: Owners) -> None:
    """Nothing was read yet."""
    for table in ("responses", "inbox_places", "sent_copies", "sent_readings", "suppressions", "audit_log"):
        await execute(read.pool, f"DELETE FROM {table}")  # noqa: S608 -- a test's
    await execute(
        read.pool,
        "UPDATE emails SET status = 'UNKNOWN', sent_at = NULL, provider_message_id = NULL WHERE id = %s",
        read.email_ids[2],
    )
    await execute(
        read.pool, "UPDATE streams SET sent = sent - 1, unknown = unknown + 1, replied = 0, bounced = 0 WHERE sent > 0"
    )
    owners.imap.select("Sent")
    for number in owners.imap.search(None, "ALL")[1][0].split()[1:]:
        owners.imap.store(number, "+FLAGS", "\\Deleted")
    owners.imap.expunge()
    owners.imap.unselect()


async def test_a_token_that_expires_in_the_middle_of_a_pass_is_renewed_and_the_next_goes_on_where_it_was(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Microsoft ends a session: BYE, and from then on the token is refused."""
    monkeypatch.setattr(inbox_pass, "CHUNK", 2)
    given: list[str] = []

    async def current() -> Bearer:
        given.append("one")
        return _Token("one", 1)

    async def renewed(_: Bearer) -> Bearer:
        given.append("two")
        return _Token("two", 2)

    server = Hostile(tmp_path)
    server.capabilities += b" AUTH=XOAUTH2"
    server.only_token = b"one"
    async with server.running() as at:
        await read.set_up(at, *["SENT"] * 3)
        fetched = b"".join(_letter(number, read.id_of(number)) for number in (1, 2, 3)) + b"%b OK done\r\n"
        server.answers = {b"UID FETCH 3": b"* BYE Session invalidated - AccessTokenExpired\r\n"} | READ
        server.answers[b"UID SEARCH"] = b"* SEARCH 1 2 3\r\n%b OK done\r\n"
        server.answers[b"EXAMINE"] = EXAMINE.replace(b"UIDNEXT 6", b"UIDNEXT 4")
        server.answers[b"UID FETCH"] = fetched
        connected = at._replace(bearers=Bearers(current, renewed))
        monkeypatch.setattr(Credentials, "imap_server_of", lambda *_: connected)
        await read.read()
        assert [one["recipient"] for one in await read.responses()] == ["r1@example.com", "r2@example.com"]
        assert "AccessTokenExpired" in (await read.inbox())["error"]
        server.only_token = b"two"
        server.answers[b"UID FETCH 3"] = fetched
        server.lines.clear()
        await read.read()
    assert [one["recipient"] for one in await read.responses()] == [f"r{n}@example.com" for n in (1, 2, 3)]
    assert (await read.inbox())["error"] is None
    assert given == ["one", "one", "two"]
    assert not any(b"UID FETCH 1" in line for line in server.lines)


def _letter(uid: int, answers: str) -> bytes:
    head = f"From: r{uid}@example.com\r\nIn-Reply-To: {answers}\r\nMessage-ID: <{uid}@there.example>\r\n\r\n".encode()
    return b"* %d FETCH (UID %d BODY[HEADER]<0> {%d}\r\n%b)\r\n" % (uid, uid, len(head), head)


async def test_what_is_moved_while_it_is_read_is_recorded_whole_where_it_went(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its headers and its body; known by what its headers say alone, it would never be read again."""
    server = Hostile(tmp_path)
    async with server.running() as at:
        await read.set_up(at, "SENT")
        head, body = bounce(read.id_of(1), "r1@example.com").split(b"\r\n\r\n", 1)
        head += f"\r\nIn-Reply-To: {read.id_of(1)}\r\n\r\n".encode()
        headers = b"* 1 FETCH (UID 1 BODY[HEADER]<0> {%d}\r\n%b)\r\n" % (len(head), head)
        server.answers = {
            b"UID FETCH 1 (INTERNALDATE": headers + b"%b OK done\r\n",
            b"UID FETCH": b"%b OK done\r\n",
        } | READ
        server.answers[b"UID SEARCH"] = b"* SEARCH 1\r\n%b OK done\r\n"
        server.answers[b"EXAMINE"] = EXAMINE.replace(b"UIDNEXT 6", b"UIDNEXT 2")
        monkeypatch.setattr(Credentials, "imap_server_of", lambda *_: at)
        await read.read()
        assert any(b"BODY.PEEK[TEXT]" in line for line in server.lines)
        assert (await read.inbox())["error"] is None
        assert await read.responses() == []
        server.answers[b"EXAMINE"] = server.answers[b"EXAMINE"].replace(b"UIDVALIDITY 7", b"UIDVALIDITY 8")
        text = b"* 1 FETCH (UID 1 BODY[TEXT]<0> {%d}\r\n%b)\r\n" % (len(body), body)
        server.answers[b"UID FETCH"] = text + b"%b OK done\r\n"
        await read.read()
    assert await read.responses() == [{"kind": "BOUNCE", "recipient": "r1@example.com", "weak": False}]


@pytest.mark.parametrize("folder", [b"", b"Kept"])
async def test_what_is_taken_away_while_it_is_read_is_recorded_by_its_headers_unless_it_lies_where_it_is_read(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: bytes
) -> None:
    """At Gmail it may be in Trash, which nobody reads; and follow-ups would go on."""
    server = Hostile(tmp_path)
    async with server.running() as at:
        await read.set_up(at, "SENT")
        letter = _letter(1, read.id_of(1)).replace(
            b"UID 1 BODY", b'UID 1 INTERNALDATE "27-Nov-2036 10:00:00 +0000" BODY'
        )
        server.answers = {
            b"UID FETCH 1 (INTERNALDATE": letter + b"%b OK done\r\n",
            b"UID FETCH": b"%b OK done\r\n",
            b"UID SEARCH HEADER": b"* SEARCH%b\r\n".replace(b"%b", b" 9" if folder else b"") + b"%b OK done\r\n",
            b"EXAMINE Kept": EXAMINE.replace(b"UIDNEXT 6", b"UIDNEXT 1"),
            b'EXAMINE "Kept"': EXAMINE.replace(b"UIDNEXT 6", b"UIDNEXT 1"),
        } | READ
        server.answers[b"LIST"] = b'* LIST () "/" INBOX\r\n* LIST () "/" Kept\r\n%b OK done\r\n'
        server.answers[b"UID SEARCH"] = b"* SEARCH 1\r\n%b OK done\r\n"
        server.answers[b"EXAMINE"] = EXAMINE.replace(b"UIDNEXT 6", b"UIDNEXT 2")
        monkeypatch.setattr(Credentials, "imap_server_of", lambda *_: at)
        await read.read()
        assert any(b"BODY.PEEK[TEXT]" in line for line in server.lines)
        assert (await read.inbox())["error"] is None
    by_headers = [{"kind": "REPLY", "recipient": "r1@example.com", "weak": False}]
    assert await read.responses() == ([] if folder else by_headers)


class _Token(NamedTuple):
    token: str
    version: int


@pytest.mark.long
@needs_dovecot
@pytest.mark.skipif(libfaketime() is None and "CI" not in os.environ, reason="needs Debian's faketime")
async def test_two_workers_whose_clocks_are_days_apart_record_what_comes_once_and_at_the_databases_time(
    pool: Pool, database_url: str, read: Read, owners: Owners, server: Server, sink: Sink, tmp_path: Path
) -> None:
    await read.set_up(server, *["SENT"] * 20)
    env = {"SMTP_CA_FILE": str(server.ca_file), "IMAP_ALLOWED_PORTS": "*", "INBOX_POLL_SECONDS": "1"}
    began = await value(pool, "SELECT now()")
    fleets: list[Fleet] = []
    with ExitStack() as stack:
        for offset in ("-3d", "+3d"):
            skewed = {"LD_PRELOAD": str(libfaketime()), "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
            (tmp_path / offset).mkdir()
            fleets.append(stack.enter_context(Fleet(database_url, tmp_path / offset, **env, **skewed)))
            fleets[-1].start(settings_for(sink, lease_s=60))  # a worker that stalls loses it not
        await wait_for(lambda: rows(pool, "SELECT 1 FROM inboxes WHERE whole_at IS NOT NULL"), "the mailbox to be read")
        for number in range(1, 21):
            message = reply(f"r{number}@example.com", head=f"In-Reply-To: {read.id_of(number)}\n")
            owners.put(message)
            owners.put(message, "Junk")  # it comes twice
            # The worker that leases it loses it.
            await execute(pool, "UPDATE inboxes SET next_at = now()")
            await execute(pool, "UPDATE inboxes SET lease_until = now() WHERE lease_until > now()")

        async def all_there() -> bool:
            await execute(pool, "UPDATE inboxes SET next_at = least(next_at, now())")
            return await value(pool, "SELECT count(*) FROM responses") >= 20

        await wait_for(all_there, "all to be recorded")
        at = await value(pool, "SELECT now()")
        whole = f"SELECT count(*) FROM inboxes WHERE whole_at > '{at.isoformat()}'"  # noqa: S608 -- a test's
        await wait_for(lambda: value(pool, whole), "one more whole pass")
        for fleet in fleets:
            assert fleet.complaints() == []
    assert sorted(one["recipient"] for one in await read.responses()) == sorted(
        f"r{n}@example.com" for n in range(1, 21)
    )
    assert await read.counts() == {"replied": 20}
    times = "SELECT count(*) FROM responses WHERE received_at NOT BETWEEN %s::timestamptz - interval '2 s' AND now()"
    assert await value(pool, times, began) == 0
    assert await value(pool, "SELECT whole_at <= now() FROM inboxes")
