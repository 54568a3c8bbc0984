"""Headers of one's own, copies and files, over real SMTP."""

from __future__ import annotations

import asyncio
import os
from io import BytesIO
from typing import Any

import pytest
from msgspec.structs import replace

from app.db import Pool, transaction
from app.domain.accounts.actor import LOCAL
from app.domain.campaigns import direct, files
from app.domain.campaigns.content import Content
from app.domain.campaigns.direct import Direct
from app.domain.campaigns.files import KeptFile, Upload
from app.domain.suppressions import suppressions
from app.domain.suppressions.suppressions import Asked
from app.domain.workspaces.quotas import UNLIMITED
from app.mail.enclosed import PIECE, Enclosed, encoded
from app.mail.message import Message
from tests.support.engine import (
    Owner,
    attempts,
    campaign_status,
    execute,
    recipients_by_status,
    row,
    running_workers,
    schedule_campaign,
    settings_for,
    value,
    wait_for,
    wait_until_sent,
    wait_until_settled,
)
from tests.support.mailserver import MailServer, mail_server
from tests.support.pictures import PNG
from tests.support.sinkproc import Sink
from worker.pieces import Pieces
from worker.smtp import Conversation

BIG = os.urandom(PIECE * 3 + 1001)
NAME = "Angebot für Ödön, 2030 (final).pdf"


async def keep(pool: Pool, owner: Owner, name: str, content: bytes) -> KeptFile:
    return await files.keep(pool, owner.workspace_id, Upload(name, BytesIO(content)), UNLIMITED)


async def sent_by(pool: Pool, database_url: str, sink: Sink, there: MailServer, campaign_id: int) -> None:
    async with running_workers(database_url, settings_for(sink), fallback=there.address):
        await wait_until_settled(pool, campaign_id)


async def test_all_that_goes_along_arrives(pool: Pool, database_url: str, sink: Sink, owner: Owner) -> None:
    pdf, png = await keep(pool, owner, NAME, BIG), await keep(pool, owner, "logo.png", PNG)
    assert png.is_image
    html = f'<p>Hi {{{{ first_name }}}}</p><img src="/api/files/{png.id}" alt="us">'
    content = Content(
        "Offer",
        "Hi {{ first_name }}",
        html,
        reply_to="answers@example.net",
        headers={"X-Deal": "no. {{ deal }}", "X-Source": "spring"},
        cc=["boss@example.net"],
        bcc=["crm@example.net"],
        attachments=[pdf.id],
    )
    people: list[Any] = [{"email": f"r{n}@example.com", "first_name": f"Ada{n}", "deal": f"7{n}\n8"} for n in range(3)]
    async with mail_server() as there:
        scheduled = await schedule_campaign(pool, owner, people, content=content)
        await sent_by(pool, database_url, sink, there, scheduled.campaign.id)
    assert len(there.handed) == 3
    for handed in there.handed:
        main, *copies = handed.recipients
        assert copies == ["boss@example.net", "crm@example.net"]
        number = main[1]
        message = handed.message
        assert (message["Reply-To"], message["Cc"], message["Bcc"]) == ("answers@example.net", "boss@example.net", None)
        assert (message["X-Deal"], message["X-Source"]) == (f"no. 7{number} 8", "spring")
        assert b"crm@" not in handed.content
        assert f"SIZE={len(handed.content)}" in handed.mail
        assert message.get_content_type() == "multipart/mixed"
        alternative, attached = message.iter_parts()
        assert alternative.get_content_type() == "multipart/alternative"
        plain, related = alternative.iter_parts()
        assert plain.get_content().strip() == f"Hi Ada{number}"
        shown, picture = related.iter_parts()
        cid = picture["Content-ID"].strip("<>")
        assert f'src="cid:{cid}"' in shown.get_content()
        assert f"Ada{number}" in shown.get_content()
        assert (picture.get_content_type(), picture.get_content()) == ("image/png", PNG)
        assert (attached.get_filename(), attached.get_content_type()) == (NAME, "application/pdf")
        assert attached.get_content() == BIG
        assert max(map(len, handed.content.split(b"\r\n"))) <= 998


async def test_the_senders_own_reply_to_stands_in(pool: Pool, database_url: str, sink: Sink, owner: Owner) -> None:
    await execute(pool, "UPDATE senders SET reply_to = 'desk@example.net'")
    async with mail_server() as there:
        plain = await schedule_campaign(pool, owner, ["a@example.com"])
        other = Content("Hello", "Hi.", reply_to="me@example.net")
        own = await schedule_campaign(pool, owner, ["b@example.com"], content=other)
        async with running_workers(database_url, settings_for(sink), fallback=there.address):
            await wait_until_sent(pool, plain.campaign.id)
            await wait_until_sent(pool, own.campaign.id)
    replies = {handed.recipients[0]: handed.message["Reply-To"] for handed in there.handed}
    assert replies == {"a@example.com": "desk@example.net", "b@example.com": "me@example.net"}


async def test_a_test_has_it_all_too(pool: Pool, database_url: str, sink: Sink, owner: Owner) -> None:
    pdf = await keep(pool, owner, "a.pdf", b"%PDF-1.7 x")
    mail = Direct(
        "A test", Content("Hello", "A text.", cc=["x@example.net"], attachments=[pdf.id]), "me@example.com", {}
    )
    async with mail_server() as there:
        posted = await direct.post(pool, owner.workspace_id, mail)
        await sent_by(pool, database_url, sink, there, posted.campaign_id)
    (handed,) = there.handed
    assert handed.recipients == ["me@example.com", "x@example.net"]
    assert [part.get_filename() for part in handed.message.iter_attachments()] == ["a.pdf"]


@pytest.mark.parametrize("offers", [("PIPELINING", "SIZE"), ("SIZE",)])
async def test_a_refused_copy_is_noted_and_changes_nothing(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, offers: tuple[str, ...]
) -> None:
    content = Content("Hello", "Hi.", cc=["gone@example.net", "there@example.net"], bcc=["full@example.net"])
    async with mail_server(offers=offers) as there:
        there.refuse = {"gone@": "550 5.1.1 no such user", "full@": "452 4.2.2 mailbox full"}
        scheduled = await schedule_campaign(pool, owner, ["a@example.com"], content=content)
        await sent_by(pool, database_url, sink, there, scheduled.campaign.id)
    assert [handed.recipients for handed in there.handed] == [["a@example.com", "there@example.net"]]
    (only,) = await attempts(pool, scheduled.campaign.id, "a@example.com")
    assert only["outcome"] == "ACCEPTED"
    assert "No copy to gone@example.net: 550 5.1.1 no such user" in only["reply"]
    assert "No copy to full@example.net: 452 4.2.2 mailbox full" in only["reply"]
    assert not await value(pool, "SELECT count(*) FROM senders WHERE block_reason IS NOT NULL")


@pytest.mark.parametrize("said", ["", "421 4.7.0 not to them, bye"])
@pytest.mark.parametrize("offers", [("PIPELINING", "SIZE"), ("SIZE",)])
async def test_a_server_that_hangs_up_at_a_copy_holds_nobodys_email_back(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, offers: tuple[str, ...], said: str
) -> None:
    people = ["a@example.com", "b@example.com", "c@example.com"]
    content = Content("Hello", "Hi.", cc=["odd@example.net", "there@example.net"])
    settings = settings_for(sink, lanes=1)
    async with mail_server(offers=offers) as there:
        there.refuse = {"odd@": said}
        scheduled = await schedule_campaign(pool, owner, people, content=content)
        async with running_workers(database_url, settings, fallback=there.address):
            await wait_until_sent(pool, scheduled.campaign.id)
    assert sorted(handed.recipients for handed in there.handed) == [[each, "there@example.net"] for each in people]
    lost, sent = 0, "No copy to odd@example.net: the connection was lost when it was named"
    for each in people:
        *before, last = await attempts(pool, scheduled.campaign.id, each)
        assert sent in last["reply"]
        assert all("at the copy to odd@example.net" in one["reply"] for one in before)
        lost += len(before)
    assert lost == 2  # once may be chance
    assert not await value(pool, "SELECT count(*) FROM senders WHERE block_reason IS NOT NULL")


@pytest.mark.parametrize(("cc", "suppressed"), [([], 1), (["gone@example.net"], 1), (["boss@example.net"], 0)])
async def test_a_refusal_of_the_whole_message_says_of_nobody_that_they_do_not_exist_where_several_get_it(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, cc: list[str], suppressed: int
) -> None:
    async with mail_server() as there:
        there.refuse = {"<gone@": "550 5.1.1 no such user"}
        there.refuse_at_end = "550 5.1.1 no such user here"
        scheduled = await schedule_campaign(pool, owner, ["a@example.com"], content=Content("Hello", "Hi.", cc=cc))
        await sent_by(pool, database_url, sink, there, scheduled.campaign.id)
    assert await recipients_by_status(pool, scheduled.campaign.id) == {"a@example.com": "FAILED"}
    assert await value(pool, "SELECT count(*) FROM suppressions") == suppressed


@pytest.mark.parametrize("offers", [("PIPELINING",), ("8BITMIME",)])
async def test_nobody_gets_a_copy_of_what_its_recipient_does_not_get(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, offers: tuple[str, ...]
) -> None:
    content = Content("Hello", "Hi.", cc=["boss@example.net"])
    async with mail_server(offers=offers) as there:
        there.refuse = {"<gone@": "550 5.1.1 no such user"}
        scheduled = await schedule_campaign(pool, owner, ["gone@example.com", "a@example.com"], content=content)
        await sent_by(pool, database_url, sink, there, scheduled.campaign.id)
    assert [handed.recipients for handed in there.handed] == [["a@example.com", "boss@example.net"]]
    assert await recipients_by_status(pool, scheduled.campaign.id) == {
        "gone@example.com": "FAILED",
        "a@example.com": "SENT",
    }
    assert there.lines.count("DATA") == 1


async def test_whoever_is_the_recipient_gets_no_copy_beside(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    content = Content("Hello", "Hi.", cc=["Boss@example.com"], bcc=["crm@example.net"])
    async with mail_server() as there:
        scheduled = await schedule_campaign(pool, owner, ["boss@example.com"], content=content)
        await sent_by(pool, database_url, sink, there, scheduled.campaign.id)
    (handed,) = there.handed
    assert handed.recipients == ["boss@example.com", "crm@example.net"]
    assert handed.message["Cc"] is None


async def test_what_is_too_large_for_the_server_fails_at_once_in_plain_words(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    pdf = await keep(pool, owner, "a.pdf", BIG)
    async with mail_server(offers=("SIZE 500000",)) as there:
        large = await schedule_campaign(
            pool, owner, ["a@example.com"], content=Content("Hello", "Hi.", attachments=[pdf.id])
        )
        small = await schedule_campaign(pool, owner, ["b@example.com"])
        async with running_workers(database_url, settings_for(sink), fallback=there.address):
            await wait_until_settled(pool, large.campaign.id)
            await wait_until_sent(pool, small.campaign.id)
    assert await recipients_by_status(pool, large.campaign.id) == {"a@example.com": "FAILED"}
    (only,) = await attempts(pool, large.campaign.id, "a@example.com")
    assert only["reply"] == "the message has 1.0 MB with its files, and this server takes 0.5 MB"
    assert sum(line.startswith("MAIL") for line in there.lines) == 1


async def test_a_refusal_in_the_middle_of_a_message_is_heard(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    pdf = await keep(pool, owner, "a.pdf", BIG)
    content = Content("Hello", "Hi.", attachments=[pdf.id])
    async with mail_server() as there:
        there.refuse_after = 300_000
        scheduled = await schedule_campaign(pool, owner, ["a@example.com"], content=content)
        async with running_workers(database_url, settings_for(sink), fallback=there.address):
            query = "SELECT count(*) FROM attempts WHERE reply LIKE '%%too much for us%%'"
            await wait_for(lambda: value(pool, query), "the refusal")
    assert await campaign_status(pool, scheduled.campaign.id) in {"ACTIVE", "FINISHED"}
    assert not there.handed


async def test_a_connection_that_is_lost_in_the_middle_leaves_no_doubt(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    pdf = await keep(pool, owner, "a.pdf", BIG)
    content = Content("Hello", "Hi.", attachments=[pdf.id])
    async with mail_server() as there:
        there.hang_up_after = 300_000
        scheduled = await schedule_campaign(pool, owner, ["a@example.com"], content=content)
        async with running_workers(database_url, settings_for(sink), fallback=there.address):
            await wait_for(lambda: value(pool, "SELECT count(*) FROM attempts"), "an attempt")
    assert await recipients_by_status(pool, scheduled.campaign.id) == {"a@example.com": "SCHEDULED"}
    assert (await row(pool, "SELECT outcome, command FROM attempts LIMIT 1")) == {
        "outcome": "RELEASED",
        "command": "DATA",
    }


async def test_no_message_goes_without_its_file(pool: Pool, database_url: str, sink: Sink, owner: Owner) -> None:
    pdf = await keep(pool, owner, "a.pdf", BIG)
    content = Content("Hello", "Hi.", attachments=[pdf.id])
    async with mail_server() as there:
        scheduled = await schedule_campaign(pool, owner, ["a@example.com"], content=content)
        await execute(pool, "DELETE FROM files")
        await sent_by(pool, database_url, sink, there, scheduled.campaign.id)
    assert await recipients_by_status(pool, scheduled.campaign.id) == {"a@example.com": "FAILED"}
    assert not there.handed


LARGE = Enclosed(1, "x.bin", "application/octet-stream", 10_000_000)
MESSAGE = Message(b"Subject: x\r\n\r\n", smtputf8=False, envelope_to="a@example.com", rest=(LARGE,))
WHOLE = encoded(bytes(PIECE))


async def read(file: Enclosed, number: int) -> bytes:
    return encoded(bytes(file.size - number * PIECE)) if number == file.pieces - 1 else WHOLE


@pytest.mark.parametrize("offers", ["8BITMIME", "SIZE", "SIZE 0", "SIZE x"])
async def test_a_server_that_names_no_most_is_sent_all_and_judged_by_what_it_says_then(offers: str) -> None:
    message = replace(MESSAGE, rest=(replace(LARGE, size=PIECE + 1),))
    async with mail_server(offers=(offers,)) as there:
        there.refuse_at_end = "552 5.3.4 too large for us"
        conversation = await Conversation.open(there.address, "here.test")
        refused = await conversation.deliver("me@example.com", message, read)
        there.refuse_at_end = ""
        taken = await conversation.deliver("me@example.com", message, read)
        await conversation.close()
    assert (refused.command, refused.refusal, taken.kind) == (".", "OTHER_5XX", "ACCEPTED")
    (handed,) = there.handed
    assert (len(handed.content), "SIZE=" in handed.mail) == (message.size, "SIZE" in offers)


async def test_a_server_that_reads_slowly_is_waited_for_with_little_in_memory() -> None:
    async with mail_server() as there:
        there.stop_reading_after = 1
        conversation = await Conversation.open(there.address, "here.test")
        handing = asyncio.create_task(conversation.deliver("me@example.com", MESSAGE, read))
        await there.stopped.wait()

        async def waits() -> bool:
            await asyncio.sleep(0.05)
            return conversation.unsent > 0

        await wait_for(waits, "the connection to be full")
        assert conversation.unsent < 300_000
        there.stop_reading_after = None
        there.go_on.set()
        verdict = await handing
        await conversation.close()
    assert verdict.kind == "ACCEPTED"
    (handed,) = there.handed
    assert len(handed.content) == MESSAGE.size


async def test_a_server_that_stops_reading_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.smtp.SENDING_S", 0.3)
    monkeypatch.setattr("worker.smtp.SLOWEST", 10**9)
    async with mail_server() as there:
        there.stop_reading_after = 1
        conversation = await Conversation.open(there.address, "here.test")
        verdict = await conversation.deliver("me@example.com", MESSAGE, read)
        there.go_on.set()
    assert (verdict.kind, verdict.command) == ("RELEASED", "DATA")
    assert not conversation.connected


async def test_pieces_are_read_once_for_all_and_forgotten_in_time(pool: Pool, owner: Owner) -> None:
    kept = await keep(pool, owner, "a.bin", BIG)
    file = files.enclosed(kept)
    pieces = Pieces(pool, budget=2 * len(WHOLE))
    got = await asyncio.gather(*(pieces.get(owner.workspace_id, file, 0) for _ in range(64)))
    assert (pieces.reads, set(got)) == (1, {encoded(BIG[:PIECE])})
    for number in range(file.pieces):
        await pieces.get(owner.workspace_id, file, number)
    assert pieces.reads == file.pieces
    await pieces.get(owner.workspace_id, file, 0)  # the budget has no room for all
    assert pieces.reads == file.pieces + 1
    assert pieces.size <= 2 * len(WHOLE)


async def test_another_workspaces_pieces_are_not_to_be_had(pool: Pool, owner: Owner) -> None:
    kept = await keep(pool, owner, "a.bin", b"secret")
    other = await value(pool, "INSERT INTO workspaces (name) VALUES ('other') RETURNING id")
    async with transaction(pool, other) as conn:
        assert await files.of_ids(conn, other, [kept.id]) == {}


async def test_who_is_suppressed_gets_no_copy(pool: Pool, database_url: str, sink: Sink, owner: Owner) -> None:
    content = Content("Hello", "Hi.", cc=["Boss@example.net", "all@bücher.example"], bcc=["crm@example.net"])
    scheduled = await schedule_campaign(pool, owner, ["a@example.com"], content=content)
    people = ["boss@example.net", "all@bücher.example"]
    await suppressions.add(pool, owner.workspace_id, people, [], Asked(), LOCAL)
    async with mail_server() as there:
        await sent_by(pool, database_url, sink, there, scheduled.campaign.id)
    (handed,) = there.handed
    assert handed.recipients == ["a@example.com", "crm@example.net"]
    assert handed.message["Cc"] is None
