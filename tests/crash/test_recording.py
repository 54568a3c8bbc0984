"""The server's replies are recorded, whatever the database answers meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from psycopg_pool import PoolTimeout

from app import db
from app.db import Pool, open_pool
from tests.support.engine import (
    Fleet,
    Owner,
    addresses,
    attempts,
    check_conservation,
    check_deliveries,
    execute,
    running_workers,
    schedule_campaign,
    settings_for,
    statuses,
    value,
    wait_for,
    wait_until_sent,
    wait_until_settled,
)
from tests.support.pg import TemplateServer
from tests.support.sinkproc import Sink
from worker import unrecorded


@pytest.mark.parametrize(("away_s", "lease_s"), [(4.0, 2.0), (1.0, 20.0)])
async def test_known_outcomes_survive_a_database_that_takes_no_writing(
    pool: Pool,
    database_url: str,
    postgres: TemplateServer,
    sink: Sink,
    owner: Owner,
    fleet: Fleet,
    away_s: float,
    lease_s: float,
) -> None:
    sink.script({"dot": "hold"})
    fleet.start(settings_for(sink, lanes=5, lease_s=lease_s))
    campaign = (await schedule_campaign(pool, owner, 5, on_unknown="resend")).campaign.id
    await asyncio.to_thread(sink.wait, held=5)
    await asyncio.to_thread(postgres.take_no_writing, database_url)
    sink.script({})
    assert sink.release() == 5  # each with 250, which nobody can write down now
    await asyncio.sleep(away_s)
    await asyncio.to_thread(postgres.take_writing, database_url)

    async def there_again() -> bool:
        return (await check_conservation(pool, campaign)).total() == 5

    await wait_for(there_again, "the database")
    assert await wait_until_settled(pool, campaign) == {"SENT": 5}
    await check_deliveries(pool, sink)
    assert set(Counter(entry.envelope_to for entry in sink.accepted()).values()) == {1}
    assert fleet.logged("sender loop failed") == []


async def test_a_session_that_is_read_only_is_waited_out(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    """As where a provider sets it because the disk is full: sessions go on, each writing statement fails."""
    await execute(pool, "CREATE TABLE full_disk ()")
    await execute(
        pool,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF EXISTS (SELECT FROM pg_class WHERE relname = 'full_disk') THEN"
        " RAISE EXCEPTION 'cannot execute INSERT in a read-only transaction' USING ERRCODE = '25006'; END IF;"
        " RETURN NEW; END $$",
    )
    await execute(pool, "CREATE TRIGGER refuse BEFORE INSERT ON attempts FOR EACH ROW EXECUTE FUNCTION refuse()")
    async with running_workers(database_url, settings_for(sink, lanes=4)):
        campaign = (await schedule_campaign(pool, owner, 4)).campaign.id
        await asyncio.to_thread(sink.wait, messages=1)
        await asyncio.sleep(1)
        assert set(await statuses(pool, campaign)) <= {"SENDING", "SCHEDULED"}
        await execute(pool, "DROP TABLE full_disk")
        await wait_until_sent(pool, campaign)
    assert len(sink.accepted()) == 4


POISON = "<r3@example.com>"
REFUSE_POISON = (
    "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " RAISE EXCEPTION 'index contains unexpected zero page' USING ERRCODE = '{code}'; END $$",
    "CREATE TRIGGER refuse BEFORE INSERT ON attempts FOR EACH ROW WHEN (NEW.reply LIKE '%%poison%%')"
    " EXECUTE FUNCTION refuse()",
)


@pytest.mark.parametrize("code", ["XX002", "54000", "23514"])
async def test_one_report_that_is_refused_holds_no_other_back_and_is_recorded_once_it_can_be(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setattr(unrecorded, "AGAIN_S", 0.5)
    for text in REFUSE_POISON:
        await execute(pool, text.replace("{code}", code))
    sink.script([{"at": "dot", "when": {"to": POISON}, "do": "250 2.0.0 poison"}])
    async with running_workers(database_url, settings_for(sink, lanes=4)):
        campaign = (await schedule_campaign(pool, owner, 60)).campaign.id

        async def others_sent() -> bool:
            return await statuses(pool, campaign) == {"SENT": 59, "SENDING": 1}

        await wait_for(others_sent, "the others to be recorded")
        later = (await schedule_campaign(pool, owner, addresses(20, "later"))).campaign.id
        await wait_until_sent(pool, later)
        assert await value(pool, "SELECT count(*) FROM senders WHERE failures > 0") == 0
        await execute(pool, "DROP TRIGGER refuse ON attempts")
        await wait_until_sent(pool, campaign)
    (attempt,) = await attempts(pool, campaign, "r3@example.com")
    assert (attempt["outcome"], attempt["reply"]) == ("ACCEPTED", "poison")
    assert len(sink.accepted()) == 80


async def test_where_every_report_is_refused_nothing_more_is_claimed(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it is no report's fault, and each email more would be one more that nobody can record."""
    monkeypatch.setattr(unrecorded, "AGAIN_S", 0.5)
    for text in REFUSE_POISON:
        await execute(pool, text.replace("{code}", "XX002").replace("NEW.reply LIKE '%%poison%%'", "true"))
    async with running_workers(database_url, settings_for(sink, lanes=4)):
        campaign = (await schedule_campaign(pool, owner, 200)).campaign.id
        await asyncio.to_thread(sink.wait, messages=unrecorded.MOST_OF_A_SENDER)
        await asyncio.sleep(3)
        assert len(sink.accepted()) <= unrecorded.MOST_OF_A_SENDER + 2 * 4
        await execute(pool, "DROP TRIGGER refuse ON attempts")
        await wait_until_sent(pool, campaign)
    await check_deliveries(pool, sink)


async def test_a_server_that_takes_no_writing_is_connected_to_only_if_the_url_says_so(
    postgres: TemplateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libpq asks each of a URL's hosts; the first that does not refuse is the primary."""
    with postgres.clone() as standby:
        await asyncio.to_thread(postgres.take_no_writing, standby)
        with monkeypatch.context() as patch:
            patch.setattr(db, "_PATIENCE_S", 2.0)
            with pytest.raises(PoolTimeout):
                await open_pool(standby)
        async with await open_pool(f"{standby}&target_session_attrs=any") as pool:
            assert await value(pool, "SHOW transaction_read_only") == "on"
