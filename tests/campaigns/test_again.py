"""To write again: whom a list of a campaign's recipients holds."""

from __future__ import annotations

import json

import pytest

from app.db import Pool, transaction
from app.domain.accounts.actor import LOCAL
from app.domain.campaigns import again
from app.domain.campaigns.again import Who
from app.domain.ledger import mending
from app.domain.ledger.mending import Correction
from app.domain.recipients import stored_lists
from app.domain.suppressions.suppress import suppress
from app.errors import Conflict
from tests.ledger.test_failures import STEPS, fail, worker
from tests.support.engine import Owner, execute, schedule_campaign, value

ANN, BEN, CID, DEE = (f"{who}@example.com" for who in ("ann", "ben", "cid", "dee"))


async def people(pool: Pool, owner: Owner, campaign_id: int, who: Who, step: int | None = None) -> list[str]:
    made = await again.list_of(pool, owner.workspace_id, campaign_id, who, step)
    text = b"".join([piece async for piece in await stored_lists.content(pool, owner.workspace_id, made.id)]).decode()
    rows = [json.loads(line)[0] if line.startswith("[") else line.split(",")[0] for line in text.splitlines()]
    return [each for each in rows if "@" in each]


async def nobody(pool: Pool, owner: Owner, campaign_id: int, who: Who) -> None:
    with pytest.raises(Conflict, match="nobody of the campaign is left"):
        await again.list_of(pool, owner.workspace_id, campaign_id, who)


async def sent(pool: Pool, *recipients: str) -> None:
    """Leave what workers would, of those that wait."""
    await execute(
        pool,
        "WITH sent AS (UPDATE emails SET status = 'SENT', sent_at = now()"
        " WHERE status = 'SCHEDULED' AND recipient = ANY (%s)"
        " RETURNING stream_id) UPDATE streams s SET scheduled = scheduled - n.n, sent = sent + n.n"
        " FROM (SELECT stream_id, count(*) AS n FROM sent GROUP BY stream_id) n WHERE s.id = n.stream_id",
        list(recipients),
    )


async def follow(pool: Pool, *recipients: str) -> None:
    """The emails of the second step, which wait."""
    await execute(
        pool,
        "WITH made AS (INSERT INTO emails (workspace_id, campaign_id, stream_id, recipient, recipient_key, fields,"
        " scheduled_at, step_id, follows_id, after_at) SELECT e.workspace_id, e.campaign_id, stream_id, recipient,"
        " recipient_key, fields, now(), s.id, e.id, e.sent_at FROM emails e JOIN campaign_steps s"
        " ON s.campaign_id = e.campaign_id AND s.position = 2 WHERE recipient = ANY (%s)"
        " RETURNING id, campaign_id, stream_id),"
        " span AS (UPDATE campaigns c SET last_email_id = (SELECT max(id) FROM made)"
        " WHERE c.id IN (SELECT campaign_id FROM made))"
        " UPDATE streams s SET total = total + n.n, scheduled = scheduled + n.n, followed = followed + n.n"
        " FROM (SELECT stream_id, count(*) AS n FROM made GROUP BY stream_id) n WHERE s.id = n.stream_id",
        list(recipients),
    )


async def answer(pool: Pool, email_id: int) -> None:
    await execute(
        pool,
        "INSERT INTO responses (workspace_id, kind, email_id, campaign_id, stream_id, sender_id, recipient, weak,"
        " message_id, folder, uid_validity, uid, received_at, subject, text, attachments)"
        " SELECT e.workspace_id, 'REPLY', e.id, e.campaign_id, e.stream_id, s.sender_id, e.recipient, false,"
        " 'm' || e.id, 'INBOX', 1, e.id, now(), '', '', '{}' FROM emails e JOIN streams s ON s.id = e.stream_id"
        " WHERE e.id = %s",
        email_id,
    )


async def id_of(pool: Pool, recipient: str) -> int:
    return await value(pool, "SELECT max(id) FROM emails WHERE recipient = %s", recipient)


async def test_each_list_holds_whom_it_names(pool: Pool, owner: Owner) -> None:
    campaign = (await schedule_campaign(pool, owner, [ANN, BEN, CID, DEE])).campaign.id
    await nobody(pool, owner, campaign, "FAILED")
    await sent(pool, ANN, BEN, DEE)
    await fail(pool, campaign)
    await answer(pool, await id_of(pool, ANN))
    async with transaction(pool) as conn:
        await suppress(conn, owner.workspace_id, emails=[DEE], reason="MANUAL")
    assert await people(pool, owner, campaign, "EVERYBODY") == [ANN, BEN, CID]
    assert await people(pool, owner, campaign, "ANSWERED") == [ANN]
    assert await people(pool, owner, campaign, "NOT_ANSWERED") == [BEN]
    assert await people(pool, owner, campaign, "FAILED") == [CID]


async def test_whoever_was_corrected_is_there_by_the_corrected_address_alone(pool: Pool, owner: Owner) -> None:
    campaign = (await schedule_campaign(pool, owner, ["ann@gmial.com", BEN])).campaign.id
    await fail(pool, campaign, most=1)
    await worker(pool)
    await sent(pool, BEN)
    wrong = await id_of(pool, "ann@gmial.com")
    await mending.mend(pool, owner.workspace_id, Correction(wrong, "ann@gmail.com"), LOCAL)
    assert await people(pool, owner, campaign, "EVERYBODY") == [BEN, "ann@gmail.com"]
    await nobody(pool, owner, campaign, "FAILED")


async def test_who_was_corrected_in_a_later_step_is_in_the_lists_of_the_whole(pool: Pool, owner: Owner) -> None:
    campaign = (
        await schedule_campaign(pool, owner, [ANN, BEN], steps=STEPS, follow_up_without_reading=True)
    ).campaign.id
    await sent(pool, ANN, BEN)
    await follow(pool, ANN, BEN)
    await sent(pool, BEN)
    await fail(pool, campaign)
    await worker(pool)
    await mending.mend(pool, owner.workspace_id, Correction(await id_of(pool, ANN), "ann@example.org"), LOCAL)
    assert await people(pool, owner, campaign, "EVERYBODY") == [BEN, "ann@example.org"]
    await sent(pool, "ann@example.org")
    assert await people(pool, owner, campaign, "NOT_ANSWERED") == [BEN, "ann@example.org"]
    assert await people(pool, owner, campaign, "EVERYBODY", 2) == [BEN, "ann@example.org"]
    assert await people(pool, owner, campaign, "EVERYBODY", 1) == [ANN, BEN]
    await answer(pool, await id_of(pool, BEN))
    assert await people(pool, owner, campaign, "ANSWERED") == [BEN]
    assert await people(pool, owner, campaign, "NOT_ANSWERED", 1) == [ANN]


async def test_who_answered_what_a_person_wrote_in_the_thread_has_answered(pool: Pool, owner: Owner) -> None:
    campaign = (await schedule_campaign(pool, owner, [ANN, BEN])).campaign.id
    await sent(pool, ANN, BEN)
    begun = await id_of(pool, ANN)
    written = (await schedule_campaign(pool, owner, ["ann@elsewhere.example"])).campaign.id
    await execute(
        pool,
        "UPDATE campaigns SET kind = 'DIRECT', thread_email_id = %s, thread = '{}' WHERE id = %s",
        begun,
        written,
    )
    await answer(pool, await id_of(pool, "ann@elsewhere.example"))
    assert await people(pool, owner, campaign, "ANSWERED") == [ANN]
    assert await people(pool, owner, campaign, "ANSWERED", 1) == [ANN]
    assert await people(pool, owner, campaign, "NOT_ANSWERED") == [BEN]


async def test_who_answered_has_done_so_also_once_the_answer_is_gone(pool: Pool, owner: Owner) -> None:
    """As of somebody who answered an email to another, and was erased."""
    campaign = (await schedule_campaign(pool, owner, [ANN, BEN])).campaign.id
    await sent(pool, ANN, BEN)
    await execute(
        pool,
        "INSERT INTO gone_responses (workspace_id, email_id, kind) VALUES (%s, %s, 'REPLY')",
        *(owner.workspace_id, await id_of(pool, ANN)),
    )
    assert await people(pool, owner, campaign, "ANSWERED") == [ANN]
    assert await people(pool, owner, campaign, "NOT_ANSWERED") == [BEN]


async def test_nobody_tells_who_answered_once_answers_are_removed_for_their_age(pool: Pool, owner: Owner) -> None:
    """All would have been people who did not answer."""
    campaign = (await schedule_campaign(pool, owner, [ANN])).campaign.id
    await sent(pool, ANN)
    await execute(
        pool, "UPDATE campaigns SET start_at = now() - interval '31 days', created_at = now() - interval '40 days'"
    )

    async def made(who: Who, kept_days: int) -> int:
        return (await again.list_of(pool, owner.workspace_id, campaign, who, kept_days=kept_days)).id

    for who in ("ANSWERED", "NOT_ANSWERED"):
        with pytest.raises(Conflict, match="began more than 30 days ago"):
            await made(who, 30)
    assert await made("EVERYBODY", 30)
    for kept_days in (32, 0):
        assert await made("NOT_ANSWERED", kept_days)
    await execute(pool, "UPDATE campaigns SET emails_removed_at = now()")
    with pytest.raises(Conflict, match="removed for their age"):
        await made("EVERYBODY", 0)
