"""A person's word on many emails that failed: for a reason, of a campaign, or all, of any number.

It is noted, and carried out in batches, each a transaction that also notes how far it came: a process that dies in
between leaves the place from which the next goes on. The first batch is done at once, so that most answers tell the
whole; the rest is a worker's. It is about what had failed when it was said: what fails again meanwhile waits for
another word.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any, Literal, NamedTuple

import msgspec
from psycopg.types.json import Jsonb

from app.bounds import Bounds
from app.db import Conn, Pool, Row, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.accounts.actor import WORKER, Actor
from app.domain.campaigns.campaigns import lock_campaign
from app.domain.each import each_by_itself
from app.domain.ledger import decisions, failures
from app.domain.ledger.failures import BATCH, FailureGroups
from app.domain.workspaces import audit
from app.domain.workspaces.quotas import Quotas
from app.errors import InvalidInput, NotFound, QuotaReached
from app.mail.failures import FailureReason
from app.sql import queries

sql = queries(__name__)

SHOWN = 20
AT_ONCE = 100  # decisions that a worker takes up in one round
CHOSEN = Bounds(1, BATCH)  # ids

FailureVerb = Literal["RETRY", "PUT_ASIDE", "SUPPRESS"]
_ACTIONS: dict[FailureVerb, audit.Action] = {
    "RETRY": "email.failed->scheduled",
    "PUT_ASIDE": "email.put_aside",
    "SUPPRESS": "email.suppressed",
}


class FailureDecision(msgspec.Struct, rename="camel"):
    """A word on `total` emails: of so many it `changed` what becomes of them, so many it `left_out`, since they are not
    sent again (their recipient is suppressed or erased, their campaign over) or were decided otherwise meanwhile.
    `error` says why it ended early.
    """

    id: int
    verb: FailureVerb
    reason: FailureReason | None
    campaign_id: int | None
    total: int
    changed: int
    left_out: int
    created_at: datetime
    finished_at: datetime | None
    error: str | None


class Failures(msgspec.Struct, rename="camel"):
    """Failed emails that wait for a person's word, by reason, and decisions on many in the last ten minutes."""

    failed: FailureGroups
    decisions: list[FailureDecision]


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """The emails that a word is on: `ids`, or all that failed, for a `reason` or of a campaign where that is given."""

    ids: list[int] | None = None
    reason: FailureReason | None = None
    campaign_id: int | None = None

    def check(self) -> None:
        """Raises InvalidInput."""
        if self.ids is None:
            return
        if self.reason is not None or self.campaign_id is not None:
            raise InvalidInput({"ids": "say which they are; leave out reason and campaignId, or the ids"})
        if not CHOSEN.allow(len(self.ids)):
            raise InvalidInput({"ids": f"give {CHOSEN} ids, or a reason or campaignId for all"})


async def read(pool: Pool, workspace_id: int, campaign_id: int | None) -> Failures:
    """Of all campaigns, or of one."""
    async with transaction(pool, workspace_id) as conn:
        failed = await failures.read_groups(conn, workspace_id, campaign_id)
        rows = await fetch_all(conn, sql.recent_decisions, {"workspace_id": workspace_id, "limit": SHOWN})
    return Failures(failed, [FailureDecision(**row) for row in rows])


async def get(pool: Pool, workspace_id: int, decision_id: int) -> FailureDecision:
    """Raises NotFound."""
    async with transaction(pool, workspace_id) as conn:
        row = await fetch_one(conn, sql.decision, {"workspace_id": workspace_id, "id": decision_id})
    if row is None:
        raise NotFound(f"no decision {decision_id}")
    return FailureDecision(**row)


async def decide(
    pool: Pool, workspace_id: int, verb: FailureVerb, failed: Failed, actor: Actor, most: Quotas
) -> FailureDecision:
    """Some are decided on before this returns, and of many the first batch. Raises InvalidInput, NotFound, Conflict (a
    campaign of which nothing is sent any more), and for chosen ones QuotaReached.
    """
    failed.check()
    if failed.ids is not None:
        return await _on_chosen(pool, workspace_id, verb, sorted(set(failed.ids)), actor, most)
    async with transaction(pool, workspace_id) as conn:
        row = await _begin(conn, workspace_id, verb, failed, actor)
    await carry_on(pool, workspace_id, row["id"], most)
    return await get(pool, workspace_id, row["id"])


async def _on_chosen(
    pool: Pool, workspace_id: int, verb: FailureVerb, chosen: list[int], actor: Actor, most: Quotas
) -> FailureDecision:
    ids = await failures.never_again(pool, workspace_id, chosen, most, actor) if verb == "SUPPRESS" else chosen
    async with transaction(pool, workspace_id) as conn:
        changed = await _carry_out(conn, workspace_id, verb, ids, Counter())
        if changed:
            await audit.record(conn, actor, workspace_id, _ACTIONS[verb], f"emails/{','.join(map(str, chosen))}")
        params = _params(workspace_id, verb, Failed(), len(chosen), actor)
        row = await fetch_exactly_one(conn, sql.insert_decision, params)
        progress = {"changed": changed, "left_out": len(chosen) - changed, "walked_to": 0, "ahead": Jsonb({})}
        await conn.execute(sql.note_progress, row | progress)
        await conn.execute(sql.finish_decision, row | {"error": None})
        return FailureDecision(**await fetch_exactly_one(conn, sql.decision, row))


async def _begin(conn: Conn, workspace_id: int, verb: FailureVerb, failed: Failed, actor: Actor) -> Row:
    subject = "all campaigns" if failed.campaign_id is None else f"campaigns/{failed.campaign_id}"
    if failed.campaign_id is not None:
        campaign = await lock_campaign(conn, workspace_id, failed.campaign_id)
        if verb == "RETRY":
            decisions.check_campaign(campaign, "SCHEDULED")
    found = await failures.read_groups(conn, workspace_id, failed.campaign_id)
    total = sum(group.count for group in found.groups if failed.reason in {None, group.reason})
    total += found.unsorted if failed.reason is None else 0
    reason = "" if failed.reason is None else f", {failed.reason}"
    await audit.record(conn, actor, workspace_id, _ACTIONS[verb], f"{subject}, {total} emails{reason}")
    return await fetch_exactly_one(conn, sql.insert_decision, _params(workspace_id, verb, failed, total, actor))


def _params(workspace_id: int, verb: FailureVerb, failed: Failed, total: int, actor: Actor) -> dict[str, Any]:
    return {
        "workspace_id": workspace_id,
        "verb": verb,
        "reason": failed.reason,
        "campaign_id": failed.campaign_id,
        "total": total,
        "made_by": actor.user_id,
    }


async def carry_on_all(pool: Pool, most: Quotas) -> bool:
    """Sort what failed, and then carry out a batch of each decision that waits for that. False: nothing was to be done.

    A decision goes no further than what is sorted, so that it passes over nothing.
    """
    worked = await failures.sort(pool) > 0
    async with transaction(pool) as conn:
        going = await fetch_all(conn, sql.decisions_going, {"limit": AT_ONCE})
    with each_by_itself() as one:
        for row in going:
            with one():
                worked |= await carry_on(pool, row["workspace_id"], row["id"], most)
    return worked


async def carry_on(pool: Pool, workspace_id: int, decision_id: int, most: Quotas) -> bool:
    """Carry out the next batch of a decision. False: it is over, waits for a sorting, or somebody else is at it."""
    taken = {"workspace_id": workspace_id, "id": decision_id}
    async with transaction(pool, workspace_id) as conn:
        row = await fetch_one(conn, sql.take_decision, taken)
        batch = None if row is None else await _next(conn, row)
    if row is None or batch is None:
        return False
    ids = batch.ids
    if row["verb"] == "SUPPRESS" and ids:
        # Before the decision is held, and in a transaction of its own, which locks more than this one's streams.
        try:
            ids = await failures.never_again(pool, workspace_id, ids, most, WORKER.of(row["made_by"]))
        except QuotaReached as error:
            async with transaction(pool, workspace_id) as conn:
                await conn.execute(sql.finish_decision, taken | {"error": str(error)})
            return False
    async with transaction(pool, workspace_id) as conn:
        now = await fetch_one(conn, sql.take_decision, taken)
        if now is None or now["walked_to"] != row["walked_to"]:
            return False  # somebody else went on
        ahead = Counter({int(stream_id): n for stream_id, n in now["ahead"].items()})
        changed = await _carry_out(conn, workspace_id, row["verb"], ids, ahead)
        progress = {"changed": changed, "left_out": len(batch.ids) - changed, "walked_to": batch.walked_to}
        await conn.execute(sql.note_progress, taken | progress | {"ahead": Jsonb(ahead)})
        if batch.is_last:
            await conn.execute(sql.finish_decision, taken | {"error": None})
    return not batch.is_last and batch.walked_to > row["walked_to"]


class _Batch(NamedTuple):
    """`ids` of those that had failed when the word was said, up to the email `walked_to`."""

    ids: list[int]
    walked_to: int
    is_last: bool


async def _next(conn: Conn, row: Row) -> _Batch | None:
    """None: all that is left is to be sorted first."""
    span = await failures.span_of(conn, row["workspace_id"], row["campaign_id"])
    if span is None:
        return _Batch([], row["walked_to"], is_last=True)
    unsorted = (await fetch_exactly_one(conn, sql.first_unsorted, row))["id"]
    last_id = span.last_id if unsorted is None else min(span.last_id, unsorted - 1)
    params = row | {"first_id": max(span.first_id, row["walked_to"] + 1), "last_id": last_id, "limit": BATCH}
    found = [each["id"] for each in await fetch_all(conn, sql.undecided, params)]
    is_last = last_id == span.last_id and len(found) < BATCH
    if not found:
        return _Batch([], row["walked_to"], is_last=True) if is_last else None
    fresh = {each["id"] for each in await fetch_all(conn, sql.failed_since, row | {"ids": found})}
    return _Batch([one for one in found if one not in fresh], found[-1], is_last)


async def _carry_out(conn: Conn, workspace_id: int, verb: FailureVerb, ids: list[int], ahead: Counter[int]) -> int:
    """How many changed; those that are sent again go after so many others of each stream, and are added to these."""
    if not ids:
        return 0
    if verb == "RETRY":
        return await decisions.retry_batch(conn, workspace_id, ids, ahead)
    if verb == "SUPPRESS":
        return await failures.were_suppressed(conn, workspace_id, ids)
    return await failures.put_aside(conn, workspace_id, ids)
