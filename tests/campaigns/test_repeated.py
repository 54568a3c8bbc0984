"""Requests that are repeated with an Idempotency-Key: the first answer again, and nothing written."""

from __future__ import annotations

import asyncio

import httpx

from app.db import Pool
from app.domain.accounts.users import User
from app.domain.campaigns import schedule as schedules
from app.domain.campaigns.content import Content
from app.domain.campaigns.draft import Draft
from app.domain.campaigns.schedule import AT_ONCE
from app.domain.planning.course import sql as plans
from app.domain.recipients.lists import RecipientList, from_json
from tests.campaigns.test_schedule import CAMPAIGN, CSV, FORM, URL, csv_file
from tests.support import engine
from tests.support.api import problem, written, wrong_fields
from tests.support.engine import wait_for


async def test_a_repeated_request_gets_the_same_answer_and_writes_nothing(api: httpx.AsyncClient, pool: Pool) -> None:
    key = {"Idempotency-Key": "spring campaign"}
    campaign = CAMPAIGN | {"recipients": ["ada@example.com", "no\0body"]}
    first = await api.post(URL, json=campaign, headers=key)
    assert first.status_code == 201
    before = await written(pool)
    reordered = {"delayBetweenMs": 0} | dict(reversed(campaign.items()))
    again = await api.post(URL, json=reordered, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert await written(pool) == before


async def test_an_answer_kept_by_an_earlier_version_is_given_again(api: httpx.AsyncClient, pool: Pool) -> None:
    key = {"Idempotency-Key": "before the upgrade"}
    first = (await api.post(URL, json=CAMPAIGN, headers=key)).json()
    async with pool.connection() as conn:
        await conn.execute("UPDATE idempotency_keys SET answer = answer #- '{campaign,usedThisHour}'")
    again = await api.post(URL, json=CAMPAIGN, headers=key)
    assert (again.status_code, again.json()) == (201, first)


async def test_a_repeated_file_gets_the_same_answer(api: httpx.AsyncClient, pool: Pool) -> None:
    key = {"Idempotency-Key": "file"}
    first = await api.post(URL, data=FORM, files=csv_file(), headers=key)
    before = await written(pool)
    again = await api.post(URL, data=FORM, files=csv_file(), headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    problem(await api.post(URL, data=FORM, files=csv_file(CSV + "eve@example.com;Eve\n"), headers=key), 409)
    assert await written(pool) == before


async def test_a_key_used_for_another_request_is_a_conflict(api: httpx.AsyncClient, pool: Pool) -> None:
    key = {"Idempotency-Key": "once"}
    assert (await api.post(URL, json=CAMPAIGN, headers=key)).status_code == 201
    before = await written(pool)
    for fields in [{"subject": "Hi"}, {"recipients": ["bob@example.com"]}, {"hourlyLimit": 5}]:
        problem(await api.post(URL, json=CAMPAIGN | fields, headers=key), 409)
    assert await written(pool) == before


async def test_of_requests_repeated_at_once_one_writes(api: httpx.AsyncClient, pool: Pool) -> None:
    key = {"Idempotency-Key": "impatient"}
    responses = await asyncio.gather(*(api.post(URL, json=CAMPAIGN, headers=key) for _ in range(5)))
    assert [response.status_code for response in responses] == [201] * 5
    assert all(response.json() == responses[0].json() for response in responses)
    assert (await written(pool))["campaigns"] == 1


async def _held_back(pool: Pool) -> bool:
    """Whether somebody waits for the plan of a sender."""
    return await engine.value(pool, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'") > 0


async def test_repeats_wait_for_the_first_and_keep_nobody_from_going_on(
    api: httpx.AsyncClient, pool: Pool, user: User
) -> None:
    other = (await api.post("/api/senders", json={"email": "other@example.com"})).json()["id"]
    key = {"Idempotency-Key": "impatient"}
    async with pool.connection() as conn, conn.transaction():
        busy = await engine.value(pool, "SELECT id FROM senders WHERE is_default")
        await conn.execute(plans.lock_plan, {"sender_ids": [busy]})
        first = asyncio.create_task(api.post(URL, json=CAMPAIGN, headers=key))
        await wait_for(lambda: _held_back(pool), "the first to be in the middle")
        repeats = [asyncio.create_task(api.post(URL, json=CAMPAIGN, headers=key)) for _ in range(AT_ONCE)]
        meanwhile = await api.post(URL, json=CAMPAIGN | {"senderId": other})
        assert meanwhile.status_code == 201
        assert not any(task.done() for task in (first, *repeats))
    answers = [await task for task in (first, *repeats)]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(201, answers[0].json())] * len(answers)
    assert (await written(pool))["campaigns"] == 2


async def test_repeats_at_another_process_hold_neither_turn_nor_connection(pool: Pool, user: User) -> None:
    """As `test_repeats_wait_for_the_first…`, where only the database knows of the first."""
    request = schedules.Request(Draft(content=Content("Hello", "A text.")), _one_recipient)
    once = schedules.Idempotency("impatient", b"the same")
    async with pool.connection() as conn:
        async with conn.transaction():
            await conn.execute(plans.lock_plan, {"sender_ids": [await engine.value(pool, "SELECT id FROM senders")]})
            made = [
                asyncio.create_task(schedules.schedule(pool, user.workspace_id, request, once))
                for _ in range(AT_ONCE + 1)
            ]
            await wait_for(lambda: _held_back(pool), "the first to be in the middle")

            async def all_but_ours_and_the_firsts_are_free() -> bool:
                stats = pool.get_stats()
                return stats["pool_size"] - stats["pool_available"] == 2

            await wait_for(all_but_ours_and_the_firsts_are_free, "the repeats to let go")
            assert not any(task.done() for task in made)
        answers = [await task for task in made]
    assert len({answer.campaign.id for answer in answers}) == 1


def _one_recipient(required: frozenset[str]) -> RecipientList:
    return from_json(["ada@example.com"], required=required)


async def test_a_key_is_one_users_own(api: httpx.AsyncClient, stranger: dict[str, str]) -> None:
    key = {"Idempotency-Key": "once"}
    first = await api.post(URL, json=CAMPAIGN, headers=key)
    other = await api.post(URL, json=CAMPAIGN | {"subject": "Hi"}, headers=key | stranger)
    assert other.status_code == 201
    assert other.json()["campaign"]["id"] != first.json()["campaign"]["id"]


async def test_a_failed_request_does_not_use_up_its_key(api: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "second try"}
    wrong_fields(await api.post(URL, json=CAMPAIGN | {"recipients": ["nobody"]}, headers=key))
    assert (await api.post(URL, json=CAMPAIGN, headers=key)).status_code == 201


async def test_a_key_must_be_short_printable_ascii(api: httpx.AsyncClient, pool: Pool) -> None:
    before = await written(pool)
    for key in [b"", b"x" * 256, b"tab\there", "schlüssel".encode()]:
        response = await api.post(URL, json=CAMPAIGN, headers=[(b"Idempotency-Key", key)])
        assert list(wrong_fields(response)) == ["Idempotency-Key"]
    assert await written(pool) == before
