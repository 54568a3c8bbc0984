from __future__ import annotations

from datetime import timedelta

import pytest

from app.db import Pool
from app.domain.campaigns import change
from app.domain.campaigns.change import Changes
from app.domain.campaigns.step_changes import WantedStep
from app.domain.campaigns.steps import Step
from app.domain.planning import forecast
from app.errors import InvalidInput, NotFound
from tests.ledger.test_follow_ups import DAY, TWO, answered, follow, mine, scheduled, tell
from tests.ledger.test_holds import Lane
from tests.support.engine import Owner, create_owner, execute, schedule_campaign, value

__all__ = ["mine"]
PLANNED = "SELECT ats[1] FROM campaign_forecasts"


async def _send(pool: Pool, *, late_s: int = 0, each_later_s: int = 0) -> None:
    """All emails go so long after their time, each in the list by so much later than the one before."""
    await execute(
        pool,
        "UPDATE emails SET status = 'SENT', attempts = 1, sent_at = scheduled_at"
        " + make_interval(secs => %s + (id - (SELECT min(id) FROM emails)) * %s)",
        late_s,
        each_later_s,
    )
    await execute(pool, "UPDATE streams SET sent = total, scheduled = 0, next_due_at = NULL")


async def test_the_first_plan_is_held_against_what_was_sent(pool: Pool) -> None:
    owner = await create_owner(pool)
    done = await schedule_campaign(pool, owner, 5, delay_between_ms=600_000)
    before = await forecast.of_campaign(pool, owner.workspace_id, done.campaign.id)
    assert (before.median_late_ms, before.worst_late_ms) == (None, None)
    assert sum(point.planned for point in before.points) == 5
    assert sum(point.sent for point in before.points) == 0

    await _send(pool, each_later_s=60)
    after = await forecast.of_campaign(pool, owner.workspace_id, done.campaign.id)
    assert (after.by, after.median_late_ms, after.worst_late_ms) == ("hour", 120_000, 240_000)
    assert sum(point.planned for point in after.points) == sum(point.sent for point in after.points) == 5


async def test_a_plan_that_changes_leaves_the_first_one_as_it_was(pool: Pool) -> None:
    owner = await create_owner(pool)
    done = await schedule_campaign(pool, owner, 3)
    first = await value(pool, PLANNED)
    await execute(pool, "UPDATE emails SET scheduled_at = scheduled_at + interval '2 days'")
    await _send(pool)
    told = await forecast.of_campaign(pool, owner.workspace_id, done.campaign.id)
    assert await value(pool, PLANNED) == first
    assert told.median_late_ms == told.worst_late_ms == 2 * 24 * 3_600_000
    assert told.points[0].planned == told.points[-1].sent == 3


async def test_what_takes_longer_than_a_week_is_told_by_the_day(pool: Pool) -> None:
    owner = await create_owner(pool)
    done = await schedule_campaign(pool, owner, 10, delay_between_ms=24 * 3_600_000)
    told = await forecast.of_campaign(pool, owner.workspace_id, done.campaign.id)
    assert told.by == "day"
    assert [point.planned for point in told.points] == [1] * 10
    assert all(point.start.hour == 0 for point in told.points)


async def test_what_came_of_a_plan_outlives_the_emails(pool: Pool) -> None:
    owner = await create_owner(pool)
    done = await schedule_campaign(pool, owner, 3)
    await _send(pool, late_s=7)
    assert await value(pool, "SELECT status FROM campaigns") == "FINISHED"
    await forecast.measure_what_is_over(pool)
    alive = await forecast.of_campaign(pool, owner.workspace_id, done.campaign.id)
    await execute(pool, "DELETE FROM emails")
    await execute(pool, "UPDATE campaigns SET emails_removed_at = now(), first_email_id = last_email_id + 1")
    assert await forecast.of_campaign(pool, owner.workspace_id, done.campaign.id) == alive
    assert alive.median_late_ms == 7_000

    over_all = await forecast.of_all(pool, owner.workspace_id, 30)
    assert (over_all.campaigns, over_all.median_late_ms, over_all.worst_late_ms) == (1, 7_000, 7_000)
    assert sum(point.planned for point in over_all.points) == 3


async def test_a_plan_of_very_many_runs_is_kept_by_the_hour(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "MOST_RUNS", 3)
    owner = await create_owner(pool, hourly_limit=2)
    done = await schedule_campaign(pool, owner, 9)
    assert await value(pool, "SELECT counts FROM campaign_forecasts") == [2, 2, 2, 2, 1]
    told = await forecast.of_campaign(pool, owner.workspace_id, done.campaign.id)
    assert [point.planned for point in told.points] == [2, 2, 2, 2, 1]
    assert told.points[1].start - told.points[0].start == timedelta(hours=1)


async def test_another_workspaces_campaign_has_no_forecast(pool: Pool) -> None:
    owner, other = await create_owner(pool), await create_owner(pool, "other@example.com")
    done = await schedule_campaign(pool, owner, 1)
    with pytest.raises(NotFound):
        await forecast.of_campaign(pool, other.workspace_id, done.campaign.id)
    with pytest.raises(InvalidInput):
        await forecast.of_all(pool, owner.workspace_id, 0)


def _of(told: forecast.Forecast) -> list[tuple[int | None, int, int, int]]:
    return [(one.step, one.planned, one.sent, one.stopped) for one in told.steps]


async def test_each_step_is_planned_if_nobody_answers_beside_what_was_sent_and_who_gets_it_no_more(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    campaign = await scheduled(pool, owner, 6)
    assert _of(await forecast.of_campaign(pool, owner.workspace_id, campaign)) == [(n, 6, 0, 0) for n in (1, 2, 3)]
    first = await mine.claim()
    await tell(mine, first[:5])
    await tell(mine, first[5:], "REJECTED")
    await answered(pool, mine, first[0], "REPLY")
    told = await forecast.of_campaign(pool, owner.workspace_id, campaign)
    assert _of(told) == [(1, 6, 5, 1), (2, 6, 0, 2), (3, 6, 0, 2)], "one failed, one answered"
    second = await follow(pool, mine, 3)
    assert len(second) == 4
    await tell(mine, second[:3])
    third_planned = await value(pool, "SELECT max(at) FROM campaign_forecasts, unnest(later_ats) AS at")
    await execute(
        pool,
        "UPDATE emails e SET sent_at = (SELECT min(at) FROM campaign_forecasts, unnest(later_ats) AS at)"
        " + interval '90 s' WHERE follows_id IS NOT NULL AND status = 'SENT'",
    )
    told = await forecast.of_campaign(pool, owner.workspace_id, campaign)
    assert _of(told) == [(1, 6, 5, 1), (2, 6, 3, 2), (3, 6, 0, 2)]
    assert [(one.median_late_ms, one.worst_late_ms) for one in told.steps[1:]] == [(90_000, 90_000), (None, None)]
    assert sum(point.planned for point in told.points) == 6, "which are of the first step"
    assert [point.start <= third_planned for point in told.steps[2].points] == [True]
    over_all = await forecast.of_all(pool, owner.workspace_id, 30)
    assert (over_all.planned_later, over_all.later_median_late_ms) == (0, None), "it is days away, and not over"


async def test_steps_that_came_later_or_were_removed_are_told_as_that(pool: Pool, owner: Owner, mine: Lane) -> None:
    campaign = await scheduled(pool, owner, 3)
    await tell(mine, await mine.claim())
    await tell(mine, await follow(pool, mine, 3))
    last = await value(pool, "SELECT id FROM campaign_steps WHERE position = 3")
    wanted = [WantedStep(id=last, step=TWO[1]), WantedStep(step=Step(wait=DAY, body="New"))]
    await change.change(pool, owner.workspace_id, campaign, Changes(steps=wanted))
    told = await forecast.of_campaign(pool, owner.workspace_id, campaign)
    assert _of(told) == [(1, 3, 3, 0), (2, 3, 0, 0), (3, 0, 0, 0), (None, 3, 3, 0)]
    await execute(pool, "UPDATE emails SET follow_at = NULL, stopped = 'STOPPED' WHERE follow_at IS NOT NULL")
    assert _of(await forecast.of_campaign(pool, owner.workspace_id, campaign))[1:3] == [(2, 3, 0, 3), (3, 0, 0, 3)]


async def test_what_came_of_each_step_outlives_the_emails(pool: Pool, owner: Owner, mine: Lane) -> None:
    campaign = await scheduled(pool, owner, 3, steps=TWO[:1])
    await tell(mine, await mine.claim())
    second = await follow(pool, mine, 3)
    await answered(pool, mine, second[0], "REPLY")
    await tell(mine, second)
    assert await value(pool, "SELECT status FROM campaigns") == "FINISHED"
    await forecast.measure_what_is_over(pool)
    alive = await forecast.of_campaign(pool, owner.workspace_id, campaign)
    assert alive.steps[1].sent == 3
    assert alive.steps[1].median_late_ms is not None
    await execute(pool, "DELETE FROM responses")
    await execute(pool, "DELETE FROM emails WHERE follows_id IS NOT NULL")
    await execute(pool, "DELETE FROM emails")
    await execute(pool, "UPDATE campaigns SET emails_removed_at = now(), first_email_id = last_email_id + 1")
    assert await forecast.of_campaign(pool, owner.workspace_id, campaign) == alive
    over_all = await forecast.of_all(pool, owner.workspace_id, 30)
    assert over_all.later_median_late_ms == alive.steps[1].median_late_ms
    await execute(pool, "UPDATE campaign_forecasts SET later_ats = ARRAY[now() - interval '1 day']")
    assert (await forecast.of_all(pool, owner.workspace_id, 30)).planned_later == 3
