"""Campaigns as things to keep: found, sorted, archived and brought back, deleted once they are over."""

from __future__ import annotations

import httpx
import pytest

from app.db import Pool
from app.domain.accounts.actor import LOCAL
from app.domain.accounts.users import User
from app.domain.campaigns import keeping
from app.domain.campaigns.campaigns import cancel
from app.domain.campaigns.steps import Step
from app.errors import Conflict, NotFound
from tests.ledger.test_failures import STEPS, decide, fail, failing, worker
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
    """Its emails go batch by batch: whoever dies in between leaves the rest to the next."""
    monkeypatch.setattr(keeping, "BATCH", 2)
    campaign = await failing(pool, owner, count=5, steps=STEPS, follow_up_without_reading=True)
    await keeping.delete(pool, owner.workspace_id, campaign, LOCAL)
    assert await value(pool, "SELECT count(*) FROM emails") == 3
    assert await value(pool, "SELECT sum(failed - settled) FROM streams") == 0
    await worker(pool)  # what is being removed is asked about by nobody, and whoever decides on it does no harm
    aside = await decide(pool, owner, "PUT_ASIDE")
    assert (aside.error, aside.changed) == (None, 3)
    assert await keeping.remove_all_deleted(pool) == 3
    left = await row(
        pool,
        "SELECT (SELECT count(*) FROM emails) + (SELECT count(*) FROM attempts) + (SELECT count(*) FROM addressed)"
        " AS n, (SELECT sum(failed) FROM streams) AS failed, subject || body AS said FROM campaigns",
    )
    assert left == {"n": 0, "failed": 5, "said": ""}
    assert await value(pool, "SELECT string_agg(body, '') FROM campaign_steps") == ""
    with pytest.raises(NotFound):
        await cancel(pool, owner.workspace_id, campaign)


async def test_some_of_a_campaigns_recipients_are_a_list_to_write_to_again(
    api: httpx.AsyncClient, pool: Pool, user: User
) -> None:
    people = [{"email": f"r{n}@example.com", "name": name} for n, name in enumerate(["Ada", "=Bob", "Cy", "Di"])]
    campaign = (await schedule(api, people, name="News"))["campaign"]["id"]
    ids = [each["id"] for each in (await api.get("/api/emails")).json()["items"]][::-1]
    await fail(pool, campaign, most=1)
    await execute(pool, "UPDATE emails SET status = 'SENT', sent_at = now() WHERE id <> %s", ids[0])
    await execute(pool, "UPDATE streams SET scheduled = 0, sent = 3")
    await execute(
        pool,
        "INSERT INTO responses (workspace_id, kind, email_id, campaign_id, stream_id, sender_id, recipient, weak,"
        " message_id, folder, uid_validity, uid, received_at, subject, text, attachments)"
        " SELECT e.workspace_id, 'REPLY', e.id, e.campaign_id, e.stream_id, s.sender_id, e.recipient, false, 'm@x',"
        " 'INBOX', 1, 1, now(), '', '', '{}' FROM emails e JOIN streams s ON s.id = e.stream_id WHERE e.id = %s",
        ids[1],
    )

    async def listed(who: str, **more: int) -> list[str]:
        made = await api.post(f"/api/campaigns/{campaign}/again", json={"who": who} | more)
        assert made.status_code == 201, made.text
        assert made.json()["name"].endswith(": News")
        later = {"listId": made.json()["id"], "startTime": "2090-01-01T00:00:00Z", "body": "Hello {{ name }}"}
        again = (await api.post("/api/campaigns/schedule", json={"subject": "s"} | later)).json()["campaign"]["id"]
        emails = (await api.get(f"/api/emails?campaignId={again}")).json()["items"]
        shown = [(await api.get(f"/api/emails/{each['id']}")).json() for each in reversed(emails)]
        return [each["fields"]["name"] for each in shown]

    assert await listed("EVERYBODY") == ["Ada", "=Bob", "Cy", "Di"]
    assert await listed("ANSWERED") == ["=Bob"]
    assert await listed("ANSWERED", step=1) == ["=Bob"]
    assert await listed("NOT_ANSWERED") == ["Cy", "Di"]
    assert await listed("FAILED") == ["Ada"]
    await api.post("/api/suppressions", json={"emails": ["r2@example.com"], "domains": []})
    assert await listed("NOT_ANSWERED") == ["Di"]
    nobody = {"who": "ANSWERED", "step": 2}
    assert "nobody" in problem(await api.post(f"/api/campaigns/{campaign}/again", json=nobody), 409)["detail"]
    problem(await api.post("/api/campaigns/99/again", json=nobody), 404)


async def test_nothing_is_deleted_of_which_something_still_moves(pool: Pool, owner: Owner) -> None:
    steps = [Step(wait=STEPS[0].wait, body="Once more.")]
    campaign = (await schedule_campaign(pool, owner, 2, steps=steps, follow_up_without_reading=True)).campaign.id
    await execute(pool, "UPDATE campaigns SET status = 'CANCELLED'")
    with pytest.raises(Conflict, match="in a minute"):
        await keeping.delete(pool, owner.workspace_id, campaign, LOCAL)
    await cancel(pool, owner.workspace_id, campaign)
    await keeping.delete(pool, owner.workspace_id, campaign, LOCAL)
    assert await value(pool, "SELECT count(*) FROM emails") == 0
