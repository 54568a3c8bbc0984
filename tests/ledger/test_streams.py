"""Streams: what an exchange locks, in the order in which everybody does, and when each is looked at next."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from psycopg.errors import CheckViolation

from app.db import Conn, Pool, open_pool, transaction
from app.domain.accounts.actor import LOCAL
from app.domain.accounts.users import User
from app.domain.campaigns import campaigns, change
from app.domain.campaigns.change import Changes
from app.domain.ledger import decisions, exchange, holds, recovery, streams
from app.domain.ledger.claims import Claim, Claimant, Report
from app.domain.ledger.exchange import Patience
from app.domain.planning.changes import carry_out
from app.domain.recipients import erasure
from app.domain.senders.draft import SenderChanges
from app.domain.senders.senders import change_sender
from app.errors import Conflict, PlanChanging
from app.secrets import SecretBox
from tests.support.engine import (
    Owner,
    campaign_status,
    check_conservation,
    execute,
    row,
    rows,
    schedule_campaign,
    value,
    wait_for,
)
from tests.support.ledger import insert_campaign
from worker.__main__ import PLANNER_OPTIONS

PATIENCE = Patience(None, 96)


async def _worker(pool: Pool, owner: Owner) -> Claimant:
    token: UUID = uuid4()
    await execute(pool, "INSERT INTO workers (token, name, lease_until) VALUES (%s, 'streams', 'infinity')", token)
    return Claimant(token, *owner)


async def _trade(pool: Pool, claimant: Claimant, reports: list[Report], wanted: int) -> list[Claim]:
    async with pool.connection() as conn:
        await exchange.outlook(conn, claimant)  # opens the window
        traded = await exchange.exchange(conn, claimant, reports, wanted, patience=PATIENCE)
        if traded.late:
            await exchange.record_late(conn, claimant, reports)
    return traded.claims


def _accepted(claims: list[Claim]) -> list[Report]:
    return [Report(claim.id, "ACCEPTED", command=".", code=250, claimed_at=claim.claimed_at) for claim in claims]


class _Beside:
    """Two workers of a sender that exchange all the time, and what else may be done to the same emails."""

    def __init__(self, pool: Pool, of_workers: Pool, box: SecretBox, owner: Owner, times: int) -> None:
        self.times = times  # that each operation is done beside the exchanges
        self.pool = pool
        self.of_workers = of_workers
        self.box = box
        self.owner = owner
        self.by = random.Random(7)  # noqa: S311
        self.campaigns = list[int]()
        self.done = asyncio.Event()
        self.exchanges = 0

    def campaign(self) -> int:
        return self.by.choice(self.campaigns)

    def report(self, claim: Claim) -> Report:
        kind = self.by.choice(["ACCEPTED", "REJECTED", "UNKNOWN", "RELEASED", "DEFERRED", "UNBEGUN", "5XX"])
        at = claim.claimed_at
        if kind == "5XX":
            return Report(
                claim.id, "REJECTED", command="RCPT", code=554, reply="no", claimed_at=at, refusal="OTHER_5XX"
            )
        return Report(claim.id, kind, command=".", again_in_s=0.01, claimed_at=at)

    async def exchange(self, claimant: Claimant) -> None:
        held: list[Claim] = []
        while not self.done.is_set():
            held = await _trade(self.of_workers, claimant, [self.report(claim) for claim in held], 6)
            self.exchanges += 1

    async def schedule(self) -> None:
        people = [f"p{self.by.randrange(40)}@d{n % 5}.example" for n in range(20)]
        pace = {"delay_between_ms": self.by.choice([0, 0, 5]), "hourly_limit": self.by.choice([None, 30])}
        self.campaigns.append((await schedule_campaign(self.pool, self.owner, people, **pace)).campaign.id)

    async def pause(self) -> None:
        await campaigns.pause(self.pool, self.owner.workspace_id, self.campaign())

    async def resume(self) -> None:
        await campaigns.resume(self.pool, self.owner.workspace_id, self.campaign())

    async def cancel(self) -> None:
        if self.by.random() < 0.1:
            await campaigns.cancel(self.pool, self.owner.workspace_id, self.campaign())
        await campaigns.finish_cancels(self.pool)

    async def change(self) -> None:
        changes = self.by.choice(
            [Changes(hourly_limit=20), Changes(hourly_limit=None), Changes(delay_between_ms=2), Changes(subject="new")]
        )
        await change.change(self.pool, self.owner.workspace_id, self.campaign(), changes)

    async def limit(self) -> None:
        changes = SenderChanges(hourly_limit=self.by.choice([300, 10_000]))
        await change_sender(self.pool, self.box, *self.owner, changes)

    async def retry(self) -> None:
        ids = await rows(self.pool, "SELECT id FROM emails WHERE status = 'FAILED'")
        chosen = self.by.sample([email["id"] for email in ids], min(len(ids), 20))
        await decisions.retry_many(self.pool, self.owner.workspace_id, decisions.Chosen(ids=chosen or [1]))

    async def resolve(self) -> None:
        chosen = decisions.Chosen(campaign_id=self.campaign())
        word = self.by.choice(["sent", "resend"])
        await decisions.resolve_many(self.pool, self.owner.workspace_id, chosen, word)

    async def erase(self) -> None:
        number = self.by.randrange(40)
        await erasure.erase(self.pool, self.owner.workspace_id, f"p{number}@d{number % 5}.example", LOCAL)

    async def lose_worker(self) -> None:
        claimant = await _worker(self.pool, self.owner)
        claims = await _trade(self.pool, claimant, [], 4)
        await execute(
            self.pool, "UPDATE workers SET lease_until = now() - interval '1 s' WHERE token = %s", claimant.token
        )
        async with self.pool.connection() as conn:
            await recovery.recover(conn, None)
            await exchange.record_late(conn, claimant, _accepted(claims))

    async def answer(self) -> None:
        word = self.by.choice(["try", "fail", "go_on"])
        with suppress(Conflict):
            await holds.answer_sender(self.pool, *self.owner, word)
        await holds.answer_campaign(self.pool, self.owner.workspace_id, self.campaign(), word)

    async def plan(self) -> None:
        await exchange.mend_plans(self.pool, *self.owner, over_limit=self.by.random() < 0.5)
        await carry_out(self.pool, *self.owner)

    async def look(self) -> None:
        assert await streams.heal(self.pool) == []

    async def again_and_again(self, operation: Callable[[], Awaitable[None]]) -> None:
        for _ in range(self.times):
            with suppress(Conflict, PlanChanging):  # it is over already, or somebody is at it: as a person may find
                await operation()


@pytest.mark.parametrize("times", [6, pytest.param(25, marks=pytest.mark.long)])
@pytest.mark.parametrize("options", ["", PLANNER_OPTIONS], ids=["as plans come", "as workers plan"])
async def test_whatever_is_done_beside_exchanges_nobody_waits_in_a_circle(
    pool: Pool, database_url: str, box: SecretBox, owner: Owner, options: str, times: int
) -> None:
    """A deadlock would end one of them with an error. Nor does a stream sleep past an email meanwhile."""
    async with await open_pool(database_url, options=options) as of_workers:
        await _do_everything_at_once(_Beside(pool, of_workers, box, owner, times))


async def _do_everything_at_once(beside: _Beside) -> None:
    for _ in range(6):
        await beside.schedule()
    claimants = [await _worker(beside.pool, beside.owner) for _ in range(2)]
    workers = [asyncio.create_task(beside.exchange(claimant)) for claimant in claimants]
    operations = [
        *(beside.pause, beside.resume, beside.resume, beside.cancel, beside.change, beside.limit, beside.retry),
        *(beside.resolve, beside.erase, beside.lose_worker, beside.answer, beside.plan, beside.look, beside.schedule),
    ]
    try:
        await asyncio.gather(*map(beside.again_and_again, operations))
    finally:
        beside.done.set()
        await asyncio.gather(*workers)
    assert beside.exchanges > beside.times
    for campaign in beside.campaigns:
        await check_conservation(beside.pool, campaign)


async def test_a_stream_that_would_sleep_past_an_email_is_woken(pool: Pool, owner: Owner) -> None:
    campaign = (await schedule_campaign(pool, owner, 3)).campaign.id
    claimant = await _worker(pool, owner)
    await execute(pool, "UPDATE streams SET next_due_at = now() + interval '1 day'")
    assert await _trade(pool, claimant, [], 3) == []
    stream = await value(pool, "SELECT id FROM streams")
    assert await streams.heal(pool) == [stream]
    assert await streams.heal(pool) == []
    assert len(await _trade(pool, claimant, [], 3)) == 3
    await check_conservation(pool, campaign)


async def test_a_claim_that_runs_dry_looks_at_the_stream_no_sooner_than_its_next_email(
    pool: Pool, owner: Owner
) -> None:
    await schedule_campaign(pool, owner, 3)
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    await execute(pool, "UPDATE emails SET scheduled_at = %s WHERE id = (SELECT max(id) FROM emails)", later)
    claimant = await _worker(pool, owner)
    first = await _trade(pool, claimant, [], 1)
    assert await value(pool, "SELECT next_due_at <= now() FROM streams")  # there is more: nothing is written
    second = await _trade(pool, claimant, _accepted(first), 5)
    assert (len(second), await value(pool, "SELECT next_due_at FROM streams")) == (1, later)
    (back,) = second
    await _trade(pool, claimant, [Report(back.id, "UNBEGUN", claimed_at=back.claimed_at)], 0)
    assert await value(pool, "SELECT next_due_at FROM streams") == back.scheduled_at


async def test_a_claim_that_waited_for_its_stream_sees_what_was_done_meanwhile(pool: Pool, owner: Owner) -> None:
    await schedule_campaign(pool, owner, 3)
    await execute(
        pool, "UPDATE emails SET scheduled_at = now() + interval '1 h' WHERE id > (SELECT min(id) FROM emails)"
    )
    claimant = await _worker(pool, owner)
    await _trade(pool, claimant, [], 0)

    async def waits() -> bool:
        return await value(pool, "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted")

    async with transaction(pool) as conn:
        stream = (await (await conn.execute("SELECT id FROM streams FOR NO KEY UPDATE")).fetchall())[0]["id"]
        trade = asyncio.create_task(_trade(pool, claimant, [], 3))
        await wait_for(waits, "the exchange to wait for the stream")
        await conn.execute("UPDATE emails SET scheduled_at = now() WHERE id = (SELECT max(id) FROM emails)")
        await streams.settle(conn, owner.workspace_id, [stream])
    assert len(await trade) == 2
    assert await streams.heal(pool) == []


async def _second_stream(conn: Conn, user: User) -> tuple[int, list[Owner]]:
    """A campaign on two senders, one email on each; its id and the senders."""
    campaign, sender = await insert_campaign(conn, user.workspace_id, ["SCHEDULED", "SCHEDULED"])
    await conn.execute(
        "WITH login AS (INSERT INTO logins (workspace_id, hourly_limit, max_connections)"
        " VALUES (%(u)s, 100, 1) RETURNING id), sender AS (INSERT INTO senders (workspace_id, login_id, email)"
        " SELECT %(u)s, id, 'second@example.com' FROM login RETURNING id)"
        " INSERT INTO streams (workspace_id, campaign_id, sender_id, gap_ms, next_due_at, total, scheduled)"
        " SELECT %(u)s, %(c)s, id, 0, now(), 1, 1 FROM sender",
        {"u": user.workspace_id, "c": campaign},
    )
    await conn.execute("UPDATE streams SET total = 1, scheduled = 1")
    await conn.execute(
        "UPDATE emails SET stream_id = (SELECT max(id) FROM streams) WHERE id = (SELECT max(id) FROM emails)"
    )
    found = await conn.execute("SELECT sender_id FROM streams ORDER BY id")
    senders = [Owner(user.workspace_id, stream["sender_id"]) for stream in await found.fetchall()]
    assert senders[0].sender_id == sender
    return campaign, senders


async def test_a_campaign_ends_with_the_last_of_its_streams(pool: Pool, user: User) -> None:
    async with transaction(pool) as conn:
        campaign, senders = await _second_stream(conn, user)
    for number, sender in enumerate(senders):
        claimant = await _worker(pool, sender)
        (claim,) = claims = await _trade(pool, claimant, [], 9)
        assert claim.campaign_id == campaign
        assert await campaign_status(pool, campaign) == "ACTIVE"
        await _trade(pool, claimant, _accepted(claims), 9)
        assert await campaign_status(pool, campaign) == ("ACTIVE", "FINISHED")[number]
    shown = await campaigns.get_campaign(pool, user.workspace_id, campaign)
    assert (shown.total, shown.counts["SENT"], shown.used_this_hour) == (2, 2, 2)
    assert await value(pool, "SELECT array_agg(used) FROM login_windows") == [1, 1]


async def test_two_streams_that_end_at_once_end_their_campaign(pool: Pool, user: User) -> None:
    """Neither sees in the other that it ends; the second one looks again once it has the campaign."""
    async with transaction(pool) as conn:
        campaign, senders = await _second_stream(conn, user)
    claimants = [await _worker(pool, sender) for sender in senders]
    claims = [await _trade(pool, claimant, [], 9) for claimant in claimants]

    async def both_wait() -> bool:
        return await value(pool, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == 2

    async with transaction(pool) as conn:
        await conn.execute("SELECT FROM campaigns FOR NO KEY UPDATE")
        ending = [
            asyncio.create_task(_trade(pool, claimant, _accepted(held), 0))
            for claimant, held in zip(claimants, claims, strict=True)
        ]
        await wait_for(both_wait, "both to end their streams and to wait for the campaign")
    await asyncio.gather(*ending)
    ended = await row(pool, "SELECT status, finished_at IS NOT NULL AS ended FROM campaigns")
    assert ended == {"status": "FINISHED", "ended": True}
    await check_conservation(pool, campaign)


async def test_a_campaigns_own_limit_holds_over_its_streams(pool: Pool, user: User) -> None:
    async with transaction(pool) as conn:
        campaign, senders = await _second_stream(conn, user)
    await change.change(pool, user.workspace_id, campaign, Changes(hourly_limit=1))
    claimed = [len(await _trade(pool, await _worker(pool, sender), [], 9)) for sender in senders]
    assert sorted(claimed) == [0, 1]
    await change.change(pool, user.workspace_id, campaign, Changes(hourly_limit=None))
    assert await rows(pool, "SELECT FROM campaign_hours") == []
    assert len(await _trade(pool, await _worker(pool, senders[claimed.index(0)]), [], 9)) == 1


async def test_a_limit_given_in_the_middle_of_an_hour_counts_what_went_before(pool: Pool, owner: Owner) -> None:
    campaign = (await schedule_campaign(pool, owner, 5)).campaign.id
    claimant = await _worker(pool, owner)
    claims = await _trade(pool, claimant, [], 3)
    await change.change(pool, owner.workspace_id, campaign, Changes(hourly_limit=3))
    await execute(pool, "UPDATE emails SET scheduled_at = now() WHERE status = 'SCHEDULED'")
    assert await _trade(pool, claimant, _accepted(claims), 2) == []


async def test_a_lowered_limit_of_a_login_counts_at_once(pool: Pool, box: SecretBox, owner: Owner) -> None:
    await schedule_campaign(pool, owner, 5)
    claimant = await _worker(pool, owner)
    claims = await _trade(pool, claimant, [], 3)
    await change_sender(pool, box, *owner, SenderChanges(hourly_limit=4))
    await execute(pool, "UPDATE emails SET scheduled_at = now() WHERE status = 'SCHEDULED'")
    assert len(await _trade(pool, claimant, _accepted(claims), 2)) == 1


async def test_a_campaign_of_which_something_waits_cannot_be_finished(pool: Pool, owner: Owner) -> None:
    await schedule_campaign(pool, owner, 1)
    with pytest.raises(CheckViolation):
        await execute(pool, "UPDATE campaigns SET status = 'FINISHED', finished_at = now()")
