"""Campaigns with a calendar, a jitter, an end and several senders: what is foretold is what the ledger then has."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from app.db import Pool, transaction
from app.domain.campaigns import campaigns
from app.domain.campaigns.change import Changes, change
from app.domain.planning import changes, course, divide, handover
from app.domain.planning.campaign_calendar import CampaignCalendar
from app.domain.planning.plan import jitter_of
from app.domain.senders.draft import SenderChanges
from app.domain.senders.senders import change_sender
from app.secrets import SecretBox
from tests.support.api import schedule, wrong_fields
from tests.support.engine import (
    Owner,
    addresses,
    check_conservation,
    clear_of_the_hour,
    execute,
    rows,
    schedule_campaign,
    statuses,
    value,
)

URL = "/api/campaigns/schedule"
BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = {"timezone": "Europe/Berlin", "days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "17:00"}
CALENDAR = CampaignCalendar(
    timezone="Europe/Berlin", days=["mon", "tue", "wed", "thu", "fri"], opens="09:00", closes="17:00"
)
FRIDAY = "2030-03-29T08:00:00Z"  # 9:00 in Berlin; on Sunday the clocks change
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


async def senders(api: httpx.AsyncClient, *limits: int) -> list[int]:
    """More senders, each with its hourly limit."""
    made = []
    for number, limit in enumerate(limits):
        body = {"email": f"sender{number}@example.com", "hourlyLimit": limit}
        made.append((await api.post("/api/senders", json=body)).json()["id"])
    return made


async def emails_of(pool: Pool, campaign_id: int) -> list[dict[str, Any]]:
    return await rows(
        pool,
        "SELECT e.id, e.recipient, e.scheduled_at, e.until, e.zone, e.cancel_reason, s.sender_id FROM emails e"
        " JOIN streams s ON s.id = e.stream_id WHERE e.campaign_id = %s ORDER BY e.id",
        campaign_id,
    )


def campaign(recipients: Any, **fields: Any) -> dict[str, Any]:
    return {"subject": "Hello", "body": "A text.", "recipients": recipients, **fields}


async def foretold_and_scheduled(api: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    """The schedule's answer, which says what the preview did."""
    preview = await api.post("/api/campaigns/preview", json=body)
    assert preview.status_code == 200, preview.text
    answer = await api.post(URL, json=body)
    assert answer.status_code == 201, answer.text
    for name in ("firstAt", "lastAt", "heldBackBy", "hourly", "days", "timezone", "senders", "late", "rejected"):
        assert preview.json()[name] == answer.json()[name], name
    return answer.json()


async def test_a_calendar_is_kept_over_a_change_of_clocks(api: httpx.AsyncClient, pool: Pool) -> None:
    body = campaign(addresses(40), startTime=FRIDAY, delayBetweenMs=1_800_000, calendar=OFFICE)
    answer = await foretold_and_scheduled(api, body)
    emails = await emails_of(pool, answer["campaign"]["id"])
    local = [email["scheduled_at"].astimezone(BERLIN) for email in emails]
    assert all(time(9) <= at.time() < time(17) and at.weekday() < 5 for at in local)
    assert Counter(at.date().isoformat() for at in local) == {"2030-03-29": 16, "2030-04-01": 16, "2030-04-02": 8}
    assert [(day["day"], day["count"]) for day in answer["days"]] == [
        ("2030-03-29", 16),
        ("2030-04-01", 16),
        ("2030-04-02", 8),
    ]
    assert all(email["until"].astimezone(BERLIN).time() == time(17) for email in emails)
    assert answer["campaign"]["calendar"] == OFFICE | {"holidays": None, "fallbackTimezone": None}


async def test_holidays_are_days_without(api: httpx.AsyncClient) -> None:
    calendar = OFFICE | {"holidays": "de"}
    body = campaign(addresses(1), startTime="2030-12-25T08:00:00Z", calendar=calendar)
    answer = await foretold_and_scheduled(api, body)
    assert answer["firstAt"] == "2030-12-27T08:00:00Z"
    assert answer["campaign"]["calendar"]["holidays"] == "DE"


@pytest.mark.parametrize(
    ("calendar", "field"),
    [
        (OFFICE | {"days": []}, "calendar.days"),
        (OFFICE | {"timezone": "Europe/Nowhere"}, "calendar.timezone"),
        (OFFICE | {"timezone": "recipient"}, "calendar.fallbackTimezone"),
        (OFFICE | {"fallbackTimezone": "Europe/Berlin"}, "calendar.fallbackTimezone"),
        (OFFICE | {"holidays": "XX"}, "calendar.holidays"),
        (OFFICE | {"from": "9 o'clock"}, "calendar.from"),
    ],
)
async def test_what_is_wrong_with_a_calendar_is_named(
    api: httpx.AsyncClient, calendar: dict[str, Any], field: str
) -> None:
    assert list(wrong_fields(await api.post(URL, json=campaign(addresses(1), calendar=calendar)))) == [field]


async def test_each_recipient_has_the_calendar_of_their_own_zone(api: httpx.AsyncClient, pool: Pool) -> None:
    recipients = [
        {"email": "tokyo@example.com", "Time zone": "asia/tokyo"},
        {"email": "nowhere@example.com", "Time zone": "Atlantis"},
        {"email": "berlin@example.com", "Time zone": " "},
        {"email": "kathmandu@example.com", "tz": "Asia/Kathmandu"},
        {"email": "tokyo2@example.com", "timezone": "Asia/Tokyo"},
    ]
    calendar = OFFICE | {"timezone": "recipient", "fallbackTimezone": "Europe/Berlin"}
    body = campaign(recipients, startTime="2030-01-07T00:00:00Z", delayBetweenMs=60_000, calendar=calendar)
    answer = await foretold_and_scheduled(api, body)
    assert [(row["row"], row["email"]) for row in answer["rejected"]] == [(2, "nowhere@example.com")]
    assert "no time zone" in answer["rejected"][0]["reason"]
    emails = {email["recipient"]: email for email in await emails_of(pool, answer["campaign"]["id"])}
    assert {name: (email["scheduled_at"].isoformat(), email["zone"]) for name, email in emails.items()} == {
        "tokyo@example.com": ("2030-01-07T00:00:00+00:00", "Asia/Tokyo"),
        "berlin@example.com": ("2030-01-07T08:00:00+00:00", None),
        "kathmandu@example.com": ("2030-01-07T03:15:00+00:00", "Asia/Kathmandu"),
        "tokyo2@example.com": ("2030-01-07T00:01:00+00:00", "Asia/Tokyo"),
    }
    assert emails["kathmandu@example.com"]["until"] == datetime(2030, 1, 7, 11, 15, tzinfo=UTC)
    assert answer["timezone"] == "Europe/Berlin"
    # Planned again, all have the times that they had.
    await change(
        pool,
        await value(pool, "SELECT workspace_id FROM campaigns"),
        answer["campaign"]["id"],
        Changes(jitter_percent=0),
    )
    assert await emails_of(pool, answer["campaign"]["id"]) == list(emails.values())


async def test_jitter_follows_from_the_address_and_a_plan_made_again_is_the_same(
    api: httpx.AsyncClient, pool: Pool
) -> None:
    ids = await senders(api, 100, 100)
    body = campaign(
        addresses(50), startTime=FRIDAY, delayBetweenMs=600_000, jitterPercent=40, senderIds=ids, calendar=OFFICE
    )
    answer = await foretold_and_scheduled(api, body)
    made = answer["campaign"]["id"]
    emails = await emails_of(pool, made)
    assert len({email["scheduled_at"].second for email in emails}) > 10
    for sender_id in ids:
        its = [email for email in emails if email["sender_id"] == sender_id]
        times = [email["scheduled_at"] for email in its]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert min(gaps) >= 6 * MINUTE
        part = next(part for part in answer["senders"] if part["senderId"] == sender_id)
        ends = [datetime.fromisoformat(part[name]) for name in ("firstAt", "lastAt")]
        assert (part["count"], ends) == (25, [times[0], times[-1]])
        u = jitter_of(its[0]["recipient"])
        begins = datetime.fromisoformat(FRIDAY)
        assert abs(times[0] - begins - u * 4 * MINUTE) <= timedelta(microseconds=1)
    assert await value(pool, "SELECT array_agg(gap_ms) FROM streams") == [360_000, 360_000]
    workspace_id = await value(pool, "SELECT workspace_id FROM campaigns")
    async with transaction(pool) as conn:
        assert await changes.ask_for_campaign(conn, workspace_id, made) == ids
    for sender_id in ids:
        assert await changes.carry_out(pool, workspace_id, sender_id)
    assert await emails_of(pool, made) == emails


async def test_capacity_divides_a_campaign_over_its_senders(api: httpx.AsyncClient, pool: Pool) -> None:
    ids = await senders(api, 10, 20, 30)
    body = campaign(addresses(120), startTime=FRIDAY, senderIds=ids)
    answer = await foretold_and_scheduled(api, body)
    assert [part["count"] for part in answer["senders"]] == [20, 40, 60]
    assert answer["lastAt"] == "2030-03-29T09:00:00Z"
    assert (answer["campaign"]["senderIds"], answer["campaign"]["senderId"]) == (ids, ids[0])
    assert [part["total"] for part in answer["campaign"]["senders"]] == [20, 40, 60]
    # A second campaign on the same three comes behind the first, whichever way it is asked for.
    second = await foretold_and_scheduled(api, body | {"recipients": addresses(60, "s")})
    assert second["firstAt"] == "2030-03-29T10:00:00Z"
    assert [part["count"] for part in second["senders"]] == [10, 20, 30]
    limited = await foretold_and_scheduled(api, body | {"recipients": addresses(9, "t"), "hourlyLimit": 3})
    assert [hour["count"] for hour in limited["hourly"]] == [3, 3, 3]
    for one in (answer, second, limited):
        await check_conservation(pool, one["campaign"]["id"])


async def test_senders_are_checked(api: httpx.AsyncClient) -> None:
    (one,) = await senders(api, 10)
    for wrong, field in [
        ({"senderIds": [one, one]}, "senderIds"),
        ({"senderIds": [one, 999]}, "senderIds"),
        ({"senderIds": [one], "senderId": one}, "senderId"),
        ({"senderIds": []}, "senderIds"),
        ({"jitterPercent": 101}, "jitterPercent"),
        ({"latestAt": "2020-01-01T00:00:00Z"}, "latestAt"),
        ({"startTime": FRIDAY, "latestAt": "2030-03-31T08:00:00Z", "calendar": OFFICE | {"days": ["mon"]}}, "latestAt"),
    ]:
        assert list(wrong_fields(await api.post(URL, json=campaign(addresses(1), **wrong)))) == [field], wrong


async def test_what_has_not_gone_by_the_end_is_cancelled_as_late(api: httpx.AsyncClient, pool: Pool) -> None:
    body = campaign(addresses(5), startTime=FRIDAY, delayBetweenMs=60_000, latestAt="2030-03-29T08:03:00Z")
    answer = await foretold_and_scheduled(api, body)
    assert answer["late"] == 2
    made = answer["campaign"]["id"]
    assert answer["campaign"]["latestAt"] == "2030-03-29T08:03:00Z"
    assert await campaigns.finish_cancels(pool) == {}
    await execute(pool, "UPDATE streams SET latest_at = now() - interval '1 second'")
    assert await campaigns.finish_cancels(pool) == {made: 5}
    assert await statuses(pool, made) == {"CANCELLED": 5}
    assert {email["cancel_reason"] for email in await emails_of(pool, made)} == {"LATE"}
    assert await value(pool, "SELECT status FROM campaigns") == "FINISHED"
    await check_conservation(pool, made)


async def test_a_start_is_not_moved_behind_the_end_whatever_its_offset(api: httpx.AsyncClient) -> None:
    """All was planned behind it, and cancelled as late."""
    body = campaign(addresses(2), startTime=FRIDAY, latestAt="2030-03-29T18:00:00Z")
    made = (await api.post(URL, json=body)).json()["campaign"]["id"]
    for wrong in ({"startTime": "2030-03-30T09:00:00Z"}, {"calendar": OFFICE | {"days": ["mon"]}}):
        assert list(wrong_fields(await api.patch(f"/api/campaigns/{made}", json=wrong))) == ["latestAt"]
    kolkata = OFFICE | {"timezone": "Asia/Kolkata", "from": "09:00", "to": "18:00"}
    times = {"startTime": "2030-03-29T10:00:00+05:30", "latestAt": "2030-03-29T14:00:00+05:30"}
    changed = await api.patch(f"/api/campaigns/{made}", json=times | {"calendar": kolkata})
    assert changed.status_code == 200, changed.text


IN_THEIR_ZONES = {"timezone": "recipient", "fallbackTimezone": "America/Los_Angeles"}


@pytest.mark.parametrize("telling", [1, course.TELLING])
async def test_an_end_is_too_soon_only_where_no_recipients_morning_comes_before_it(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, telling: int
) -> None:
    """The zone of those who bring none stood for all: one of which all would go was refused, one of which nothing would
    was taken, and cancelled as late.
    """
    monkeypatch.setattr(course, "TELLING", telling)
    late, early = "2030-03-29T16:00:00Z", "2030-03-29T07:00:00Z"  # before the morning of Los Angeles, of Berlin
    zones = ["America/Denver", "America/Chicago", *["Europe/Berlin"] * 3]
    recipients = [{"email": f"r{n}@example.com", "tz": zone} for n, zone in enumerate(zones)]
    body = campaign(recipients, startTime="2030-03-29T03:00:00Z", latestAt=late, calendar=OFFICE | IN_THEIR_ZONES)
    url = f"/api/campaigns/{(await foretold_and_scheduled(api, body))['campaign']['id']}"
    for fine in ({"startTime": "2030-03-29T04:00:00Z"}, {"calendar": OFFICE | IN_THEIR_ZONES | {"to": "16:00"}}):
        assert (await api.patch(url, json=fine)).status_code == 200, fine
    wrong = {"latestAt": early, "calendar": OFFICE | IN_THEIR_ZONES | {"fallbackTimezone": "Asia/Tokyo"}}
    assert list(wrong_fields(await api.patch(url, json=wrong))) == ["latestAt"]
    assert (await api.get(url)).json()["latestAt"] == late


async def test_an_end_is_too_soon_only_where_it_is_for_each_of_the_senders(api: httpx.AsyncClient, pool: Pool) -> None:
    """As where the campaign is scheduled."""
    ids = await senders(api, 10, 10)
    body = campaign(addresses(4), startTime=FRIDAY, senderIds=ids, latestAt="2030-03-29T12:00:00Z")
    made = (await foretold_and_scheduled(api, body))["campaign"]["id"]
    busy = campaign(addresses(10, "busy"), startTime=FRIDAY, senderIds=ids[:1])
    assert (await api.post(URL, json=busy | {"startTime": "2030-03-29T11:00:00Z"})).status_code == 201
    last_hour = {"startTime": "2030-03-29T11:30:00Z"}
    assert (await api.patch(f"/api/campaigns/{made}", json=last_hour)).status_code == 200
    busy |= {"senderIds": ids[1:], "startTime": "2030-03-29T10:00:00Z"}
    assert (await api.post(URL, json=busy)).status_code == 201
    too_late = {"startTime": "2030-03-29T12:00:00Z"}
    assert list(wrong_fields(await api.patch(f"/api/campaigns/{made}", json=too_late))) == ["latestAt"]


# Changes


def tomorrow() -> datetime:
    return datetime.now(UTC) + timedelta(days=1)


async def test_a_calendar_that_is_changed_moves_what_waits_also_of_yesterdays_slot_and_retries(
    pool: Pool, owner: Owner
) -> None:
    always = CampaignCalendar(timezone="UTC", days=["mon", "tue", "wed", "thu", "fri", "sat", "sun"], opens="00:00",
                              closes="00:00")  # fmt: skip
    made = (await schedule_campaign(pool, owner, 6, delay_between_ms=60_000, calendar=always)).campaign.id
    # Yesterday's slot is over for all, and one is a retry in two hours.
    await execute(
        pool, "UPDATE emails SET scheduled_at = scheduled_at - interval '1 day', until = now() - interval '1 h'"
    )
    retry = (await emails_of(pool, made))[0]["id"]
    await execute(
        pool,
        "UPDATE emails SET attempts = 1, retry_count = 1, scheduled_at = now() + interval '2 h',"
        " not_before = now() + interval '2 h' WHERE id = %s",
        retry,
    )
    opens = (datetime.now(UTC) + timedelta(hours=5)).replace(minute=0)
    later = CampaignCalendar(
        timezone="UTC", days=always.days, opens=f"{opens:%H:%M}", closes=f"{opens + 2 * HOUR:%H:%M}"
    )
    await change(pool, owner.workspace_id, made, Changes(calendar=later))
    emails = await emails_of(pool, made)
    start = opens.replace(second=0, microsecond=0)
    assert [email["scheduled_at"] for email in emails] == [start, *(start + n * MINUTE for n in range(5))]
    assert {email["until"] for email in emails} == {start + 2 * HOUR}
    # Without a calendar nothing has an end, and a retry keeps the time that it has.
    await change(pool, owner.workspace_id, made, Changes(calendar=None))
    emails = await emails_of(pool, made)
    assert {email["until"] for email in emails} == {None}
    assert emails[0]["scheduled_at"] == start
    assert emails[1]["scheduled_at"] <= datetime.now(UTC)


async def test_a_limit_below_what_the_day_has_used_waits_for_the_next(pool: Pool, owner: Owner, box: SecretBox) -> None:
    await clear_of_the_hour()
    made = (await schedule_campaign(pool, owner, 10)).campaign.id
    await execute(
        pool,
        "INSERT INTO login_windows (workspace_id, login_id, window_start, allowed, used)"
        " SELECT workspace_id, id, this_hour() - interval '3 hours', 30, 30 FROM logins",
    )
    await change_sender(pool, box, owner.workspace_id, owner.sender_id, SenderChanges(daily_limit=20))
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    times = {email["scheduled_at"] for email in await emails_of(pool, made)}
    assert times == {hour + 21 * HOUR}


async def test_a_sender_that_is_added_takes_its_part_and_one_that_is_taken_out_gives_its_own(
    api: httpx.AsyncClient, pool: Pool
) -> None:
    ids = await senders(api, 100, 100)
    start = tomorrow().isoformat()
    made = (await schedule(api, addresses(40), startTime=start, delayBetweenMs=60_000, senderIds=ids[:1]))["campaign"][
        "id"
    ]
    url = f"/api/campaigns/{made}"
    patched = (await api.patch(url, json={"senderIds": ids})).json()
    assert patched["senderIds"] == ids
    assert Counter(email["sender_id"] for email in await emails_of(pool, made)) == {ids[0]: 20, ids[1]: 20}
    workspace_id = await value(pool, "SELECT workspace_id FROM campaigns")
    for sender_id in ids:
        assert await changes.carry_out(pool, workspace_id, sender_id)
    times = [email["scheduled_at"] for email in await emails_of(pool, made)]
    assert times[-1] - times[0] == 19 * MINUTE
    await check_conservation(pool, made)
    patched = (await api.patch(url, json={"senderIds": ids[1:]})).json()
    assert (patched["senderIds"], patched["senderId"]) == (ids[1:], ids[1])
    await handover.hand_over(pool)
    assert {email["sender_id"] for email in await emails_of(pool, made)} == {ids[1]}
    await check_conservation(pool, made)
    assert list(wrong_fields(await api.patch(url, json={"senderIds": [999]}))) == ["senderIds"]


async def test_senders_that_are_added_share_by_logins_and_not_by_addresses(api: httpx.AsyncClient, pool: Pool) -> None:
    """What waits on one was a load of its alias, so that the login got nothing of it all."""
    ids: list[int] = []
    for email, username in (("a@example.com", "one"), ("b@example.com", "one"), ("c@example.com", "two")):
        body = {"email": email, "host": "smtp.example.com", "username": username, "password": "a word"}
        ids.append((await api.post("/api/senders", json=body | {"hourlyLimit": 10})).json()["id"])
    start = tomorrow().isoformat()
    made = (await schedule(api, addresses(40), startTime=start, senderIds=ids[:1]))["campaign"]["id"]
    assert (await api.patch(f"/api/campaigns/{made}", json={"senderIds": ids})).status_code == 200
    had = Counter(email["sender_id"] for email in await emails_of(pool, made))
    assert (had[ids[0]] + had[ids[1]], had[ids[2]]) == (20, 20)
    await check_conservation(pool, made)


class Broken(Exception):
    """An end of a process in the middle."""


async def test_a_division_that_is_broken_off_is_begun_again_by_the_sweep(
    api: httpx.AsyncClient, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await senders(api, 100, 100)
    made = (await schedule(api, addresses(40), startTime=tomorrow().isoformat(), senderIds=ids[:1]))["campaign"]["id"]
    workspace_id = await value(pool, "SELECT workspace_id FROM campaigns")
    monkeypatch.setattr(divide, "BATCH", 10)
    settle, batches = course.streams.settle, 0

    async def dies(*args: Any) -> None:
        nonlocal batches
        batches += 1
        if batches == 3:
            raise Broken
        await settle(*args)

    monkeypatch.setattr(divide.streams, "settle", dies)
    with pytest.raises(Broken):
        await change(pool, workspace_id, made, Changes(sender_ids=ids))
    await check_conservation(pool, made)
    assert await divide.divide_neglected(pool) == []  # whoever died has it for a while still
    await execute(pool, "UPDATE campaigns SET divide_at = now()")
    assert await divide.divide_neglected(pool) == [made]
    assert Counter(email["sender_id"] for email in await emails_of(pool, made)) == {ids[0]: 20, ids[1]: 20}
    assert await value(pool, "SELECT divide_at FROM campaigns") is None
    await check_conservation(pool, made)


async def test_a_sender_that_is_taken_out_while_its_part_is_divided_gets_none(
    api: httpx.AsyncClient, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await senders(api, 100, 100)
    made = (await schedule(api, addresses(40), startTime=tomorrow().isoformat(), senderIds=ids[:1]))["campaign"]["id"]
    workspace_id = await value(pool, "SELECT workspace_id FROM campaigns")
    deal, is_taken_out = divide.deal_out, False

    async def taken_out_meanwhile(*args: Any) -> bool:
        nonlocal is_taken_out
        if not is_taken_out:
            is_taken_out = True
            await change(pool, workspace_id, made, Changes(sender_ids=ids[:1]))
        return await deal(*args)

    monkeypatch.setattr(divide, "deal_out", taken_out_meanwhile)
    await change(pool, workspace_id, made, Changes(sender_ids=ids))
    assert is_taken_out
    assert {email["sender_id"] for email in await emails_of(pool, made)} == {ids[0]}
    assert await value(pool, "SELECT divide_at FROM campaigns") is None
    await check_conservation(pool, made)


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"from": "09:00\n"}, "calendar.from", "no time of day"),
        ({"to": "24:00"}, "calendar.to", "no time of day"),
        ({"days": ["Mon"]}, "calendar.days[0]", "is not one of mon, tue"),
        ({"zone": "UTC"}, "calendar.zone", "the fields are: timezone, days, from"),
        ({"timezone": "localtime"}, "calendar.timezone", "is no time zone"),
    ],
)
async def test_a_calendar_that_is_none_is_refused_by_its_fields(
    api: httpx.AsyncClient, given: dict[str, Any], field: str, words: str
) -> None:
    answer = await api.post(URL, json=campaign(["ada@example.com"], calendar=OFFICE | given))
    assert words in wrong_fields(answer)[field]
