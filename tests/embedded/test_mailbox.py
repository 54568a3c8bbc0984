"""The sandbox mailbox over a real socket, and what it makes of the messages it is given."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.message import EmailMessage

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.embedded import mailbox
from app.embedded.mailbox import Mailbox, ReceivedMessage, summarize
from tests.support.waiting import BOUND_S

PLAIN = b"From: ada@example.org\r\nTo: bob@example.org\r\nSubject: hello\r\n\r\n..dotted line\r\n"


class Shelf:
    """Where the tests keep messages; `failure` makes it refuse them."""

    def __init__(self) -> None:
        self.messages: list[ReceivedMessage] = []
        self.failure: Exception | None = None
        self.may_finish = asyncio.Event()
        self.may_finish.set()

    async def store(self, message: ReceivedMessage) -> None:
        await self.may_finish.wait()
        if self.failure is not None:
            raise self.failure
        self.messages.append(message)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
async def box(shelf: Shelf) -> AsyncIterator[Mailbox]:
    listening = await mailbox.serve(shelf.store)
    yield listening
    await listening.close()


async def deliver(
    box: Mailbox, content: bytes, sender: str = "ada@example.org", options: tuple[str, ...] = ()
) -> tuple[int, bytes]:
    """Hand one message over and return the reply to its final dot."""

    def converse() -> tuple[int, bytes]:
        with smtplib.SMTP("127.0.0.1", box.port, timeout=BOUND_S) as client:
            client.ehlo()
            if options:
                client.command_encoding = "utf-8"
            assert client.mail(sender, options)[0] == 250
            for recipient in ("bob@example.org", "eve@example.org"):
                assert client.rcpt(recipient)[0] == 250
            try:
                return client.data(content)
            except smtplib.SMTPDataError as error:
                return error.smtp_code, error.smtp_error  # pyright: ignore[reportReturnType]

    return await asyncio.to_thread(converse)


async def test_a_message_is_stored_as_it_came(box: Mailbox, shelf: Shelf) -> None:
    code, text = await deliver(box, PLAIN)
    assert (code, text[:5]) == (250, b"2.0.0")
    assert shelf.messages == [ReceivedMessage("ada@example.org", ["bob@example.org", "eve@example.org"], PLAIN)]


async def test_a_message_is_acknowledged_only_once_it_is_stored(box: Mailbox, shelf: Shelf) -> None:
    shelf.may_finish.clear()
    delivery = asyncio.create_task(deliver(box, PLAIN))
    done, _ = await asyncio.wait([delivery], timeout=0.2)
    assert not done
    shelf.may_finish.set()
    assert (await delivery)[0] == 250


async def test_a_store_that_fails_asks_the_sender_to_try_again(box: Mailbox, shelf: Shelf) -> None:
    shelf.failure = OSError("disk full")
    code, text = await deliver(box, PLAIN)
    assert (code, text[:5]) == (451, b"4.3.0")
    shelf.failure = None
    assert (await deliver(box, PLAIN))[0] == 250


async def test_addresses_and_bodies_may_be_in_any_script(box: Mailbox, shelf: Shelf) -> None:
    content = "Subject: Grüße\r\n\r\nπ\r\n".encode()
    assert (await deliver(box, content, "jörg@example.org", ("SMTPUTF8", "BODY=8BITMIME")))[0] == 250
    assert shelf.messages[0].envelope_from == "jörg@example.org"
    assert shelf.messages[0].content == content
    assert summarize(content).subject == "Grüße"


async def test_a_bounce_has_no_sender(box: Mailbox, shelf: Shelf) -> None:
    assert (await deliver(box, PLAIN, sender=""))[0] == 250
    assert shelf.messages[0].envelope_from == ""


async def test_a_message_over_the_size_limit_is_refused(box: Mailbox, shelf: Shelf) -> None:
    def announce() -> tuple[int, bytes]:
        with smtplib.SMTP("127.0.0.1", box.port, timeout=BOUND_S) as client:
            client.ehlo()
            return client.mail("ada@example.org", (f"SIZE={mailbox.SIZE_LIMIT_BYTES + 1}",))

    assert (await asyncio.to_thread(announce))[0] == 552


async def test_closing_hangs_up_on_idle_clients(shelf: Shelf) -> None:
    box = await mailbox.serve(shelf.store)
    reader, writer = await asyncio.open_connection("127.0.0.1", box.port)
    assert (await reader.readline()).startswith(b"220 ")
    await asyncio.wait_for(box.close(), BOUND_S)
    assert await asyncio.wait_for(reader.read(), BOUND_S) == b""
    writer.close()
    await writer.wait_closed()


def test_a_summary_decodes_headers_and_both_bodies() -> None:
    message = EmailMessage()
    message["Subject"] = "Grüße 🎉"
    message["From"] = "Jörg <joerg@example.org>"
    message["To"] = "bob@example.org"
    message["Date"] = "Tue, 01 Dec 2026 10:00:00 +0200"
    message["Message-ID"] = "<1@example.org>"
    message.set_content("schöne Grüße\n")
    message.add_alternative("<p>schöne Grüße</p>\n", subtype="html")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="a.pdf")
    summary = summarize(message.as_bytes())
    assert summary == mailbox.MessageSummary(
        subject="Grüße 🎉",
        from_="Jörg <joerg@example.org>",
        to="bob@example.org",
        date=datetime(2026, 12, 1, 8, tzinfo=UTC),
        message_id="<1@example.org>",
        text="schöne Grüße\n",
        html="<p>schöne Grüße</p>\n",
    )


def test_a_date_without_a_place_is_utc() -> None:
    summary = summarize(b"Date: Tue, 01 Dec 2026 10:00:00 -0000\r\n\r\n")
    assert summary.date == datetime(2026, 12, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", ""),
        (b"Content-Type: text/plain; charset=no-such\r\n\r\nbody", "body"),
        (b"Content-Type: text/plain; charset=utf-8\r\n\r\nb\x00\xffdy", "b\ufffd\ufffddy"),
        (b"Subject: =?unicode_escape?q?=5Cud800?=\r\n\r\nbody", "body"),
        (b"Date: 32 Foo\r\nFrom: <<<\r\nMessage-ID: [\r\n\r\nbody", "body"),
    ],
)
def test_malformed_messages_are_shown_as_far_as_they_can_be_read(content: bytes, text: str) -> None:
    summary = summarize(content)
    assert summary.text == text
    assert msgspec.json.encode(summary)


FRAGMENTS = (
    *(
        b"From:",
        b"To: ",
        b"Date:",
        b"Message-ID:",
        b"Subject: =?utf-8?q?",
        b"Content-Transfer-Encoding: base64",
    ),
    *(
        b"Content-Type: multipart/mixed; boundary=",
        b"Content-Type: text/html; charset=",
        b"\r\n\r\n",
        b"\r\n",
        b"--x",
    ),
)


@given(st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=6)).map(b"".join))
def test_nothing_makes_a_summary_fail(content: bytes) -> None:
    summary = summarize(content)
    shown = f"{summary.subject}{summary.from_}{summary.to}{summary.message_id}{summary.text}{summary.html}"
    assert "\0" not in shown
    assert shown.encode()
