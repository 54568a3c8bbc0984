"""How much a workspace may have, by the operator's settings: said in the refusal, with the figure and what to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest

from app.db import Pool, transaction
from app.domain.accounts.users import User
from app.domain.suppressions.suppress import suppress
from app.settings import Settings
from tests.support.api import Headers, api_client, authorization, problem, schedule, written
from tests.support.engine import execute, rows, value

Quoted = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
CAMPAIGN: dict[str, Any] = {"subject": "Hello", "body": "A text.", "recipients": ["ada@example.com"]}
URL = "/api/campaigns/schedule"


@pytest.fixture
def quoted(settings: Settings, database_url: str, pool: Pool, user: User) -> Quoted:
    """The API with quotas of its own."""

    @asynccontextmanager
    async def quoted(**quotas: int) -> AsyncIterator[httpx.AsyncClient]:
        asked = msgspec.structs.replace(settings, **quotas)
        async with api_client(asked, database_url, await authorization(pool, user)) as api:
            yield api

    return quoted


def reached(response: httpx.Response, *words: str) -> None:
    refused = problem(response, 409)
    assert refused["type"] == "urn:reachinbox:problem:quota_reached"
    assert [word for word in words if word not in refused["detail"]] == []


async def test_so_many_senders_also_when_several_are_added_at_once(quoted: Quoted, stranger: Headers) -> None:
    async with quoted(quota_senders=3) as api:  # one is there already
        answers = await asyncio.gather(
            *(api.post("/api/senders", json={"email": f"s{n}@example.com"}) for n in range(5))
        )
        assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409]
        last = next(answer for answer in answers if answer.status_code == 409)
        reached(last, "3 senders", "delete one", "QUOTA_SENDERS")
        others = await api.post("/api/senders", json={"email": "t@example.com"}, headers=stranger)
        assert others.status_code == 201


async def test_so_many_suppressions_and_more_of_those_who_say_so_themselves(
    quoted: Quoted, pool: Pool, user: User
) -> None:
    path = "/api/suppressions"
    async with quoted(quota_suppressions=3) as api:
        assert (await api.post(path, json={"emails": ["a@example.com", "b@example.com"]})).json()["added"] == 2
        more = ["b@example.com", "c@example.com", "d@example.com"]
        refused = await api.post(path, json={"emails": more})
        reached(refused, "more than 3 suppressions", "QUOTA_SUPPRESSIONS")
        told = (await api.post(path, json={"emails": more[:2]})).json()
        assert (told["added"], told["known"]) == (1, 1)
        assert (await api.post(path, json={"emails": more[:2]})).json()["known"] == 2  # what is there is no more
        file = {"file": ("old.csv", b"email\ne@example.com\n")}
        reached(await api.post(path, files=file), "more than 3 suppressions")
        async with transaction(pool) as conn:
            await suppress(conn, user.workspace_id, emails=["f@example.com"], reason="UNSUBSCRIBED")
        assert (await api.get(f"{path}/counts")).json()["UNSUBSCRIBED"] == 1


async def test_a_file_that_the_quota_ends_half_way_says_what_it_added(
    quoted: Quoted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.domain.suppressions.suppressions.BATCH", 2)
    file = {"file": ("old.csv", "email\n" + "".join(f"r{number}@example.com\n" for number in range(7)))}
    async with quoted(quota_suppressions=5) as api:
        reached(await api.post("/api/suppressions", files=file), "more than 5 suppressions", "4 were added before")
        entries = [
            one for one in (await api.get("/api/audit")).json()["items"] if one["action"] == "suppressions.added"
        ]
        assert [entry["subject"] for entry in entries] == ["4 of 4"]
        assert len((await api.get("/api/suppressions")).json()["items"]) == 4


async def test_so_many_keys_in_use(quoted: Quoted, pool: Pool) -> None:
    async with quoted(quota_keys=2) as api:  # one is what asks
        made = (await api.post("/api/keys", json={"name": "second"})).json()
        reached(await api.post("/api/keys", json={"name": "third"}), "2 keys in use", "revoke one", "QUOTA_KEYS")
        await api.delete(f"/api/keys/{made['id']}")
        assert (await api.post("/api/keys", json={"name": "third"})).status_code == 201
        await execute(pool, "UPDATE api_keys SET expires_at = now() - interval '1 s' WHERE name = 'third'")
        assert (await api.post("/api/keys", json={"name": "fourth"})).status_code == 201


async def test_so_many_campaigns_in_24_hours(quoted: Quoted, pool: Pool) -> None:
    async with quoted(quota_campaigns_a_day=2) as api:
        for _ in range(2):
            await schedule(api)
        before = await written(pool)
        reached(await api.post(URL, json=CAMPAIGN), "2 campaigns in 24 hours", "after 20", "QUOTA_CAMPAIGNS_A_DAY")
        assert await written(pool) == before
        assert (await api.post("/api/campaigns/preview", json=CAMPAIGN)).status_code == 200
        await execute(pool, "UPDATE campaigns SET created_at = now() - interval '25 hours' WHERE id = 1")
        await schedule(api)


async def test_stored_bytes_are_counted_as_they_are_written(quoted: Quoted, pool: Pool) -> None:
    """Recipients, their fields, and every version of the text that somebody may have got."""
    fields = {"email": "ada@example.com", "note": "x" * 5_000}
    async with quoted() as api:
        campaign = (await schedule(api, [fields], startTime="2030-01-01T00:00:00Z"))["campaign"]["id"]
        stored = "SELECT stored_bytes FROM campaigns"
        assert 5_000 < await value(pool, stored) < 5_200
        await api.patch(f"/api/campaigns/{campaign}", json={"body": "y" * 1_000})
        assert 6_000 < await value(pool, stored) < 6_200  # the text before is nobody's
        await execute(pool, "UPDATE streams SET free_at = now()")
        await api.patch(f"/api/campaigns/{campaign}", json={"body": "z" * 1_000})
        assert 7_000 < await value(pool, stored) < 7_200


async def test_an_answer_that_is_kept_counts(quoted: Quoted, pool: Pool) -> None:
    request = CAMPAIGN | {"recipients": ["ada@example.com", *("x" * 300 for _ in range(20))]}
    async with quoted() as api:
        for headers in ({}, {"Idempotency-Key": "k"}):
            assert (await api.post(URL, json=request, headers=headers)).status_code == 201
    without, kept = [row["stored_bytes"] for row in await rows(pool, "SELECT stored_bytes FROM campaigns ORDER BY id")]
    assert kept - without > 20 * 300


async def test_a_workspace_stores_no_more_than_it_may(quoted: Quoted, pool: Pool) -> None:
    large = {"recipients": [{"email": f"a{n}@example.com", "note": "x" * 9_000} for n in range(75)]}
    words = ("more than 1 MB", "delete lists", "QUOTA_STORED_MEGABYTES")
    async with quoted(quota_stored_megabytes=1) as api:
        first = (await schedule(api, large["recipients"], startTime="2030-01-01T00:00:00Z"))["campaign"]["id"]
        before = await written(pool)
        reached(await api.post(URL, json=CAMPAIGN | large), *words)
        reached(await api.post("/api/lists", json=large), *words)
        csv = b"email,note\n" + b"".join(b"a%d@example.com,%b\n" % (n, b"x" * 9_000) for n in range(75))
        reached(await api.post("/api/lists", files={"file": ("a.csv", csv)}), *words)
        texts = {"body": "x" * 190_000, "bodyHtml": "y" * 190_000}
        reached(await api.patch(f"/api/campaigns/{first}", json=texts), *words)
        assert await written(pool) == before
        await schedule(api)
        await api.post(f"/api/campaigns/{first}/cancel")
        await execute(pool, "UPDATE campaigns SET emails_removed_at = now() WHERE id = 1")
        assert (await api.post("/api/lists", json=large)).status_code == 201
        reached(await api.post(URL, json=CAMPAIGN | large), *words)


async def test_0_is_any_number(quoted: Quoted) -> None:
    none = dict.fromkeys(
        ("quota_senders", "quota_keys", "quota_campaigns_a_day", "quota_stored_megabytes", "quota_suppressions"), 0
    )
    async with quoted(**none) as api:
        await schedule(api)
        assert (await api.post("/api/keys", json={"name": "k"})).status_code == 201
        assert (await api.post("/api/senders", json={"email": "s@example.com"})).status_code == 201


async def test_campaigns_scheduled_at_once_pass_no_quota(quoted: Quoted, pool: Pool) -> None:
    async with quoted(quota_campaigns_a_day=1) as api:
        answers = await asyncio.gather(*(api.post(URL, json=CAMPAIGN) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert await value(pool, "SELECT count(*) FROM campaigns") == 1


async def test_bytes_stored_at_once_pass_no_quota(quoted: Quoted, pool: Pool) -> None:
    large = {"recipients": [{"email": f"a{n}@example.com", "note": "x" * 9_000} for n in range(75)]}
    async with quoted(quota_stored_megabytes=1) as api:
        await asyncio.gather(
            *(api.post(URL, json=CAMPAIGN | large) for _ in range(3)),
            *(api.post("/api/lists", json=large) for _ in range(3)),
        )
    stored = (
        "SELECT (SELECT coalesce(sum(stored_bytes), 0) FROM campaigns)"
        " + (SELECT coalesce(sum(size), 0) FROM recipient_lists)"
    )
    assert 500_000 < await value(pool, stored) <= 1_000_000
