"""Variants of a step: fixed for each email, by weight; one that is stopped goes to nobody any more."""

from __future__ import annotations

import asyncio
from collections import Counter
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import pytest

from app.db import Pool, transaction
from app.domain.campaigns import building, campaigns, variants
from app.domain.campaigns.change import Changes, change
from app.domain.campaigns.content import Content
from app.domain.campaigns.step_changes import WantedStep
from app.domain.campaigns.steps import Step
from app.domain.campaigns.variant_changes import WantedVariant
from app.domain.campaigns.variants import Variant
from app.domain.ledger import texts
from app.domain.ledger.claims import Claim, Claimant
from app.errors import Conflict, InvalidInput
from app.sql import read
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
    # What came back counts also once it is removed for its age.
    await execute(pool, "UPDATE responses SET recorded_at = now() - interval '9 days'")
    async with transaction(pool) as conn:
        await conn.execute(read("ledger/retention")["remove_responses"], {"days": 1, "batch": 10})
    assert await value(pool, "SELECT count(*) FROM responses") == 0
    now = await campaigns.get_campaign(pool, owner.workspace_id, campaign)
    assert now.variants == found
    assert [one.answered for one in now.steps] == [1, 0, 0]


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


async def of(pool: Pool, owner: Owner, campaign: int, step: int = 1) -> dict[str, variants.CampaignVariant]:
    """The variants of a step as they are."""
    found = (await campaigns.get_campaign(pool, owner.workspace_id, campaign)).variants
    return {one.letter: one for one in found if one.step == step}


async def said(pool: Pool, owner: Owner, email_id: int) -> tuple[str, str, bool]:
    message = await texts.get_message(pool, owner.workspace_id, email_id, "https://x.example")
    return message.subject, message.text.strip(), message.as_sent


async def go_again(pool: Pool) -> None:
    await execute(pool, "UPDATE emails SET scheduled_at = now() WHERE status = 'SCHEDULED'")
    await execute(pool, "UPDATE streams SET next_due_at = now()")


async def test_one_is_changed_while_it_runs_and_what_was_sent_keeps_its_text_and_figures_begin_anew(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    made = await schedule_campaign(pool, owner, people(40), content=CONTENT, variants=[OTHER])
    campaign = made.campaign.id
    a, b = (one.id for one in made.campaign.variants)
    claims = await mine.claim()
    its = await taken(pool, owner, claims)
    had = {letter: [one for one in claims if its[one.id] == letter] for letter in (a, b)}
    await tell(mine, [*had[a][:5], *had[b][:5]])
    await answered(pool, mine, had[b][0], "REPLY")
    await tell(mine, [*had[a][5:], *had[b][5:]], "RELEASED")
    wanted = WantedVariant(id=b, weight=3, subject="B2 {{ name }}", body="Text B2.", body_html="<p>Text <b>B2</b></p>")
    await change(pool, owner.workspace_id, campaign, Changes(variants=[wanted]))
    now = await of(pool, owner, campaign)
    assert (now["B"].weight, now["B"].subject, now["B"].sent, now["B"].sent_before) == (3, "B2 {{ name }}", 0, 5)
    assert (now["B"].answered, now["A"].sent, now["A"].sent_before, now["A"].text_since) == (0, 5, 0, None)
    assert await said(pool, owner, had[b][0].id) == (f"B {had[b][0].fields['name']}", "Text B.", True)
    await go_again(pool)
    again = await mine.claim()
    assert {one.content_version for one in again} == {2}
    assert await taken(pool, owner, again) == {one.id: its[one.id] for one in again}, "who had one has it again"
    await tell(mine, again)
    for one in again:
        letter = "A" if its[one.id] == a else "B2"
        assert await said(pool, owner, one.id) == (f"{letter} {one.fields['name']}", f"Text {letter}.", True)
    now = await of(pool, owner, campaign)
    assert (now["B"].sent, now["B"].sent_before) == (len(had[b]) - 5, 5)
    await check_conservation(pool, campaign)


async def test_the_own_text_begins_its_figures_anew_as_well(pool: Pool, owner: Owner, mine: Lane) -> None:
    steps = (Step(wait=DAY, body="Own", variants=(Variant(body="Other"),)), Step(wait=DAY, body="Last"))
    campaign = await scheduled(pool, owner, people(12), content=CONTENT, variants=[OTHER], steps=steps)
    first = await mine.claim()
    await taken(pool, owner, first)
    await tell(mine, first)
    second = await follow(pool, mine, 1)
    its = await taken(pool, owner, second)
    await tell(mine, second)
    read = await campaigns.get_campaign(pool, owner.workspace_id, campaign)
    before = await of(pool, owner, campaign, 2)
    same = [
        WantedStep(id=one.id, step=Step(wait=DAY, subject=one.subject, body=one.body or "")) for one in read.steps[1:]
    ]
    other = WantedStep(id=same[0].id, step=Step(wait=DAY, body="Own anew"))
    changes = Changes(subject="A2 {{ name }}", headers={"X-Kind": "a"}, steps=[other, same[1]])
    await change(pool, owner.workspace_id, campaign, changes)
    for step in (1, 2):
        now = await of(pool, owner, campaign, step)
        assert (now["A"].sent, now["B"].sent, now["B"].sent_before) == (0, 12 - now["A"].sent_before, 0)
        assert now["A"].text_since is not None
    assert before["A"].sent == sum(its[one.id] == before["A"].id for one in second)
    await change(pool, owner.workspace_id, campaign, Changes(headers={}))
    assert (await of(pool, owner, campaign))["A"].sent_before > 0
    (third, *_) = await follow(pool, mine, 1)
    await tell(mine, [third])
    began = next(one for one in first if one.recipient == third.recipient)
    assert (await said(pool, owner, third.id))[0] == f"Re: {(await said(pool, owner, began.id))[0]}", "as it was sent"
    assert (await said(pool, owner, began.id))[0][:2] in {"A ", "B "}


async def test_variants_are_added_while_it_runs_also_where_there_were_none(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    campaign = (await schedule_campaign(pool, owner, people(30), content=CONTENT)).campaign.id
    first = await mine.claim(10)
    await tell(mine, first)
    new = [WantedVariant(subject="B {{ name }}", body="Text B."), WantedVariant(subject="C", body="Text C.", weight=2)]
    await change(pool, owner.workspace_id, campaign, Changes(variants=new, weight=4))
    found = await of(pool, owner, campaign)
    assert [(one.letter, one.weight) for one in found.values()] == [("A", 4), ("B", 1), ("C", 2)]
    second = await mine.claim(18)
    assert {one.content_version for one in second} == {2}, "workers look again whether it is varied"
    assert len(set((await taken(pool, owner, second)).values())) == 3
    await tell(mine, second)
    found = await of(pool, owner, campaign)
    assert sum(one.sent for one in found.values()) == 18
    await variants.stop(pool, owner.workspace_id, campaign, found["C"].id)
    more = [WantedVariant(subject=text, body=text) for text in ("D", "E", "F")]
    for wanted, field in (
        (more, "a step has had 2 beside"),
        ([WantedVariant(id=found["C"].id, subject="C", body="x")], r"variants\[0\].id: was stopped"),
        ([WantedVariant(id=found["A"].id, subject="A", body="x")], r"variants\[0\].id: is no variant"),
        ([WantedVariant(id=found["B"].id, body="x")], r"variants\[0\].subject"),
        ([WantedVariant(id=found["B"].id, subject="x", body="{{ nom }}")], r"variants\[0\].body: unknown merge field"),
        ([WantedVariant(subject="x", body="x"), WantedVariant(subject="x", body=" ")], r"variants\[1\].body"),
        (2 * [WantedVariant(id=found["B"].id, subject="x", body="x")], r"variants\[1\].id: is there twice"),
    ):
        with pytest.raises((InvalidInput, Conflict), match=field):
            await change(pool, owner.workspace_id, campaign, Changes(variants=wanted))
    assert await of(pool, owner, campaign) | {"C": None} == found | {"C": None}, "and nothing is changed"


async def test_who_waits_and_lacks_what_a_changed_variant_needs_is_said(pool: Pool, owner: Owner) -> None:
    some = [{"email": "a@example.com", "name": "A", "city": "Ulm"}, {"email": "b@example.com", "name": "B", "city": ""}]
    made = await schedule_campaign(pool, owner, some, content=CONTENT, variants=[OTHER])  # pyright: ignore[reportArgumentType]
    wanted = WantedVariant(id=made.campaign.variants[1].id, subject="B", body="In {{ city }}")
    with pytest.raises(InvalidInput, match=r'variants\[0\].body: needs "city"'):
        await change(pool, owner.workspace_id, made.campaign.id, Changes(variants=[wanted]))


async def test_a_later_step_changes_its_thread_only_with_its_variants(pool: Pool, owner: Owner) -> None:
    steps = (Step(wait=DAY, body="Own", variants=(Variant(body="Other"),)),)
    campaign = await scheduled(pool, owner, people(2), content=CONTENT, steps=steps)
    read = await campaigns.get_campaign(pool, owner.workspace_id, campaign)
    own = WantedStep(id=read.steps[1].id, step=Step(wait=DAY, subject="Anew", body="Own"))
    with pytest.raises(InvalidInput, match=r"steps\[0\].variants"):
        await change(pool, owner.workspace_id, campaign, Changes(steps=[own]))
    b = (await of(pool, owner, campaign, 2))["B"].id
    both = WantedStep(id=own.id, step=own.step, variants=[WantedVariant(id=b, subject="B anew", body="Other")])
    await change(pool, owner.workspace_id, campaign, Changes(steps=[both]))
    assert [one.subject for one in (await of(pool, owner, campaign, 2)).values()] == ["Anew", "B anew"]


async def test_whoever_is_written_to_while_texts_change_gets_one_version_whole_and_its_page_shows_that(
    pool: Pool, database_url: str, owner: Owner
) -> None:
    made = await schedule_campaign(
        pool,
        owner,
        people(60),
        content=Content(subject="A0", body="Text A0."),
        variants=[Variant(subject="B0", body="Text B0.")],
        delay_between_ms=20,
    )
    campaign, b = made.campaign.id, made.campaign.variants[1].id

    async with receiving(pool, database_url) as received:
        for n in range(1, 100):
            if await _is_finished(pool, campaign):
                break
            own = Changes(subject=f"A{n}", body=f"Text A{n}.")
            other = Changes(variants=[WantedVariant(id=b, subject=f"B{n}", body=f"Text B{n}.")])
            both = (change(pool, owner.workspace_id, campaign, one) for one in (own, other))
            for answer in await asyncio.gather(*both, return_exceptions=True):
                assert not isinstance(answer, BaseException) or "FINISHED" in str(answer), answer
        await wait_for(lambda: _is_finished(pool, campaign), "all to be sent", 60)
    assert len(received) == 60
    assert all(f"Text {one['Subject']}." in part(one, "plain") for one in received), "one version, whole"
    assert len({str(one["Subject"]) for one in received}) > 2, "they changed meanwhile"
    shown = {
        one["recipient"]: await said(pool, owner, one["id"])
        for one in await rows(pool, "SELECT id, recipient FROM emails")
    }
    got = {str(one["To"]): (str(one["Subject"]), _text(one), True) for one in received}
    assert got == shown


def _text(message: EmailMessage) -> str:
    return part(message, "plain").strip()


async def test_a_builder_is_of_one_version_whatever_is_changed_while_it_is_made(pool: Pool, owner: Owner) -> None:
    steps = (Step(wait=DAY, body="Old", variants=(Variant(body="Old B"),)),)
    campaign = await scheduled(pool, owner, people(2), content=CONTENT, steps=steps)
    read = await campaigns.get_campaign(pool, owner.workspace_id, campaign)
    step, b = read.steps[1].id, read.variants[1].id

    async def made(variant: int | None) -> tuple[int, str]:
        version, builder = await building.message_builder(
            pool, owner.workspace_id, campaign, owner.sender_id, one_click=False, step_id=step, variant_id=variant
        )
        return version, builder.build(
            "a@example.com", {"name": "A"}, "<x@example.com>", read.created_at
        ).content.decode()

    async with transaction(pool) as conn:
        # The makers of builders wait where they read the steps, and they are other ones by then.
        await conn.execute(b"LOCK TABLE campaign_steps, step_variants IN ACCESS EXCLUSIVE MODE")
        making = [asyncio.create_task(made(one)) for one in (None, b)]
        await wait_for(lambda: _waiting_for_locks(pool, 2), "both to wait", 20)
        await conn.execute(b"UPDATE campaign_steps SET body = 'New' WHERE position = 2")
        await conn.execute(b"UPDATE step_variants SET body = 'New B' WHERE position = 2")
        await conn.execute(b"UPDATE campaigns SET content_version = content_version + 1")
    for version, text in await asyncio.gather(*making):
        assert (version, "New" in text) in {(1, False), (2, True)}


async def _waiting_for_locks(pool: Pool, count: int) -> bool:
    return await value(pool, "SELECT count(*) >= %s FROM pg_locks WHERE NOT granted", count)
