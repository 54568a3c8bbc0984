"""GET /api/stats/hourly: what became of attempts."""

from __future__ import annotations

import httpx

from app.db import Pool
from tests.support.api import wrong_fields


async def test_each_hour_of_each_sender_is_counted(api: httpx.AsyncClient, pool: Pool) -> None:
    other = (await api.post("/api/senders", json={"email": "other@example.com"})).json()["id"]
    async with pool.connection() as conn:
        await conn.execute(
            "INSERT INTO sender_windows (user_id, sender_id, window_start, used, accepted, rejected) "
            "SELECT user_id, id, date_trunc('hour', now(), 'UTC') - make_interval(hours => ago), 3, 2, 1 "
            "FROM senders, unnest(ARRAY[30, 5, 0]) AS ago"
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
            "INSERT INTO sender_windows (user_id, sender_id, window_start) "
            "SELECT user_id, id, date_trunc('hour', now(), 'UTC') FROM senders WHERE email = 'owner@example.com'"
        )
    assert (await api.get("/api/stats/hourly", headers=stranger)).json() == []
