"""Campaigns as things to keep: found, sorted, archived and brought back, deleted once they are over."""

from __future__ import annotations

import httpx
import pytest

from app.db import Pool
from app.domain.accounts.actor import LOCAL
from app.domain.campaigns import keeping, step_changes
from app.domain.campaigns.campaigns import cancel
from app.domain.campaigns.steps import Step
from app.domain.ledger import decisions
from app.errors import Conflict, NotFound
from tests.ledger.test_failures import STEPS, failing
from tests.support.api import problem, schedule, wrong_fields
from tests.support.engine import Owner, execute, row, schedule_campaign, value


async def names(api: httpx.AsyncClient, **params: object) -> list[str]:
    """All that fit, two a page."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await api.get("/api/campaigns", params={"limit": 2} | params | cursor)
        found += [campaign["name"] for campaign in answer.json()["items"]]
        if answer.json()["nextCursor"] is None:
            return found
        cursor = {"cursor": answer.json()["nextCursor"]}


async def test_campaigns_are_found_sorted_and_archived(api: httpx.AsyncClient) -> None:
    other = (await api.post("/api/senders", json={"email": "other@example.com"})).json()["id"]
    later = {"startTime": "2090-01-01T00:00:00Z"}
    made = [
        (await schedule(api, name=name, **({"senderId": other} if name == "beta" else {}), **later))["campaign"]["id"]
        for name in ("Gamma", "beta", "Alpha_1", "alpha2", "Alpha3")
    ]
    assert await names(api) == ["Alpha3", "alpha2", "Alpha_1", "beta", "Gamma"]
    assert await names(api, order="oldest") == ["Gamma", "beta", "Alpha_1", "alpha2", "Alpha3"]
    assert await names(api, order="name") == ["alpha2", "Alpha3", "Alpha_1", "beta", "Gamma"]
    assert await names(api, q="ALPHA") == ["Alpha3", "alpha2", "Alpha_1"]
    assert await names(api, q="a_1") == ["Alpha_1"]
    assert await names(api, senderId=other) == ["beta"]
    assert await names(api, status="FINISHED") == []
    assert wrong_fields(await api.get("/api/campaigns", params={"q": "\0"})).keys() == {"q"}

    gamma = f"/api/campaigns/{made[0]}"
    assert "cancel it first" in problem(await api.post(f"{gamma}/archive"), 409)["detail"]
    assert "cancel it first" in problem(await api.delete(gamma), 409)["detail"]
    await api.post(f"{gamma}/cancel")
    assert (await api.post(f"{gamma}/archive")).json()["archivedAt"] is not None
    assert (await api.post(f"{gamma}/archive")).json()["archivedAt"] is not None
    assert await names(api, order="name") == ["alpha2", "Alpha3", "Alpha_1", "beta"]
    assert await names(api, archived=True) == ["Gamma"]
    assert (await api.delete(f"{gamma}/archive")).json()["archivedAt"] is None
    assert await names(api, archived=True) == []

    assert (await api.delete(gamma)).status_code == 204
    for answer in (await api.get(gamma), await api.delete(gamma), await api.post(f"{gamma}/archive")):
        problem(answer, 404)
    assert await names(api, order="oldest") == ["beta", "Alpha_1", "alpha2", "Alpha3"]
    assert (await api.get(f"/api/emails?campaignId={made[0]}")).json()["items"] == []
    done = [entry["action"] for entry in (await api.get("/api/audit")).json()["items"]]
    assert done[:3] == ["campaign.deleted", "campaign.unarchived", "campaign.archived"]


async def test_a_deleted_campaign_leaves_its_counts_and_nothing_of_what_it_said(
    pool: Pool, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its emails go batch by batch: a worker that dies in between leaves the rest to the next."""
    monkeypatch.setattr(keeping, "BATCH", 2)
    campaign = await failing(pool, owner, count=5, steps=STEPS, follow_up_without_reading=True)
    await keeping.delete(pool, owner.workspace_id, campaign, LOCAL)
    assert await value(pool, "SELECT count(*) FROM emails") == 3
    assert await value(pool, "SELECT sum(failed - settled) FROM streams") == 0
    while await keeping.remove_deleted(pool):
        pass
    left = await row(
        pool,
        "SELECT (SELECT count(*) FROM emails) + (SELECT count(*) FROM attempts)"
        " + (SELECT count(*) FROM addressed) AS n,"
        " (SELECT sum(failed) FROM streams) AS failed, subject || body AS said FROM campaigns",
    )
    assert left == {"n": 0, "failed": 5, "said": ""}
    assert await value(pool, "SELECT string_agg(body, '') FROM campaign_steps") == ""
    with pytest.raises(NotFound):
        await cancel(pool, owner.workspace_id, campaign)


async def test_nothing_is_deleted_of_which_something_still_moves(pool: Pool, owner: Owner) -> None:
    steps = [Step(wait=STEPS[0].wait, body="Once more.")]
    campaign = (await schedule_campaign(pool, owner, 2, steps=steps, follow_up_without_reading=True)).campaign.id
    await execute(pool, "UPDATE campaigns SET status = 'CANCELLED'")
    with pytest.raises(Conflict, match="in a minute"):
        await keeping.delete(pool, owner.workspace_id, campaign, LOCAL)
    await cancel(pool, owner.workspace_id, campaign)
    await keeping.delete(pool, owner.workspace_id, campaign, LOCAL)
    assert await value(pool, "SELECT count(*) FROM emails") == 0


@pytest.mark.parametrize("owes_anew", [False, True])
async def test_what_turns_out_to_be_sent_of_a_deleted_campaign_has_nothing_that_follows(
    pool: Pool, owner: Owner, monkeypatch: pytest.MonkeyPatch, owes_anew: bool
) -> None:
    monkeypatch.setattr(keeping, "BATCH", 1)
    campaign = await failing(pool, owner, count=3, steps=STEPS, follow_up_without_reading=True)
    in_doubt = await value(pool, "SELECT max(id) FROM emails")
    await execute(
        pool, "UPDATE emails SET status = 'UNKNOWN', settled = NULL, failed_for = NULL WHERE id = %s", in_doubt
    )
    await execute(
        pool,
        "UPDATE streams SET failed = failed - 1, unknown = unknown + 1,"
        " settled = (SELECT count(*) FROM emails WHERE settled IS NOT NULL)",
    )
    if owes_anew:
        await execute(pool, "UPDATE campaigns SET owes_anew_from = first_email_id")
    await keeping.delete(pool, owner.workspace_id, campaign, LOCAL)
    assert await value(pool, "SELECT count(*) FROM emails") == 2
    decided = await decisions.resolve(pool, owner.workspace_id, in_doubt, "sent")
    assert decided.status == "SENT"
    await step_changes.carry_on(pool)
    left = await row(pool, "SELECT c.status, s.following FROM campaigns c JOIN streams s ON s.campaign_id = c.id")
    assert left == {"status": "FINISHED", "following": 0}
