"""GET /api/stats/planned: what goes when, over all campaigns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx

from tests.support.api import schedule, wrong_fields

HOUR = timedelta(hours=1)


def _next_hours(n: int) -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + n * HOUR


async def test_hours_and_campaigns_add_up(api: httpx.AsyncClient) -> None:
    tomorrow, later = _next_hours(24), _next_hours(24 * 20)
    addresses = [f"r{n}@example.com" for n in range(3)]
    first = await schedule(api, addresses, startTime=tomorrow.isoformat(), delayBetweenMs=1_800_000)
    await schedule(api, addresses[:2], startTime=(tomorrow + HOUR).isoformat())
    await schedule(api, addresses, startTime=later.isoformat())
    planned = (await api.get("/api/stats/planned")).json()
    assert [hour["count"] for hour in planned["hours"]] == [2, 3]
    assert datetime.fromisoformat(planned["hours"][0]["start"]) == tomorrow
    assert [campaign["count"] for campaign in planned["campaigns"]] == [3, 2]
    assert planned["campaigns"][0]["campaignId"] == first["campaign"]["id"]
    assert planned["others"] == 0
    month = (await api.get("/api/stats/planned", params={"hours": 24 * 31})).json()
    assert sum(hour["count"] for hour in month["hours"]) == 8


async def test_what_is_paused_or_of_others_is_not_planned(api: httpx.AsyncClient, stranger: dict[str, str]) -> None:
    made = await schedule(api, ["ada@example.com"], startTime=_next_hours(2).isoformat())
    campaign_id = made["campaign"]["id"]
    nothing = {"hours": [], "campaigns": [], "others": 0}
    assert (await api.get("/api/stats/planned", headers=stranger)).json() == nothing
    assert (await api.get("/api/stats/planned", params={"campaignId": campaign_id + 1})).json() == nothing
    assert len((await api.get("/api/stats/planned", params={"campaignId": campaign_id})).json()["hours"]) == 1
    await api.post(f"/api/campaigns/{campaign_id}/pause")
    assert (await api.get("/api/stats/planned")).json() == nothing


async def test_a_wrong_parameter_is_named(api: httpx.AsyncClient) -> None:
    for name, value in [("hours", "0"), ("hours", "1000"), ("senderId", "x")]:
        assert list(wrong_fields(await api.get("/api/stats/planned", params={name: value}))) == [name]
