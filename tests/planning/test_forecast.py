from __future__ import annotations

from datetime import timedelta

import pytest

from app.db import Pool
from app.domain.planning import forecast
from app.errors import InvalidInput, NotFound
from tests.support.engine import create_owner, execute, schedule_campaign, value

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
