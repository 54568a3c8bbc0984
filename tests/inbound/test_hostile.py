"""Servers that mean no good, or are broken: a pass ends in time, and the mailbox is left alone for a while."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.support.engine import value
from tests.support.imap import Hostile
from tests.support.inbox import Read
from worker import inbox_pass

LIST = b'* LIST (\\HasNoChildren) "/" INBOX\r\n%b OK done\r\n'
EXAMINE = b"* 5 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 6] ok\r\n%b OK done\r\n"
SEARCH = b"* SEARCH 1 2 3 4 5\r\n%b OK done\r\n"
READ = {b"LIST": LIST, b"EXAMINE": EXAMINE, b"UID SEARCH": SEARCH}


@pytest.fixture
def hostile(tmp_path: Path) -> Hostile:
    return Hostile(tmp_path)


async def _words(read: Read, hostile: Hostile) -> str:
    """The words for a person, once the pass has failed."""
    async with hostile.running() as server:
        await read.set_up(server, "SENT")
        began = time.monotonic()
        await read.read()
        assert time.monotonic() - began < 40
    inbox = await read.inbox()
    assert (inbox["failures"], inbox["lease_token"], inbox["whole_at"]) == (1, None, None)
    assert await value(read.pool, "SELECT next_at > now() + interval '100 s' FROM inboxes")
    assert await read.responses() == []
    return inbox["error"]


async def test_a_servers_words_are_told_to_people_and_logged_at_debug_alone(read: Read, hostile: Hostile) -> None:
    hostile.answers = {b"LIST": b"%b NO quota of <ann@example.com> at Acme is exceeded\r\n"}
    with capture_logs() as logged:
        assert "at Acme" in await _words(read, hostile)
    told = {line["log_level"]: line for line in logged if "inbox" in line["event"]}
    assert (told["warning"]["event"], told["warning"]["kind"]) == ("inbox not read", "protocol")
    assert "at Acme" in told["debug"]["reason"]
    assert not any("at Acme" in str(line) for line in logged if line["log_level"] != "debug")


async def test_a_drip_is_left_in_time(read: Read, hostile: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_pass, "PASS_S", 2.0)
    hostile.answers = READ | {b"UID FETCH": b"* 1 FETCH (UID 1 BODY[HEADER]<0> {60000}\r\n"}
    hostile.drips_after = b"UID FETCH"
    assert "was not done after" in await _words(read, hostile)


async def test_lines_without_end(read: Read, hostile: Hostile) -> None:
    hostile.answers = READ | {b"UID FETCH": b"* OK more\r\n" * 150_000}
    assert "more than anybody asked for" in await _words(read, hostile)


@pytest.mark.parametrize("size", [2**31, 2**63, 600_000])
async def test_a_message_that_is_said_to_be_huge(read: Read, hostile: Hostile, size: int) -> None:
    hostile.answers = READ | {b"UID FETCH": b"* 1 FETCH (UID 1 BODY[HEADER]<0> {%d}\r\n" % size}
    assert "more than anybody asked for" in await _words(read, hostile)


async def test_a_server_that_says_yes_and_gives_nothing_was_not_read(read: Read, hostile: Hostile) -> None:
    hostile.answer = b"%b OK done\r\n"
    assert "lists no folder" in await _words(read, hostile)


async def test_a_search_that_finds_everything_settles_no_doubt(read: Read, hostile: Hostile) -> None:
    """Nor does a copy that names another email, or an id that somebody has made up."""
    header = b"Message-ID: <%b@example.com>\r\n\r\n" % (b"ab" * 16)
    hostile.answers = READ | {
        b"LIST": LIST.replace(b"%b OK", b'* LIST (\\Sent) "/" Sent\r\n%b OK'),
        b"UID FETCH": b"* 1 FETCH (UID 1 BODY[HEADER]<0> {%d}\r\n%b BODY[HEADER.FIELDS (X)] {%d}\r\n%b)\r\n"
        % (len(header), header, len(header), header)
        + b"%b OK done\r\n",
    }
    async with hostile.running() as server:
        await read.set_up(server, "UNKNOWN")
        await read.read()
    assert (await read.inbox())["error"] is None
    assert await value(read.pool, "SELECT readings FROM sent_readings") == 1
    assert await value(read.pool, "SELECT status FROM emails") == "UNKNOWN"


async def test_a_folder_without_uids_was_not_read(read: Read, hostile: Hostile) -> None:
    hostile.answers = {b"LIST": LIST}
    hostile.answer = b"%b OK done\r\n"
    assert "answers what is no IMAP" in await _words(read, hostile)


@pytest.mark.parametrize("command", [b"LIST", b"EXAMINE", b"UID SEARCH", b"UID FETCH"])
async def test_a_connection_that_is_cut(read: Read, hostile: Hostile, command: bytes) -> None:
    hostile.answers = READ
    hostile.cut_at = command
    assert "broke the connection off" in await _words(read, hostile)


@pytest.mark.parametrize(
    ("header", "exists"),
    [
        (b"{3}\r\n%b", b""),  # less than there is
        (b"{900}\r\n%b" + b"x" * 800, b"* 5 EXISTS\r\n"),  # more, up to the end of what follows
        (b'"%b"', b"* 4000000000 EXISTS\r\n"),
        (b"NIL", b"* 0 EXISTS\r\n"),
        (b"{-1}\r\n%b", b"* 5 EXISTS\r\n"),
        (b"{99999999999999999999}\r\n%b", b"* 5 EXISTS\r\n"),
    ],
)
async def test_sizes_that_are_none_hold_nothing_up(
    read: Read, hostile: Hostile, header: bytes, exists: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_pass, "PASS_S", 1.0)
    told = b"* 1 FETCH (UID 1 RFC822.SIZE 9 BODY[HEADER]<0> %b)\r\n%%b OK done\r\n" % header
    hostile.answers = READ | {
        b"EXAMINE": EXAMINE.replace(b"* 5 EXISTS\r\n", exists),
        b"UID FETCH": told.replace(b"%b", b"From: r1@example.com\r\n\r\n", 1),
    }
    async with hostile.running() as server:
        await read.set_up(server, "SENT")
        began = time.monotonic()
        await read.read()
        assert time.monotonic() - began < 40
    inbox = await read.inbox()
    assert (inbox["error"] is None) != (inbox["whole_at"] is None)
    assert "r1@example.com" not in (inbox["error"] or "")  # nothing of a message is kept for what went wrong
    assert inbox["lease_token"] is None


@pytest.mark.parametrize("uid_next", [0, 2**32 + 5, 2**70])
async def test_uids_that_are_none(read: Read, hostile: Hostile, uid_next: int) -> None:
    hostile.answers = READ | {b"EXAMINE": EXAMINE.replace(b"UIDNEXT 6", b"UIDNEXT %d" % uid_next)}
    assert "no UIDs" in await _words(read, hostile)


async def test_messages_that_nobody_asked_for_are_not_looked_at(read: Read, hostile: Hostile) -> None:
    hostile.answers = READ | {
        b"UID SEARCH": b"* SEARCH 3 900 4294967295\r\n%b OK done\r\n",
        b"UID FETCH": b"* 1 FETCH (UID 900 BODY[HEADER]<0> {0}\r\n)\r\n%b OK done\r\n",
    }
    async with hostile.running() as server:
        await read.set_up(server, "SENT")
        await read.read()
    assert (await read.inbox())["error"] is None
    assert await value(read.pool, "SELECT uid FROM inbox_places") == 5
    assert sum(line.split()[1:3] == [b"UID", b"FETCH"] for line in hostile.lines) == 1


async def test_a_hundred_thousand_old_messages_cost_a_few_questions(read: Read, hostile: Hostile) -> None:
    hostile.answers = READ | {
        b"EXAMINE": EXAMINE.replace(b"UIDNEXT 6", b"UIDNEXT 100001").replace(b"* 5 EXISTS", b"* 100000 EXISTS"),
        b"UID SEARCH": b"* SEARCH\r\n%b OK done\r\n",
    }
    async with hostile.running() as server:
        await read.set_up(server, "SENT")
        await read.read()
    found = await read.inbox()
    assert (found["error"], found["whole_at"] is not None) == (None, True)
    assert await value(read.pool, "SELECT uid FROM inbox_places") == 100_000
    asked = [line.split()[2] for line in hostile.lines if line.split()[1:2] == [b"UID"]]
    assert asked == [b"SEARCH"] * 3


async def test_more_than_a_pass_may_read_goes_on_where_it_was(
    read: Read, hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_pass, "CHUNK", 2)
    monkeypatch.setattr(inbox_pass, "CHUNK_BYTES", inbox_pass.MOST_BYTES - 400)
    header = b"From: a@there.example\r\n\r\n"
    hostile.answers = READ | {
        b"UID FETCH": b"".join(
            b"* %d FETCH (UID %d BODY[HEADER]<0> {%d}\r\n%b)\r\n" % (uid, uid, len(header), header)
            for uid in range(1, 6)
        )
        + b"%b OK done\r\n"
    }
    async with hostile.running() as server:
        await read.set_up(server, "SENT")
        places: list[int] = []
        while not places or places[-1] < 5:
            await read.read()
            found = await read.inbox()
            assert found["error"] is None
            places.append(await value(read.pool, "SELECT coalesce(max(uid), 0) FROM inbox_places"))
            assert (found["whole_at"] is not None) == (places[-1] == 5)
    assert places == [2, 4, 5]
