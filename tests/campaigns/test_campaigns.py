"""/api/campaigns: listed, read, changed, paused, resumed, cancelled."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import UTC, datetime
from itertools import count
from typing import Any

import httpx
import pytest

from app import db
from app.db import Pool, transaction
from app.domain.accounts.users import User
from app.domain.campaigns.building import message_builder
from app.domain.campaigns.content import Content
from app.mail.rendering import Templates
from tests.support.api import Headers, problem, schedule, written, wrong_fields
from tests.support.engine import execute, rows, value, wait_for


async def test_a_campaign_is_read_with_its_counts(api: httpx.AsyncClient) -> None:
    scheduled = (await schedule(api, ["ada@example.com", "bob@example.com"]))["campaign"]
    campaign = (await api.get(f"/api/campaigns/{scheduled['id']}")).json()
    assert campaign.pop("waiting")["reason"] == "NO_WORKER"  # what it was scheduled by does not say
    assert campaign == {name: scheduled[name] for name in campaign}
    assert sum(campaign["counts"].values()) == campaign["total"] == 2


async def test_the_list_is_paged_newest_first(api: httpx.AsyncClient) -> None:
    ids = [(await schedule(api, name=f"Campaign {n}"))["campaign"]["id"] for n in range(5)]
    seen: list[int] = []
    parameters: dict[str, Any] = {"limit": 2}
    while True:
        page = (await api.get("/api/campaigns", params=parameters)).json()
        seen += [campaign["id"] for campaign in page["items"]]
        assert len(page["items"]) <= 2
        if page["nextCursor"] is None:
            break
        parameters["cursor"] = page["nextCursor"]
        await schedule(api, name="Arrives while we turn the page")
    assert seen == list(reversed(ids))


async def test_the_list_can_be_limited_to_a_status(api: httpx.AsyncClient) -> None:
    paused, active = [(await schedule(api))["campaign"]["id"] for _ in range(2)]
    await api.post(f"/api/campaigns/{paused}/pause")
    for status, expected in (("PAUSED", [paused]), ("ACTIVE", [active]), ("CANCELLED", [])):
        page = (await api.get("/api/campaigns", params={"status": status})).json()
        assert [campaign["id"] for campaign in page["items"]] == expected


async def test_a_wrong_parameter_is_named(api: httpx.AsyncClient) -> None:
    for name, wrong in [
        ("status", "active"),
        ("limit", "0"),
        ("limit", "501"),
        ("limit", "many"),
        ("cursor", "x"),
        ("cursor", "9" * 30),
    ]:
        assert list(wrong_fields(await api.get("/api/campaigns", params={name: wrong}))) == [name]


async def test_pause_resume_and_cancel(api: httpx.AsyncClient) -> None:
    campaign = (await schedule(api, startTime="2030-01-31T08:00:00Z"))["campaign"]
    url = f"/api/campaigns/{campaign['id']}"
    for verb, status in (("pause", "PAUSED"), ("pause", "PAUSED"), ("resume", "ACTIVE"), ("cancel", "CANCELLED")):
        response = await api.post(f"{url}/{verb}")
        assert response.status_code == 200, response.text
        assert response.json()["status"] == status
    cancelled = (await api.get(url)).json()
    assert (cancelled["counts"]["CANCELLED"], cancelled["counts"]["SCHEDULED"]) == (1, 0)
    assert cancelled["nextAt"] is None
    (email,) = (await api.get("/api/emails")).json()["items"]
    assert email["status"] == "CANCELLED"


async def test_what_the_state_does_not_allow_is_a_conflict(api: httpx.AsyncClient) -> None:
    url = f"/api/campaigns/{(await schedule(api))['campaign']['id']}"
    problem(await api.post(f"{url}/resume"), 409)
    await api.post(f"{url}/cancel")
    for verb in ("pause", "resume"):
        problem(await api.post(f"{url}/{verb}"), 409)
    problem(await api.patch(url, json={"subject": "Too late"}), 409)
    assert (await api.patch(url, json={"name": "For the record"})).status_code == 200


async def test_a_change_leaves_the_rest_as_it_is(api: httpx.AsyncClient) -> None:
    before = (await schedule(api, bodyHtml="<p>A text.</p>", hourlyLimit=50))["campaign"]
    response = await api.patch(f"/api/campaigns/{before['id']}", json={"name": "Spring", "onUnknown": "resend"})
    assert response.status_code == 200, response.text
    assert response.json() == before | {"name": "Spring", "onUnknown": "resend"}


async def test_null_removes_where_there_may_be_none(api: httpx.AsyncClient) -> None:
    before = (await schedule(api, bodyHtml="<p>A text.</p>", hourlyLimit=50))["campaign"]
    url = f"/api/campaigns/{before['id']}"
    changed = (await api.patch(url, json={"bodyHtml": None, "hourlyLimit": None})).json()
    assert (changed["bodyHtml"], changed["hourlyLimit"]) == (None, None)
    for name in ("name", "subject", "body", "startTime", "delayBetweenMs", "onUnknown"):
        assert list(wrong_fields(await api.patch(url, json={name: None}))) == [name]


async def test_a_new_pace_plans_what_waits_again(api: httpx.AsyncClient) -> None:
    recipients = [f"user{n}@example.com" for n in range(3)]
    campaign = (await schedule(api, recipients, startTime="2030-01-31T08:00:00Z"))["campaign"]
    change = {"startTime": "2030-02-01T08:00:00Z", "delayBetweenMs": 60_000}
    changed = (await api.patch(f"/api/campaigns/{campaign['id']}", json=change)).json()
    assert (changed["nextAt"], changed["lastAt"]) == ("2030-02-01T08:00:00Z", "2030-02-01T08:02:00Z")


@pytest.mark.parametrize("part", ["subject", "body", "bodyHtml"])
async def test_a_text_that_needs_what_somebody_who_waits_has_not_is_refused(api: httpx.AsyncClient, part: str) -> None:
    """Else that email would fail when its time has come."""
    people = [{"email": "ada@example.com", "company": "ACME"}, {"email": "bob@example.com"}]
    campaign = (await schedule(api, people, startTime="2030-01-31T08:00:00Z"))["campaign"]["id"]
    url = f"/api/campaigns/{campaign}"
    wrong = wrong_fields(await api.patch(url, json={part: "At {{ company }}"}))
    assert wrong == {part: 'needs "company", and some who wait have no text for it; write {{ company | default: "…" }}'}
    for text in ("At {{ company | default: 'yours' }}", "To {{ email }}"):
        assert (await api.patch(url, json={part: text})).status_code == 200


async def test_a_wrong_change_is_named_and_nothing_is_written(api: httpx.AsyncClient, pool: Pool) -> None:
    before = (await schedule(api))["campaign"]
    url = f"/api/campaigns/{before['id']}"
    before = (await api.get(url)).json()
    rows = await written(pool)
    cases: list[tuple[dict[str, Any] | None, str]] = [
        ({"name": " "}, "name"),
        ({"subject": ""}, "subject"),
        ({"subject": "{{ first_name }}"}, "subject"),
        ({"body": "{% nonsense %}"}, "body"),
        ({"bodyHtml": "\0"}, "bodyHtml"),
        ({"startTime": "2030-01-31T09:00:00"}, "startTime"),
        ({"startTime": "9999-12-31T23:00:00-01:00"}, "startTime"),
        ({"delayBetweenMs": -1}, "delayBetweenMs"),
        ({"hourlyLimit": 2**40}, "hourlyLimit"),
        ({"onUnknown": "maybe"}, "onUnknown"),
        ({"status": "PAUSED"}, "status"),
        ({"senderId": 1}, "senderId"),
        (None, "request"),
    ]
    for change, field in cases:
        assert list(wrong_fields(await api.patch(url, json=change))) == [field]
    assert (await api.get(url)).json() == before
    assert await written(pool) == rows


async def test_html_that_shows_nothing_and_was_taken_before_is_in_the_way_of_no_other_change(
    api: httpx.AsyncClient, pool: Pool
) -> None:
    steps = [{"wait": "P1D", "body": "Well?", "bodyHtml": "<p>Well?</p>"}]
    campaign = (await schedule(api, bodyHtml="<p>Hello</p>", steps=steps))["campaign"]
    url = f"/api/campaigns/{campaign['id']}"
    assert await execute(pool, "UPDATE campaigns SET body_html = '<p></p>' WHERE id = %s", campaign["id"]) == 1
    written = "UPDATE campaign_steps SET body_html = '<p> </p>' WHERE campaign_id = %s AND position = 2"
    assert await execute(pool, written, campaign["id"]) == 1
    same = [{"id": campaign["steps"][1]["id"], **steps[0], "bodyHtml": "<p> </p>"}]
    for change in ({"subject": "Another"}, {"body": "Another"}, {"steps": same}):
        answer = await api.patch(url, json=change)
        assert answer.status_code == 200, answer.text
    for change, field in (
        ({"bodyHtml": "<p>&#160;</p>"}, "bodyHtml"),
        ({"body": "\u200b", "bodyHtml": None}, "body"),
        ({"subject": "\ufeff"}, "subject"),
        ({"steps": [{**same[0], "bodyHtml": "<!-- <img> -->"}]}, "steps[0].bodyHtml"),
    ):
        assert list(wrong_fields(await api.patch(url, json=change))) == [field]


async def test_subjects_and_texts_that_show_nothing_and_were_taken_before_are_in_the_way_of_no_other_change(
    api: httpx.AsyncClient, pool: Pool
) -> None:
    steps = [{"wait": "P1D", "body": "Well?"}]
    campaign = (await schedule(api, steps=steps))["campaign"]
    url = f"/api/campaigns/{campaign['id']}"
    await execute(pool, "UPDATE campaigns SET subject = '\u200b', body = '\u2800' WHERE id = %s", campaign["id"])
    await execute(
        pool,
        "UPDATE campaign_steps SET body = '\u3164' WHERE campaign_id = %s AND position = 2",
        campaign["id"],
    )
    same = [{"id": campaign["steps"][1]["id"], **steps[0], "body": "\u3164"}]
    for change in ({"replyTo": "ann@example.com"}, {"steps": same}, {"body": "Another"}, {"subject": "Another"}):
        answer = await api.patch(url, json=change)
        assert answer.status_code == 200, answer.text
    for change, field in (
        ({"body": "\u2063"}, "body"),
        ({"subject": "\u2063"}, "subject"),
        ({"steps": [{**same[0], "body": "\u2063"}]}, "steps[0].body"),
    ):
        assert list(wrong_fields(await api.patch(url, json=change))) == [field]


async def test_the_html_of_a_campaign_is_shown_in_a_frame_and_can_do_nothing(
    api: httpx.AsyncClient, stranger: dict[str, str]
) -> None:
    campaign = (await schedule(api, bodyHtml="<p>Hello {{ email }}</p>"))["campaign"]["id"]
    response = await api.get(f"/api/campaigns/{campaign}/html")
    assert (response.status_code, response.text) == (200, "<p>Hello {{ email }}</p>")
    assert response.headers["content-type"].startswith("text/html")
    assert response.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    problem(await api.get(f"/api/campaigns/{campaign}/html", headers=stranger), 404)
    plain = (await schedule(api))["campaign"]["id"]
    problem(await api.get(f"/api/campaigns/{plain}/html"), 404)


async def _texts(pool: Pool, campaign: int) -> dict[int, set[str]]:
    """Every subject that a version has had, as the ledger tells it."""
    found = await rows(
        pool,
        "SELECT version, subject FROM campaign_contents WHERE campaign_id = %s"
        " UNION ALL SELECT content_version, subject FROM campaigns WHERE id = %s",
        campaign,
        campaign,
    )
    texts: dict[int, set[str]] = defaultdict(set)
    for row in found:
        texts[row["version"]].add(row["subject"])
    return texts


async def test_what_is_saved_is_compared_with_what_is_there_then(
    api: httpx.AsyncClient, pool: Pool, user: User
) -> None:
    """Two people save at once: the second is no change of what they read, and one of what the first wrote."""
    campaign = (await schedule(api, subject="old"))["campaign"]["id"]
    await execute(pool, "UPDATE streams SET free_at = now()")  # somebody has seen the text
    url = f"/api/campaigns/{campaign}"

    async def waiting(count: int) -> bool:
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        return await value(pool, query) == count

    async with transaction(pool) as conn:
        await conn.execute("SELECT FROM campaigns WHERE id = %s FOR NO KEY UPDATE", [campaign])
        first = asyncio.create_task(api.patch(url, json={"subject": "new"}))
        await wait_for(lambda: waiting(1), "the first to wait")
        second = asyncio.create_task(api.patch(url, json={"subject": "old"}))
        await wait_for(lambda: waiting(2), "the second to wait")
    assert (await first).status_code == (await second).status_code == 200
    assert await _texts(pool, campaign) == {1: {"old"}, 2: {"new"}, 3: {"old"}}


async def test_however_many_save_at_once_a_version_has_one_text(api: httpx.AsyncClient, pool: Pool, user: User) -> None:
    campaign = (await schedule(api, subject="0"))["campaign"]["id"]
    await execute(pool, "UPDATE streams SET free_at = now()")
    sender = await value(pool, "SELECT sender_id FROM campaigns")
    url = f"/api/campaigns/{campaign}"
    built: dict[int, set[str]] = defaultdict(set)
    done = asyncio.Event()

    async def worker() -> None:
        """Builds messages as a worker does, whose ledger entries name the version that it built from."""
        while not done.is_set():
            version, builder = await message_builder(pool, user.workspace_id, campaign, sender, one_click=False)
            message = builder.build("ada@example.com", {}, "<1@example.com>", datetime.now(UTC)).content
            built[version] |= {line[9:] for line in message.decode().splitlines() if line.startswith("Subject: ")}

    working = asyncio.create_task(worker())
    numbers = count(1)

    async def save() -> bool:
        number = next(numbers)
        texts = [str(number), str(number - 1), str(number)]
        answers = await asyncio.gather(*(api.patch(url, json={"subject": text}) for text in texts))
        assert {answer.status_code for answer in answers} == {200}
        return len(built) > 20

    for _ in range(59):
        await save()
    await wait_for(save, "the worker, which may lag behind, to build from enough versions")
    done.set()
    await working
    told = await _texts(pool, campaign)
    assert len(built) > 20
    assert {version: told[version] for version in built} == built


async def test_whoever_holds_a_campaign_for_long_is_told_of(
    api: httpx.AsyncClient, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "LOCK_MS", 100)
    campaign = (await schedule(api))["campaign"]["id"]
    async with transaction(pool) as conn:
        await conn.execute("SELECT FROM campaigns WHERE id = %s FOR UPDATE", [campaign])
        answer = await api.post(f"/api/campaigns/{campaign}/pause")
    assert problem(answer, 409)["type"] == "urn:reachinbox:problem:being_changed"
    assert answer.headers["Retry-After"] == "2"


async def test_an_answer_that_takes_too_long_is_given_up(
    api: httpx.AsyncClient, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "STATEMENT_MS", 100)
    async with transaction(pool) as conn:
        await conn.execute("LOCK TABLE campaigns IN ACCESS EXCLUSIVE MODE")
        answer = await api.get("/api/campaigns")
    assert problem(answer, 503)["type"] == "urn:reachinbox:problem:unavailable"
    assert answer.headers["Retry-After"] == "2"


async def test_changes_that_wait_for_a_child_process_hold_no_connection(
    api: httpx.AsyncClient, stranger: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred of them were all connections of the API, and nobody else was answered."""
    campaign = (await schedule(api))["campaign"]["id"]
    let_go, waiting = asyncio.Event(), 0
    parse = Content.parse

    async def slow(self: Content, workspace_id: int) -> Templates:
        nonlocal waiting
        waiting += 1
        await let_go.wait()
        return await parse(self, workspace_id)

    monkeypatch.setattr(Content, "parse", slow)
    changes = [asyncio.create_task(api.patch(f"/api/campaigns/{campaign}", json={"body": f"{n}"})) for n in range(20)]

    async def all_wait() -> bool:
        return waiting == 20

    await wait_for(all_wait, "all changes to wait")
    assert (await api.get("/api/campaigns", headers=stranger)).status_code == 200
    let_go.set()
    assert {answer.status_code for answer in await asyncio.gather(*changes)} <= {200, 409, 429}
    assert (await api.get(f"/api/campaigns/{campaign}")).json()["body"].isdecimal()
