"""Steps and variants changed in random order while emails are sent and answered."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.db import Pool
from app.domain.campaigns import campaigns, change, step_changes, variants
from app.domain.campaigns.change import Changes
from app.domain.campaigns.content import Content
from app.domain.campaigns.step_changes import WantedStep
from app.domain.campaigns.steps import Step
from app.domain.campaigns.variants import Variant
from app.domain.inbound import stops
from app.domain.ledger import follow_ups
from app.domain.ledger.claims import Claimant
from app.errors import AppError
from tests.ledger.test_follow_ups import answered, scheduled, tell
from tests.ledger.test_holds import Lane
from tests.support.engine import Owner, check_conservation, execute, value

MINUTE = timedelta(minutes=1)
CONTENT = Content(subject="A", body="Own")
# To move an email takes its stream.
OWE_NOW = """
    WITH held AS MATERIALIZED (SELECT id FROM streams ORDER BY id FOR NO KEY UPDATE)
    UPDATE emails SET follow_at = now() WHERE follow_at > now() AND (SELECT count(*) FROM held) > 0
"""
DUE_NOW = """
    WITH held AS MATERIALIZED (SELECT id FROM streams ORDER BY id FOR NO KEY UPDATE),
    due AS (UPDATE emails SET scheduled_at = now() WHERE status = 'SCHEDULED' AND (SELECT count(*) FROM held) > 0
            RETURNING stream_id)
    UPDATE streams SET next_due_at = now() WHERE id IN (SELECT stream_id FROM due)
"""
OTHERS = (Variant(subject="B", body="Other"), Variant(subject="C", body="Third"))


class Play:
    """A campaign of 24 at eight domains, and what was seen of it."""

    def __init__(self, pool: Pool, owner: Owner, mine: Lane, campaign: int, seed: int) -> None:
        self.pool, self.owner, self.mine, self.campaign = pool, owner, mine, campaign
        self.chance = random.Random(seed)  # noqa: S311
        self.silent: set[str] = set()  # who answered, by the time that this is known
        self.refused: list[str] = []
        self.sent: Counter[tuple[str, int | None]] = Counter()

    async def send(self) -> bool:
        """A turn of a worker; whether it had something."""
        await execute(self.pool, OWE_NOW)
        await follow_ups.follow_up(self.pool)
        await execute(self.pool, DUE_NOW)
        before = set(self.silent)
        claims = await self.mine.claim()
        assert not {one.recipient for one in claims} & before
        for one in claims:
            await variants.take(self.pool, self.owner.workspace_id, one.id, one.claimed_at)
        back = self.chance.sample(claims, len(claims) // 4)
        await tell(self.mine, back, "RELEASED")
        accepted = [one for one in claims if one not in back]
        await tell(self.mine, accepted)
        self.sent.update((one.recipient, one.step_id) for one in accepted)
        if accepted and self.chance.random() < 0.5:
            one = self.chance.choice(accepted)
            await answered(self.pool, self.mine, one, "REPLY")
            self.silent.add(one.recipient)
        return bool(claims)

    async def change(self) -> None:
        """The steps, in another order, some new, some gone; or a variant less; or a domain's stop carried out."""
        now = await campaigns.get_campaign(self.pool, self.owner.workspace_id, self.campaign)
        live = [one.id for one in now.variants if one.stopped_at is None]
        try:
            if live and self.chance.random() < 0.2:
                await variants.stop(self.pool, self.owner.workspace_id, self.campaign, self.chance.choice(live))
                return
            wanted = [
                WantedStep(id=one.id, step=Step(wait=MINUTE, subject=one.subject, body=one.body))
                for one in now.steps[1:]
                if self.chance.random() < 0.7
            ]
            self.chance.shuffle(wanted)
            if len(wanted) < 4:
                new = Step(wait=MINUTE, body="New", variants=(Variant(body="Newer"),))
                wanted.insert(self.chance.randrange(len(wanted) + 1), WantedStep(step=new))
            changes = Changes(steps=wanted, reopen=self.chance.random() < 0.5)
            await change.change(self.pool, self.owner.workspace_id, self.campaign, changes)
        except AppError as error:
            self.refused.append(error.detail)
        await stops.walk_domains(self.pool)


ANOTHER = random.SystemRandom().randrange(10**6)


@pytest.mark.parametrize(("turns", "seed"), [(25, 1), pytest.param(150, ANOTHER, marks=pytest.mark.long, id="150")])
async def test_steps_are_changed_at_random_while_emails_are_sent_and_answered(
    pool: Pool, owner: Owner, turns: int, seed: int
) -> None:
    print(f"seed {seed}")
    token = uuid4()
    await execute(
        pool, "INSERT INTO workers (token, name, lease_until) VALUES (%s, 'lane', now() + interval '1 d')", token
    )
    mine = Lane(pool, Claimant(token, owner.workspace_id, owner.sender_id))
    people: list[Any] = [f"p{number}@firm{number % 8}.example" for number in range(24)]
    steps = tuple(Step(wait=MINUTE, body=text) for text in ("Two", "Three"))
    draft: dict[str, Any] = {"content": CONTENT, "variants": OTHERS, "steps": steps, "stop_on_domain": True}
    campaign = await scheduled(pool, owner, people, **draft)
    play = Play(pool, owner, mine, campaign, seed)

    async def going(act: Any) -> None:
        for _ in range(turns):
            await act()
            await check_conservation(pool, campaign)

    await asyncio.gather(going(play.send), going(play.change))
    has_more = True
    while has_more:
        await stops.walk_domains(pool)
        await step_changes.carry_on(pool)
        has_more = await play.send()
        await check_conservation(pool, campaign)
    assert max(play.sent.values()) == 1, "nobody gets a step twice"
    assert await value(pool, "SELECT count(*) FROM emails WHERE follow_at IS NOT NULL") == 0, (
        "nothing owed is forgotten"
    )
    assert await value(pool, "SELECT sum(following) FROM streams") == 0
    found = await campaigns.get_campaign(pool, owner.workspace_id, campaign)
    assert found.status == "FINISHED"
    assert await value(pool, "SELECT count(*) FROM emails e WHERE owes_at(e) IS NOT NULL") == 0
    known = ("FINISHED", "last variant", "50 is the most")
    assert [why for why in play.refused if not any(word in why for word in known)] == []
