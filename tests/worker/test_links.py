"""Workers' mail, as it comes in: Message-IDs that lead to their emails, links that their recipients can follow."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

import msgspec
import pytest

from app.db import Pool
from app.domain.campaigns import direct
from app.domain.campaigns.change import Changes, change
from app.domain.campaigns.content import Content
from app.domain.campaigns.direct import Direct
from app.domain.ledger import texts
from app.domain.operations import installation, sandbox
from app.embedded import mailbox
from app.embedded.mailbox import ReceivedMessage
from app.mail.opaque import EmailName, Linked, Links, MessageIds, digest
from app.settings import Settings
from tests.support.engine import (
    SECRET_KEY,
    Owner,
    execute,
    rows,
    running_workers,
    schedule_campaign,
    value,
    wait_for,
    wait_until_sent,
)
from worker.connect import Server

BASE_URL = "https://mail.example.com"
LIQUID = "{% if never %}{{ unsubscribe_url }}{% endif %}Dear all"


@asynccontextmanager
async def receiving(pool: Pool, database_url: str, base_url: str = BASE_URL) -> AsyncGenerator[list[EmailMessage]]:
    """Workers, and what comes of their emails."""
    received: list[EmailMessage] = []

    async def store(message: ReceivedMessage) -> None:
        received.append(cast(EmailMessage, message_from_bytes(message.content, policy=policy.default)))
        await sandbox.store(pool, message)

    inbox = await mailbox.serve(store)
    fallback = Server("127.0.0.1", inbox.port, "none", policy=None)
    try:
        async with running_workers(database_url, Settings(secret_key=SECRET_KEY, base_url=base_url), fallback=fallback):
            yield received
    finally:
        await inbox.close()


async def sent(
    pool: Pool, database_url: str, owner: Owner, content: Content, recipients: Sequence[str], **more: Any
) -> list[EmailMessage]:
    campaign = await schedule_campaign(pool, owner, recipients, content=content)
    async with receiving(pool, database_url, **more) as received:
        await wait_until_sent(pool, campaign.campaign.id)
    return received


def part(message: EmailMessage, subtype: str) -> str:
    body = message.get_body((subtype,))
    assert body is not None
    return body.get_content().replace("\r\n", "\n")


async def test_a_message_id_leads_to_its_email_and_tells_nobody_which(
    pool: Pool, database_url: str, owner: Owner
) -> None:
    messages = await sent(pool, database_url, owner, Content("Hello", "A text."), ["ada@example.com", "b@example.com"])
    ids = MessageIds((await installation.read_keys(pool)).message)
    named = {message["To"]: ids.whose(message["Message-ID"]) for message in messages}
    emails = await rows(pool, "SELECT workspace_id, id, recipient, message_id FROM emails")
    assert named == {email["recipient"]: EmailName(email["workspace_id"], email["id"]) for email in emails}
    assert {message["Message-ID"] for message in messages} == {email["message_id"] for email in emails}
    assert not any("reachinbox" in message.as_string().lower() for message in messages)
    assert await value(pool, "SELECT array_agg(DISTINCT workspace_id) FROM sandbox_messages") == [owner.workspace_id]


async def test_links_lead_to_who_got_them(pool: Pool, database_url: str, owner: Owner) -> None:
    content = Content("Hello", "Stop: {{ unsubscribe_url }}", "<p>Hi</p>", "de", unsubscribe="link")
    messages = await sent(pool, database_url, owner, content, ["ada@example.com", "b@example.com"])
    keys = await installation.read_keys(pool)
    for message in messages:
        (url,) = set(re.findall(rf"{BASE_URL}/u/[\w-]+", message.as_string().replace("=\n", "")))
        email_id = await value(pool, "SELECT id FROM emails WHERE recipient = %s", message["To"])
        expected = Linked(owner.workspace_id, email_id, digest(keys.address, message["To"]))
        assert Links(BASE_URL, keys).read(url.rpartition("/")[2]) == expected
        assert message["List-Unsubscribe"] == f"<{url}>"
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert part(message, "plain") == f"Stop: {url}\n"
        assert f'<a href="{url}">Abmelden</a></p>\n</body>' in part(message, "html")


@pytest.mark.parametrize(
    ("unsubscribe", "base_url", "headers", "line"),
    [
        ("link", BASE_URL, True, True),
        ("header", BASE_URL, True, False),
        ("none", BASE_URL, False, False),
        ("link", "http://mail.example.com", False, True),
        ("link", "https://10.0.0.1", False, True),
        ("header", "http://127.0.0.1:3000", False, False),
    ],
)
async def test_headers_are_for_pages_that_the_world_reaches(
    pool: Pool, database_url: str, owner: Owner, unsubscribe: Any, base_url: str, headers: bool, line: bool
) -> None:
    content = Content("Hello", "A text.", unsubscribe=unsubscribe)
    (message,) = await sent(pool, database_url, owner, content, ["ada@example.com"], base_url=base_url)
    assert ("List-Unsubscribe" in message) == ("List-Unsubscribe-Post" in message) == headers
    assert (f"\n\nUnsubscribe: {base_url}/u/" in part(message, "plain")) == line


async def test_where_liquid_does_not_print_the_link_the_line_is_there(
    pool: Pool, database_url: str, owner: Owner
) -> None:
    content = Content("Hello", LIQUID, f"<p>{LIQUID}</p>", unsubscribe="link")
    (message,) = await sent(pool, database_url, owner, content, ["ada@example.com"])
    assert part(message, "plain").startswith("Dear all\n\nUnsubscribe: https://")
    assert part(message, "html").count("/u/") == 1


async def test_a_change_of_how_to_unsubscribe_is_for_what_is_not_sent_yet(
    pool: Pool, database_url: str, owner: Owner
) -> None:
    campaign = (await schedule_campaign(pool, owner, ["ada@example.com", "b@example.com"])).campaign.id
    await execute(pool, "UPDATE emails SET scheduled_at = now() + interval '1 hour' WHERE recipient = 'b@example.com'")
    async with receiving(pool, database_url) as received:

        async def first_is_sent() -> bool:
            return await value(pool, "SELECT count(*) FROM emails WHERE status = 'SENT'") == 1

        await wait_for(first_is_sent, "the first to be sent")
        await change(pool, owner.workspace_id, campaign, Changes(unsubscribe="link"))
        await execute(pool, "UPDATE emails SET scheduled_at = now() WHERE status = 'SCHEDULED'")
        await wait_until_sent(pool, campaign)
    said = {message["To"]: "/u/" in part(message, "plain") for message in received}
    assert said == {"ada@example.com": False, "b@example.com": True}
    for email in await rows(pool, "SELECT id, recipient FROM emails"):
        shown = await texts.get_message(pool, owner.workspace_id, email["id"], BASE_URL)
        assert shown.as_sent
        assert ("Unsubscribe: https://mail.example.com/u/example" in shown.text) == said[email["recipient"]]


async def test_messages_end_with_the_postal_address_of_the_time_they_were_scheduled(
    pool: Pool, database_url: str, owner: Owner
) -> None:
    await execute(pool, "UPDATE workspaces SET postal_address = %s", "Müller & Söhne\nHauptstraße 1\n10115 Berlin")
    content = Content("Hello", "A text.", "<p>Hi</p>", unsubscribe="link")
    campaign = (await schedule_campaign(pool, owner, ["ada@example.com"], content=content)).campaign.id
    mail = Direct("A test", msgspec.structs.replace(content, unsubscribe="none"), "b@example.com", {}, owner.sender_id)
    tested = await direct.post(pool, owner.workspace_id, mail)
    await execute(pool, "UPDATE workspaces SET postal_address = NULL")
    async with receiving(pool, database_url) as received:
        await wait_until_sent(pool, campaign)
        await wait_until_sent(pool, tested.campaign_id)
    for message in received:
        assert part(message, "plain").startswith("A text.\n\nMüller & Söhne\nHauptstraße 1\n10115 Berlin")
        assert "Müller &amp; Söhne<br>Hauptstraße 1<br>10115 Berlin</p>" in part(message, "html")
    email_id = await value(pool, "SELECT id FROM emails WHERE campaign_id = %s", campaign)
    assert "Hauptstraße" in (await texts.get_message(pool, owner.workspace_id, email_id, BASE_URL)).text
