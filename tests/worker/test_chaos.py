"""Everything at once, at random: people who change their minds, servers in every mood, hours that pass.

Nothing in particular is expected to happen; what must hold is what holds always. The seed is printed.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from psycopg.errors import DeadlockDetected

from app.db import Pool
from app.domain.campaigns import campaigns, change
from app.domain.campaigns.change import Changes
from app.domain.ledger import decisions
from app.domain.senders.draft import SenderChanges
from app.domain.senders.senders import change_sender
from app.errors import Conflict
from app.secrets import SecretBox
from tests.support.engine import (
    Owner,
    addresses,
    check_conservation,
    check_deliveries,
    clear_of_the_hour,
    execute,
    rows,
    running_workers,
    schedule_campaign,
    settings_for,
    the_clock_moves_on,
    value,
    wait_for,
    wake_all,
)
from tests.support.sinkproc import Sink
from tests.support.sinkscript import MOODS

CAMPAIGNS, EMAILS = 4, 150


class Chaos:
    def __init__(self, pool: Pool, box: SecretBox, owner: Owner, sink: Sink, chance: random.Random) -> None:
        self._pool, self._box, self._owner, self._sink, self._chance = pool, box, owner, sink, chance
        self.campaigns: list[int] = []

    async def act(self) -> None:
        """Do something, and see that the books are in order."""
        act = self._chance.choice(self._acts())
        with suppress(Conflict, DeadlockDetected):  # what a person is told; and what our own clock runs into
            await act(self._chance.choice(self.campaigns))
        for campaign in self.campaigns:
            await check_conservation(self._pool, campaign)

    def _acts(self) -> list[Callable[[int], Awaitable[object]]]:
        workspace_id = self._owner.workspace_id
        return [
            lambda campaign: campaigns.pause(self._pool, workspace_id, campaign),
            lambda campaign: campaigns.resume(self._pool, workspace_id, campaign),
            lambda campaign: campaigns.resume(self._pool, workspace_id, campaign),
            self._change_pace,
            self._change_sender,
            self._change_mood,
            self._change_mood,
            self._decide,
            lambda _: the_clock_moves_on(self._pool, timedelta(hours=1)),
            lambda _: wake_all(self._pool),
        ]

    async def _change_pace(self, campaign: int) -> None:
        changes = Changes(
            delay_between_ms=self._chance.choice([0, 1, 5, 50]), hourly_limit=self._chance.choice([None, 20, 100, 1000])
        )
        await change.change(self._pool, self._owner.workspace_id, campaign, changes)

    async def _change_sender(self, _: int) -> None:
        changes = SenderChanges(
            hourly_limit=self._chance.choice([50, 200, 10_000]), max_connections=self._chance.randint(1, 8)
        )
        await change_sender(self._pool, self._box, self._owner.workspace_id, self._owner.sender_id, changes)

    async def _change_mood(self, _: int) -> None:
        mood = self._chance.sample(MOODS, self._chance.randint(0, 4))
        self._sink.script([*mood, {"at": "dot", "do": {"slow": 0.01}}])
        await execute(self._pool, "UPDATE senders SET blocked_until = now() WHERE blocked_until IS NOT NULL")

    async def _decide(self, campaign: int) -> None:
        for email in await rows(
            self._pool,
            "SELECT id, status FROM emails WHERE campaign_id = %s AND status IN ('FAILED', 'UNKNOWN') LIMIT 5",
            campaign,
        ):
            if email["status"] == "FAILED":
                await decisions.retry(self._pool, self._owner.workspace_id, email["id"])
            else:
                decision = self._chance.choice(["sent", "resend"])
                await decisions.resolve(self._pool, self._owner.workspace_id, email["id"], decision)

    async def settle(self) -> None:
        """Calm the server, lift the limits, let the hours pass until nothing waits."""
        self._sink.script([])
        workspace_id, sender_id = self._owner
        await change_sender(self._pool, self._box, workspace_id, sender_id, SenderChanges(hourly_limit=10_000))
        for campaign in self.campaigns:
            with suppress(Conflict):
                await change.change(self._pool, workspace_id, campaign, Changes(hourly_limit=None))
        await wait_for(self._settled, "the campaigns to settle")

    async def _settled(self) -> bool:
        if not await value(self._pool, "SELECT count(*) FROM emails WHERE status IN ('SCHEDULED', 'SENDING')"):
            return True
        with suppress(DeadlockDetected):
            await the_clock_moves_on(self._pool, timedelta(hours=1))
        # One may pause itself only now: what a mood did to its recipients, a sweep counts later.
        for paused in await rows(self._pool, "SELECT id FROM campaigns WHERE status = 'PAUSED'"):
            with suppress(Conflict, DeadlockDetected):
                await campaigns.resume(self._pool, self._owner.workspace_id, paused["id"])
        await asyncio.sleep(0.1)
        return False


async def _check_books(pool: Pool, sink: Sink) -> None:
    """The emails, their attempts, the server's log and the hours' counts tell one story."""
    await check_deliveries(pool, sink)
    hours = await rows(
        pool,
        """
        SELECT sum(used)::integer AS used, sum(accepted)::integer AS accepted, sum(rejected)::integer AS rejected,
               sum(deferred)::integer AS deferred, sum(released)::integer AS released, sum(unknown)::integer AS unknown
        FROM login_windows
        """,
    )
    tries = await rows(
        pool,
        """
        SELECT count(*) FILTER (WHERE outcome <> 'RELEASED') AS used,
               count(*) FILTER (WHERE outcome = 'ACCEPTED') AS accepted,
               count(*) FILTER (WHERE outcome = 'REJECTED') AS rejected,
               count(*) FILTER (WHERE outcome = 'DEFERRED') AS deferred,
               count(*) FILTER (WHERE outcome = 'RELEASED') AS released,
               count(*) FILTER (WHERE outcome = 'UNKNOWN') AS unknown
        FROM attempts
        """,
    )
    assert hours == tries


@pytest.mark.parametrize("chaos_s", [4, pytest.param(60, marks=pytest.mark.long)])
@pytest.mark.parametrize("policy", ["hold", "resend"])
async def test_whatever_happens_the_books_are_in_order(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, box: SecretBox, policy: str, chaos_s: int
) -> None:
    await clear_of_the_hour(chaos_s + 54)
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    chaos = Chaos(pool, box, owner, sink, random.Random(seed))  # noqa: S311
    for number in range(CAMPAIGNS):
        people = addresses(EMAILS, f"c{number}x")
        chaos.campaigns.append((await schedule_campaign(pool, owner, people, on_unknown=policy)).campaign.id)
    async with running_workers(database_url, settings_for(sink, lanes=6), 2):
        until = time.monotonic() + chaos_s
        while time.monotonic() < until:
            await chaos.act()
        await chaos.settle()
    for campaign in chaos.campaigns:
        await check_conservation(pool, campaign)
    await _check_books(pool, sink)
