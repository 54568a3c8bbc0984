"""A text that takes for ever, or ends what renders it, is one email's failure: the others of its batch are sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.db import Pool
from app.killable import Budget, Children
from app.mail import rendering
from tests.support import strange
from tests.support.engine import (
    Owner,
    attempts,
    check_conservation,
    execute,
    row,
    running_workers,
    schedule_campaign,
    settings_for,
    statuses,
    wait_for,
    wait_until_sent,
)
from tests.support.sinkproc import Sink

LIQUID = "{% if strange %}{{ strange }}{% else %}Hello {{ email }}{% endif %}"
STRANGE = "r3@example.com"


@pytest.fixture(autouse=True)
def _children(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    children = Children()
    monkeypatch.setattr(rendering, "_children", children)
    monkeypatch.setattr(rendering, "BUDGET", Budget(cpu_s=0.3, memory_bytes=100_000_000))
    monkeypatch.setattr(rendering.liquid, "render", strange.render)
    yield
    children.close()


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("spin", "takes more than 1 s of processor time"),
        ("spin in C", "takes more than 1 s of processor time"),
        ("grow", "takes more than 100 MB of memory"),
        ("crash", "ends the process that does it"),
    ],
)
async def test_only_the_email_whose_text_it_is_fails(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, what: str, why: str
) -> None:
    campaign = await _schedule(pool, owner, what)
    async with running_workers(database_url, settings_for(sink, lanes=8)):

        async def settled() -> bool:
            return await statuses(pool, campaign) == {"SENT": 19, "FAILED": 1}

        await wait_for(settled, "one to fail and the others to be sent")
    (attempt,) = await attempts(pool, campaign, STRANGE)
    assert attempt["outcome"] == "REJECTED"
    assert attempt["reply"] == f"cannot be written: filling in the template {why}"
    assert await row(pool, "SELECT failures, block_reason FROM senders") == {"failures": 0, "block_reason": None}
    await check_conservation(pool, campaign)
    assert {message.envelope_to for message in sink.accepted()} == {f"r{n}@example.com" for n in range(20)} - {STRANGE}


async def test_an_email_whose_child_others_end_is_tried_again_later(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    campaign = await _schedule(pool, owner, "be killed")
    async with running_workers(database_url, settings_for(sink, lanes=8)):

        async def settled() -> bool:
            return await statuses(pool, campaign) == {"SENT": 19, "SCHEDULED": 1}

        await wait_for(settled, "one to wait and the others to be sent")
    assert (await attempts(pool, campaign, STRANGE))[0]["outcome"] == "RELEASED"
    assert await row(pool, "SELECT failures, block_reason FROM senders") == {"failures": 0, "block_reason": None}


async def test_a_text_in_liquid_is_sent_like_any_other(pool: Pool, database_url: str, sink: Sink, owner: Owner) -> None:
    campaign = await _schedule(pool, owner, "")
    async with running_workers(database_url, settings_for(sink, lanes=8)):
        await wait_until_sent(pool, campaign)
    assert len(sink.accepted()) == 20


async def _schedule(pool: Pool, owner: Owner, what: str) -> int:
    """Twenty emails, with one of which `what` is done. No trial saw it, as with a text from before there were any."""
    campaign = (await schedule_campaign(pool, owner, 20)).campaign.id
    await execute(pool, "UPDATE campaigns SET body = %s WHERE id = %s", LIQUID, campaign)
    await execute(
        pool,
        "UPDATE emails SET fields = jsonb_build_object('strange', %s::text) WHERE recipient = %s",
        what,
        STRANGE,
    )
    return campaign
