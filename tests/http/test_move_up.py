"""New recipients that move up into room that answers freed, over HTTP."""

from __future__ import annotations

import httpx

from tests.support.api import problem, schedule


async def test_a_campaign_with_steps_moves_up_when_asked_and_says_what_that_changed(api: httpx.AsyncClient) -> None:
    steps = {"steps": [{"wait": "P3D", "body": "Well?"}], "followUpWithoutReading": True}
    campaign = (await schedule(api, ["a@example.com", "b@example.com"], **steps))["campaign"]["id"]
    before = (await api.get(f"/api/campaigns/{campaign}/move-up")).json()
    assert (before["at"], before["by"], before["planning"]) == (None, None, False)
    after = await api.post(f"/api/campaigns/{campaign}/move-up")
    assert after.status_code == 200
    assert (after.json()["by"], after.json()["lastBefore"]) == ("PERSON", before["lastNow"])
    one = (await schedule(api))["campaign"]["id"]
    problem(await api.post(f"/api/campaigns/{one}/move-up"), 409)
    problem(await api.get("/api/campaigns/99/move-up"), 404)
