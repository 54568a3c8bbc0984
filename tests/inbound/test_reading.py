"""Mailboxes are read: what answers an email is recorded, nothing else is kept, and nothing is changed."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.accounts.actor import LOCAL
from app.domain.campaigns import keeping
from app.domain.campaigns.change import Changes, change
from app.mail.opaque import Links, MessageIds
from tests.support.dovecot import PROGRAM, WANTED
from tests.support.engine import check_conservation, execute, rows, value
from tests.support.inbox import ANN, Owners, Read, bounce, reply
from worker.connect import Server

pytestmark = pytest.mark.skipif(PROGRAM is None and "CI" not in os.environ, reason=WANTED)


async def test_what_answers_is_recorded_once_and_nothing_is_changed(read: Read, owners: Owners, server: Server) -> None:
    await read.set_up(server, *["SENT"] * 6)
    thread = f"In-Reply-To: {read.id_of(1)}\n"
    owners.put(reply("r1@example.com", head=thread))
    owners.put(bounce(read.id_of(2), "r2@example.com"))
    owners.put(
        reply("r3@example.com", "I am away.", head=f"In-Reply-To: {read.id_of(3)}\nAuto-Submitted: auto-replied\n")
    )
    owners.put(reply("r4@example.com"), "Junk")  # begins no thread, but from whom we wrote to
    owners.put(reply("r5@example.com", "Unsubscribe", head=f"References: {read.id_of(5)}\n"))
    # Nothing of ours:
    owners.put(reply("r6@example.com", head="In-Reply-To: <another@thread.example>\n"))
    owners.put(reply("r6@example.com", head="List-Id: <news.example.com>\n", number=2))
    owners.put(reply("nobody@example.com"))
    owners.put(reply(ANN, head=f"In-Reply-To: {read.id_of(6)}\n"))  # our own
    owners.put(reply("r6@example.com", head=thread, number=3), "Sent")
    before = owners.flags(), owners.flags("Junk")
    for _ in range(2):
        await read.read()
        assert await read.responses() == [
            {"kind": "REPLY", "recipient": "r1@example.com", "weak": False},
            {"kind": "BOUNCE", "recipient": "r2@example.com", "weak": False},
            {"kind": "AUTO_REPLY", "recipient": "r3@example.com", "weak": False},
            {"kind": "UNSUBSCRIBE", "recipient": "r5@example.com", "weak": False},
            {"kind": "REPLY", "recipient": "r4@example.com", "weak": True},
        ]
        assert await read.counts() == {"replied": 2, "bounced": 1, "autoReplied": 1, "unsubscribed": 1}
    assert (owners.flags(), owners.flags("Junk")) == before
    assert await rows(read.pool, "SELECT name, reason::text AS r FROM suppressions ORDER BY name") == [
        {"name": "r2@example.com", "r": "BOUNCED"},
        {"name": "r5@example.com", "r": "REPLIED_STOP"},
    ]
    inbox = await read.inbox()
    assert inbox["whole_at"] is not None
    assert (inbox["failures"], inbox["lease_token"]) == (0, None)


async def test_what_came_before_the_sender_was_made_is_not_looked_at(
    read: Read, owners: Owners, server: Server
) -> None:
    await read.set_up(server, "SENT", "SENT")
    owners.put(reply("r1@example.com"), at=datetime.now(UTC) - timedelta(days=9))
    owners.put(reply("r2@example.com"))
    await read.read()
    assert [one["recipient"] for one in await read.responses()] == ["r2@example.com"]


async def test_whatever_a_stranger_calls_a_message_it_is_recorded_once(
    read: Read, owners: Owners, server: Server
) -> None:
    await read.set_up(server, "SENT", "SENT", "SENT")
    for number, name in ((1, "ü" * 900), (2, "")):
        message = reply(f"r{number}@example.com", head=f"In-Reply-To: {read.id_of(number)}\n")
        long = f"Message-ID: <{name}@there.example>\r\n" if name else ""
        owners.put(message.replace(f"Message-ID: <1.r{number}@there.example>\r\n".encode(), long.encode()))
    owners.put(reply("r3@example.com", head=f"In-Reply-To: {read.id_of(3)}\n"))
    for _ in range(2):
        await execute(read.pool, "DELETE FROM inbox_places")
        await read.read()
        assert [one["recipient"] for one in await read.responses()] == [f"r{n}@example.com" for n in (1, 2, 3)]


async def test_a_message_that_lies_in_two_folders_is_one(read: Read, owners: Owners, server: Server) -> None:
    await read.set_up(server, "SENT")
    message = reply("r1@example.com", head=f"In-Reply-To: {read.id_of(1)}\n")
    owners.imap.create("Kept")
    owners.put(message)
    owners.put(message, "Kept")
    owners.put(message)
    await read.read()
    assert len(await read.responses()) == 1
    assert await read.counts() == {"replied": 1}


async def test_a_folder_that_was_made_anew_is_read_again_and_nothing_is_recorded_twice(
    read: Read, owners: Owners, server: Server
) -> None:
    await read.set_up(server, "SENT", "SENT")
    owners.imap.create("Kept")
    for number in (1, 1, 1):
        owners.put(reply(f"r{number}@example.com"), "Kept")
    await read.read()
    first = await rows(read.pool, "SELECT uid_validity, uid FROM inbox_places WHERE folder = 'Kept'")
    owners.imap.delete("Kept")
    owners.imap.create("Kept")
    owners.put(reply("r1@example.com"), "Kept")
    owners.put(reply("r2@example.com"), "Kept")
    await read.read()
    assert [one["recipient"] for one in await read.responses()] == ["r1@example.com", "r2@example.com"]
    second = await rows(read.pool, "SELECT uid_validity, uid FROM inbox_places WHERE folder = 'Kept'")
    assert first[0]["uid"] == 3
    assert second[0]["uid"] == 2


async def test_folders_that_are_renamed_emptied_or_filled_again_lose_no_answer_and_give_none_twice(
    read: Read, owners: Owners, server: Server
) -> None:
    await read.set_up(server, *["SENT"] * 3)
    owners.imap.create("Kept")
    owners.put(reply("r1@example.com"), "Kept")
    owners.put(reply("r1@example.com"))
    await read.read()
    owners.imap.rename("Kept", "Customers")
    owners.put(reply("r2@example.com"), "Customers")
    owners.imap.select("INBOX")
    owners.imap.store("1:*", "+FLAGS", "\\Deleted")
    owners.imap.expunge()
    owners.imap.unselect()
    await read.read()
    owners.put(reply("r1@example.com"))
    owners.put(reply("r3@example.com"))
    owners.imap.delete("Customers")
    await read.read()
    assert [one["recipient"] for one in await read.responses()] == [f"r{n}@example.com" for n in (1, 2, 3)]
    assert await read.counts() == {"replied": 3}
    assert (await read.inbox())["error"] is None


async def test_a_mail_to_unsubscribe_says_by_its_token_who_wants_no_more(
    read: Read, owners: Owners, server: Server
) -> None:
    await read.set_up(server, "SENT", "SCHEDULED")
    await execute(read.pool, "UPDATE emails SET recipient_key = address_digest(recipient)")
    links = Links("", read.keys)
    token = links.token(read.owner.workspace_id, read.email_ids[0], "r1@example.com")
    owners.put(reply("somebody@else.example", "", subject=token))
    forged = links.token(read.owner.workspace_id, read.email_ids[1], "r1@example.com")
    owners.put(reply("r9@example.com", "", subject=forged[:-3] + "AAA"))
    await read.read()
    assert await read.responses() == [{"kind": "UNSUBSCRIBE", "recipient": "r1@example.com", "weak": False}]
    assert await value(read.pool, "SELECT reason::text FROM suppressions") == "UNSUBSCRIBED"


async def test_who_says_stop_to_an_email_of_a_deleted_campaign_is_written_to_no_more(
    read: Read, owners: Owners, server: Server
) -> None:
    """Everything else that answers it is nobody's; and so is what names the email of another workspace."""
    await read.set_up(server, "SENT", "SENT", "SENT")
    ours = [read.id_of(number) for number in (1, 2, 3)]
    await execute(read.pool, "UPDATE campaigns SET status = 'FINISHED', finished_at = now()")
    await keeping.delete(read.pool, read.owner.workspace_id, read.campaign_id, LOCAL)
    assert await value(read.pool, "SELECT count(*) FROM emails") == 0
    theirs = MessageIds(read.keys.message).of(read.owner.workspace_id + 1, read.email_ids[0], "example.com")
    for number, (writer, text, named) in enumerate(
        (
            ("R1@example.com", "Please stop", ours[0]),
            ("r2@example.com", "Could we talk on Thursday?", ours[1]),
            ("r4@example.com", "Please stop", theirs),
            ("r5@example.com", "Please stop", "<made.up@example.com>"),
            (ANN, "Please stop", ours[2]),
        ),
        1,
    ):
        owners.put(reply(writer, text, head=f"In-Reply-To: {named}\n", number=number))
    owners.put(bounce(ours[2], "r3@example.com"))
    await read.read()
    await read.read()
    assert await read.responses() == []
    assert await rows(read.pool, "SELECT name, reason::text AS reason, email_id FROM suppressions") == [
        {"name": "r1@example.com", "reason": "REPLIED_STOP", "email_id": None}
    ]


async def test_a_subject_says_stop_unless_it_is_that_of_the_email(read: Read, owners: Owners, server: Server) -> None:
    """Also with nothing but courtesies below it."""
    await read.set_up(server, *["SENT"] * 4)
    said = [
        ("Unsubscribe", ""),
        ("Stop", ""),
        ("Stop", "Thanks!\n\nSent from my iPhone"),
        ("Stop", "Please stop"),
    ]
    for number, (subject, text) in enumerate(said, 1):
        head = f"In-Reply-To: {read.id_of(number)}\n"
        owners.put(reply(f"r{number}@example.com", text, subject=f"Re: {subject}", head=head))
    await execute(read.pool, "UPDATE campaigns SET subject = 'RE: STOP'")
    await execute(read.pool, "UPDATE streams SET free_at = now()")
    await change(read.pool, read.owner.workspace_id, read.campaign_id, Changes(subject="Hello"))
    await read.read()
    assert await read.responses() == [
        {"kind": "UNSUBSCRIBE", "recipient": "r1@example.com", "weak": False},
        {"kind": "REPLY", "recipient": "r2@example.com", "weak": False},
        {"kind": "REPLY", "recipient": "r3@example.com", "weak": False},
        {"kind": "UNSUBSCRIBE", "recipient": "r4@example.com", "weak": False},
    ]


async def test_the_subject_of_an_email_that_was_removed_is_nobodys_stop(
    read: Read, owners: Owners, server: Server
) -> None:
    await read.set_up(server, "SENT", "SENT")
    await execute(read.pool, "DELETE FROM emails")
    for number, text in enumerate(("Thanks!", "Please stop"), 1):
        head = f"In-Reply-To: {read.id_of(number)}\n"
        owners.put(reply(f"r{number}@example.com", text, subject="Re: Unsubscribe", head=head))
    await read.read()
    assert await rows(read.pool, "SELECT name FROM suppressions") == [{"name": "r2@example.com"}]


async def test_a_letter_from_before_the_first_email_answers_none(read: Read, owners: Owners, server: Server) -> None:
    """One that is filed, or found again in a mailbox that was moved."""
    await read.set_up(server, *["SENT"] * 3)
    await execute(read.pool, "UPDATE senders SET created_at = now() - interval '90 days'")
    await execute(read.pool, "UPDATE emails SET sent_at = now() - interval '2 days'")
    for number, days in enumerate((3, 1, 2), 1):
        at = datetime.now(UTC) - timedelta(days=days)
        owners.put(reply(f"r{number}@example.com", "Please stop", subject="Roofs"), at=at)
    await read.read()
    assert [one["recipient"] for one in await read.responses()] == ["r2@example.com", "r3@example.com"]
    assert await value(read.pool, "SELECT count(*) FROM suppressions WHERE name = 'r1@example.com'") == 0


async def test_a_message_that_says_stop_does_so_once_wherever_it_is_moved(
    read: Read, owners: Owners, server: Server
) -> None:
    """To an email that was removed, or while what came back is kept: what a member lifted since stays so."""
    await read.set_up(server, "SENT", "SENT")
    removed, kept = read.id_of(1), read.id_of(2)
    await execute(read.pool, "DELETE FROM emails WHERE id = %s", read.email_ids[0])
    owners.imap.create("Kept")
    token = Links("", read.keys).token(read.owner.workspace_id, read.email_ids[0], "r3@example.com")
    stops = [
        reply("r1@example.com", "Please stop", head=f"In-Reply-To: {removed}\n"),
        reply("r3@example.com", "", subject=token),
        reply("r2@example.com", "Please stop", head=f"In-Reply-To: {kept}\n"),
    ]
    for stop in stops:
        owners.put(stop)
    await read.read()
    assert await value(read.pool, "SELECT count(*) FROM suppressions") == 3
    await execute(read.pool, "DELETE FROM suppressions")
    for stop in stops:
        owners.put(stop, "Kept")
    await execute(read.pool, "DELETE FROM inbox_places")
    await read.read()
    assert await rows(read.pool, "SELECT name FROM suppressions") == []
    # Another message of theirs is heard.
    owners.put(reply("r1@example.com", "Please stop", head=f"In-Reply-To: {removed}\n", number=2))
    await read.read()
    assert await value(read.pool, "SELECT name FROM suppressions") == "r1@example.com"


async def test_what_is_older_than_responses_are_kept_is_not_read_again(
    read: Read, owners: Owners, server: Server
) -> None:
    await read.set_up(server, "SENT", "SENT")
    await execute(read.pool, "UPDATE emails SET sent_at = now() - interval '50 days'")
    await execute(read.pool, "UPDATE senders SET created_at = now() - interval '90 days'")
    owners.put(reply("r1@example.com", "Please stop"), at=datetime.now(UTC) - timedelta(days=31))
    owners.put(reply("r2@example.com", "Please stop"), at=datetime.now(UTC) - timedelta(days=29))
    await read.read(kept_days=30)
    assert [one["recipient"] for one in await read.responses()] == ["r2@example.com"]
    await execute(read.pool, "DELETE FROM inbox_places")
    await read.read()
    assert [one["recipient"] for one in await read.responses()] == ["r2@example.com", "r1@example.com"]


async def test_a_mailbox_that_nobody_could_read_for_longer_than_responses_are_kept_is_read_from_where_it_was(
    read: Read, owners: Owners, server: Server
) -> None:
    await read.set_up(server, "SENT", "SENT")
    await execute(read.pool, "UPDATE emails SET sent_at = now() - interval '50 days'")
    await execute(read.pool, "UPDATE senders SET created_at = now() - interval '90 days'")
    await read.read()
    assert await value(read.pool, "UPDATE inboxes SET whole_at = now() - interval '40 days' RETURNING true")
    owners.put(reply("r1@example.com", "Please stop"), at=datetime.now(UTC) - timedelta(days=35))
    await read.read(kept_days=30)
    assert [one["recipient"] for one in await read.responses()] == ["r1@example.com"]


async def test_an_answer_may_name_the_id_that_amazon_gave(read: Read, owners: Owners, server: Server) -> None:
    await read.set_up(server, *["SENT"] * 3)
    given = "0102019ac0d4e5f6-12345678-9abc-4def-8012-3456789abcde-000000"
    hosts = ("email-smtp.eu-west-1.amazonaws.com:587", "email-smtp-fips.us-east-1.amazonaws.com:465", "mx.example:587")
    for number, host in enumerate(hosts):
        await execute(
            read.pool,
            "INSERT INTO attempts (workspace_id, email_id, number, outcome, claimed_at, server, code, reply)"
            " VALUES (%s, %s, 1, 'ACCEPTED', now(), %s, 250, %s)",
            *(read.owner.workspace_id, read.email_ids[number], host, f"Ok {given}"),
        )
    owners.put(reply("b@else.example", head=f"In-Reply-To: <{given}@eu-west-1.amazonses.com>\n"))
    owners.put(reply("b@else.example", head=f"References: <{given}@email.amazonses.com>\n", number=2))
    await read.read()
    assert await read.responses("recipient, weak") == [
        {"recipient": "r1@example.com", "weak": False},
        {"recipient": "r2@example.com", "weak": False},
    ]
    assert await value(read.pool, "SELECT count(*) FROM emails WHERE provider_message_id IS NULL") == 1


async def test_what_looks_like_a_bounce_and_names_no_email_suppresses_nobody(
    read: Read, owners: Owners, server: Server
) -> None:
    await read.set_up(server, *["SENT"] * 3)
    owners.put(bounce("<made-up@there.example>", "r1@example.com"))  # another's message: nothing
    owners.put(bounce(read.id_of(2), "r3@example.com"))  # names somebody else
    unnamed = bounce(read.id_of(3), "r3@example.com").replace(b"Message-ID: " + read.id_of(3).encode(), b"X-None: 1")
    owners.put(unnamed)
    await read.read()
    assert await read.responses() == [
        {"kind": "BOUNCE", "recipient": "r2@example.com", "weak": True},
        {"kind": "BOUNCE", "recipient": "r3@example.com", "weak": True},
    ]
    assert await read.counts() == {}
    assert await rows(read.pool, "SELECT * FROM suppressions") == []


async def test_a_bounce_that_is_the_senders_fault_holds_it_and_says_nothing_of_the_recipient(
    read: Read, owners: Owners, server: Server
) -> None:
    await read.set_up(server, "SENT")
    words = "550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP"
    owners.put(bounce(read.id_of(1), "r1@example.com", "5.7.708", words))
    await read.read()
    assert await read.responses("kind::text AS kind, of_sender") == [{"kind": "BOUNCE", "of_sender": True}]
    (held,) = await rows(read.pool, "SELECT reason::text AS reason, words, stream_id FROM holds")
    assert (held["reason"], held["stream_id"]) == ("REFUSED", None)
    assert "5.7.708" in held["words"]
    assert await rows(read.pool, "SELECT * FROM suppressions") == []
    assert await read.counts() == {}


async def test_an_email_in_doubt_whose_copy_lies_in_sent_was_sent(read: Read, owners: Owners, server: Server) -> None:
    await read.set_up(server, *["UNKNOWN"] * 4)
    copy = reply(ANN, head="", number=7)
    owners.put(copy.replace(b"<7.ann@there.example>", read.id_of(1).encode()), "Sent")
    replaced = f"X-Microsoft-Original-Message-ID: {read.id_of(2)}\n"
    owners.put(reply(ANN, head=replaced, number=8), "Sent")
    owners.put(reply("r3@example.com", head=f"In-Reply-To: {read.id_of(3)}\n"))  # whoever answers has got it
    await read.read()
    assert await check_conservation(read.pool, read.campaign_id) == {"SENT": 3, "UNKNOWN": 1}
    assert await read.responses("kind::text AS kind, recipient") == [
        {"kind": "REPLY", "recipient": "r3@example.com"},
        {"kind": "FOUND_IN_SENT", "recipient": "r1@example.com"},
        {"kind": "FOUND_IN_SENT", "recipient": "r2@example.com"},
    ] or await read.responses("kind::text AS kind, recipient") == [
        {"kind": "REPLY", "recipient": "r3@example.com"},
        {"kind": "FOUND_IN_SENT", "recipient": "r2@example.com"},
        {"kind": "FOUND_IN_SENT", "recipient": "r1@example.com"},
    ]
    audit = await rows(read.pool, "SELECT subject FROM audit_log WHERE action = 'email.unknown->sent' ORDER BY subject")
    assert len(audit) == 3
    assert "lies in Sent, UID 1" in audit[0]["subject"]
    # An answer may now name the id that the server gave.
    owners.put(reply("r2@example.com", head="In-Reply-To: <8.ann@there.example>\n"))
    await read.read()
    assert (await read.responses("recipient, weak"))[-1] == {"recipient": "r2@example.com", "weak": False}


@pytest.mark.parametrize("kind", ["feedback-report", "delivery-status", None])
async def test_a_report_is_read_whoever_sends_it_and_wherever_it_is_to_be_returned_to(
    read: Read, owners: Owners, server: Server, kind: str | None
) -> None:
    """Its headers alone tell nothing but its type; those of Outlook.com's complaints, their subject."""
    await read.set_up(server, "SENT", "SENT")
    feedback = "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\nUser-Agent: x/1\n\n"
    status = (
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; there.example\n\n"
        "Final-Recipient: rfc822; r1@example.com\nAction: failed\nStatus: 5.1.1\n\n"
    )
    said = {"feedback-report": feedback, "delivery-status": status, None: ""}[kind]
    own = "" if kind else "X-HmXmrOriginalRecipient: r1@example.com\n"
    body = (
        f"{said}--b\nContent-Type: message/rfc822\n\n{own}Message-ID: {read.id_of(1)}\nFrom: {ANN}\n"
        "To: r1@example.com\nSubject: s\n\nHello\n--b--"
    )
    typed = f"report; report-type={kind}" if kind else "mixed"
    message = reply(
        "fbl@provider.example", body, subject="A notice" if kind else "complaint about message from 192.0.2.1"
    )
    message = message.replace(
        b"Content-Type: text/plain; charset=utf-8",
        f"Return-Path: <fbl@provider.example>\r\nContent-Type: multipart/{typed}; boundary=b".encode(),
        1,
    )
    owners.put(message)
    await read.read()
    is_bounce = kind == "delivery-status"
    assert await read.responses() == [
        {"kind": "BOUNCE" if is_bounce else "COMPLAINT", "recipient": "r1@example.com", "weak": False}
    ]
    assert await value(read.pool, "SELECT reason::text FROM suppressions") == ("BOUNCED" if is_bounce else "COMPLAINED")
