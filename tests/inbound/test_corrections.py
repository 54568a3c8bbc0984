"""Corrections of responses, in any order, end with what follows from the responses as they are now."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.db import Pool, transaction
from app.domain.inbound import responses
from app.domain.inbound.responses import KINDS, AnswerKind, ResponseChanges
from app.mail.inbound.facts import Kind, Report
from tests.support.came import HARD, Came
from tests.support.engine import check_conservation, execute, rows
from tests.support.ledger import insert_campaign

FULL = Report("r1@example.com", "failed", "soft", "MAILBOX_FULL", 552, "5.2.2", "full")
_COMES: list[tuple[Kind, Report | None]] = [
    ("REPLY", None),
    ("AUTO_REPLY", None),
    ("BOUNCE", HARD),
    ("BOUNCE", FULL),
    ("COMPLAINT", None),
    ("UNSUBSCRIBE", None),
]
_WEAK = st.sampled_from([False, False, False, True])
# A response to an email that was sent or one that waits; or a correction of one.
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("comes"), st.sampled_from(_COMES), st.sampled_from([1, 3]), _WEAK),
        st.tuples(st.just("is"), st.integers(0, 19), st.sampled_from([*KINDS, None])),
    ),
    min_size=1,
    max_size=20,
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


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


async def test_whom_something_else_says_no_of_stays_suppressed_whatever_is_corrected(came: Came) -> None:
    """Of one email, and of another one to the same recipient; but not whom a person has let be written to again."""
    async with transaction(came.pool) as conn:
        campaign_id, _ = await insert_campaign(conn, came.inbox.workspace_id, ["SENT"])
    (other,) = await rows(
        came.pool, "SELECT id, campaign_id, stream_id, recipient FROM emails WHERE campaign_id = %s", campaign_id
    )
    assert other["recipient"] == came.emails[0].recipient
    came.emails.append(came.emails[0]._replace(**other))
    for number in (1, len(came.emails)):
        await _empty(came.pool)
        first = await came.back("COMPLAINT")
        second = await came.back("BOUNCE", number, report=HARD)
        await _correct(came, first, "REPLY")
        assert await came.suppressed() == ["BOUNCED"]
        await _correct(came, first, "COMPLAINT")
        await execute(came.pool, "DELETE FROM suppressions")
        await _correct(came, first, "REPLY")
        assert await came.suppressed() == []
        await _correct(came, second, "REPLY")
        assert await came.suppressed() == []


async def _correct(came: Came, response_id: int, kind: AnswerKind) -> None:
    await responses.change(came.pool, came.inbox.workspace_id, response_id, ResponseChanges(kind=kind))


async def test_what_it_was_in_between_leaves_nothing_behind(came: Came) -> None:
    reply = await came.back("REPLY")
    for kind in ("BOUNCE", "COMPLAINT", "REPLY"):
        await _correct(came, reply, kind)
    assert await came.suppressed() == []
