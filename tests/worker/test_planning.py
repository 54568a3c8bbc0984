"""Sending goes on while plans change, and after a while without workers it begins at once."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from app.db import Pool
from app.domain.campaigns import campaigns, change
from app.domain.campaigns.change import Changes
from tests.support.engine import (
    Fleet,
    Owner,
    execute,
    running_workers,
    schedule_campaign,
    settings_for,
    the_clock_moves_on,
    value,
    wait_for,
)
from tests.support.sinkproc import Sink

pytestmark = [pytest.mark.long, pytest.mark.alone]


async def test_a_sender_goes_on_while_its_plan_is_changed(
    pool: Pool, owner: Owner, database_url: str, tmp_path: Path
) -> None:
    """Of 200,000 due emails a new delay let 98 a second leave instead of 1,791, and none for 2.3 s."""
    with Sink(fast=True) as sink, Fleet(database_url, tmp_path) as fleet:
        made = (await schedule_campaign(pool, owner, 200_000)).campaign.id
        fleet.start(settings_for(sink, lanes=5, lease_s=20))
        await asyncio.to_thread(sink.wait, messages=2_000, timeout_s=60)
        other = (await schedule_campaign(pool, owner, ["urgent@example.com"])).campaign.id
        began = time.time()
        await change.change(pool, owner.workspace_id, made, Changes(delay_between_ms=10))
        answered = time.time()

        async def planned() -> bool:
            return await value(pool, "SELECT count(*) FROM plan_changes") == 0

        await wait_for(planned, "the whole plan", 120)
        whole = time.time()
        await campaigns.cancel(pool, owner.workspace_id, made)
        times = sink.times()
    during = [began, *(at for at in times if began <= at <= whole), whole]
    gap = max(later - earlier for earlier, later in pairwise(during))
    print(f"answered after {answered - began:.2f} s, planned after {whole - began:.2f} s, longest gap {gap:.2f} s")
    assert await value(pool, "SELECT sent FROM streams WHERE campaign_id = %s", other) == 1
    assert answered - began < 3
    assert gap < 1


async def test_after_minutes_without_workers_the_first_email_waits_for_no_plan(
    pool: Pool, owner: Owner, database_url: str
) -> None:
    """After two minutes all of 200,000 were written anew before the first left."""
    with Sink(fast=True) as sink:
        await schedule_campaign(pool, owner, 200_000, delay_between_ms=1000)
        await the_clock_moves_on(pool, timedelta(minutes=2))
        await execute(pool, "SELECT pg_stat_force_next_flush()")
        query = "SELECT pg_stat_get_tuples_updated('emails'::regclass)"
        before = await value(pool, query)
        began = time.time()
        async with running_workers(database_url, settings_for(sink, lanes=5, lease_s=20)):
            await asyncio.to_thread(sink.wait, messages=3, timeout_s=60)
        first = sink.times()[0] - began
        written = await value(pool, query) - before
    print(f"first email after {first:.2f} s, {written} rows written")
    assert first < 3
    assert written < 5_000
