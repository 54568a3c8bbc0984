"""A start that is moved holds from then on, whatever times the emails still have."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from app.db import Pool, transaction
from app.domain.campaigns import change
from app.domain.campaigns.change import Changes
from app.domain.ledger import holds
from app.domain.ledger.claims import Claim, Claimant, Report
from app.domain.ledger.exchange import exchange
from app.domain.planning import changes
from tests.ledger.test_holds import PATIENCE, Lane
from tests.support.engine import Owner, execute, schedule_campaign


@pytest.fixture
async def mine(pool: Pool, owner: Owner) -> Lane:
    """A worker that claims for the owner's sender."""
    token = uuid4()
    await execute(
        pool, "INSERT INTO workers (token, name, lease_until) VALUES (%s, 'lane', now() + interval '1 d')", token
    )
    return Lane(pool, Claimant(token, owner.workspace_id, owner.sender_id))


async def refused(lane: Lane, claims: list[Claim], words: list[str]) -> None:
    reports = [
        Report(
            claim.id,
            "REJECTED",
            command="RCPT",
            code=554,
            enhanced_code="5.6.0",
            reply=said,
            claimed_at=claim.claimed_at,
            refusal="OTHER_5XX",
            probe=claim.probe,
            retried=claim.attempts > 0,
            ended=time.monotonic(),
        )
        for claim, said in zip(claims, words, strict=True)
    ]
    async with lane.pool.connection() as conn:
        await exchange(conn, lane.claimant, reports, 0, patience=PATIENCE)


async def test_nothing_leaves_before_a_start_that_was_moved_whoever_plans_the_rest(
    pool: Pool, owner: Owner, mine: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "AT_ONCE", 10)
    made = (await schedule_campaign(pool, owner, 25)).campaign.id
    start = datetime.now(UTC) + timedelta(days=3)
    changed = await change.change(pool, owner.workspace_id, made, Changes(start_time=start))
    assert changed.start_time == start
    claimed = await mine.claim()
    assert claimed == [], len(claimed)


async def test_nor_while_somebody_else_plans_for_the_sender(pool: Pool, owner: Owner, mine: Lane) -> None:
    made = (await schedule_campaign(pool, owner, 5)).campaign.id
    other = (await schedule_campaign(pool, owner, ["o@example.com"])).campaign.id
    async with transaction(pool, owner.workspace_id) as conn:
        await changes.ask_for_campaign(conn, owner.workspace_id, other)
    await changes._take(pool, owner.workspace_id, owner.sender_id, uuid4())  # a worker, with a million to plan
    start = datetime.now(UTC) + timedelta(days=3)
    await change.change(pool, owner.workspace_id, made, Changes(start_time=start))
    assert [claim for claim in await mine.claim() if claim.campaign_id == made] == []


async def test_nor_by_an_answer_to_what_is_held(pool: Pool, owner: Owner, mine: Lane) -> None:
    """The text is being mended, and the campaign moved to another day meanwhile."""
    made = (await schedule_campaign(pool, owner, 5)).campaign.id
    await refused(mine, await mine.claim(5), ["no, and no again"] * 5)
    start = datetime.now(UTC) + timedelta(days=3)
    await change.change(pool, owner.workspace_id, made, Changes(start_time=start))
    await holds.answer_campaign(pool, owner.workspace_id, made, "go_on")
    assert await mine.claim() == []
