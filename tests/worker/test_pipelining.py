"""MAIL, RCPT and DATA in one go, where the server offers it (RFC 2920): only what was asked for is handed over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from app.mail.message import Message
from tests.support.waiting import BOUND_S
from worker.connect import Server
from worker.smtp import Conversation

HELLO = Message(content=b"Subject: Hello\r\n\r\n.\r\n", smtputf8=False, envelope_to="ann@example.com")
COMMANDS = [b"MAIL FROM:<me@example.com>\r\n", b"RCPT TO:<ann@example.com>\r\n", b"DATA\r\n"]
CONTENT = b"Subject: Hello\r\n\r\n..\r\n.\r\n"
OK, GO_AHEAD = b"250 2.0.0 ok\r\n", b"354 go ahead\r\n"
NO_SUCH_USER, NO_RECIPIENT = b"550 5.1.1 no such user\r\n", b"503 5.5.1 RCPT first\r\n"

# A server's wait before it says a word: so many lines, or (None) a message; and its words then.
Turn = tuple[int | None, bytes]
SENT: list[Turn] = [(3, OK + OK + GO_AHEAD), (None, OK)]


class Partner:
    """Takes its turns, on whichever connection, and then hangs up; remembers what it was told."""

    def __init__(self, turns: list[Turn], *, offers: bytes) -> None:
        self.turns = turns
        self.offers = offers
        self.told: list[bytes] = []
        self.connections = 0
        self.hasty = False  # somebody went on without an answer

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(b"220 there.test\r\n")
        await reader.readline()
        writer.write(b"250-there.test\r\n250 %b\r\n" % self.offers)
        while self.turns and not reader.at_eof():
            lines, answer = self.turns[0]
            if lines is None:
                heard = [await reader.readuntil(b"\r\n.\r\n")]
            else:
                heard = [await reader.readline() for _ in range(lines)]
            if heard[0] in {b"", b"QUIT\r\n"}:
                break
            self.turns.pop(0)
            self.told += heard
            if lines == 1 and await comes_within(reader, 0.05):
                self.hasty = True
            writer.write(answer)
        writer.close()


async def comes_within(reader: asyncio.StreamReader, seconds: float) -> bool:
    try:
        return bool(await asyncio.wait_for(reader.read(1), seconds))
    except TimeoutError:
        return False


@asynccontextmanager
async def talking(turns: list[Turn], offers: bytes = b"PIPELINING") -> AsyncGenerator[tuple[Partner, Conversation]]:
    there = Partner(turns, offers=offers)
    async with await asyncio.start_server(there.converse, "127.0.0.1", 0) as server, asyncio.timeout(BOUND_S):
        port = server.sockets[0].getsockname()[1]
        conversation = await Conversation.open(Server("127.0.0.1", port, "none", policy=None), "here.test")
        yield there, conversation
        await conversation.close()


async def handed_over(conversation: Conversation) -> tuple[str, str, str]:
    verdict = await conversation.deliver("me@example.com", HELLO)
    return verdict.kind, verdict.fault, verdict.command


async def test_three_commands_go_out_before_any_answer() -> None:
    async with talking(SENT * 2) as (there, conversation):
        for _ in range(2):
            assert await handed_over(conversation) == ("ACCEPTED", "email", ".")
        assert there.told == [*COMMANDS, CONTENT] * 2


async def test_a_server_that_does_not_offer_it_is_asked_one_by_one() -> None:
    turns: list[Turn] = [(1, OK), (1, OK), (1, GO_AHEAD), (None, OK)]
    async with talking(turns, offers=b"8BITMIME") as (there, conversation):
        assert await handed_over(conversation) == ("ACCEPTED", "email", ".")
        assert there.told == [*COMMANDS, CONTENT]
        assert not there.hasty


@pytest.mark.parametrize(
    ("answers", "command", "rset"),
    [
        (b"552 5.3.4 too large\r\n" + NO_RECIPIENT + NO_RECIPIENT, "MAIL", False),
        (OK + NO_SUCH_USER + NO_RECIPIENT, "RCPT", True),
        (OK + OK + b"552 5.2.2 mailbox full\r\n", "DATA", True),
    ],
)
async def test_after_a_refusal_the_connection_is_used_on(answers: bytes, command: str, *, rset: bool) -> None:
    refusal: list[Turn] = [(3, answers), *([(1, OK)] if rset else [])]
    async with talking(refusal + SENT) as (there, conversation):
        assert await handed_over(conversation) == ("REJECTED", "email", command)
        assert await handed_over(conversation) == ("ACCEPTED", "email", ".")
        assert there.told == [*COMMANDS, *([b"RSET\r\n"] if rset else []), *COMMANDS, CONTENT]
        assert there.connections == 1


async def test_a_server_that_wants_the_message_without_a_recipient_gets_nothing_more() -> None:
    async with talking([(3, OK + NO_SUCH_USER + GO_AHEAD), (1, OK)]) as (there, conversation):
        assert await handed_over(conversation) == ("REJECTED", "email", "RCPT")
        assert not conversation.connected
    assert there.told == COMMANDS


async def test_a_server_that_hangs_up_in_the_middle_ends_the_connection_without_another_word() -> None:
    async with talking([(3, OK + b"421 4.7.0 slow down\r\n" + GO_AHEAD), (1, OK)]) as (there, conversation):
        assert await handed_over(conversation) == ("RELEASED", "connection", "RCPT")
        assert not conversation.connected
    assert there.told == COMMANDS


@pytest.mark.parametrize(
    ("answers", "command"),
    [(b"", "MAIL"), (OK, "RCPT"), (OK + OK, "DATA"), (OK + b"25", "RCPT"), (OK + b"?\r\n", "RCPT")],
)
async def test_a_connection_lost_among_the_answers_has_handed_over_nothing(answers: bytes, command: str) -> None:
    async with talking([(3, answers)]) as (there, conversation):
        assert await handed_over(conversation) == ("RELEASED", "sender", command)
        assert not conversation.connected
    assert there.told == COMMANDS


async def test_an_answer_too_many_is_not_taken_for_the_next_one() -> None:
    turns: list[Turn] = [(3, OK + OK + GO_AHEAD + OK), (None, b"554 5.7.1 spam\r\n")]
    async with talking(turns) as (there, conversation):
        assert await handed_over(conversation) == ("RELEASED", "email", ".")
        assert there.told == [*COMMANDS, CONTENT]


async def test_a_server_that_talks_unasked_without_end_is_hung_up_on() -> None:
    async with talking([(3, OK + OK + GO_AHEAD), (None, OK + 1_000 * OK), (3, OK)]) as (_, conversation):
        assert await handed_over(conversation) == ("ACCEPTED", "email", ".")
        assert await handed_over(conversation) == ("RELEASED", "connection", "MAIL")
        assert not conversation.connected


async def test_a_server_that_stops_talking_and_reading_is_noticed_at_once() -> None:
    over = asyncio.Event()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 there.test\r\n")
        await reader.readline()
        writer.write(b"250-there.test\r\n250 PIPELINING\r\n")
        for _ in range(3):
            await reader.readline()
        writer.write(OK + OK + GO_AHEAD)
        writer.write_eof()
        await over.wait()  # and takes no more than fits into the buffers
        writer.close()

    async with await asyncio.start_server(converse, "127.0.0.1", 0) as server, asyncio.timeout(BOUND_S):
        port = server.sockets[0].getsockname()[1]
        conversation = await Conversation.open(Server("127.0.0.1", port, "none", policy=None), "here.test")
        content = b"Subject: Hello\r\n\r\n" + 500_000 * b"A long message about it all.\r\n"
        long = Message(content=content, smtputf8=False, envelope_to="ann@example.com")
        verdict = await conversation.deliver("me@example.com", long)
        assert (verdict.kind, verdict.command) == ("UNKNOWN", ".")
        assert not conversation.connected
        over.set()


async def test_closing_that_is_cancelled_closes_all_the_same() -> None:
    async with talking(SENT * 2) as (_, conversation):
        assert await handed_over(conversation) == ("ACCEPTED", "email", ".")
        closing = asyncio.create_task(conversation.close())
        await asyncio.sleep(0)
        assert conversation.connected
        closing.cancel()
        await asyncio.wait([closing])
        assert closing.cancelled()
        assert not conversation.connected
