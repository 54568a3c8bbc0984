"""A follow-up waits until the mailbox was read in which an answer would lie."""

from __future__ import annotations

import pytest

from app.db import Pool
from app.domain.campaigns import campaigns
from app.domain.campaigns.change import Changes, change
from app.domain.campaigns.retiring import retire
from app.domain.inbound import inboxes
from app.domain.senders.draft import SenderChanges
from app.domain.senders.senders import change_sender
from app.errors import InvalidInput
from app.secrets import SecretBox
from tests.ledger.test_follow_ups import follow, mine, scheduled, tell, why
from tests.ledger.test_holds import Lane
from tests.support.engine import Owner, add_sender, check_conservation, execute, row, rows, value

__all__ = ["mine"]


async def test_a_follow_up_waits_until_the_mailbox_was_read_since_the_email_before(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    with pytest.raises(InvalidInput, match="nobody reads the mailbox"):
        await scheduled(pool, owner, follow_up_without_reading=False)
    await execute(pool, "UPDATE senders SET imap_host = 'imap.example.com', imap_port = 993, imap_security = 'tls'")
    await execute(
        pool,
        "INSERT INTO inboxes (workspace_id, sender_id, next_at) SELECT workspace_id, id, now() + interval '1 h'"
        " FROM senders",
    )
    campaign = await scheduled(pool, owner, 1, follow_up_without_reading=False)
    await tell(mine, await mine.claim())
    assert await follow(pool, mine, 3) == []
    aside = await row(
        pool,
        "SELECT status::text, scheduled_at > now() + interval '50 s' AS later FROM emails WHERE after_at IS NOT NULL",
    )
    assert aside == {"status": "SCHEDULED", "later": True}
    assert await value(pool, "SELECT next_at <= now() FROM inboxes"), "it is to be read at once"
    assert (await why(pool, owner, campaign)).reason == "INBOX_UNREAD"

    due = "UPDATE emails SET scheduled_at = now() - interval '1 s' WHERE after_at IS NOT NULL"
    await execute(pool, due)
    await execute(pool, "UPDATE inboxes SET whole_at = now() - interval '31 m'")
    assert await mine.claim() == [], "a reading of half an hour ago says nothing of now"
    await execute(pool, due)
    await execute(pool, "UPDATE emails SET after_at = now() - interval '1 m' WHERE after_at IS NOT NULL")
    await execute(pool, "UPDATE inboxes SET whole_at = now() - interval '2 m'")
    assert await mine.claim() == [], "nor one of before the email"
    await execute(pool, due)
    await execute(pool, "UPDATE inboxes SET whole_at = now()")
    assert len(await mine.claim()) == 1
    await check_conservation(pool, campaign)


async def test_answers_that_go_elsewhere_are_looked_for_there(pool: Pool, owner: Owner, mine: Lane) -> None:
    await execute(pool, "UPDATE senders SET imap_host = 'i.example.com', imap_port = 993, imap_security = 'tls'")
    await execute(
        pool, "INSERT INTO inboxes (workspace_id, sender_id, whole_at) SELECT workspace_id, id, now() FROM senders"
    )
    await scheduled(pool, owner, 1, follow_up_without_reading=False)
    await tell(mine, await mine.claim())
    await execute(pool, "UPDATE campaigns SET reply_to = 'answers@elsewhere.example'")
    assert await follow(pool, mine, 3) == []


@pytest.mark.parametrize("of", ["campaign", "sender"])
async def test_answers_that_go_elsewhere_now_are_still_looked_for_where_they_went(
    pool: Pool, owner: Owner, mine: Lane, box: SecretBox, of: str
) -> None:
    other = await add_sender(pool, owner, "b@example.com")
    await execute(pool, "UPDATE senders SET imap_host = 'i.example.com', imap_port = 993, imap_security = 'tls'")
    await execute(pool, "UPDATE senders SET imap_host = 'j.example.com' WHERE id = %s", other.sender_id)
    await execute(
        pool, "INSERT INTO inboxes (workspace_id, sender_id, next_at) SELECT workspace_id, id, 'infinity' FROM senders"
    )
    campaign = await scheduled(pool, owner, 1, follow_up_without_reading=False)

    async def answers_to(reply_to: str | None) -> None:
        if of == "campaign":
            await change(pool, owner.workspace_id, campaign, Changes(reply_to=reply_to))
        else:
            await change_sender(pool, box, owner.workspace_id, owner.sender_id, SenderChanges(reply_to=reply_to))

    async def is_read(sender: Owner) -> None:
        await execute(pool, "UPDATE inboxes SET whole_at = now() WHERE sender_id = %s", sender.sender_id)

    await answers_to("b@example.com")
    await answers_to(None)
    assert await rows(pool, "SELECT FROM earlier_mailboxes") == [], "nothing was sent yet"
    await tell(mine, await mine.claim())
    await answers_to("b@example.com")
    await is_read(other)
    assert await follow(pool, mine, 3) == []
    assert (await why(pool, owner, campaign)).reason == "INBOX_UNREAD"
    asked = await rows(pool, "SELECT sender_id FROM inboxes WHERE next_at <= now() ORDER BY 1")
    assert [one["sender_id"] for one in asked] == sorted([owner.sender_id, other.sender_id])
    await answers_to(None)
    await answers_to("b@example.com")
    assert await rows(pool, "SELECT sender_id FROM earlier_mailboxes") == [{"sender_id": owner.sender_id}], (
        "nothing was sent meanwhile"
    )
    due = "UPDATE emails SET scheduled_at = now() - interval '1 s' WHERE after_at IS NOT NULL"
    await execute(pool, due)
    assert await mine.claim() == []
    await is_read(owner)
    await is_read(other)
    await execute(pool, due)
    assert len(await mine.claim()) == 1
    await check_conservation(pool, campaign)


@pytest.mark.parametrize("of", ["campaign", "sender", "before"])
async def test_answers_that_go_to_a_retired_sender_are_read_until_nothing_follows(
    pool: Pool, owner: Owner, mine: Lane, box: SecretBox, of: str
) -> None:
    other = await add_sender(pool, owner, "b@example.com")
    await execute(pool, "UPDATE senders SET imap_host = 'i.example.com', imap_port = 993, imap_security = 'tls'")
    await execute(pool, "UPDATE senders SET imap_host = 'j.example.com' WHERE id = %s", other.sender_id)
    campaign = await scheduled(pool, owner, 1, follow_up_without_reading=False)
    if of == "sender":
        its = SenderChanges(reply_to="B@example.com")
        await change_sender(pool, box, owner.workspace_id, owner.sender_id, its)
    else:
        await change(pool, owner.workspace_id, campaign, Changes(reply_to="B@example.com"))
    await tell(mine, await mine.claim())
    if of == "before":
        await change(pool, owner.workspace_id, campaign, Changes(reply_to=None))
    await retire(pool, owner.workspace_id, other.sender_id)
    await inboxes.settle(pool, poll_s=60)
    await execute(pool, "UPDATE inboxes SET next_at = 'infinity', whole_at = now() + interval '1 s'")
    second = await follow(pool, mine, 3)
    assert len(second) == 1
    await tell(mine, second)
    await execute(pool, "UPDATE inboxes SET whole_at = now() + interval '1 s'")
    await tell(mine, await follow(pool, mine, 4))
    assert (await campaigns.get_campaign(pool, owner.workspace_id, campaign)).status == "FINISHED"
    assert await rows(pool, "SELECT FROM read_senders WHERE sender_id = %s", other.sender_id) == []


async def test_what_goes_to_the_sandbox_counts_as_read(pool: Pool, owner: Owner, mine: Lane) -> None:
    await scheduled(pool, owner, 1)
    await execute(pool, "UPDATE campaigns SET follow_up_without_reading = false")
    await tell(mine, await mine.claim())
    assert await follow(pool, mine, 3) == []
    await execute(pool, "UPDATE workers SET sandboxed = true")
    await execute(pool, "UPDATE emails SET scheduled_at = now() WHERE after_at IS NOT NULL")
    assert len(await mine.claim()) == 1
