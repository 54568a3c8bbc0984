"""A person's decisions about emails that ended FAILED or UNKNOWN: one, many, or all of a campaign.

Many are decided in batches, each in a transaction of its own: a process that dies in between leaves the rest as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from app.bounds import Bounds
from app.db import Conn, Pool, Row, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.accounts.actor import LOCAL, WORKER, Actor
from app.domain.campaigns.campaigns import lock_campaign
from app.domain.ledger import streams
from app.domain.ledger.emails import Email, as_read, email_span, read_email
from app.domain.ledger.exchange import EmailStatus
from app.domain.suppressions import held
from app.domain.suppressions.held import Suppressed, SuppressedEmail
from app.domain.workspaces import audit
from app.errors import Conflict, InvalidInput, NotFound
from app.jobs import defer_wake_up
from app.sql import queries

sql = queries(__name__)

Decision = Literal["sent", "resend"]
BATCH = 1_000
CHOSEN = Bounds(1, BATCH)  # ids
_ACTIONS: dict[tuple[EmailStatus, EmailStatus], audit.Action] = {
    ("FAILED", "SCHEDULED"): "email.failed->scheduled",
    ("SENT", "SCHEDULED"): "email.bounced->scheduled",
    ("UNKNOWN", "SCHEDULED"): "email.unknown->scheduled",
    ("UNKNOWN", "SENT"): "email.unknown->sent",
}
STEP_REMOVED = "its step was removed from the campaign: nothing of that is sent any more"
STOPPED = {"REPLIED": "they answered", "STOPPED": "a person stopped them"}


class Decided(msgspec.Struct, rename="camel"):
    """How many emails the decision changed; the others of those named were not in the state that it is for, or their
    recipients are `suppressed`: so many, and the first 1,000 of them.
    """

    changed: int
    suppressed: int = 0
    suppressed_emails: list[SuppressedEmail] = msgspec.field(default_factory=list[SuppressedEmail])

    def add(self, more: Decided) -> None:
        self.changed += more.changed
        self.suppressed += more.suppressed
        room = held.MOST_SHOWN - len(self.suppressed_emails)
        self.suppressed_emails += more.suppressed_emails[:room]


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """Emails by `ids`, or all of a campaign that are in the state that the decision is for; one of the two."""

    ids: list[int] | None = None
    campaign_id: int | None = None

    def check(self) -> None:
        """Raises InvalidInput."""
        if (self.ids is None) == (self.campaign_id is None):
            raise InvalidInput({"ids": "give either ids or campaignId"})
        if self.ids is not None and not CHOSEN.allow(len(self.ids)):
            raise InvalidInput({"ids": f"give {CHOSEN} ids, or campaignId for all of a campaign"})


async def retry(pool: Pool, workspace_id: int, email_id: int, actor: Actor = LOCAL) -> Email:
    """Send a FAILED email again, now, or one that came back for a fault of its sender. Raises NotFound, Conflict when
    it is neither, or its recipient suppressed.
    """
    params = {"workspace_id": workspace_id, "email_id": email_id}
    async with transaction(pool, workspace_id) as conn:
        came_back = (await fetch_exactly_one(conn, sql.came_back, params))["came_back"]
    return await _decide_one(pool, workspace_id, email_id, actor, "SENT" if came_back else "FAILED", "SCHEDULED")


async def resolve(pool: Pool, workspace_id: int, email_id: int, decision: Decision, actor: Actor = LOCAL) -> Email:
    """A person's decision on an UNKNOWN email. Raises NotFound, Conflict when it is not UNKNOWN, or to be sent again to
    somebody who is suppressed.
    """
    return await _decide_one(pool, workspace_id, email_id, actor, "UNKNOWN", _outcome(decision))


async def retry_many(pool: Pool, workspace_id: int, chosen: Chosen, actor: Actor = LOCAL) -> Decided:
    """Send FAILED emails again from now on, spaced as their campaigns are. Raises InvalidInput, NotFound."""
    return await _decide_many(pool, workspace_id, chosen, actor, "FAILED", "SCHEDULED")


async def resolve_many(
    pool: Pool, workspace_id: int, chosen: Chosen, decision: Decision, actor: Actor = LOCAL
) -> Decided:
    """The same decision on many UNKNOWN emails. Raises InvalidInput, NotFound."""
    return await _decide_many(pool, workspace_id, chosen, actor, "UNKNOWN", _outcome(decision))


def _outcome(decision: Decision) -> EmailStatus:
    return "SENT" if decision == "sent" else "SCHEDULED"


async def _decide_one(
    pool: Pool, workspace_id: int, email_id: int, actor: Actor, before: EmailStatus, to: EmailStatus
) -> Email:
    async with transaction(pool, workspace_id) as conn:
        await _begin(conn, workspace_id, to)
        found = await streams.lock_of_emails(conn, workspace_id, [email_id])
        params = {"workspace_id": workspace_id, "email_id": email_id}
        campaign = await fetch_one(conn, sql.campaign_of_email, params)
        if campaign is None:
            raise NotFound(f"no email {email_id}")
        check_campaign(campaign, to)
        decided = await _decide(conn, workspace_id, [email_id], found, before, to)
        if decided.suppressed_emails:
            suppressed = decided.suppressed_emails[0]
            raise Suppressed(f"{suppressed.email} {suppressed.reason}")
        if not decided.changed:
            email = await read_email(conn, workspace_id, email_id)
            if email.erased_at is not None and email.status == before:
                raise Conflict("the recipient was erased: nobody knows any more where the email could be sent")
            if email.settled == "MENDED" and to == "SCHEDULED":
                raise Conflict(f"it went to a corrected address, as email {email.mended_as}")
            stopped = await fetch_exactly_one(conn, sql.stop_of, params)
            if email.status == before and stopped["why"] is not None:
                raise Conflict(f"the campaign writes to {email.recipient} no more: {STOPPED[stopped['why']]}")
            if email.status == before and stopped["removed"] and to == "SCHEDULED":
                raise Conflict(STEP_REMOVED)
            raise Conflict(f"the email is {email.status}; this is for a {before} one")
        await audit.record(conn, actor, workspace_id, _ACTIONS[before, to], f"emails/{email_id}")
        email = await read_email(conn, workspace_id, email_id)
    return await as_read(email, workspace_id)


async def _decide_many(
    pool: Pool, workspace_id: int, chosen: Chosen, actor: Actor, before: EmailStatus, to: EmailStatus
) -> Decided:
    chosen.check()
    if chosen.campaign_id is not None:
        return await _decide_all(pool, workspace_id, chosen.campaign_id, actor, before, to)
    ids = sorted(set(chosen.ids or ()))
    async with transaction(pool, workspace_id) as conn:
        await _begin(conn, workspace_id, to)
        found = await streams.lock_of_emails(conn, workspace_id, ids)
        decided = await _decide(conn, workspace_id, ids, found, before, to) if found else Decided(0)
        if decided.changed:
            await audit.record(conn, actor, workspace_id, _ACTIONS[before, to], f"emails/{','.join(map(str, ids))}")
    return decided


async def _decide_all(
    pool: Pool, workspace_id: int, campaign_id: int, actor: Actor, before: EmailStatus, to: EmailStatus
) -> Decided:
    total, after_id = Decided(0), 0
    while True:
        async with transaction(pool, workspace_id) as conn:
            await _begin(conn, workspace_id, to)
            params = {"workspace_id": workspace_id, "campaign_id": campaign_id}
            campaign = await lock_campaign(conn, workspace_id, campaign_id)
            check_campaign(campaign, to)
            ids = await _undecided(conn, params, before, after_id)
            if not ids:
                return total
            part = await _decide(conn, workspace_id, ids, campaign["stream_ids"], before, to, after=total.changed)
            if part.changed:
                subject = f"campaigns/{campaign_id}, {part.changed} emails"
                await audit.record(conn, actor, workspace_id, _ACTIONS[before, to], subject)
        total.add(part)
        after_id = ids[-1]


async def retry_batch(conn: Conn, workspace_id: int, ids: Sequence[int], after: int) -> int:
    """Send those of the emails again that failed, after so many others; how many are."""
    await _begin(conn, workspace_id, "SCHEDULED")
    found = await streams.lock_of_emails(conn, workspace_id, ids)
    return (await _decide(conn, workspace_id, list(ids), found, "FAILED", "SCHEDULED", after)).changed


async def arrived(conn: Conn, workspace_id: int, email_id: int, stream_ids: list[int], how: str) -> bool:
    """Settle an email in doubt as sent, by the evidence `how`. Its stream is locked. False: it is not in doubt."""
    decided = await _decide(conn, workspace_id, [email_id], stream_ids, "UNKNOWN", "SENT")
    if decided.changed:
        await audit.record(conn, WORKER, workspace_id, _ACTIONS["UNKNOWN", "SENT"], f"emails/{email_id} ({how})")
    return decided.changed > 0


async def lock_to_send_again(conn: Conn, workspace_id: int, email_id: int) -> list[int]:
    """Hold the email's stream, before `never_left`."""
    await _begin(conn, workspace_id, "SCHEDULED")
    return await streams.lock_of_emails(conn, workspace_id, [email_id])


async def never_left(conn: Conn, workspace_id: int, email_id: int, stream_ids: list[int], how: str) -> bool:
    """Settle an email in doubt as not sent, by the evidence `how`. It goes again. False: its recipient is suppressed,
    or its campaign sends no more.
    """
    decided = await _decide(conn, workspace_id, [email_id], stream_ids, "UNKNOWN", "SCHEDULED")
    if decided.changed:
        await audit.record(conn, WORKER, workspace_id, _ACTIONS["UNKNOWN", "SCHEDULED"], f"emails/{email_id} ({how})")
    return decided.changed > 0


async def go_on(conn: Conn, workspace_id: int, email_ids: list[int], stream_ids: list[int]) -> None:
    """Emails that were cancelled for a response that is none go after all, unless its recipient is suppressed. The
    streams are locked, and before that nobody suppresses (`held.owe_something`).
    """
    if email_ids:
        await _decide(conn, workspace_id, email_ids, stream_ids, "CANCELLED", "SCHEDULED")


async def _begin(conn: Conn, workspace_id: int, to: EmailStatus) -> None:
    if to == "SCHEDULED":
        await held.owe_something(conn, workspace_id)


async def _undecided(conn: Conn, campaign: dict[str, Any], status: EmailStatus, after_id: int) -> list[int]:
    """The next ids, each looked at once: what fails again meanwhile is not sent for a third time."""
    params = campaign | {"sender_id": None, "direct": None, "status": status}
    span = await email_span(conn, params)
    if span is None:
        return []
    params |= {"first_id": max(span.first_id, after_id + 1), "last_id": span.last_id, "limit": BATCH}
    return [row["id"] for row in await fetch_all(conn, sql.undecided_emails, params)]


async def _decide(
    conn: Conn,
    workspace_id: int,
    ids: list[int],
    stream_ids: list[int],
    before: EmailStatus,
    to: EmailStatus,
    after: int = 0,
) -> Decided:
    """`after` is how many others go before them. The streams are theirs, and locked already; before that, `_begin`."""
    suppressed: list[SuppressedEmail] = []
    if to == "SCHEDULED":
        suppressed = await held.of_emails(conn, workspace_id, ids, before)
        left_out = {email.id for email in suppressed}
        ids = [one for one in ids if one not in left_out]
    params = {"workspace_id": workspace_id, "ids": ids, "from": before, "to": to, "before": after}
    changed = await fetch_all(conn, sql.decide_emails, params)
    await streams.settle(conn, workspace_id, stream_ids)
    if to == "SCHEDULED":
        for sender_id in sorted(
            {row["sender_id"] for row in changed}
        ):  # in one order, or two would wait for each other
            await defer_wake_up(conn, sender_id)
    return Decided(sum(row["n"] for row in changed), len(suppressed), suppressed)


def check_campaign(campaign: Row, to: EmailStatus) -> None:
    """Raises Conflict where nothing is sent any more."""
    if to == "SCHEDULED" and campaign["status"] == "CANCELLED":
        raise Conflict("the campaign is CANCELLED; nothing of it is sent any more")
    if to == "SCHEDULED" and campaign["emails_removed_at"] is not None:
        raise Conflict("the campaign's emails are being removed for their age; nothing of it is sent any more")
    if to == "SCHEDULED" and campaign["is_too_late"]:
        raise Conflict("the campaign's latestAt is over; nothing of it is sent any more")
