"""The bounds of a plan hold while it is sent: calendars and clocks that change, limits, several senders."""

from __future__ import annotations

import struct
import zoneinfo
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.db import Pool
from app.domain.campaigns.campaigns import get_campaign
from app.domain.campaigns.change import Changes, change
from app.domain.planning import changes, zones
from app.domain.planning.campaign_calendar import DAYS, CampaignCalendar
from app.domain.senders.draft import SenderChanges
from app.domain.senders.senders import change_sender
from app.secrets import SecretBox
from tests.support.engine import (
    NO_LIMIT,
    Owner,
    add_sender,
    addresses,
    check_conservation,
    clear_of_the_hour,
    execute,
    ours_in,
    rows,
    running_workers,
    schedule_campaign,
    settings_for,
    the_clock_moves_on,
    value,
    wait_for,
    wait_until_sent,
)
from tests.support.sinkproc import Sink

MINUTE = timedelta(minutes=1)


def open_from(begin: timedelta, end: timedelta, zone: str = "UTC") -> CampaignCalendar:
    """Open every day between these times from now, by a clock that shows what UTC does."""
    opens, closes = (f"{datetime.now(UTC) + at:%H:%M}" for at in (begin, end))
    return CampaignCalendar(timezone=zone, days=list(DAYS), opens=opens, closes=closes)


async def sent(pool: Pool, campaign_id: int) -> int:
    return (await check_conservation(pool, campaign_id))["SENT"]


async def planned(pool: Pool) -> bool:
    return await value(pool, "SELECT count(*) FROM plan_changes") == 0


async def none_at_a_server(pool: Pool, campaign_id: int) -> bool:
    return (await check_conservation(pool, campaign_id))["SENDING"] == 0


async def first_waiting(pool: Pool) -> datetime:
    return await value(pool, "SELECT min(scheduled_at) FROM emails WHERE status = 'SCHEDULED'")


async def test_a_calendar_that_closes_while_a_campaign_is_sent_stops_it_before_the_plan_is_made(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "AT_ONCE", 10)  # so that the worker has most of it to plan
    monkeypatch.setattr(changes, "BATCH", 5)
    sink.script({"dot": {"slow": 0.02}})
    made = (await schedule_campaign(pool, owner, 500)).campaign.id
    async with running_workers(database_url, settings_for(sink, lanes=2)):
        await wait_for(lambda: sent(pool, made), "the first to be sent")
        await change(pool, owner.workspace_id, made, Changes(calendar=open_from(180 * MINUTE, 300 * MINUTE)))
        counts = await check_conservation(pool, made)
        assert counts["SCHEDULED"] > 100
        await wait_for(lambda: planned(pool), "the plan")
        await wait_for(lambda: none_at_a_server(pool, made), "what was claimed before to be sent")
    assert await check_conservation(pool, made) == counts + Counter(SENT=counts["SENDING"], SENDING=-counts["SENDING"])
    assert await first_waiting(pool) > datetime.now(UTC) + 170 * MINUTE


async def test_what_waits_with_yesterdays_slot_goes_by_the_calendar_of_today(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    made = (await schedule_campaign(pool, owner, 30, calendar=open_from(-60 * MINUTE, 60 * MINUTE))).campaign.id
    await the_clock_moves_on(pool, timedelta(days=1))  # nobody worked
    await change(pool, owner.workspace_id, made, Changes(calendar=open_from(180 * MINUTE, 300 * MINUTE)))
    async with running_workers(database_url, settings_for(sink)):
        other = await schedule_campaign(pool, owner, ["other@example.com"])
        await wait_until_sent(pool, other.campaign.id)
        assert await check_conservation(pool, made) == {"SCHEDULED": 30}
        assert await first_waiting(pool) > datetime.now(UTC) + 170 * MINUTE
        await change(pool, owner.workspace_id, made, Changes(calendar=open_from(-60 * MINUTE, 60 * MINUTE)))
        await wait_until_sent(pool, made)


async def test_a_days_limit_that_is_lowered_below_what_was_sent_lets_nothing_go_until_a_day_has_passed(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, box: SecretBox
) -> None:
    await change_sender(pool, box, *owner, SenderChanges(daily_limit=30))
    made = (await schedule_campaign(pool, owner, 60)).campaign.id

    async def as_many(count: int) -> bool:
        return await sent(pool, made) == count

    async with running_workers(database_url, settings_for(sink)):
        await wait_for(lambda: as_many(30), "the day's emails to be sent")
        await change_sender(pool, box, *owner, SenderChanges(daily_limit=20))
        await wait_for(lambda: planned(pool), "the plan")
        # As if a person had them go at once.
        await execute(pool, "UPDATE emails SET scheduled_at = now() WHERE status = 'SCHEDULED'")
        await the_clock_moves_on(pool, MINUTE)

        async def put_off() -> bool:
            return await first_waiting(pool) > datetime.now(UTC) + timedelta(hours=22)

        await wait_for(put_off, "the loop to see that nothing may go")
        assert await check_conservation(pool, made) == {"SENT": 30, "SCHEDULED": 30}
        await the_clock_moves_on(pool, timedelta(days=1))
        await wait_for(lambda: as_many(50), "the next day's to be sent")
        await wait_for(put_off, "the rest to be put off")
    assert await check_conservation(pool, made) == {"SENT": 50, "SCHEDULED": 10}


Jump = Callable[[datetime, int, int], str]


@pytest.fixture
def jump(tmp_path: Path) -> Iterator[Jump]:
    """A zone whose clock jumps at an instant, from one offset to another (hours); its name."""

    def made(at: datetime, before: int, after: int) -> str:
        def block(version: bytes, time: str) -> bytes:
            head = struct.pack(">4sc15x6l", b"TZif", version, 0, 0, 0, 1, 2, 8)
            kinds = struct.pack(">l??l??", before * 3600, False, 0, after * 3600, True, 4)
            return head + struct.pack(time, int(at.timestamp())) + b"\x01" + kinds + b"BEF\0AFT\0"

        name = f"Test/From{before}To{after}"
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        # The offset of the zone ever after is a rule of its own.
        path.write_bytes(block(b"2", ">l") + block(b"2", ">q") + f"\n<{after:+03d}>{-after}\n".encode())
        zones._zones.cache_clear()  # pyright: ignore[reportPrivateUsage]
        return name

    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([str(tmp_path), *before])
    yield made
    zoneinfo.reset_tzpath(before)
    zoneinfo.ZoneInfo.clear_cache()
    zones._zones.cache_clear()  # pyright: ignore[reportPrivateUsage]


async def test_clocks_that_jump_ahead_in_mid_campaign_close_it_at_that_moment(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, jump: Jump
) -> None:
    """The clock is an hour short of closing time, and then it is past it."""
    async with running_workers(database_url, settings_for(sink)):
        other = await schedule_campaign(pool, owner, ["other@example.com"])
        await wait_until_sent(pool, other.campaign.id)  # the worker is there, and connected
        change_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=5)
        calendar = open_from(-60 * MINUTE, 60 * MINUTE, jump(change_at, 0, 2))
        made = (await schedule_campaign(pool, owner, 40, calendar=calendar, delay_between_ms=250)).campaign.id
        before = await value(
            pool, "SELECT count(*) FROM emails WHERE scheduled_at < %s AND campaign_id = %s", change_at, made
        )

        async def closed() -> bool:
            return await value(pool, "SELECT clock_timestamp() > %s", change_at + timedelta(seconds=2))

        await wait_for(closed, "the jump")

        async def put_off() -> bool:
            # By its clock it opens tomorrow at the time that was an hour ago when it was two hours slower.
            return abs(await first_waiting(pool) - (change_at + timedelta(hours=21))) < 2 * MINUTE

        await wait_for(put_off, "what came to its turn too late to be planned again")
    counts = await check_conservation(pool, made)
    assert set(counts) == {"SENT", "SCHEDULED"}
    assert 0 < counts["SENT"] <= before
    # What was claimed in time may arrive later.
    assert await value(pool, "SELECT max(claimed_at) FROM emails WHERE campaign_id = %s", made) < change_at


async def test_clocks_that_jump_ahead_in_mid_campaign_open_it_at_that_moment(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, jump: Jump
) -> None:
    change_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=4)
    calendar = open_from(60 * MINUTE, 240 * MINUTE, jump(change_at, 0, 2))
    made = (await schedule_campaign(pool, owner, 10, calendar=calendar, delay_between_ms=100)).campaign.id
    async with running_workers(database_url, settings_for(sink)):
        await wait_until_sent(pool, made)  # and not in an hour
    assert await value(pool, "SELECT min(claimed_at) FROM emails") >= change_at


async def three_senders(pool: Pool, owner: Owner, hourly_limit: int) -> list[int]:
    await execute(pool, "UPDATE logins SET hourly_limit = %s", hourly_limit)
    others = [await add_sender(pool, owner, f"{name}@example.com", hourly_limit) for name in ("bob", "eve")]
    return [owner.sender_id, *(other.sender_id for other in others)]


async def test_two_campaigns_that_share_three_senders_fill_the_hour_of_each_and_no_more(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    await clear_of_the_hour()
    senders = await three_senders(pool, owner, 20)
    both = [
        (await schedule_campaign(pool, owner, addresses(count, name), sender_ids=senders)).campaign.id
        for name, count in (("a", 36), ("b", 36))
    ]

    async def hour_is_over() -> bool:
        return sum([await sent(pool, campaign) for campaign in both]) == 60

    async with running_workers(database_url, settings_for(sink), 2):
        await wait_for(hour_is_over, "what the hour has room for")
        await wait_for(lambda: first_is_later(pool), "the rest to be put off")
    assert Counter(entry.envelope_from for entry in sink.accepted()) == {
        "owner@example.com": 20,
        "bob@example.com": 20,
        "eve@example.com": 20,
    }
    assert await check_conservation(pool, both[0]) == {"SENT": 36}
    assert await check_conservation(pool, both[1]) == {"SENT": 24, "SCHEDULED": 12}
    assert await value(
        pool,
        "SELECT array_agg(n) FROM (SELECT count(*)::integer AS n FROM emails"
        " WHERE status = 'SCHEDULED' GROUP BY stream_id) s",
    ) == [4, 4, 4]
    await the_clock_moves_on(pool, timedelta(hours=1))
    async with running_workers(database_url, settings_for(sink), 2):
        await wait_until_sent(pool, both[1])


async def first_is_later(pool: Pool) -> bool:
    return await first_waiting(pool) > await value(pool, "SELECT this_hour() + interval '1 hour' - interval '1 s'")


async def test_with_all_its_senders_blocked_a_campaign_waits_whole_and_goes_on_when_one_gets_through(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, tmp_path: Path
) -> None:
    sink.script({"connect": "drop"})
    senders = await three_senders(pool, owner, NO_LIMIT)
    made = (await schedule_campaign(pool, owner, 60, sender_ids=senders)).campaign.id

    async def all_blocked() -> bool:
        return await value(pool, "SELECT count(*) FROM senders WHERE blocked_until > now()") == 3

    async with running_workers(database_url, settings_for(sink)):
        await wait_for(all_blocked, "all senders to be blocked")
        # For so long that each would give what it has to the others.
        await execute(pool, "UPDATE senders SET blocked_since = now() - interval '2 h', blocked_until = now() + '1 h'")
        assert await check_conservation(pool, made) == {"SCHEDULED": 60}
        campaign = await get_campaign(pool, owner.workspace_id, made, ours_in(tmp_path))
        assert campaign.waiting is not None
        assert campaign.waiting.reason == "SENDER_BLOCKED"
        sink.script([])
        await execute(pool, "UPDATE senders SET blocked_until = now() WHERE id = %s", senders[1])
        await wait_until_sent(pool, made)
    from_each = Counter(entry.envelope_from for entry in sink.accepted())
    assert from_each == {"bob@example.com": 60}, "the others gave it what they had"
    assert {r["retry_count"] for r in await rows(pool, "SELECT retry_count FROM emails")} == {0}
