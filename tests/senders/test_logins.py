"""Limits of logins: what they leave, who shares them, and that plans count as the ledger does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from app.db import Pool
from app.domain.ledger import refusals
from app.domain.planning.slots import Limits, Ramp, Room
from app.sql import read
from tests.senders.test_senders import create
from tests.support.api import Headers, schedule, wrong_fields
from tests.support.engine import Owner, clear_of_the_hour, execute, row, rows, value, wait_for

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe"]
HOUR = timedelta(hours=1)
TYPED = "typed again"


async def used(pool: Pool, sender_id: int, **by_hour: int) -> None:
    """So many in each hour before this one, `h0` being this one."""
    for name, count in by_hour.items():
        await execute(
            pool,
            "INSERT INTO login_windows (workspace_id, login_id, window_start, allowed, used)"
            " SELECT workspace_id, login_id, this_hour() - make_interval(hours => %s), 1000, %s FROM senders"
            " WHERE id = %s"
            " ON CONFLICT (workspace_id, login_id, window_start) DO UPDATE SET used = excluded.used",
            int(name[1:]),
            count,
            sender_id,
        )


async def allowed(pool: Pool, sender_id: int) -> int:
    return await value(
        pool,
        "SELECT w.allowed FROM senders s JOIN login_windows w USING (workspace_id, login_id)"
        " WHERE s.id = %s AND w.window_start = this_hour()",
        sender_id,
    )


async def open_window(pool: Pool, sender: dict[str, Any]) -> None:
    workspace_id = await value(pool, "SELECT workspace_id FROM senders WHERE id = %s", sender["id"])
    async with pool.connection() as conn, conn.transaction():
        await refusals.lock_window(conn, workspace_id, sender["id"])


async def change(api: httpx.AsyncClient, sender: dict[str, Any], **fields: Any) -> dict[str, Any]:
    response = await api.patch(f"/api/senders/{sender['id']}", json=fields)
    assert response.status_code == 200, response.text
    return response.json()


# Limits


async def test_a_sender_tells_its_limits_and_what_they_leave(api: httpx.AsyncClient, pool: Pool) -> None:
    await clear_of_the_hour()
    sender = await create(
        api, dailyLimit=40, leastGapSeconds=1, rampUp={"from": 5, "perDay": 3}, timezone="Europe/Berlin"
    )
    assert (sender["dailyLimit"], sender["leastGapSeconds"], sender["timezone"]) == (40, 1, "Europe/Berlin")
    assert sender["rampUp"] == {"from": 5, "perDay": 3}
    assert (sender["usedToday"], sender["leftToday"], sender["leftThisHour"], sender["rampToday"]) == (0, 5, 5, 5)
    await used(pool, sender["id"], h0=2, h30=4, h80=1)
    sender = (await api.get(f"/api/senders/{sender['id']}")).json()
    assert (sender["usedThisHour"], sender["usedToday"]) == (2, 2)
    assert (sender["rampToday"], sender["leftToday"], sender["leftThisHour"]) == (11, 9, 9)


async def test_the_least_gap_leaves_no_more_of_the_hour_than_fit_into_it(api: httpx.AsyncClient, pool: Pool) -> None:
    await clear_of_the_hour()
    sender = await create(api, leastGapSeconds=600)
    assert 1 <= sender["leftThisHour"] <= 6
    await used(pool, sender["id"], h0=1)
    await execute(pool, "UPDATE login_windows SET free_at = this_hour() + interval '59 minutes 59 seconds'")
    assert (await api.get(f"/api/senders/{sender['id']}")).json()["leftThisHour"] == 1
    await execute(pool, "UPDATE login_windows SET free_at = this_hour() + interval '61 minutes'")
    assert (await api.get(f"/api/senders/{sender['id']}")).json()["leftThisHour"] == 0


async def test_without_limits_of_a_day_only_the_hours_is_told(api: httpx.AsyncClient) -> None:
    sender = await create(api)
    told = ["dailyLimit", "leftToday", "leastGapSeconds", "rampUp", "rampToday"]
    assert [sender[name] for name in told] == [None] * 5
    assert (sender["timezone"], sender["leftThisHour"], sender["sharesLoginWith"]) == ("UTC", 50, [])


async def test_limits_are_changed_one_by_one_and_null_removes_them(api: httpx.AsyncClient) -> None:
    sender = await create(api)
    given: dict[str, Any] = {
        "dailyLimit": 30,
        "leastGapSeconds": 60,
        "rampUp": {"from": 2, "perDay": 2},
        "timezone": "Asia/Kolkata",
    }
    removed = {"dailyLimit": None, "leastGapSeconds": None, "rampUp": None, "timezone": "UTC"}
    for name, wanted in given.items():
        sender = await change(api, sender, **{name: wanted})
        assert sender[name] == wanted
    assert {name: sender[name] for name in given} == given
    for name, left in removed.items():
        sender = await change(api, sender, **{name: None})
        assert sender[name] == left


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"dailyLimit": 0}, "dailyLimit"),
        ({"dailyLimit": 10_000_001}, "dailyLimit"),
        ({"leastGapSeconds": 0}, "leastGapSeconds"),
        ({"leastGapSeconds": 86_401}, "leastGapSeconds"),
        ({"leastGapSeconds": 1.5}, "leastGapSeconds"),
        ({"rampUp": {"from": 0, "perDay": 2}}, "rampUp"),
        ({"rampUp": {"from": 5}}, "rampUp.perDay"),
        ({"rampUp": {"from": 5, "perDay": 10_000_001}}, "rampUp"),
        ({"rampUp": {"from": 5, "perDay": 2, "until": 40}}, "rampUp.until"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "../etc/passwd"}, "timezone"),
        ({"timezone": "a\0b"}, "timezone"),
        ({"timezone": ""}, "timezone"),
        ({"timezone": "Factory"}, "timezone"),
        ({"timezone": "localtime"}, "timezone"),
        ({"timezone": "posixrules"}, "timezone"),
    ],
)
async def test_a_wrong_limit_is_named(api: httpx.AsyncClient, fields: dict[str, Any], wrong: str) -> None:
    sender = await create(api)
    body = {"email": "sales@example.com"} | fields
    for response in (
        await api.post("/api/senders", json=body),
        await api.patch(f"/api/senders/{sender['id']}", json=fields),
    ):
        assert list(wrong_fields(response)) == [wrong]
    assert (await api.get(f"/api/senders/{sender['id']}")).json() == sender


async def test_a_zone_is_known_whatever_its_case(api: httpx.AsyncClient) -> None:
    sender = await create(api, timezone="europe/berlin")
    assert sender["timezone"] == "Europe/Berlin"
    assert (await change(api, sender, timezone="utc"))["timezone"] == "UTC"


async def test_a_zone_that_only_python_knows_is_refused(api: httpx.AsyncClient, pool: Pool) -> None:
    """It would fail whoever opens the login's window."""
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        await execute(pool, "UPDATE logins SET timezone = 'Europe/Nowhere'")


async def test_a_limit_lowered_below_what_the_day_has_used_leaves_nothing(api: httpx.AsyncClient, pool: Pool) -> None:
    await clear_of_the_hour()
    sender = await create(api)
    await used(pool, sender["id"], h0=3, h5=20)
    assert await allowed(pool, sender["id"]) == 1000
    for daily, hour in ((100, 50), (40, 20), (22, 2), (10, 0)):
        told = await change(api, sender, dailyLimit=daily)
        assert await allowed(pool, sender["id"]) == hour
        assert (told["leftToday"], told["leftThisHour"]) == (max(daily - 23, 0), max(hour - 3, 0))


async def test_a_window_takes_over_what_the_day_has_left_and_the_least_gap(api: httpx.AsyncClient, pool: Pool) -> None:
    await clear_of_the_hour()
    sender = await create(api, dailyLimit=30)
    await used(pool, sender["id"], h1=12, h23=8, h24=5)
    await execute(
        pool, "UPDATE login_windows SET free_at = '2031-01-01Z' WHERE window_start = this_hour() - interval '1 hour'"
    )
    await open_window(pool, sender)
    window = await row(pool, "SELECT allowed, free_at FROM login_windows WHERE window_start = this_hour()")
    assert (window["allowed"], window["free_at"]) == (10, datetime(2031, 1, 1, tzinfo=UTC))


async def test_an_exchange_from_before_the_turn_of_the_hour_is_counted_in_the_day(
    api: httpx.AsyncClient, pool: Pool
) -> None:
    """A claim that opens a window waits for what is still under way in the one before, and closes it."""
    await clear_of_the_hour()
    sender = await create(api, dailyLimit=30)
    await used(pool, sender["id"], h1=0)

    async def waits() -> bool:
        blocked = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return await value(pool, blocked) == 1

    async with pool.connection() as conn, conn.transaction():
        # As an exchange does that began then.
        await conn.execute("UPDATE login_windows SET used = 7 WHERE window_start = this_hour() - interval '1 hour'")
        opening = asyncio.create_task(open_window(pool, sender))
        await wait_for(waits, "whoever opens the next to wait")
    await opening
    assert await allowed(pool, sender["id"]) == 23
    left = "SELECT allowed - used FROM login_windows WHERE window_start = this_hour() - interval '1 hour'"
    assert await value(pool, left) == 0


# One count for ledger and plan

HOURS = st.dictionaries(st.integers(0, 24 * 12), st.sampled_from([0, 1, 1, 2, 5, 40]), max_size=60)
CHANGES = [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)]


@pytest.fixture
def conn(database_url: str, owner: Owner) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    with psycopg.connect(database_url, row_factory=dict_row) as conn:
        yield conn


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hours=HOURS,
    zone=st.sampled_from(ZONES),
    change=st.sampled_from(CHANGES),
    at=st.integers(-30, 30),
    hourly=st.integers(1, 60),
    daily=st.none() | st.integers(1, 120),
    ramp=st.none() | st.builds(Ramp, st.integers(1, 30), st.integers(1, 10)),
    retired=st.integers(0, 24 * 12),
)
def test_plans_count_as_the_ledger_does(
    conn: psycopg.Connection[dict[str, Any]],
    hours: dict[int, int],
    zone: str,
    change: datetime,
    at: int,
    hourly: int,
    daily: int | None,
    ramp: Ramp | None,
    retired: int,
) -> None:
    """`login_room` and `slots.Room` have the same room, whatever retention has removed of what a limit of a day no
    longer looks at.
    """
    conn.rollback()  # what the example before has left
    now = change + at * HOUR
    spent = {now - ago * HOUR: count for ago, count in hours.items()}
    conn.execute(
        "UPDATE logins SET hourly_limit = %s, daily_limit = %s, ramp_from = %s, ramp_per_day = %s, timezone = %s",
        [hourly, daily, ramp and ramp.first, ramp and ramp.per_day, zone],
    )
    conn.cursor().executemany(
        "INSERT INTO login_windows (workspace_id, login_id, window_start, allowed, used)"
        " SELECT workspace_id, id, %s, 0, %s FROM logins",
        list(spent.items()),
    )
    room = "SELECT r.*, l.id, l.workspace_id FROM logins l, login_room(l.workspace_id, l.id, %s) r"
    before = conn.execute(room, [now]).fetchone()
    assert before is not None
    # Retention removes what is older than some time, a few at once.
    oldest = datetime.now(UTC) - (now - max(retired, 50) * HOUR)
    while conn.execute(
        read("ledger/retention")["remove_windows"], {"days": 0, "batch": 3} | {"days": oldest.days + 1}
    ).fetchone():
        pass
    assert conn.execute(room, [now]).fetchone() == before
    local = ZoneInfo(zone)
    day = (now - 23 * HOUR).astimezone(local).date()
    taken = {hour: count for hour, count in spent.items() if hour.astimezone(local).date() >= day and hour <= now}
    sent = conn.execute("SELECT days_sent(%s, %s, %s) AS n", [before["workspace_id"], before["id"], day]).fetchone()
    limits = Limits(hourly, daily, ramp=ramp, zone=local)
    assert sent is not None
    left, _ = Room(limits, taken, days_sent=sent["n"], since=day).left(now)
    assert left == max(before["allowed"] - before["used"], 0)


# Senders that share a login


async def test_senders_that_log_in_alike_share_limits_connections_and_what_was_used(
    api: httpx.AsyncClient, pool: Pool
) -> None:
    first = await create(api, dailyLimit=30)
    await used(pool, first["id"], h0=4)
    second = await create(api, email="help@example.com", host="SMTP.Example.com", username="Sales", hourlyLimit=9)
    assert (second["hourlyLimit"], second["dailyLimit"], second["usedToday"]) == (50, 30, 4)
    assert second["sharesLoginWith"] == [first["id"]]
    second = await change(api, second, maxConnections=7, dailyLimit=20)
    first = (await api.get(f"/api/senders/{first['id']}")).json()
    assert (first["sharesLoginWith"], first["maxConnections"], first["dailyLimit"]) == ([second["id"]], 7, 20)


async def test_a_host_is_one_however_it_is_written(api: httpx.AsyncClient, pool: Pool) -> None:
    first = await create(api)
    second = await create(api, email="b@example.com", host="SMTP.Example.com.", imap={"host": "IMAP.Example.com."})
    assert (second["host"], second["imap"]["host"]) == ("smtp.example.com", "imap.example.com")
    assert second["sharesLoginWith"] == [first["id"]]
    # As the version before wrote them down: a password goes on being used, and others come to its login.
    of_before = "UPDATE senders SET host = 'Smtp.example.com.', imap_host = 'Imap.example.com.' WHERE id = %s"
    await execute(pool, of_before, second["id"])
    third = await create(api, email="c@example.com")
    assert third["sharesLoginWith"] == [first["id"], second["id"]]
    second = await change(api, second, port=587, security="starttls", imap={"host": "imap.example.com"})
    assert (second["host"], second["hasPassword"]) == ("smtp.example.com", True)
    assert second["sharesLoginWith"] == [first["id"], third["id"]]


async def test_two_logins_of_one_mailbox_from_before_stay_two_while_it_is_only_spelled_otherwise(
    api: httpx.AsyncClient, pool: Pool
) -> None:
    first = await create(api, dailyLimit=30)
    second = await create(api, email="b@example.com", username="other", dailyLimit=40)
    await execute(pool, "UPDATE senders SET host = 'smtp.example.com.', username = 'sales' WHERE id = %s", second["id"])
    for sender, daily in ((first, 30), (second, 40)):
        sender = await change(
            api, sender, host="smtp.example.com", port=587, security="starttls", username="Sales", password=TYPED
        )
        assert (sender["dailyLimit"], sender["sharesLoginWith"]) == (daily, [])


async def test_limits_that_are_given_with_another_server_are_those_of_the_login_there(
    api: httpx.AsyncClient, pool: Pool
) -> None:
    stays = await create(api, dailyLimit=30)
    leaves = await create(api, email="b@example.com")
    alone = {"username": "other", "password": TYPED}
    leaves = await change(api, leaves, **alone, dailyLimit=70, leastGapSeconds=9, hourlyLimit=11)
    told = (leaves["dailyLimit"], leaves["leastGapSeconds"], leaves["hourlyLimit"], leaves["sharesLoginWith"])
    assert told == (70, 9, 11, [])
    await open_window(pool, leaves)
    assert await allowed(pool, leaves["id"]) == 11
    stays = (await api.get(f"/api/senders/{stays['id']}")).json()
    assert (stays["dailyLimit"], stays["leastGapSeconds"], stays["hourlyLimit"]) == (30, None, 50)


async def test_without_a_login_or_a_server_nothing_is_shared(api: httpx.AsyncClient, stranger: Headers) -> None:
    mine = await create(api)
    for fields in ({"username": None, "password": None}, {"username": "other"}, {"host": "smtp.example.net"}):
        for email in ("a@example.com", "b@example.com")[: 2 if "password" in fields else 1]:
            assert (await create(api, email=email, **fields))["sharesLoginWith"] == []
    response = await api.post("/api/senders", json={"email": "c@example.com"})
    assert response.json()["sharesLoginWith"] == []
    of_others = {name: mine[name] for name in ("email", "host", "username")} | {"password": TYPED}
    response = await api.post("/api/senders", json=of_others, headers=stranger)
    assert response.json()["sharesLoginWith"] == []


async def test_a_sender_that_comes_to_a_login_takes_its_limits_and_adds_what_it_used(
    api: httpx.AsyncClient, pool: Pool
) -> None:
    await clear_of_the_hour()
    there = await create(api, dailyLimit=30)
    comes = await create(api, email="b@example.com", username="other", dailyLimit=500)
    await used(pool, there["id"], h0=3, h2=4)
    await used(pool, comes["id"], h0=5, h9=6)
    comes = await change(api, comes, username="SALES", password=TYPED, dailyLimit=400)
    assert (comes["dailyLimit"], comes["usedThisHour"], comes["usedToday"], comes["leftToday"]) == (30, 8, 18, 12)
    assert comes["sharesLoginWith"] == [there["id"]]
    assert await allowed(pool, there["id"]) == 20
    assert (
        await value(pool, "SELECT count(*) FROM logins WHERE workspace_id = 1") == 2
    )  # the default sender's, and theirs


async def test_a_sender_that_leaves_a_login_keeps_its_limits_and_nothing_of_what_was_used(
    api: httpx.AsyncClient, pool: Pool
) -> None:
    stays = await create(api, dailyLimit=30, timezone="Asia/Kolkata")
    leaves = await create(api, email="b@example.com")
    await used(pool, stays["id"], h0=3)
    for fields in ({"username": "other", "password": TYPED}, {"host": None}):
        leaves = await change(api, leaves, **fields)
        assert (leaves["dailyLimit"], leaves["timezone"], leaves["usedToday"]) == (30, "Asia/Kolkata", 0)
        assert leaves["sharesLoginWith"] == []
    told = (await api.get(f"/api/senders/{stays['id']}")).json()
    assert (told["sharesLoginWith"], told["usedToday"]) == ([], 3)


async def test_what_a_server_said_of_one_goes_with_it_and_what_it_said_of_another_stays(
    api: httpx.AsyncClient, pool: Pool
) -> None:
    stays = await create(api)
    leaves = await create(api, email="b@example.com")
    of = {sender["id"]: (await schedule(api, senderId=sender["id"]))["campaign"]["id"] for sender in (stays, leaves)}
    await execute(
        pool,
        "INSERT INTO holds (workspace_id, login_id, stream_id, reason, signature, words, since, probe_at)"
        " SELECT t.workspace_id, s.login_id, t.id, 'REFUSED', 'x', '554 no', now(), now() + interval '1 hour'"
        " FROM streams t JOIN senders s ON s.id = t.sender_id",
    )
    await change(api, leaves, port=2525)  # the same login: others' words stand
    assert await value(pool, "SELECT count(*) FROM holds") == 2
    await change(api, leaves, host="smtp.example.net", password=TYPED)
    held = await rows(pool, "SELECT t.campaign_id FROM holds h JOIN streams t ON t.id = h.stream_id")
    assert held == [{"campaign_id": of[stays["id"]]}]


async def test_two_that_ask_for_one_login_at_once_share_it(api: httpx.AsyncClient) -> None:
    made = await asyncio.gather(*(create(api, email=f"box{n}@example.com") for n in range(4)))
    told = [(await api.get(f"/api/senders/{sender['id']}")).json() for sender in made]
    assert {len(sender["sharesLoginWith"]) for sender in told} == {3}


async def test_a_changed_limit_plans_the_campaigns_of_all_that_share_it_again(
    api: httpx.AsyncClient, pool: Pool
) -> None:
    await clear_of_the_hour()
    senders = [await create(api, email=f"box{n}@example.com") for n in range(2)]
    for sender in senders:
        await schedule(api, senderId=sender["id"])
    await execute(pool, "UPDATE emails SET scheduled_at = now() + interval '3 days'")
    await change(api, senders[0], hourlyLimit=60)
    assert await value(pool, "SELECT max(scheduled_at) < now() + interval '1 day' FROM emails")
