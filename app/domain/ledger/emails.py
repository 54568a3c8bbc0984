"""The ledger as a person reads it: emails found, listed and exported, one with every attempt."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import msgspec

from app.db import Conn, Pool, Row, containing, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain import csv_lines
from app.domain.accounts.actor import Actor
from app.domain.campaigns.campaigns import CampaignKind
from app.domain.campaigns.content import rendered_subject
from app.domain.ledger import next_steps
from app.domain.ledger.claims import Outcome
from app.domain.ledger.exchange import EmailStatus
from app.domain.ledger.next_steps import NextStep
from app.domain.ledger.texts import read_texts
from app.domain.operations.installation import Ours
from app.domain.pages import Page, PageRequest, page_of, time_key
from app.domain.planning import waiting
from app.domain.planning.reasons import Service, Waiting
from app.domain.workspaces import audit
from app.errors import InvalidInput, NotFound
from app.mail.failures import FailureReason
from app.sql import queries

sql = queries(__name__)

EXPORT_PAGE = 500
MOST_FIELDS = 199  # of an export that is a list: with the address as many columns as a list may have

ExportColumns = Literal["table", "list"]
# Why an email is CANCELLED: its campaign was; its recipient is written to no more, or not in this campaign (STOPPED by
# a person); it had not gone by its campaign's end; its recipient was erased.
CancelReason = Literal["CAMPAIGN", "SUPPRESSED", "UNSUBSCRIBED", "REPLIED", "BOUNCED", "STOPPED", "LATE", "ERASED"]
# A person's decision on a FAILED email; DIRECT: nobody is asked, for it was written by hand.
Settled = Literal["PUT_ASIDE", "SUPPRESSED", "MENDED", "DIRECT"]
_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


class EmailSummary(msgspec.Struct, rename="camel"):
    """An email in a list; `code`, `enhanced_code` and `reply` are the latest attempt's. `variant`: the letter of the
    one that it was made from. `waiting`: why one that is SCHEDULED does not go now. Of one that FAILED: why, in a word
    (`failed_for`), and what a person decided (`settled`).
    """

    id: int
    campaign_id: int
    campaign_name: str
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
    cancel_reason: CancelReason | None
    step: int
    failed_for: FailureReason | None
    settled: Settled | None
    variant: str | None = None
    waiting: Waiting | None = None


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


class NotInSent(msgspec.Struct, rename="camel"):
    """How often an email in doubt was looked for in the folder for sent mail, and was not there; when the latest look
    was. `keeps_copies`: whether its sender's server puts copies there, as the wire check of the last 30 days says;
    None: it does not say.
    """

    readings: int
    last_at: datetime
    keeps_copies: bool | None


class Email(msgspec.Struct, rename="camel"):
    """An email with every attempt, first to last; `subject` as its recipient sees it. At `erased_at` a placeholder took
    the recipient's place. `not_in_sent`: what the mailbox says of one that is UNKNOWN; None: nothing yet. `step`: of
    its campaign's, from 1; `variant`: the letter of the one that it was made from. The next one follows at `follow_at`
    at the earliest; `stopped` says why none will. `follows_id`: the email of the step before; `next_step`: what it
    owes, as far as that is known. `mended_as`: the email that went to the corrected address in its place.
    """

    id: int
    campaign_id: int
    campaign_name: str
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
    erased_at: datetime | None
    cancel_reason: CancelReason | None
    not_in_sent: NotInSent | None
    step: int = 1
    variant: str | None = None
    follow_at: datetime | None = None
    follows_id: int | None = None
    stopped: CancelReason | None = None
    next_step: NextStep | None = None
    failed_for: FailureReason | None = None
    settled: Settled | None = None
    mended_as: int | None = None


class EmailFilter(NamedTuple):
    """All of it must fit; `q` is a part of the recipient's address. Of direct mail the list is one of its own, unless a
    campaign is named. `undecided`: of those that FAILED, what waits for a person's word.
    """

    status: EmailStatus | None = None
    campaign_id: int | None = None
    sender_id: int | None = None
    q: str | None = None
    kind: CampaignKind = "LIST"
    failed_for: FailureReason | None = None
    undecided: bool = False

    def check(self) -> dict[str, Any]:
        """As parameters of a query. Raises InvalidInput."""
        if self.q is not None and "\0" in self.q:
            raise InvalidInput({"q": "has a NUL character, which no address has"})
        if (self.undecided or self.failed_for is not None) and self.status != "FAILED":
            raise InvalidInput({"status": "give FAILED with failedFor and undecided, which are for those"})
        params = self._asdict()
        params["direct"] = None if self.campaign_id is not None else params.pop("kind") == "DIRECT"
        if self.q is not None:
            params["q"] = containing(self.q)
        return params


class Span(NamedTuple):
    """Between which ids the emails of some campaigns lie, both included."""

    first_id: int
    last_id: int


async def list_emails(
    pool: Pool, workspace_id: int, wanted: EmailFilter, page: PageRequest, ours: Ours | None = None
) -> Page[EmailSummary]:
    """A page of emails: SCHEDULED ones soonest first, all others newest first. Without `ours`, why they wait is left
    out. Raises InvalidInput.
    """
    params = wanted.check() | {"workspace_id": workspace_id, "limit": page.limit + 1}
    by_time = wanted.status == "SCHEDULED"
    after = page.check_time() if by_time else None
    before = None if by_time else page.check()
    service = ours and await waiting.read_service(pool, ours)
    async with transaction(pool, workspace_id) as conn:
        if by_time:
            rows = await _waiting(conn, params, after)
        else:
            rows = await _newest(conn, params, before)
        ids = [row["id"] for row in rows]
        summaries = await read_summaries(conn, workspace_id, ids, service)
    keys = [time_key(row["scheduled_at"], row["id"]) for row in rows] if by_time else ids
    return page_of(summaries, keys, page.limit)


async def read_summaries(
    conn: Conn, workspace_id: int, ids: Sequence[int], service: Service | None
) -> list[EmailSummary]:
    """Of those that are there, in this order. Without `service`, why they wait is left out."""
    if not ids:
        return []
    rows = await fetch_all(conn, sql.email_summaries, {"workspace_id": workspace_id, "ids": list(ids)})
    waits = [row["id"] for row in rows if row["status"] == "SCHEDULED"]
    why = await waiting.of_emails(conn, workspace_id, waits, service) if service and waits else {}
    return [EmailSummary(**row, waiting=why.get(row["id"])) for row in rows]


async def _waiting(conn: Conn, params: dict[str, Any], after: tuple[datetime, int] | None) -> list[Row]:
    after_at, after_id = after or (_BEGINNING, 0)
    return await fetch_all(conn, sql.page_of_waiting, params | {"after_at": after_at, "after_id": after_id})


async def _newest(conn: Conn, params: dict[str, Any], before: int | None) -> list[Row]:
    if params["direct"] and not params["undecided"]:
        return await fetch_all(conn, sql.page_of_direct, params | {"before": before})
    span = await email_span(conn, params)
    if span is None:
        return []
    last_id = span.last_id if before is None else min(span.last_id, before - 1)
    page = sql.page_of_undecided if params["undecided"] else sql.page_of_emails
    return await fetch_all(conn, page, params | {"first_id": span.first_id, "last_id": last_id})


async def email_span(conn: Conn, params: dict[str, Any]) -> Span | None:
    """Where to look for emails of `campaign_id`, `sender_id`, `status`, each if given; None: there are none."""
    row = await fetch_exactly_one(conn, sql.email_span, params)
    return None if row["first_id"] is None else Span(row["first_id"], row["last_id"])


async def read_attempts(conn: Conn, workspace_id: int, email_id: int) -> list[Attempt]:
    """Every try to hand the email over, in order."""
    rows = await fetch_all(conn, sql.attempts_of_email, {"workspace_id": workspace_id, "email_id": email_id})
    return [Attempt(**row) for row in rows]


async def get_email(pool: Pool, workspace_id: int, email_id: int) -> Email:
    """Raises NotFound."""
    async with transaction(pool, workspace_id) as conn:
        email = await read_email(conn, workspace_id, email_id)
    return await as_read(email, workspace_id)


async def read_email(conn: Conn, workspace_id: int, email_id: int) -> Email:
    """Its subject as it was written: `as_read`, which takes no connection, renders it. Raises NotFound."""
    row = await fetch_one(conn, sql.get_email, {"workspace_id": workspace_id, "email_id": email_id})
    texts = await read_texts(conn, workspace_id, [email_id])
    if row is None or not texts:
        raise NotFound(f"no email {email_id}")
    row["attempts"] = await read_attempts(conn, workspace_id, email_id)
    row["subject"] = texts[0]["subject"]
    row["next_step"] = next(iter(await next_steps.of_emails(conn, workspace_id, [email_id])), None)
    read = row["readings"] is not None
    row["not_in_sent"] = NotInSent(row["readings"], row["read_at"], row["keeps_copies"]) if read else None
    return Email(**{name: row[name] for name in Email.__struct_fields__})


async def as_read(email: Email, workspace_id: int) -> Email:
    """With its subject as its recipient reads it. Where a field is missing it stays as it was written: the attempts say
    why nothing could be sent.
    """
    fields = email.fields | {"email": email.recipient}
    return msgspec.structs.replace(email, subject=await rendered_subject(email.subject, fields, workspace_id))


async def export(
    pool: Pool,
    actor: Actor,
    workspace_id: int,
    wanted: EmailFilter,
    *,
    columns: ExportColumns = "table",
    spreadsheet: bool = False,
) -> AsyncIterator[bytes]:
    """All emails that fit, as CSV (RFC 4180) in UTF-8, page by page: no transaction stays open between two.

    As a `list`, only to whom they are and with which merge fields, so that it can be uploaded again.
    Raises InvalidInput at once, before anything is read.
    """
    params = wanted.check()
    async with transaction(pool, workspace_id) as conn:
        await audit.record(conn, actor, workspace_id, "emails.export")
        fields = await _fields_of(conn, params | {"workspace_id": workspace_id}) if columns == "list" else None
    return _export(pool, workspace_id, wanted, fields, spreadsheet)


async def _fields_of(conn: Conn, params: dict[str, Any]) -> list[str]:
    """The merge fields of the campaigns that fit. Raises InvalidInput for more than a file may have."""
    rows = await fetch_all(conn, sql.fields_of_campaigns, params | {"most": MOST_FIELDS})
    if len(rows) > MOST_FIELDS:
        why = f"has more than {MOST_FIELDS} merge fields over all campaigns; choose one campaign"
        raise InvalidInput({"columns": why})
    return [row["field"] for row in rows]


async def _export(
    pool: Pool, workspace_id: int, wanted: EmailFilter, fields: list[str] | None, spreadsheet: bool
) -> AsyncIterator[bytes]:
    names = EmailSummary.__struct_fields__[:-1]  # why it waits is no column
    header = EmailSummary.__struct_encode_fields__[:-1] if fields is None else ("email", *fields)
    yield csv_lines.header(header, spreadsheet=spreadsheet)
    cursor: str | None = None
    while True:
        page = await list_emails(pool, workspace_id, wanted, PageRequest(EXPORT_PAGE, cursor))
        if fields is None:
            cells = ([getattr(email, name) for name in names] for email in page.items)
            yield b"".join(csv_lines.line(each, spreadsheet=spreadsheet) for each in cells)
        else:
            ids = [email.id for email in page.items]
            async with transaction(pool, workspace_id) as conn:
                rows = await fetch_all(conn, sql.recipients_of_emails, {"workspace_id": workspace_id, "ids": ids})
            # It is read again, and then has its cells as they are.
            yield b"".join(csv_lines.line((row["recipient"], *map(row["fields"].get, fields))) for row in rows)
        cursor = page.next_cursor
        if cursor is None:
            return
