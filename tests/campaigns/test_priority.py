"""The order of a sender's campaigns: that of scheduling, or as a person says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from app.db import Pool
from app.domain.campaigns import campaigns, priority
from app.domain.planning import changes
from app.domain.senders.draft import SenderChanges
from app.domain.senders.senders import change_sender
from app.errors import Conflict, NotFound
from app.secrets import SecretBox
from tests.support.api import Headers, problem, schedule, wrong_fields
from tests.support.engine import Owner, addresses, clear_of_the_hour, rows, schedule_campaign, value

HOUR = timedelta(hours=1)


@pytest.fixture
async def three(pool: Pool, owner: Owner, box: SecretBox) -> list[int]:
    """Campaigns of twenty emails each on a sender that may send ten an hour."""
    await clear_of_the_hour()
    await change_sender(pool, box, owner.workspace_id, owner.sender_id, SenderChanges(hourly_limit=10))
    return [(await schedule_campaign(pool, owner, addresses(20, name))).campaign.id for name in ("a", "b", "c")]


async def _order(pool: Pool) -> list[int]:
    """Of the campaigns, by when they begin; no hour has more than it may."""
    hours = await rows(pool, "SELECT hour_of(scheduled_at), count(*) AS n FROM emails GROUP BY 1")
    assert max(hour["n"] for hour in hours) <= 10
    found = await rows(pool, "SELECT campaign_id FROM emails GROUP BY 1 ORDER BY min(scheduled_at), max(scheduled_at)")
    return [row["campaign_id"] for row in found]


async def test_a_campaign_that_is_put_first_is_planned_before_the_others(
    pool: Pool, owner: Owner, three: list[int]
) -> None:
    a, b, c = three
    assert await _order(pool) == [a, b, c]
    shown = await priority.put_first(pool, owner.workspace_id, c)
    assert shown.ahead_at is not None
    assert await _order(pool) == [c, a, b]
    await priority.put_first(pool, owner.workspace_id, b)
    assert await _order(pool) == [b, c, a]
    shown = await priority.put_first_no_longer(pool, owner.workspace_id, b)
    assert shown.ahead_at is None
    assert await _order(pool) == [c, a, b]


async def test_the_order_stays_when_plans_change_for_another_reason(
    pool: Pool, owner: Owner, three: list[int], box: SecretBox
) -> None:
    a, b, c = three
    await priority.put_first(pool, owner.workspace_id, c)
    await change_sender(pool, box, owner.workspace_id, owner.sender_id, SenderChanges(hourly_limit=5))
    await change_sender(pool, box, owner.workspace_id, owner.sender_id, SenderChanges(hourly_limit=9))
    assert await _order(pool) == [c, a, b]
    await campaigns.pause(pool, owner.workspace_id, a)
    assert await changes.carry_out(pool, owner.workspace_id, owner.sender_id)
    begins = await value(pool, "SELECT min(scheduled_at) FROM emails WHERE campaign_id = %s", b)
    assert begins < datetime.now(UTC) + 3 * HOUR  # into the room that became free


async def test_what_has_ended_has_no_order(pool: Pool, owner: Owner, three: list[int]) -> None:
    await campaigns.cancel(pool, owner.workspace_id, three[0])
    for put in (priority.put_first, priority.put_first_no_longer):
        with pytest.raises(Conflict, match="CANCELLED"):
            await put(pool, owner.workspace_id, three[0])
        with pytest.raises(NotFound):
            await put(pool, owner.workspace_id, 12345)


async def test_a_person_puts_a_campaign_first(api: httpx.AsyncClient, stranger: Headers) -> None:
    campaign = (await schedule(api, startTime="2030-01-31T08:00:00Z"))["campaign"]["id"]
    url = f"/api/campaigns/{campaign}/first"
    problem(await api.post(url, headers=stranger), 404)
    assert (await api.post(url)).json()["aheadAt"] is not None
    assert (await api.delete(url)).json()["aheadAt"] is None


async def test_a_share_leaves_the_rest_of_the_hour_to_others(api: httpx.AsyncClient, pool: Pool) -> None:
    """The user's sender may send 100 an hour."""
    people = addresses(100, "large")
    start = "2030-01-31T08:00:00Z"
    large = (await schedule(api, people, startTime=start, sharePercent=40))["campaign"]
    assert (large["sharePercent"], large["lastAt"]) == (40, "2030-01-31T10:00:00Z")
    other = (await schedule(api, addresses(60, "other"), startTime=start))["campaign"]
    assert other["lastAt"] == start
    url = f"/api/campaigns/{large['id']}"
    assert (await api.patch(url, json={"sharePercent": 20})).json()["lastAt"] == "2030-01-31T12:00:00Z"
    await api.post(f"/api/campaigns/{other['id']}/cancel")
    assert (await api.patch(url, json={"sharePercent": None})).json()["lastAt"] == start
    for wrong in (0, 101):
        assert list(wrong_fields(await api.patch(url, json={"sharePercent": wrong}))) == ["sharePercent"]
