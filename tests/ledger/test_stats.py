"""GET /api/stats/hourly and /totals: what became of attempts, and where all emails stand."""

from __future__ import annotations

import httpx

from app.db import Pool
from app.domain.accounts.users import User
from tests.support.api import schedule, wrong_fields
from tests.support.ledger import insert_campaign


async def test_each_hour_of_each_sender_is_counted(api: httpx.AsyncClient, pool: Pool) -> None:
    other = (await api.post("/api/senders", json={"email": "other@example.com"})).json()["id"]
    async with pool.connection() as conn:
        await conn.execute(
            "INSERT INTO login_windows (workspace_id, login_id, window_start, allowed, used, accepted, rejected) "
            "SELECT workspace_id, id, this_hour() - make_interval(hours => ago), 9, 3, 2, 1 "
            "FROM logins, unnest(ARRAY[30, 5, 0]) AS ago"
        )
    hours = (await api.get("/api/stats/hourly")).json()
    assert [hour["senderId"] for hour in hours] == [1, other, 1, other]
    assert hours[0]["windowStart"] < hours[2]["windowStart"]
    assert (hours[0]["used"], hours[0]["accepted"], hours[0]["rejected"], hours[0]["unknown"]) == (3, 2, 1, 0)
    assert len((await api.get("/api/stats/hourly", params={"hours": 48})).json()) == 6
    assert len((await api.get("/api/stats/hourly", params={"senderId": other})).json()) == 2


async def test_a_wrong_parameter_is_named(api: httpx.AsyncClient) -> None:
    for name, value in [("hours", "0"), ("hours", str(2**40)), ("hours", "x"), ("senderId", "x")]:
        assert list(wrong_fields(await api.get("/api/stats/hourly", params={name: value}))) == [name]


async def test_a_stranger_sees_nothing_of_it(api: httpx.AsyncClient, pool: Pool, stranger: dict[str, str]) -> None:
    async with pool.connection() as conn:
        await conn.execute(
            "INSERT INTO login_windows (workspace_id, login_id, window_start, allowed) "
            "SELECT workspace_id, login_id, this_hour(), 1 FROM senders WHERE email = 'owner@example.com'"
        )
    assert (await api.get("/api/stats/hourly", headers=stranger)).json() == []


async def test_totals_add_up_over_all_campaigns(api: httpx.AsyncClient, pool: Pool, user: User) -> None:
    async with pool.connection() as conn:
        await insert_campaign(conn, user.workspace_id, ["SENT", "SENT", "FAILED", "UNKNOWN"])
        await insert_campaign(conn, user.workspace_id, ["SCHEDULED", "CANCELLED"], status="CANCELLED")
    await schedule(api, ["ada@example.com", "bob@example.com"], startTime="2099-01-01T12:00:00Z")
    totals = (await api.get("/api/stats/totals")).json()
    assert totals["counts"] == {"SCHEDULED": 3, "SENDING": 0, "SENT": 2, "FAILED": 1, "UNKNOWN": 1, "CANCELLED": 1}


async def test_what_is_due_before_a_time_is_counted_of_active_campaigns(
    api: httpx.AsyncClient, pool: Pool, user: User
) -> None:
    async with pool.connection() as conn:
        await insert_campaign(conn, user.workspace_id, ["SCHEDULED"], status="PAUSED")
        await insert_campaign(conn, user.workspace_id, ["SCHEDULED", "SENT"])
    people = ["ada@example.com", "bob@example.com"]
    await schedule(api, people, startTime="2099-01-01T12:00:00Z", delayBetweenMs=3_600_000)
    assert (await api.get("/api/stats/totals")).json()["due"] == 1
    for before, due in [("2099-01-01T12:00:00Z", 1), ("2099-01-01T12:30:00Z", 2), ("2099-01-02T00:00:00+01:00", 3)]:
        assert (await api.get("/api/stats/totals", params={"dueBefore": before})).json()["due"] == due
    for wrong in ["2099-01-01T12:00:00", "0001-01-01T00:00:00+23:00", "soon"]:
        assert list(wrong_fields(await api.get("/api/stats/totals", params={"dueBefore": wrong}))) == ["dueBefore"]


async def test_a_stranger_has_totals_of_nothing(
    api: httpx.AsyncClient, pool: Pool, user: User, stranger: dict[str, str]
) -> None:
    async with pool.connection() as conn:
        await insert_campaign(conn, user.workspace_id, ["SCHEDULED", "SENT"])
    totals = (await api.get("/api/stats/totals", headers=stranger)).json()
    assert (set(totals["counts"].values()), totals["due"]) == ({0}, 0)
