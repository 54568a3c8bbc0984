"""Emails: the exchange with the workers, and what a person may see and decide.

The exchange is the heart of the engine. A worker trades the outcomes of finished emails for as many due ones as it
has idle lanes, in one statement (`app/sql/exchange.sql` tells how). SMTP runs with no transaction open; the committed
claim is the record that something is at an SMTP server.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec

from app.db import Conn, Pool, Row, fetch_all, fetch_one, transaction
from app.domain import audit
from app.domain.pages import Page, PageRequest, page_of
from app.domain.planning import mend
from app.domain.visitors import LOCAL, Visitor
from app.errors import Conflict, InvalidInput, NotFound
from app.jobs import defer_wake_up
from app.sql import query

EXCHANGE = query("exchange")
OPEN_WINDOW = query("open_window")
OUTLOOK = query("outlook")
HELD_CLAIMS = query("held_claims")
LIST_EMAILS = query("list_emails")
GET_EMAIL = query("get_email")
ATTEMPTS_OF_EMAIL = query("attempts_of_email")
LOCK_CAMPAIGN_OF_EMAIL = query("lock_campaign_of_email")
DECIDE_EMAIL = query("decide_email")

EmailStatus = Literal["SCHEDULED", "SENDING", "SENT", "FAILED", "UNKNOWN", "CANCELLED"]
Outcome = Literal["ACCEPTED", "REJECTED", "DEFERRED", "RELEASED", "UNKNOWN"]


class Claim(NamedTuple):
    """An email that is ours to send."""

    id: int
    campaign_id: int
    content_version: int
    recipient: str
    fields: dict[str, str]
    retry_count: int
    attempts: int
    scheduled_at: datetime
    claimed_at: datetime
    message_id: str | None


class Report(msgspec.Struct, omit_defaults=True):
    """What became of a claim. UNBEGUN: nothing was tried, it goes back as if never claimed.

    `command` is where the conversation ended (MAIL, RCPT, DATA, or `.` for the reply to the message),
    `again_in_s` when a DEFERRED or RELEASED email is due next (None: when it was).
    """

    id: int
    kind: Outcome | Literal["UNBEGUN"]
    command: str | None = None
    code: int | None = None
    enhanced_code: str | None = None
    reply: str | None = None
    duration_ms: int | None = None
    server: str | None = None
    message_id: str | None = None
    again_in_s: float | None = None


class Outlook(NamedTuple):
    """What a sender loop may expect: when its next email is due (None: nothing waits), until when the sender is
    blocked, both also in seconds from now; whether a limit holds something due back; whether the window's row is there.
    """

    window_open: bool
    blocked_until: datetime | None
    blocked_s: float | None
    due_at: datetime | None
    due_s: float | None
    over_limit: bool


class Claimant(NamedTuple):
    """Who trades: a worker (by its token) for one sender."""

    token: UUID
    user_id: int
    sender_id: int

    def parameters(self) -> dict[str, Any]:
        return self._asdict()


def message_id(claim: Claim, domain: str) -> str:
    """The Message-ID of an email: the same for every attempt at it."""
    return claim.message_id or f"<{claim.id}.{claim.campaign_id}.reachinbox@{domain}>"


_encode = msgspec.json.Encoder().encode


async def exchange(
    conn: Conn, claimant: Claimant, reports: list[Report], wanted: int, *, max_attempts: int
) -> list[Claim]:
    """Record `reports`, claim at most `wanted` due emails; both or neither.

    Fewer than wanted: `outlook` tells why. Reports on emails that are not ours any more change nothing.
    """
    rows = await fetch_all(
        conn,
        EXCHANGE,
        {
            **claimant.parameters(),
            "outcomes": _encode(reports).decode(),
            "wanted": wanted,
            "max_attempts": max_attempts,
        },
    )
    return [Claim(**row) for row in rows]


async def outlook(conn: Conn, claimant: Claimant) -> Outlook | None:
    """What comes next for the sender; None when it is gone. Opens the current window if it is not there yet."""
    row = await fetch_one(conn, OUTLOOK, claimant.parameters())
    if row is None:
        return None
    if not row["window_open"]:
        await conn.execute(OPEN_WINDOW, claimant.parameters())
    return Outlook(**row)


async def held_claims(conn: Conn, claimant: Claimant) -> list[int]:
    """Ids of the sender's emails that this worker holds according to the ledger."""
    return [row["id"] for row in await fetch_all(conn, HELD_CLAIMS, claimant.parameters())]


async def mend_plans(pool: Pool, user_id: int, sender_id: int, *, over_limit: bool) -> None:
    """Bring the sender's plans back to what can be: see `planning.mend`."""
    async with transaction(pool) as conn:
        await mend(conn, user_id, sender_id, over_limit=over_limit)


class EmailSummary(msgspec.Struct, rename="camel"):
    """An email in a list; `code`, `enhanced_code` and `reply` are the latest attempt's."""

    id: int
    campaign_id: int
    sender_id: int
    recipient: str
    status: EmailStatus
    scheduled_at: datetime
    sent_at: datetime | None
    message_id: str | None
    retry_count: int
    attempts: int
    code: int | None
    enhanced_code: str | None
    reply: str | None


class Attempt(msgspec.Struct, rename="camel"):
    """One try; `command` is where it ended."""

    number: int
    outcome: Outcome
    claimed_at: datetime
    recorded_at: datetime
    duration_ms: int | None
    server: str | None
    command: str | None
    code: int | None
    enhanced_code: str | None
    reply: str | None


class Email(msgspec.Struct, rename="camel"):
    """An email with every attempt, first to last."""

    id: int
    campaign_id: int
    sender_id: int
    recipient: str
    fields: dict[str, str]
    status: EmailStatus
    scheduled_at: datetime
    sent_at: datetime | None
    message_id: str | None
    retry_count: int
    subject: str
    attempts: list[Attempt]


class EmailFilter(NamedTuple):
    """All of it must fit; `q` is a part of the recipient's address."""

    status: EmailStatus | None = None
    campaign_id: int | None = None
    sender_id: int | None = None
    q: str | None = None


async def list_emails(pool: Pool, user_id: int, wanted: EmailFilter, page: PageRequest) -> Page[EmailSummary]:
    """A page of emails, newest first. Raises InvalidInput."""
    before = page.check()
    if wanted.q is not None and "\0" in wanted.q:
        raise InvalidInput({"q": "has a NUL character, which no address has"})
    params: dict[str, Any] = {
        **wanted._asdict(),
        "user_id": user_id,
        "before": before,
        "limit": page.limit + 1,
    }
    if wanted.q is not None:
        params["q"] = "%" + wanted.q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    async with transaction(pool, user_id) as conn:
        rows = await fetch_all(conn, LIST_EMAILS, params)
    return page_of([EmailSummary(**row) for row in rows], [row["id"] for row in rows], page.limit)


async def get_email(pool: Pool, user_id: int, email_id: int) -> Email:
    """Raises NotFound."""
    async with transaction(pool, user_id) as conn:
        return await _read(conn, user_id, email_id)


async def _row(conn: Conn, user_id: int, email_id: int) -> Row:
    row = await fetch_one(conn, GET_EMAIL, {"user_id": user_id, "email_id": email_id})
    if row is None:
        raise NotFound(f"no email {email_id}")
    return row


async def _read(conn: Conn, user_id: int, email_id: int) -> Email:
    row = await _row(conn, user_id, email_id)
    attempts = await fetch_all(conn, ATTEMPTS_OF_EMAIL, {"user_id": user_id, "email_id": email_id})
    row["attempts"] = [Attempt(**attempt) for attempt in attempts]
    return Email(**{name: row[name] for name in Email.__struct_fields__})


async def retry(pool: Pool, user_id: int, email_id: int, visitor: Visitor = LOCAL) -> Email:
    """Send a FAILED email again, now. Raises NotFound, Conflict when it is not FAILED."""
    return await _decide(pool, user_id, email_id, visitor, "FAILED", "SCHEDULED")


async def resolve(
    pool: Pool, user_id: int, email_id: int, decision: Literal["sent", "resend"], visitor: Visitor = LOCAL
) -> Email:
    """A person's decision on an UNKNOWN email. Raises NotFound, Conflict when it is not UNKNOWN."""
    to: EmailStatus = "SENT" if decision == "sent" else "SCHEDULED"
    return await _decide(pool, user_id, email_id, visitor, "UNKNOWN", to)


async def _decide(
    pool: Pool, user_id: int, email_id: int, visitor: Visitor, before: EmailStatus, to: EmailStatus
) -> Email:
    async with transaction(pool, user_id) as conn:
        params = {"user_id": user_id, "email_id": email_id, "from": before, "to": to}
        campaign = await fetch_one(conn, LOCK_CAMPAIGN_OF_EMAIL, params)
        if campaign is None:
            raise NotFound(f"no email {email_id}")
        if campaign["status"] == "CANCELLED" and to == "SCHEDULED":
            raise Conflict("the campaign is CANCELLED; nothing of it is sent any more")
        campaign = await fetch_one(conn, DECIDE_EMAIL, params)
        if campaign is None:
            email = await _row(conn, user_id, email_id)
            raise Conflict(f"the email is {email['status']}; this is for a {before} one")
        if to == "SCHEDULED":
            await defer_wake_up(conn, campaign["sender_id"])
        await audit.record(conn, user_id, visitor, f"email.{before}->{to}".lower(), f"emails/{email_id}")
        return await _read(conn, user_id, email_id)
