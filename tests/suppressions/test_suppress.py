"""Suppressing: what is written, and what that cancels."""

from __future__ import annotations

import pytest

from app.db import Pool, transaction
from app.domain.suppressions.suppress import Suppressed, suppress, withdraw
from tests.support.engine import Owner, check_conservation, execute, row, rows, schedule_campaign, value


async def _suppress(pool: Pool, owner: Owner, *emails: str, **more: object) -> Suppressed:
    async with transaction(pool) as conn:
        given = {"reason": "MANUAL"} | more
        return await suppress(conn, owner.workspace_id, emails=emails, **given)  # pyright: ignore[reportArgumentType]


async def test_what_waits_for_them_is_cancelled_in_every_campaign(pool: Pool, owner: Owner) -> None:
    campaigns = [(await schedule_campaign(pool, owner, 3)).campaign.id for _ in range(2)]
    done = await _suppress(pool, owner, "R1@example.com", "nobody@example.com")
    assert (done.added, done.known, done.cancelled) == (2, 0, 2)
    for campaign in campaigns:
        assert await check_conservation(pool, campaign) == {"SCHEDULED": 2, "CANCELLED": 1}
    assert await rows(
        pool, "SELECT DISTINCT cancel_reason::text AS r, recipient FROM emails WHERE status = 'CANCELLED'"
    ) == [{"r": "SUPPRESSED", "recipient": "r1@example.com"}]
    again = await _suppress(pool, owner, "r1@example.com")
    assert (again.added, again.known, again.cancelled) == (0, 1, 0)


async def test_emails_of_the_version_before_have_no_digest_and_are_found_by_their_text(
    pool: Pool, owner: Owner
) -> None:
    campaign = (await schedule_campaign(pool, owner, 3)).campaign.id
    await execute(pool, "UPDATE emails SET recipient_key = NULL")
    assert (await _suppress(pool, owner, "R1@example.com")).cancelled == 1
    assert await check_conservation(pool, campaign) == {"SCHEDULED": 2, "CANCELLED": 1}


async def test_a_campaign_of_which_nothing_else_waits_is_finished(pool: Pool, owner: Owner) -> None:
    campaign = (await schedule_campaign(pool, owner, 2)).campaign.id
    assert (await _suppress(pool, owner, "r0@example.com", "r1@example.com")).cancelled == 2
    assert await value(pool, "SELECT status FROM campaigns WHERE id = %s", campaign) == "FINISHED"


@pytest.mark.parametrize("by_key", [False, True])
async def test_somebodys_own_word_takes_the_place_of_others_and_a_mistake_gives_it_back(
    pool: Pool, owner: Owner, by_key: bool
) -> None:
    await schedule_campaign(pool, owner, 1)
    email_id = await value(pool, "SELECT id FROM emails")
    key = await value(pool, "SELECT address_digest('r0@example.com')")
    await _suppress(pool, owner, "r0@example.com")
    given = {"keys": [key]} if by_key else {"emails": ["r0@example.com"]}
    async with transaction(pool) as conn:
        await suppress(conn, owner.workspace_id, **given, reason="UNSUBSCRIBED", email_id=email_id)
    await _suppress(pool, owner, "r0@example.com", note="imported")
    now = await row(pool, "SELECT name, reason, note, email_id, campaign_id IS NOT NULL AS c FROM suppressions")
    assert now == {"name": "r0@example.com", "reason": "UNSUBSCRIBED", "note": None, "email_id": email_id, "c": True}
    async with transaction(pool) as conn:
        assert not await withdraw(conn, owner.workspace_id, key=key, email_id=email_id + 1)
        assert await withdraw(conn, owner.workspace_id, key=key, email_id=email_id)
        assert not await withdraw(conn, owner.workspace_id, key=key, email_id=email_id)
    assert await value(pool, "SELECT reason FROM suppressions") == "MANUAL"


async def test_a_mistake_is_over_after_a_day(pool: Pool, owner: Owner) -> None:
    key = await value(pool, "SELECT address_digest('r0@example.com')")
    for hours, ended in ((25, False), (23, True)):
        await _suppress(pool, owner, "r0@example.com", reason="UNSUBSCRIBED", email_id=7)
        await execute(pool, "UPDATE suppressions SET created_at = now() - %s * interval '1 hour'", hours)
        async with transaction(pool) as conn:
            assert await withdraw(conn, owner.workspace_id, key=key, email_id=7) is ended
    assert await rows(pool, "SELECT * FROM suppressions") == []
