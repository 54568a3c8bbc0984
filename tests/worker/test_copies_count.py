"""Each copy counts toward limits, as its recipient does: 1 + n where emails are claimed, and where they are planned."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.db import Pool
from app.domain.campaigns import direct
from app.domain.campaigns.change import Changes, change
from app.domain.campaigns.content import Content
from app.domain.campaigns.direct import Direct
from app.domain.planning.plan import plan
from app.domain.planning.slots import CampaignRoom, Limits, Ramp, Room
from app.domain.planning.stream import Stream, pace_of
from app.errors import InvalidInput
from tests.planning.test_plan import NINE
from tests.support.engine import (
    Owner,
    add_sender,
    addresses,
    check_conservation,
    clear_of_the_hour,
    create_owner,
    execute,
    row,
    running_workers,
    schedule_campaign,
    settings_for,
    value,
    wait_for,
)
from tests.support.mailserver import mail_server
from tests.support.sinkproc import Sink

COPIED = Content("Hello", "Hi.", cc=["a@example.net"], bcc=["b@example.net"])


@pytest.fixture
async def ten_an_hour(pool: Pool) -> Owner:
    await clear_of_the_hour()
    return await create_owner(pool, hourly_limit=10)


async def test_the_claim_counts_recipients(pool: Pool, database_url: str, sink: Sink, ten_an_hour: Owner) -> None:
    async with mail_server() as there:
        scheduled = await schedule_campaign(pool, ten_an_hour, 8, content=COPIED)
        await execute(pool, "UPDATE emails SET scheduled_at = now()")  # as if all were due in this hour
        async with running_workers(database_url, settings_for(sink), fallback=there.address):
            planned = "SELECT count(*) FROM emails WHERE status = 'SCHEDULED' AND scheduled_at > now() + interval '1 s'"
            await wait_for(lambda: _is(pool, planned, 5), "what does not fit to be moved")
    assert len(there.handed) == 3  # of three recipients each
    assert await row(pool, "SELECT used, allowed, accepted FROM login_windows") == {
        "used": 9,
        "allowed": 10,
        "accepted": 3,
    }
    assert (await row(pool, "SELECT window_used, sent FROM streams")) == {"window_used": 9, "sent": 3}
    by_hour = (
        "SELECT count(*) FROM emails WHERE status = 'SCHEDULED' GROUP BY hour_of(scheduled_at) ORDER BY 1 DESC LIMIT 1"
    )
    assert await value(pool, by_hour) == 3
    await check_conservation(pool, scheduled.campaign.id)


async def _is(pool: Pool, query: str, number: int) -> bool:
    return await value(pool, query) == number


async def test_what_has_no_copies_takes_what_copies_leave(
    pool: Pool, database_url: str, sink: Sink, ten_an_hour: Owner
) -> None:
    async with mail_server() as there:
        await schedule_campaign(pool, ten_an_hour, addresses(5, "copied"), content=COPIED)
        await schedule_campaign(pool, ten_an_hour, addresses(3, "plain"))
        await execute(pool, "UPDATE emails SET scheduled_at = now()")
        async with running_workers(database_url, settings_for(sink), fallback=there.address):
            await wait_for(
                lambda: _is(pool, "SELECT coalesce(sum(used), 0) FROM login_windows", 10), "the hour to be full"
            )
    assert sum(len(handed.recipients) for handed in there.handed) == 10


async def test_a_campaigns_own_limit_counts_them_too(pool: Pool, database_url: str, sink: Sink, owner: Owner) -> None:
    await clear_of_the_hour()
    async with mail_server() as there:
        await schedule_campaign(pool, owner, 4, content=COPIED, hourly_limit=7)
        await execute(pool, "UPDATE emails SET scheduled_at = now()")
        async with running_workers(database_url, settings_for(sink), fallback=there.address):
            planned = "SELECT count(*) FROM emails WHERE status = 'SCHEDULED' AND scheduled_at > now() + interval '1 s'"
            await wait_for(lambda: _is(pool, planned, 2), "what does not fit to be moved")
    assert len(there.handed) == 2
    assert await row(pool, "SELECT used, allowed FROM campaign_hours") == {"used": 6, "allowed": 7}


async def test_a_handover_that_never_began_gives_all_of_it_back(
    pool: Pool, database_url: str, sink: Sink, ten_an_hour: Owner
) -> None:
    async with mail_server() as there:
        there.refuse = {"<r0@": "421 4.3.2 shutting down"}
        await schedule_campaign(pool, ten_an_hour, 1, content=COPIED)
        async with running_workers(database_url, settings_for(sink), fallback=there.address):
            await wait_for(lambda: value(pool, "SELECT count(*) FROM attempts"), "an attempt")
    assert await row(pool, "SELECT outcome FROM attempts LIMIT 1") == {"outcome": "RELEASED"}
    assert await row(pool, "SELECT used FROM login_windows") == {"used": 0}
    assert await row(pool, "SELECT window_used FROM streams") == {"window_used": 0}


async def test_a_test_counts_its_copies(pool: Pool, database_url: str, sink: Sink, ten_an_hour: Owner) -> None:
    async with mail_server() as there:
        await direct.post(pool, ten_an_hour.workspace_id, Direct("A test", COPIED, "me@example.com", {}))
        async with running_workers(database_url, settings_for(sink), fallback=there.address):
            await wait_for(lambda: _is(pool, "SELECT sent FROM streams", 1), "it to be sent")
    assert await value(pool, "SELECT used FROM login_windows") == 3


def _planned(limits: Limits, count: int, copies: int, campaign: CampaignRoom | None = None) -> list[int]:
    """How many leave in each hour."""
    limits = limits._replace(copies=copies)
    stream = Stream(NINE, pace_of(timedelta(0), 0, limits.least_gap), Room(limits, {}))
    made = plan(count, [stream], copies=copies, campaign=campaign, horizon=timedelta(days=400))
    return [run.size for run in made.runs]


def test_plans_count_recipients() -> None:
    assert _planned(Limits(10), 7, 2) == [3, 3, 1]
    assert _planned(Limits(100), 5, 1, CampaignRoom(5)) == [2, 2, 1]
    assert _planned(Limits(100, daily=10), 6, 4)[:2] == [2, 2]
    # The least gap lies between emails, however many these copy.
    assert _planned(Limits(1_000, least_gap=timedelta(minutes=10)), 12, 5) == [6, 6]


def test_a_limit_that_is_too_low_is_refused_when_it_is_asked_for_and_ends_no_plan_later() -> None:
    with pytest.raises(InvalidInput) as refused:
        _planned(Limits(3), 2, 5)
    assert "6 addresses" in refused.value.fields["cc"]
    made = plan(2, [Stream(NINE, pace_of(timedelta(0)), Room(Limits(3, copies=5), {}))], copies=5)
    assert [run.size for run in made.runs] == [1, 1]


def test_a_ramp_leaves_the_room_that_it_has_grown_to() -> None:
    limits = Limits(100, ramp=Ramp(3, 2), copies=5)
    assert Room(limits, {}).most == 3
    assert Room(limits, {}, days_sent=2).most == 7


async def test_a_test_that_no_limit_lets_go_is_refused(pool: Pool, owner: Owner) -> None:
    await execute(pool, "UPDATE logins SET hourly_limit = 2")
    with pytest.raises(InvalidInput) as refused:
        await direct.post(pool, owner.workspace_id, Direct("A test", COPIED, "me@example.com", {}))
    assert "3 addresses" in refused.value.fields["cc"]
    await execute(pool, "UPDATE logins SET hourly_limit = 3")
    await direct.post(pool, owner.workspace_id, Direct("A test", COPIED, "me@example.com", {}))


async def test_no_sender_comes_to_send_what_its_limit_never_lets_go(pool: Pool, owner: Owner) -> None:
    campaign_id = (await schedule_campaign(pool, owner, 4, content=COPIED)).campaign.id
    small = await add_sender(pool, owner, "small@example.com", hourly_limit=2)
    with pytest.raises(InvalidInput) as refused:
        await change(pool, owner.workspace_id, campaign_id, Changes(sender_ids=[owner.sender_id, small.sender_id]))
    assert "3 addresses" in refused.value.fields["cc"]
    assert await value(pool, "SELECT count(*) FROM streams") == 1
