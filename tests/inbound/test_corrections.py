"""Corrections of responses, in any order, end with what follows from the responses as they are now."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.db import Pool, transaction
from app.domain.accounts.actor import LOCAL
from app.domain.inbound import responses
from app.domain.inbound.responses import KINDS, AnswerKind, ResponseChanges
from app.domain.suppressions import unsubscribing
from app.domain.suppressions.suppress import suppress, withdraw
from app.mail.inbound.facts import Kind, Report
from app.mail.opaque import Linked
from tests.support.came import HARD, Came
from tests.support.engine import check_conservation, execute, rows, value
from tests.support.ledger import insert_campaign, token_of

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
# A response to an email that was sent or one that waits, or to another one to the first's recipient; a correction of
# one; what somebody says elsewhere of that recipient: by the link of an email, or as a member.
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("comes"), st.sampled_from(_COMES), st.sampled_from([1, 3, 4]), _WEAK),
        st.tuples(st.just("is"), st.integers(0, 19), st.sampled_from([*KINDS, None])),
        st.tuples(st.just("mails"), st.sampled_from([1, 4])),
        st.tuples(st.just("clicks"), st.sampled_from([1, 4])),
        st.tuples(st.just("withdraws"), st.sampled_from([1, 4])),
        st.tuples(st.just("adds"), st.sampled_from(["MANUAL", "BOUNCED", "REPLIED_STOP"])),
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
SELECT e.recipient, bool_or(k.complained OR k.unsubscribed) AS wish
FROM emails e CROSS JOIN LATERAL response_kinds(e.workspace_id, e.id) k
WHERE k.bounced OR k.complained OR k.unsubscribed GROUP BY 1
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
    await _write_again(came)
    there: list[int] = []
    said = _Elsewhere()
    for step in steps:
        if step[0] == "comes":
            (kind, report), number, weak = step[1:]
            there.append(await came.back(kind, number, weak=weak, report=report))
        elif step[0] == "mails":
            there.append(await came.back("REPLY", step[1], link=await _link(came, step[1])))
        elif step[0] == "is" and there:
            which, kind = step[1] % len(there), step[2]
            changes = ResponseChanges(kind=kind, forgotten=kind is None)
            await responses.change(came.pool, came.inbox.workspace_id, there[which], changes)
            if kind is None:
                there.pop(which)
        elif step[0] in {"clicks", "withdraws", "adds"}:
            await _say(came, said, step)
        await _check(came, said, steps)


class _Elsewhere:
    """What no response says of the first recipient."""

    def __init__(self) -> None:
        self.clicked: int | None = None  # with which email
        self.added: set[str] = set()


async def _write_again(came: Came) -> None:
    """A fourth email, of another campaign, to the first's recipient."""
    if len(came.emails) == 4:
        return
    async with transaction(came.pool) as conn:
        campaign_id, _ = await insert_campaign(conn, came.inbox.workspace_id, ["SENT"])
    (other,) = await rows(
        came.pool, "SELECT id, campaign_id, stream_id, recipient FROM emails WHERE campaign_id = %s", campaign_id
    )
    assert other["recipient"] == came.emails[0].recipient
    came.emails.append(came.emails[0]._replace(**other))


async def _link(came: Came, number: int) -> Linked:
    email = came.emails[number - 1]
    digest = await value(came.pool, "SELECT address_digest(%s)", email.recipient)
    return Linked(came.inbox.workspace_id, email.id, digest)


async def _say(came: Came, said: _Elsewhere, step: tuple[Any, ...]) -> None:
    """A click counts until it is withdrawn, with the email that it was made with."""
    who, workspace_id = [came.emails[0].recipient], came.inbox.workspace_id
    async with transaction(came.pool) as conn:
        if step[0] == "adds":
            await suppress(conn, workspace_id, emails=who, reason=step[1])
            said.added.add(step[1])
        elif step[0] == "clicks":
            link = await _link(came, step[1])
            await suppress(conn, workspace_id, emails=who, reason="UNSUBSCRIBED", email_id=link.email_id)
            said.clicked = said.clicked or step[1]
        elif said.clicked == step[1]:
            link = await _link(came, step[1])
            assert await withdraw(conn, workspace_id, key=link.digest, email_id=link.email_id)
            said.clicked = None


async def _check(came: Came, said: _Elsewhere, steps: list[tuple[Any, ...]]) -> None:
    (recount,) = await rows(came.pool, _RECOUNT)
    assert await came.counts() == {name: count for name, count in recount.items() if count}, steps
    wanted = {one["recipient"]: one["wish"] for one in await rows(came.pool, _WANT_NO_MORE)}
    first = came.emails[0].recipient
    if said.clicked or said.added:
        wanted[first] = wanted.get(first, False) or said.clicked is not None or "REPLIED_STOP" in said.added
    found = await rows(came.pool, "SELECT name, reason, is_own_wish(reason) AS wish FROM suppressions")
    assert {one["name"]: one["wish"] for one in found} == wanted, steps
    if said.clicked:
        assert {one["name"]: one["reason"] for one in found}[first] == "UNSUBSCRIBED", steps
    for email in await rows(came.pool, _WAITS_FOR):
        if email["stopped"]:
            assert email["status"] != "SCHEDULED", (email, steps)
    await check_conservation(came.pool, came.emails[0].campaign_id)


async def test_whom_something_else_says_no_of_stays_suppressed_whatever_is_corrected(came: Came) -> None:
    """Of one email, and of another one to the same recipient; but not whom a person has let be written to again."""
    await _write_again(came)
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


async def test_a_click_after_an_answer_outlives_its_correction_and_is_told(came: Came) -> None:
    await execute(
        came.pool,
        "INSERT INTO webhooks (workspace_id, url, events, secret_encrypted)"
        " SELECT id, 'https://there.example', '{recipient.unsubscribed}', 'x' FROM workspaces",
    )
    reply = await came.back("UNSUBSCRIBE")
    said = _Elsewhere()
    await _say(came, said, ("clicks", 1))
    told = "SELECT event FROM webhook_deliveries"
    assert [one["event"] for one in await rows(came.pool, told)] == ["recipient.unsubscribed"]
    await _correct(came, reply, "REPLY")
    assert await came.suppressed() == ["UNSUBSCRIBED"]


async def test_a_click_after_a_mail_by_the_link_of_a_header_outlives_its_correction(came: Came) -> None:
    mail = await came.back("REPLY", link=await _link(came, 1))
    email = came.emails[0]
    token = await token_of(came.pool, email.campaign_id, email.recipient)
    for _ in range(2):
        await unsubscribing.unsubscribe(came.pool, LOCAL, token)
    await _correct(came, mail, "REPLY")
    assert await came.suppressed() == ["UNSUBSCRIBED"]


async def test_what_a_member_adds_after_a_bounce_outlives_its_correction(came: Came) -> None:
    bounce = await came.back("BOUNCE", report=HARD)
    await _say(came, _Elsewhere(), ("adds", "MANUAL"))
    assert await came.suppressed() == ["BOUNCED"]
    await _correct(came, bounce, "AUTO_REPLY")
    assert await came.suppressed() == ["MANUAL"]


async def test_nobody_stays_suppressed_for_what_is_corrected_whichever_email_it_came_for(came: Came) -> None:
    await _write_again(came)
    for order in (1, -1):
        bounce, stop = await came.back("BOUNCE", report=HARD), await came.back("UNSUBSCRIBE", 4)
        assert await came.suppressed() == ["REPLIED_STOP"]
        for one in (bounce, stop)[::order]:
            await _correct(came, one, "REPLY")
        assert await came.suppressed() == []


async def test_a_mail_by_the_link_of_a_header_may_be_corrected_as_any_answer(came: Came) -> None:
    mail = await came.back("REPLY", link=await _link(came, 1))
    assert await came.suppressed() == ["UNSUBSCRIBED"]
    await _correct(came, mail, "REPLY")
    assert await came.suppressed() == []


async def test_whom_a_server_refused_as_not_existing_stays_suppressed_whatever_is_corrected(came: Came) -> None:
    await execute(
        came.pool,
        "INSERT INTO attempts (workspace_id, email_id, number, outcome, claimed_at, dead)"
        " SELECT workspace_id, id, 1, 'REJECTED', now(), true FROM emails WHERE id = %s",
        came.emails[0].id,
    )
    await execute(
        came.pool, "UPDATE emails SET status = 'FAILED', sent_at = NULL, attempts = 1 WHERE id = %s", came.emails[0].id
    )
    bounce = await came.back("BOUNCE", report=HARD)
    await _correct(came, bounce, "AUTO_REPLY")
    assert await came.suppressed() == ["BOUNCED"]
