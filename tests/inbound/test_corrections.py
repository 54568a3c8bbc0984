"""Whatever people make of what came back, and in whichever order, what follows is what the responses say now."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.db import Pool
from app.domain.inbound import responses
from app.domain.inbound.responses import KINDS, ResponseChanges
from app.mail.inbound.facts import Kind, Report
from tests.support.came import HARD, Came
from tests.support.engine import check_conservation, execute, rows

FULL = Report("r1@example.com", "failed", "soft", "MAILBOX_FULL", 552, "5.2.2", "full")
_COMES: list[tuple[Kind, Report | None]] = [
    ("REPLY", None),
    ("AUTO_REPLY", None),
    ("BOUNCE", HARD),
    ("BOUNCE", FULL),
    ("COMPLAINT", None),
    ("UNSUBSCRIBE", None),
]
# What comes for one of three emails; or which of those that came is something else, or nothing at all.
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("comes"), st.sampled_from(_COMES), st.integers(1, 3), st.booleans()),
        st.tuples(st.just("is"), st.integers(0, 20), st.sampled_from([*KINDS, None])),
    ),
    min_size=1,
    max_size=14,
)
_RECOUNT = """
SELECT sum(k.replied::integer) AS replied, sum(k.auto_replied::integer) AS auto_replied,
       sum(k.bounced::integer) AS bounced, sum(k.complained::integer) AS complained,
       sum(k.unsubscribed::integer) AS unsubscribed
FROM emails e CROSS JOIN LATERAL response_kinds(e.workspace_id, e.id) k
"""
_WANT_NO_MORE = """
SELECT e.recipient FROM emails e CROSS JOIN LATERAL response_kinds(e.workspace_id, e.id) k
WHERE k.bounced OR k.complained OR k.unsubscribed ORDER BY 1
"""
_WAITS_FOR = """
SELECT e.recipient, e.status::text AS status,
       k.replied OR k.bounced OR k.complained OR k.unsubscribed AS stopped
FROM emails e CROSS JOIN LATERAL response_kinds(e.workspace_id, e.id) k
"""


async def _empty(pool: Pool) -> None:
    """As it was before anything came."""
    for text in (
        "DELETE FROM responses",
        "DELETE FROM suppressions",
        "UPDATE emails SET status = 'SCHEDULED', cancel_reason = NULL WHERE status = 'CANCELLED'",
        "UPDATE emails SET stopped = NULL",
        "UPDATE streams SET replied = 0, auto_replied = 0, bounced = 0, complained = 0, unsubscribed = 0,"
        " scheduled = scheduled + cancelled, cancelled = 0",
    ):
        await execute(pool, text)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS)
async def test_counts_and_suppressions_are_those_of_the_responses_whatever_they_were_before(
    came: Came, steps: list[tuple[Any, ...]]
) -> None:
    await _empty(came.pool)
    there: list[int] = []
    workspace_id = came.inbox.workspace_id
    for step in steps:
        if step[0] == "comes":
            (kind, report), number, weak = step[1:]
            there.append(await came.back(kind, number, weak=weak, report=report))
        elif there:
            which, kind = step[1] % len(there), step[2]
            changes = ResponseChanges(kind=kind, forgotten=kind is None)
            await responses.change(came.pool, workspace_id, there[which], changes)
            if kind is None:
                there.pop(which)
        await _check(came, steps)


async def _check(came: Came, steps: list[tuple[Any, ...]]) -> None:
    (recount,) = await rows(came.pool, _RECOUNT)
    assert await came.counts() == {name: count for name, count in recount.items() if count}, steps
    wanted = [one["recipient"] for one in await rows(came.pool, _WANT_NO_MORE)]
    suppressed = [one["name"] for one in await rows(came.pool, "SELECT name FROM suppressions ORDER BY 1")]
    assert suppressed == wanted, steps
    for email in await rows(came.pool, _WAITS_FOR):
        if email["stopped"]:
            assert email["status"] != "SCHEDULED", (email, steps)
    await check_conservation(came.pool, came.emails[0].campaign_id)
