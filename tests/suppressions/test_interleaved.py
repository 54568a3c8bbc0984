"""Recipients who said stop get nothing more, however a suppression falls between all else that makes or sends emails.

Each act is the product's own, in a transaction that waits at a gate just before its commit. So a test decides in which
order they begin and commit, and knows who had locked what when the suppression committed.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.db import Conn, Pool, open_pool
from app.domain.accounts.actor import LOCAL
from app.domain.campaigns.change import Changes, change
from app.domain.campaigns.steps import Step
from app.domain.ledger import decisions, follow_ups, streams
from app.domain.ledger.claims import Claim, Claimant, Report
from app.domain.ledger.exchange import exchange
from app.domain.suppressions.suppressions import Asked, add
from app.errors import Conflict, InvalidInput
from tests.ledger.test_holds import PATIENCE, Lane
from tests.support.engine import Owner, check_conservation, create_owner, execute, rows, schedule_campaign, value
from tests.support.waiting import BOUND_S

GATES = 777
THEM = "them@example.com"

# A session that has changed an email, a stream or a suppression waits before the commit until its gate is open.
GATE = f"""
CREATE FUNCTION wait_at_the_gate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('test.gate', true), '') <> '' THEN
        PERFORM pg_advisory_xact_lock_shared({GATES}, current_setting('test.gate')::integer);
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER at_the_gate AFTER INSERT OR UPDATE ON emails DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION wait_at_the_gate();
CREATE CONSTRAINT TRIGGER at_the_gate AFTER INSERT OR UPDATE ON streams DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION wait_at_the_gate();
CREATE CONSTRAINT TRIGGER at_the_gate AFTER INSERT OR UPDATE ON suppressions DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION wait_at_the_gate();
"""
# Of an actor's sessions: one that waits at its gate has all its locks; one that waits for another lock has not.
WAITING = f"""
SELECT a.application_name AS name, bool_or(l.locktype = 'advisory' AND l.classid = {GATES}) AS at_the_gate
FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid AND NOT l.granted
WHERE a.datname = current_database()
GROUP BY 1
"""  # noqa: S608


@dataclass
class Actor:
    """Somebody who does one thing; `state` is one of waits, blocked, ready (about to commit), done."""

    name: str
    gate: int
    do: Callable[[Pool], Awaitable[Any]]
    pool: Pool
    task: asyncio.Task[Any] | None = None
    state: str = "waits"

    def begin(self) -> None:
        self.task = asyncio.ensure_future(self.do(self.pool))

    def result(self) -> Any:
        """The result of the act; None where it was refused, for a suppression."""
        assert self.task is not None
        try:
            return self.task.result()
        except (Conflict, InvalidInput):
            return None


class Stage:
    """All actors, and the one session that opens their gates."""

    def __init__(self, conn: Conn, actors: list[Actor]) -> None:
        self._conn = conn
        self.actors = actors

    async def close_gates(self) -> None:
        for actor in self.actors:
            await self._conn.execute("SELECT pg_advisory_lock(%s, %s)", [GATES, actor.gate])

    async def let_through(self, actor: Actor) -> None:
        await self._conn.execute("SELECT pg_advisory_unlock(%s, %s)", [GATES, actor.gate])

    async def come_to_rest(self) -> None:
        """Wait until each who has begun is done, about to commit, or blocked by another."""
        began = [actor for actor in self.actors if actor.task is not None]
        async with asyncio.timeout(BOUND_S):
            before: list[str] | None = None
            while True:
                found = {
                    row["name"]: row["at_the_gate"] for row in await (await self._conn.execute(WAITING)).fetchall()
                }
                states = [
                    "done"
                    if actor.task and actor.task.done()
                    else {True: "ready", False: "blocked"}.get(found.get(actor.name), "runs")
                    for actor in began
                ]
                if "runs" not in states and states == before:  # twice: whoever was let through may go on to the next
                    break
                before = states
                await asyncio.sleep(0)
        for actor, state in zip(began, states, strict=True):
            actor.state = state


@pytest.fixture
async def actors(pool: Pool, database_url: str) -> AsyncIterator[dict[str, tuple[int, Pool]]]:
    """A pool for each name, whose sessions wait at its gate."""
    async with pool.connection() as conn:
        await conn.execute(GATE.encode())
    names = ("suppress", "claim", "schedule", "retry", "resolve", "replan", "follow_up")
    async with AsyncExitStack() as stack:
        made: dict[str, tuple[int, Pool]] = {}
        for gate, name in enumerate(names):
            options = f"-c test.gate={gate} -c application_name={name}"
            made[name] = (
                gate,
                await stack.enter_async_context(await open_pool(database_url, max_size=3, options=options)),
            )
        yield made


@pytest.mark.parametrize("rounds", [60, pytest.param(500, marks=pytest.mark.long)])
async def test_after_the_commit_of_a_suppression_no_exchange_that_had_not_the_stream_claims(
    pool: Pool, actors: dict[str, tuple[int, Pool]], rounds: int
) -> None:
    """Each begins first in turn; all else is drawn: who begins next, and who commits."""
    claimed = kept = 0
    for number in range(rounds):
        first = list(actors)[number % len(actors)]
        draw = random.Random(f"{first} {number}")  # noqa: S311 -- the same in every run
        got, refused = await _play(pool, actors, first, draw)
        claimed += got
        kept += refused
    assert kept, "no round had a suppression that came before the claim"
    assert claimed, "no round had a claim that came before the suppression"


async def _play(pool: Pool, made: dict[str, tuple[int, Pool]], first: str, draw: random.Random) -> tuple[bool, bool]:
    """Whether somebody who is suppressed was claimed, as it is allowed, and whether the suppression came before."""
    owner = await create_owner(pool, f"{uuid4().hex}@example.com")
    lane = Lane(pool, Claimant(uuid4(), owner.workspace_id, owner.sender_id))
    await execute(
        pool,
        "INSERT INTO workers (token, name, lease_until) VALUES (%s, 'lane', now() + interval '1 d')",
        lane.claimant.token,
    )
    campaign, failed, doubtful = await _prepare(pool, owner, lane)
    doing: dict[str, Callable[[Pool], Awaitable[Any]]] = {
        "suppress": lambda own: add(own, owner.workspace_id, [THEM], [], Asked(), LOCAL),
        "claim": lambda own: Lane(own, lane.claimant).claim(10),
        "schedule": lambda own: schedule_campaign(own, owner, [THEM, "else@example.com"]),
        "retry": lambda own: decisions.retry(own, owner.workspace_id, failed),
        "resolve": lambda own: decisions.resolve(own, owner.workspace_id, doubtful, "resend"),
        "follow_up": follow_ups.follow_up,
        "replan": lambda own: change(own, owner.workspace_id, campaign, Changes(delay_between_ms=1)),
    }
    async with pool.connection() as conn:
        stage = Stage(conn, [Actor(name, made[name][0], doing[name], made[name][1]) for name in doing])
        before = await _perform(stage, first, draw)
    by_name = {actor.name: actor for actor in stage.actors}
    for actor in stage.actors:
        actor.result()  # nobody broke off for another reason than a suppression
    claims: list[Claim] = by_name["claim"].result()
    got = any(claim.recipient == THEM for claim in claims)
    assert not (got and before), f"claimed after the suppression had committed: {before}"
    waits = await rows(
        pool,
        "SELECT id, campaign_id FROM emails WHERE workspace_id = %s AND recipient = %s AND status = 'SCHEDULED'",
        *(owner.workspace_id, THEM),
    )
    assert waits == [], "whoever makes emails wait and whoever suppresses missed each other"
    owed = "SELECT count(*) FROM emails WHERE workspace_id = %s AND recipient = %s AND follow_at IS NOT NULL"
    assert await value(pool, owed, owner.workspace_id, THEM) == 0, "something follows still"
    assert THEM not in {claim.recipient for claim in await lane.claim(10)}
    for row in await rows(pool, "SELECT id FROM campaigns WHERE workspace_id = %s", owner.workspace_id):
        await check_conservation(pool, row["id"])
    assert await streams.heal(pool) == []
    return got, before


async def _prepare(pool: Pool, owner: Owner, lane: Lane) -> tuple[int, int, int]:
    """A campaign in which they are due, and the ids of emails to them: one that failed, one in doubt. Of another
    campaign the second step is due.
    """
    steps = (Step(wait=timedelta(days=1), body="Well?"),)
    await schedule_campaign(pool, owner, [THEM], steps=steps, follow_up_without_reading=True)
    reports = [
        Report(one.id, "ACCEPTED", message_id=f"<{one.id}@example.com>", claimed_at=one.claimed_at, content_version=1)
        for one in await lane.claim(1)
    ]
    async with pool.connection() as conn:
        await exchange(conn, lane.claimant, reports, 0, patience=PATIENCE)
    await execute(
        pool,
        "UPDATE emails SET sent_at = sent_at - interval '1 d', follow_at = follow_at - interval '1 d'"
        " WHERE workspace_id = %s AND follow_at IS NOT NULL",
        owner.workspace_id,
    )
    campaign = (await schedule_campaign(pool, owner, [THEM, "other@example.com"])).campaign.id
    failed, doubtful = [await _ended(pool, owner, status) for status in ("FAILED", "UNKNOWN")]
    return campaign, failed, doubtful


async def _ended(pool: Pool, owner: Owner, status: str) -> int:
    campaign = (await schedule_campaign(pool, owner, [THEM])).campaign.id
    await execute(pool, "UPDATE emails SET status = %s::text::email_status WHERE campaign_id = %s", status, campaign)
    await execute(
        pool,
        f"UPDATE streams SET scheduled = 0, {status.lower()} = 1, next_due_at = NULL WHERE campaign_id = %s",  # noqa: S608
        campaign,
    )
    return await value(pool, "SELECT id FROM emails WHERE campaign_id = %s", campaign)


async def _perform(stage: Stage, first: str, draw: random.Random) -> bool:
    """Play all of it. Whether the suppression committed before the claim had its stream."""
    before = False
    await stage.close_gates()
    waiting = draw.sample(stage.actors, len(stage.actors))
    waiting.sort(key=lambda actor: actor.name != first)
    closed = list(stage.actors)
    claim = next(actor for actor in stage.actors if actor.name == "claim")
    while waiting or closed:
        ready = [actor for actor in closed if actor.state in {"ready", "done"}]
        if waiting and (not ready or draw.random() < 0.6):
            waiting.pop(0).begin()
        else:
            actor = draw.choice(ready)
            closed.remove(actor)
            if actor.name == "suppress":
                before = claim.state in {"waits", "blocked"}
            await stage.let_through(actor)
        await stage.come_to_rest()
    await asyncio.gather(*(actor.task for actor in stage.actors if actor.task), return_exceptions=True)
    return before
