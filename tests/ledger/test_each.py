"""What a sweep does for many: one that fails keeps no other from it."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg.errors import DeadlockDetected

from app.db import Pool
from app.domain.accounts.actor import LOCAL
from app.domain.campaigns import brake, campaigns
from app.domain.ledger import failure_decisions, streams
from app.domain.ledger.failure_decisions import Failed
from app.domain.suppressions import walk
from app.domain.suppressions.suppressions import Asked, add
from app.domain.workspaces.quotas import UNLIMITED
from tests.ledger.test_failures import fail
from tests.ledger.test_follow_ups import mine
from tests.ledger.test_holds import Lane
from tests.support.engine import Owner, check_conservation, execute, schedule_campaign, value
from tests.suppressions.test_dead import report

__all__ = ["mine"]


def _fails_first(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
    call, calls = getattr(module, name), list[int]()

    async def fails_first(*args: Any, **more: Any) -> Any:
        calls.append(len(calls))
        if len(calls) == 1:
            raise DeadlockDetected
        return await call(*args, **more)

    monkeypatch.setattr(module, name, fails_first)


async def _decide(pool: Pool) -> None:
    await failure_decisions.carry_on_all(pool, UNLIMITED)


@pytest.mark.parametrize("what", ["heal", "finish_cancels", "walk", "decide", "brake"])
async def test_one_that_fails_keeps_no_other_from_it(
    pool: Pool, owner: Owner, mine: Lane, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    people = [["a@one.example", "b@one.example"], ["c@two.example", "d@two.example"]]
    made = [(await schedule_campaign(pool, owner, each)).campaign.id for each in people]
    if what == "heal":
        await execute(pool, "UPDATE streams SET next_due_at = NULL")
        work, left = streams.heal, "SELECT count(*) FROM streams WHERE next_due_at IS NULL"
        _fails_first(monkeypatch, streams, "settle")
    elif what == "finish_cancels":
        await execute(pool, "UPDATE streams SET latest_at = now()")
        work, left = campaigns.finish_cancels, "SELECT count(*) FROM streams WHERE scheduled > 0"
        _fails_first(monkeypatch, campaigns, "_cancel_batch")
    elif what == "walk":
        await add(pool, owner.workspace_id, [], ["one.example", "two.example"], Asked(), LOCAL)
        work, left = walk.walk, "SELECT count(*) FROM streams WHERE scheduled > 0"
        _fails_first(monkeypatch, walk, "cancel_emails")
    elif what == "decide":
        for campaign in made:
            await fail(pool, campaign, "unknown")
            put_aside = ("PUT_ASIDE", Failed(campaign_id=campaign), LOCAL, UNLIMITED)
            assert (await failure_decisions.decide(pool, owner.workspace_id, *put_aside)).finished_at is None
        work, left = _decide, "SELECT count(*) FROM failure_decisions WHERE finished_at IS NULL"
        _fails_first(monkeypatch, failure_decisions, "_carry_out")
    else:
        monkeypatch.setattr(brake, "FIRST", 1)
        claims = await mine.claim(4)
        first = [next(one for one in claims if one.campaign_id == each) for each in made]
        await report(mine, first, dead=True)
        await execute(pool, "UPDATE streams SET next_due_at = now()")  # as if more waited
        work, left = brake.brake, "SELECT count(*) FROM campaigns WHERE status = 'ACTIVE'"
        _fails_first(monkeypatch, brake, "set_status")
    with pytest.raises(ExceptionGroup, match="the others are done"):
        await work(pool)
    assert await value(pool, left) == 1
    await work(pool)
    assert await value(pool, left) == 0
    for campaign in made:
        await check_conservation(pool, campaign)
