"""Steps that are changed while their campaign runs: what was sent stays, what is owed follows the new ones."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from psycopg.errors import DeadlockDetected

from app.db import Pool, transaction
from app.domain.accounts.actor import LOCAL
from app.domain.campaigns import campaigns, step_changes
from app.domain.campaigns.change import Changes, change
from app.domain.campaigns.step_changes import WantedStep, places
from app.domain.campaigns.steps import Step
from app.domain.inbound import responses
from app.domain.inbound.responses import ResponseChanges
from app.domain.ledger import decisions, follow_ups, mending, streams, texts
from app.domain.ledger.decisions import Chosen
from app.domain.ledger.mending import Correction
from app.errors import Conflict, InvalidInput
from tests.ledger.test_follow_ups import DAY, TWO, answered, days_pass, follow, mine, scheduled, tell
from tests.ledger.test_holds import Lane
from tests.support.engine import Owner, check_conservation, execute, value

__all__ = ["mine"]
THIRD = Step(wait=DAY, body="And now?")


async def steps_of(pool: Pool, owner: Owner, campaign: int) -> list[WantedStep]:
    """The later ones, as they are."""
    read = await campaigns.get_campaign(pool, owner.workspace_id, campaign)
    waits = {one.body: one.wait for one in (*TWO, THIRD)}
    return [
        WantedStep(id=one.id, step=Step(wait=waits[one.body], subject=one.subject, body=one.body))
        for one in read.steps[1:]
    ]


async def put(pool: Pool, owner: Owner, campaign: int, wanted: list[WantedStep], **more: Any) -> list[WantedStep]:
    await change(pool, owner.workspace_id, campaign, Changes(steps=wanted, **more))
    await check_conservation(pool, campaign)
    return await steps_of(pool, owner, campaign)


async def test_one_that_is_added_behind_the_last_is_owed_to_who_had_that_and_a_finished_campaign_is_reopened_in_words(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    campaign = await scheduled(pool, owner, 3, steps=TWO[:1])
    await tell(mine, await mine.claim())
    second = await follow(pool, mine, 3)
    await answered(pool, mine, second[0], "REPLY")
    await tell(mine, second)
    assert (await campaigns.get_campaign(pool, owner.workspace_id, campaign)).status == "FINISHED"
    wanted = [*await steps_of(pool, owner, campaign), WantedStep(step=THIRD)]
    with pytest.raises(Conflict, match="reopen"):
        await put(pool, owner, campaign, wanted)
    await put(pool, owner, campaign, wanted, reopen=True)
    read = await campaigns.get_campaign(pool, owner.workspace_id, campaign)
    assert (read.status, read.following, len(read.steps)) == ("ACTIVE", 2, 3)
    third = await follow(pool, mine, 1)
    assert {one.recipient for one in third} == {one.recipient for one in second[1:]}
    await tell(mine, third)
    assert (await campaigns.get_campaign(pool, owner.workspace_id, campaign)).status == "FINISHED"
    await check_conservation(pool, campaign)


@pytest.mark.parametrize("when", ["owed", "waits", "being sent", "sent"])
async def test_one_that_is_removed_is_sent_to_nobody_any_more_and_the_next_one_follows(
    pool: Pool, owner: Owner, mine: Lane, when: str
) -> None:
    campaign = await scheduled(pool, owner, 1)
    await tell(mine, await mine.claim())
    second: list[Any] = []
    if when != "owed":
        await days_pass(pool, 3)
        await follow_ups.follow_up(pool)
        second = await mine.claim() if when != "waits" else []
    if when == "sent":
        await tell(mine, second)
    _, last = await steps_of(pool, owner, campaign)
    await put(pool, owner, campaign, [last])
    if when == "being sent":
        await tell(mine, second, "RELEASED")
        await step_changes.carry_on(pool)
        assert await mine.claim() == [], "it was given back, and nothing of the step goes any more"
    assert await value(pool, "SELECT count(*) FROM campaigns WHERE owes_anew_from IS NOT NULL") == 0
    third = await follow(pool, mine, 4)
    assert [one.step_id for one in third] == [last.id]
    await tell(mine, third)
    counts = await check_conservation(pool, campaign)
    assert counts == {"owed": {"SENT": 2}, "sent": {"SENT": 3}}.get(when, {"SENT": 2, "CANCELLED": 1})
    assert (await campaigns.get_campaign(pool, owner.workspace_id, campaign)).status == "FINISHED"
    assert await put_nothing(pool, owner, campaign) == []


async def test_one_that_is_removed_while_many_emails_of_it_wait_goes_at_once_and_the_next_is_owed_in_batches(
    pool: Pool, owner: Owner, mine: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_changes, "BATCH", 2)
    campaign = await scheduled(pool, owner, 9)
    await tell(mine, await mine.claim())
    await days_pass(pool, 3)
    await follow_ups.follow_up(pool)
    _, last = await steps_of(pool, owner, campaign)

    async def dies(*_: Any, **__: Any) -> None:
        raise RuntimeError("the process has ended")

    with monkeypatch.context() as patch:
        patch.setattr(step_changes, "carry_on_soon", dies)
        with pytest.raises(RuntimeError):
            await put(pool, owner, campaign, [last])
    assert await check_conservation(pool, campaign) == {"SENT": 9, "CANCELLED": 9}
    read = await campaigns.get_campaign(pool, owner.workspace_id, campaign)
    assert (read.status, read.following) == ("ACTIVE", 2)
    await step_changes.carry_on(pool)
    assert (await campaigns.get_campaign(pool, owner.workspace_id, campaign)).following == 9
    assert {one.step_id for one in await follow(pool, mine, 4)} == {last.id}


async def test_a_change_waits_for_no_other_campaign_and_stands_where_what_follows_fails(
    pool: Pool, owner: Owner, mine: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep does what is left."""
    other, campaign = [await scheduled(pool, owner, 3) for _ in range(2)]
    await tell(mine, await mine.claim())
    await execute(pool, "UPDATE campaigns SET owes_anew_from = first_email_id WHERE id = %s", other)
    _, last = await steps_of(pool, owner, campaign)
    async with transaction(pool) as conn:
        await streams.lock_of_campaign(conn, owner.workspace_id, other)
        await asyncio.wait_for(put(pool, owner, campaign, [last]), 20)
    assert await value(pool, "SELECT owes_anew_from IS NULL FROM campaigns WHERE id = %s", campaign)

    async def fails(*_: Any) -> bool:
        raise DeadlockDetected

    with monkeypatch.context() as patch:
        patch.setattr(step_changes, "_owe_anew", fails)
        await put(pool, owner, campaign, [last, WantedStep(step=THIRD)])
    assert await value(pool, "SELECT count(*) FROM campaigns WHERE owes_anew_from IS NOT NULL") == 2
    await step_changes.carry_on(pool)
    assert await value(pool, "SELECT count(*) FROM campaigns WHERE owes_anew_from IS NOT NULL") == 0


@pytest.mark.parametrize("ends", ["before", "after"])
async def test_what_failed_or_is_in_doubt_of_a_removed_step_is_not_sent_again_and_the_next_follows(
    pool: Pool, owner: Owner, mine: Lane, ends: str
) -> None:
    campaign = await scheduled(pool, owner, 2)
    await tell(mine, await mine.claim())
    failed, doubtful = await follow(pool, mine, 3)
    _, last = await steps_of(pool, owner, campaign)
    if ends == "after":
        await put(pool, owner, campaign, [last])
    await tell(mine, [failed], "REJECTED")
    await tell(mine, [doubtful], "UNKNOWN")
    if ends == "before":
        await put(pool, owner, campaign, [last], reopen=True)
    await step_changes.carry_on(pool)
    assert await value(pool, "SELECT count(*) FROM campaigns WHERE owes_anew_from IS NOT NULL") == 0
    workspace_id, chosen = owner.workspace_id, Chosen(campaign_id=campaign)
    with pytest.raises(Conflict, match="step was removed"):
        await decisions.retry(pool, workspace_id, failed.id)
    with pytest.raises(Conflict, match="step was removed"):
        await mending.mend(pool, workspace_id, Correction(failed.id, "new@example.com"), LOCAL)
    with pytest.raises(Conflict, match="step was removed"):
        await decisions.resolve(pool, workspace_id, doubtful.id, "resend")
    assert (await decisions.retry_many(pool, workspace_id, chosen)).changed == 0
    assert (await decisions.resolve_many(pool, workspace_id, chosen, "resend")).changed == 0
    async with transaction(pool) as conn:  # as where it lies in no Sent
        stream_ids = await decisions.lock_to_send_again(conn, workspace_id, doubtful.id)
        assert not await decisions.never_left(conn, workspace_id, doubtful.id, stream_ids, "not in Sent")
    assert await check_conservation(pool, campaign) == {"SENT": 2, "FAILED": 1, "UNKNOWN": 1}
    (third,) = await follow(pool, mine, 4)
    assert (third.step_id, third.recipient) == (last.id, failed.recipient)
    await decisions.resolve(pool, workspace_id, doubtful.id, "sent")
    (other,) = await follow(pool, mine, 4)
    assert (other.step_id, other.recipient) == (last.id, doubtful.recipient)


async def test_what_went_to_a_corrected_address_is_not_followed_at_the_wrong_one_once_its_step_is_removed(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    campaign = await scheduled(pool, owner, 1)
    await tell(mine, await mine.claim())
    (failed,) = await follow(pool, mine, 3)
    await tell(mine, [failed], "REJECTED")
    await mending.mend(pool, owner.workspace_id, Correction(failed.id, "new@example.com"), LOCAL)
    (mended,) = await mine.claim()
    await tell(mine, [mended])
    _, last = await steps_of(pool, owner, campaign)
    await put(pool, owner, campaign, [last])
    (third,) = await follow(pool, mine, 4)
    assert (third.step_id, third.recipient) == (last.id, "new@example.com")


async def test_an_answer_that_turns_out_to_be_none_brings_no_removed_step_back(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    campaign = await scheduled(pool, owner, 1)
    (first,) = await mine.claim()
    await tell(mine, [first])
    await days_pass(pool, 3)
    await follow_ups.follow_up(pool)
    await answered(pool, mine, first, "REPLY")
    _, last = await steps_of(pool, owner, campaign)
    await put(pool, owner, campaign, [last], reopen=True)
    response = await value(pool, "SELECT id FROM responses")
    changes = ResponseChanges(kind="AUTO_REPLY", forgotten=False)
    await responses.change(pool, owner.workspace_id, response, changes, LOCAL)
    assert await check_conservation(pool, campaign) == {"SENT": 1, "CANCELLED": 1}
    (third,) = await follow(pool, mine, 4)
    assert third.step_id == last.id
    await tell(mine, [third])
    assert await check_conservation(pool, campaign) == {"SENT": 2, "CANCELLED": 1}


async def put_nothing(pool: Pool, owner: Owner, campaign: int) -> list[WantedStep]:
    return await put(pool, owner, campaign, [], reopen=True)


async def test_what_was_sent_keeps_its_text_and_what_follows_has_the_new_one(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    campaign = await scheduled(pool, owner, 2)
    await tell(mine, await mine.claim())
    await execute(
        pool, "UPDATE emails SET follow_at = follow_at + interval '9 d' WHERE id = (SELECT min(id) FROM emails)"
    )
    (second,) = await follow(pool, mine, 3)
    await tell(mine, [second])
    first, last = await steps_of(pool, owner, campaign)
    new = WantedStep(id=first.id, step=Step(wait=5 * DAY, subject="Anew", body="And now?"))
    await change(pool, owner.workspace_id, campaign, Changes(steps=[new, last]))
    waits = await value(pool, "SELECT max(follow_at - sent_at) FROM emails WHERE follows_id IS NULL")
    assert waits == 5 * DAY
    (other,) = [one for one in await follow(pool, mine, 2) if one.step_id == first.id]
    assert other.content_version == 2
    said = [await texts.get_message(pool, owner.workspace_id, one.id, "http://x") for one in (second, other)]
    assert [(one.subject, one.text.strip()) for one in said] == [("Re: Hello", "Did you see it?"), ("Anew", "And now?")]
    assert said[0].as_sent


async def test_what_is_wrong_is_named(pool: Pool, owner: Owner, mine: Lane) -> None:
    campaign = await scheduled(pool, owner, 1)
    one, _ = await steps_of(pool, owner, campaign)
    for wanted, field in (
        ([WantedStep(id=10**9, step=THIRD)], r"steps\[0\].id"),
        ([one, one], r"steps\[1\].id"),
        ([WantedStep(step=Step(wait=DAY, body="{{ nom }}"))], r"steps\[0\].body"),
    ):
        with pytest.raises(InvalidInput, match=field):
            await change(pool, owner.workspace_id, campaign, Changes(steps=wanted))
    alone = await scheduled(pool, owner, 1, steps=())
    with pytest.raises(Conflict, match="one step"):
        await change(pool, owner.workspace_id, alone, Changes(steps=[WantedStep(step=THIRD)]))


def test_the_place_of_a_removed_step_is_that_of_the_one_before_it() -> None:
    rows = [{"id": one, "removed": False} for one in (1, 2, 3, 4)]
    assert places(rows, [1, 4, 2]) == {"ids": [1, 4, 2, 3], "positions": [1, 2, 3, 3], "removed": [False] * 3 + [True]}
    assert places(rows, [1])["positions"] == [1, 1, 1, 1]


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_the_order_nobody_gets_a_step_twice_and_nothing_is_lost(
    pool: Pool, owner: Owner, mine: Lane, seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311 -- chooses cases
    campaign = await scheduled(pool, owner, 6)
    sent, stopped = set[tuple[str, int | None]](), set[str]()
    for _ in range(12):
        claims = await follow(pool, mine, rng.choice([0, 1, 3]))
        got = {(one.recipient, one.step_id) for one in claims}
        assert len(got) == len(claims)
        assert not got & sent
        assert not {one.recipient for one in claims} & stopped
        sent |= got
        if claims and rng.random() < 0.2:
            await answered(pool, mine, claims[0], "REPLY")
            stopped.add(claims[0].recipient)
        await tell(mine, claims)
        wanted = await steps_of(pool, owner, campaign)
        rng.shuffle(wanted)
        if len(wanted) > 1 and rng.random() < 0.4:
            wanted.pop()
        if len(wanted) < 4 and rng.random() < 0.5:
            wanted.append(WantedStep(step=THIRD))
        await put(pool, owner, campaign, wanted, reopen=True)
    for _ in range(8):
        await tell(mine, await follow(pool, mine, 5))
    assert set(await check_conservation(pool, campaign)) <= {"SENT", "CANCELLED"}
    read = await campaigns.get_campaign(pool, owner.workspace_id, campaign)
    assert (read.status, read.following) == ("FINISHED", 0)
