"""The folders that are looked at: those that something came into, each once, and none of our own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.imap import Hostile
from tests.support.inbox import Read

EMPTY = b"* 0 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 1] ok\r\n%b OK done\r\n"
FOLDERS = (
    b'* LIST (\\HasNoChildren \\Junk) "/" Spam\r\n'
    b'* LIST (\\HasNoChildren \\All) "/" "All Mail"\r\n'
    b'* LIST (\\HasNoChildren \\Sent) "/" Sent\r\n'
    b'* LIST (\\HasNoChildren \\Drafts) "/" Drafts\r\n'
    b'* LIST (\\HasNoChildren \\Trash) "/" Trash\r\n'
    b'* LIST (\\Noselect) "/" Shared\r\n'
    b'* LIST (\\HasNoChildren) "/" INBOX\r\n'
)


@pytest.fixture
def server(tmp_path: Path) -> Hostile:
    made = Hostile(tmp_path)
    made.answers = {b"EXAMINE": EMPTY, b"LIST": FOLDERS + b"%b OK done\r\n"}
    return made


def _examined(server: Hostile) -> list[bytes]:
    found = [line.split(maxsplit=2)[2].strip(b'"') for line in server.lines if b" EXAMINE " in line]
    server.lines.clear()
    return found


async def test_elsewhere_all_but_our_own_and_views_of_the_same_the_likeliest_first(read: Read, server: Hostile) -> None:
    async with server.running() as at:
        await read.set_up(at, "SENT")
        await read.read()
        assert _examined(server) == [b"INBOX", b"Spam", b"Trash"]
    assert (await read.inbox())["error"] is None


async def test_at_gmail_all_mail_and_spam(read: Read, server: Hostile) -> None:
    server.capabilities += b" X-GM-EXT-1"
    async with server.running() as at:
        await read.set_up(at, "SENT")
        await read.read()
        assert _examined(server) == [b"All Mail", b"Spam"]


async def test_folders_that_nothing_came_into_are_not_opened_where_the_server_says_so(
    read: Read, server: Hostile
) -> None:
    server.capabilities += b" LIST-STATUS"
    states = b"* STATUS INBOX (UIDNEXT %d UIDVALIDITY 7)\r\n* STATUS Spam (UIDNEXT 1 UIDVALIDITY %d)\r\n"
    server.answers[b"LIST"] = FOLDERS + states % (1, 7) + b"%b OK done\r\n"
    async with server.running() as at:
        await read.set_up(at, "SENT")
        await read.read()
        assert _examined(server) == [b"INBOX", b"Spam", b"Trash"]
        await read.read()
        assert _examined(server) == [b"Trash"]  # of which it says nothing
        server.answers[b"LIST"] = FOLDERS + states % (2, 8) + b"%b OK done\r\n"
        await read.read()
        assert _examined(server) == [b"INBOX", b"Spam", b"Trash"]


async def test_an_email_in_doubt_is_looked_for_in_sent_alone(read: Read, server: Hostile) -> None:
    server.answers[b"UID SEARCH"] = b"* SEARCH\r\n%b OK done\r\n"
    async with server.running() as at:
        await read.set_up(at, "UNKNOWN")
        await read.read()
        assert b"Sent" in _examined(server)
    assert (await read.inbox())["error"] is None
