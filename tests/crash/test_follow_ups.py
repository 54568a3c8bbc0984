"""Workers that are killed while steps fall due and recipients answer: nobody gets a step twice, who was stopped gets no
more, and nothing owed is forgotten.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import pytest

from app.db import Pool
from app.domain.accounts.actor import LOCAL
from app.domain.campaigns.steps import Step
from app.domain.suppressions.stop import stop
from app.errors import Conflict
from tests.support.engine import (
    Fleet,
    campaign_status,
    check_conservation,
    create_owner,
    rows,
    schedule_campaign,
    settings_for,
    value,
    wait_for,
)
from tests.support.sinkproc import Sink

LANES = 8
STEPS = tuple(Step(wait=timedelta(seconds=1), body=f"Step {number}") for number in (2, 3))


@pytest.mark.parametrize(("emails", "kills"), [(60, 3), pytest.param(600, 25, marks=pytest.mark.long)])
async def test_workers_killed_while_steps_fall_due_send_no_step_twice(
    pool: Pool, fleet: Fleet, sink: Sink, emails: int, kills: int
) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)  # noqa: S311
    sink.script({"dot": {"slow": 0.02}})
    owner = await create_owner(pool)
    made = await schedule_campaign(
        pool, owner, emails, steps=STEPS, follow_up_without_reading=True, on_unknown="assume_sent"
    )
    campaign = made.campaign.id
    workers = fleet.start(settings_for(sink, lanes=LANES), 2)
    stopped: dict[str, int] = {}
    for moment in sorted(chance.sample(range(1, 2 * emails), kills)):
        await wait_for(lambda moment=moment: _sent(pool, campaign, moment), f"{moment} to be sent", 60)
        victim = workers.pop(chance.randrange(len(workers)))
        victim.kill()
        await _stop_somebody(pool, owner.workspace_id, chance, stopped)
        workers += fleet.start(settings_for(sink, lanes=LANES))
    await wait_for(lambda: _is_finished(pool, campaign), "the campaign to be finished", 90)

    counts = await check_conservation(pool, campaign)
    assert set(counts) <= {"SENT", "CANCELLED"}
    steps_of = Counter(one["recipient"] for one in await rows(pool, "SELECT recipient FROM emails"))
    assert {recipient for recipient in steps_of if recipient not in stopped} == {
        recipient for recipient, steps in steps_of.items() if steps == 3 and recipient not in stopped
    }, "each step was owed once, and made once"
    for recipient, last in stopped.items():
        later = await value(
            pool,
            "SELECT count(*) FROM emails WHERE recipient = %s AND id > %s AND status <> 'CANCELLED'",
            recipient,
            last,
        )
        assert later == 0
    taken = Counter(entry.message_id for entry in sink.accepted())
    assert {one for one, times in taken.items() if times > 1} == set()
    assert not fleet.complaints()


async def _stop_somebody(pool: Pool, workspace_id: int, chance: random.Random, stopped: dict[str, int]) -> None:
    found = await rows(pool, "SELECT id, recipient FROM emails WHERE status = 'SENT' AND follow_at IS NOT NULL")
    if found:
        email = chance.choice(found)
        try:
            await stop(pool, workspace_id, email["id"], LOCAL)
        except Conflict:
            return
        stopped[email["recipient"]] = await value(
            pool,
            "SELECT max(id) FROM emails WHERE recipient = %s AND status IN ('SENT', 'SENDING')",
            email["recipient"],
        )


async def _sent(pool: Pool, campaign_id: int, at_least: int) -> bool:
    return (await check_conservation(pool, campaign_id))["SENT"] >= at_least


async def _is_finished(pool: Pool, campaign_id: int) -> bool:
    await check_conservation(pool, campaign_id)
    return await campaign_status(pool, campaign_id) == "FINISHED"
