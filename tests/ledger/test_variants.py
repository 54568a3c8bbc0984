"""Variants of a step: fixed for each email, by weight; one that is stopped goes to nobody any more."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import uuid4

import pytest

from app.db import Pool
from app.domain.campaigns import campaigns, variants
from app.domain.campaigns.content import Content
from app.domain.campaigns.steps import Step
from app.domain.campaigns.variants import Variant
from app.domain.ledger import texts
from app.domain.ledger.claims import Claim, Claimant
from app.errors import Conflict, InvalidInput
from tests.ledger.test_follow_ups import DAY, answered, follow, scheduled, tell
from tests.ledger.test_holds import Lane
from tests.support.engine import Owner, check_conservation, execute, row, rows, schedule_campaign, value, wait_for
from tests.worker.test_links import part, receiving

CONTENT = Content(subject="A {{ name }}", body="Text A.")
OTHER = Variant(subject="B {{ name }}", body="Text B.", body_html="<p>Text B</p>")
THIRD = Variant(weight=2, subject="C {{ name }}", body="{% if name %}Text C.{% endif %}")


@pytest.fixture
async def mine(pool: Pool, owner: Owner) -> Lane:
    token = uuid4()
    await execute(
        pool, "INSERT INTO workers (token, name, lease_until) VALUES (%s, 'lane', now() + interval '1 d')", token
    )
    return Lane(pool, Claimant(token, owner.workspace_id, owner.sender_id))


def people(n: int) -> list[Any]:
    return [{"email": f"p{number}@example.com", "name": f"P{number}"} for number in range(n)]


async def taken(pool: Pool, owner: Owner, claims: list[Claim]) -> dict[int, int]:
    """Of each email, as its handover settles it."""
    found: dict[int, int] = {}
    for one in claims:
        its = await variants.take(pool, owner.workspace_id, one.id, one.claimed_at)
        assert its is not None
        found[one.id] = its.id
    return found


async def test_each_recipient_gets_one_of_them_by_weight_as_it_was_shown(
    pool: Pool, database_url: str, owner: Owner
) -> None:
    made = await schedule_campaign(pool, owner, people(40), content=CONTENT, variants=[OTHER, THIRD])
    campaign, url = made.campaign.id, "https://x.example"
    shown = {
        one["recipient"]: (await texts.get_message(pool, owner.workspace_id, one["id"], url)).subject
        for one in await rows(pool, "SELECT id, recipient FROM emails")
    }
    async with receiving(pool, database_url) as received:
        await wait_for(lambda: _is_finished(pool, campaign), "all to be sent", 60)
    assert {str(one["To"]): str(one["Subject"]) for one in received} == shown
    for one in received:
        assert f"Text {str(one['Subject'])[0]}." in part(one, "plain")
    found = await campaigns.get_campaign(pool, owner.workspace_id, campaign)
    letters = Counter(subject[0] for subject in shown.values())
    assert {one.letter: one.sent for one in found.variants} == letters
    assert letters["C"] > 10, "twice the weight"
    assert min(letters.values()) > 2
    assert [(one.step, one.verdict) for one in found.comparisons] == [(1, "CAN_BE_CHANCE")]
    email = await row(pool, "SELECT id, recipient FROM emails LIMIT 1")
    message = await texts.get_message(pool, owner.workspace_id, email["id"], url)
    assert (message.subject, message.as_sent) == (shown[email["recipient"]], True)


async def _is_finished(pool: Pool, campaign_id: int) -> bool:
    return bool(await value(pool, "SELECT status = 'FINISHED' FROM campaigns WHERE id = %s", campaign_id))


async def test_one_that_is_stopped_goes_to_nobody_any_more_and_the_last_is_not_stopped(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    made = await schedule_campaign(pool, owner, people(30), content=CONTENT, variants=[OTHER])
    campaign = made.campaign.id
    a, b = (one.id for one in made.campaign.variants)
    claims = await mine.claim()
    before = await taken(pool, owner, claims)
    assert set(before.values()) == {a, b}
    await tell(mine, claims[:4])
    await tell(mine, claims[4:], "RELEASED")
    await variants.stop(pool, owner.workspace_id, campaign, b)
    await execute(pool, "UPDATE emails SET scheduled_at = now() WHERE status = 'SCHEDULED'")
    await execute(pool, "UPDATE streams SET next_due_at = now()")
    again = await mine.claim()
    assert set((await taken(pool, owner, again)).values()) == {a}
    await tell(mine, again)
    with pytest.raises(Conflict, match="last variant"):
        await variants.stop(pool, owner.workspace_id, campaign, a)
    await variants.stop(pool, owner.workspace_id, campaign, b)
    found = {one.letter: one for one in (await campaigns.get_campaign(pool, owner.workspace_id, campaign)).variants}
    assert found["B"].sent == sum(before[one.id] == b for one in claims[:4]), "what has gone stays its"
    assert found["A"].sent + found["B"].sent == 30
    assert (found["A"].stopped_at, found["B"].stopped_at is None) == (None, False)
    await check_conservation(pool, campaign)


async def test_who_had_a_variant_has_it_again_when_it_is_tried_again(pool: Pool, owner: Owner, mine: Lane) -> None:
    await schedule_campaign(pool, owner, people(20), content=CONTENT, variants=[OTHER])
    claims = await mine.claim()
    before = await taken(pool, owner, claims)
    await tell(mine, claims, "RELEASED")
    await execute(pool, "UPDATE step_variants SET weight = 100 WHERE position = 2")
    await execute(pool, "UPDATE emails SET scheduled_at = now()")
    await execute(pool, "UPDATE streams SET next_due_at = now()")
    assert await taken(pool, owner, await mine.claim()) == before


async def test_later_steps_have_variants_and_stay_in_the_thread_that_their_recipient_has(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    steps = (Step(wait=DAY, body="Own", variants=(Variant(body="Other"),)), Step(wait=DAY, body="Last", quotes=True))
    campaign = await scheduled(pool, owner, people(12), content=CONTENT, variants=[OTHER], steps=steps)
    first = await mine.claim()
    began = await taken(pool, owner, first)
    await tell(mine, first)
    await answered(pool, mine, first[0], "REPLY")
    second = await follow(pool, mine, 1)
    assert len(set((await taken(pool, owner, second)).values())) == 2
    letters = {
        one.id: one.letter for one in (await campaigns.get_campaign(pool, owner.workspace_id, campaign)).variants
    }
    for one in second:
        message = await texts.get_message(pool, owner.workspace_id, one.id, "https://x.example")
        follows = await value(pool, "SELECT follows_id FROM emails WHERE id = %s", one.id)
        assert message.subject[:5] == f"Re: {letters[began[follows]]}"
        assert message.text in {"Own", "Other"}
    await tell(mine, second)
    (third, *_) = await follow(pool, mine, 1)
    quoting = (await texts.get_message(pool, owner.workspace_id, third.id, "https://x.example")).text
    assert quoting.rstrip().endswith(("> Own", "> Other"))
    found = (await campaigns.get_campaign(pool, owner.workspace_id, campaign)).variants
    assert [(one.step, one.letter) for one in found] == [(1, "A"), (1, "B"), (2, "A"), (2, "B")]
    assert sum(one.answered for one in found) == 1
    await check_conservation(pool, campaign)


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        ({"variants": [Variant(body="x")]}, "variants[0].subject"),
        ({"variants": [OTHER] * 5}, "variants"),
        ({"variants": [Variant(subject="s", body=" ")]}, "variants[0].body"),
        ({"variants": [Variant(subject="s", body="{{ nom }}")]}, "variants[0].body"),
        ({"variants": [Variant(subject="s", body="x", weight=0)]}, "variants[0].weight"),
        ({"steps": [Step(wait=DAY, body="x", variants=[OTHER])]}, "steps[0].variants[0].subject"),
    ],
)
async def test_what_is_wrong_with_a_variant_is_named(
    pool: Pool, owner: Owner, draft: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as error:
        await scheduled(pool, owner, people(1), content=CONTENT, **{"steps": ()} | draft)
    assert field in error.value.fields
    assert await value(pool, "SELECT count(*) FROM campaigns") == 0
