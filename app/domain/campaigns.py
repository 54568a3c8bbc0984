"""Campaigns: scheduled in one transaction, watched through their counts, paused, resumed, cancelled, changed.

Sending itself is not here: a campaign only says what is owed and when, `domain.emails` trades it with the workers.
Whoever locks a campaign and its emails locks the campaign first, as the exchange does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, TypeVar, cast

import msgspec

from app.db import Conn, Pool, Row, fetch_all, fetch_one, transaction
from app.domain.pages import Page, PageRequest, page_of
from app.domain.planning import check_plan, lock_plan, replan
from app.errors import Conflict, InvalidInput, NotFound
from app.jobs import defer_wake_up
from app.mail.message import MessageBuilder
from app.mail.templates import Template, TemplateError
from app.sql import query

INSERT_CAMPAIGN = query("insert_campaign")
LIST_CAMPAIGNS = query("list_campaigns")
LOCK_CAMPAIGN = query("lock_campaign")
SET_CAMPAIGN_STATUS = query("set_campaign_status")
KEEP_CONTENT = query("keep_content")
UPDATE_CAMPAIGN = query("update_campaign")
CANCEL_WAITING = query("cancel_waiting")
CANCELLED_WITH_WAITING = query("cancelled_with_waiting")
CAMPAIGN_CONTENT = query("campaign_content")

CampaignStatus = Literal["ACTIVE", "PAUSED", "CANCELLED", "FINISHED"]
OnUnknown = Literal["hold", "resend", "assume_sent"]
T = TypeVar("T")
MAX_DELAY_MS = 30 * 24 * 3600 * 1000
MAX_TEXT = 1_000_000
CANCEL_BATCH = 10_000


class Campaign(msgspec.Struct, rename="camel"):
    """`counts` has every email status and adds up to `total`; `next_at` and `last_at` are the plan of what waits,
    `used_this_hour` what counts against `hourly_limit`. After `emails_removed_at` the counts are all that is left of
    emails removed for their age.
    """

    id: int
    name: str
    sender_id: int
    subject: str
    body: str
    body_html: str | None
    start_time: datetime
    delay_between_ms: int
    hourly_limit: int | None
    on_unknown: OnUnknown
    status: CampaignStatus
    total: int
    counts: dict[str, int]
    next_at: datetime | None
    last_at: datetime | None
    created_at: datetime
    finished_at: datetime | None
    # Answers kept from before these were there lack them.
    used_this_hour: int = 0
    emails_removed_at: datetime | None = None


def _campaign(row: Row) -> Campaign:
    return Campaign(
        id=row["id"],
        name=row["name"],
        sender_id=row["sender_id"],
        subject=row["subject"],
        body=row["body"],
        body_html=row["body_html"],
        start_time=row["start_at"],
        delay_between_ms=row["delay_ms"],
        hourly_limit=row["hourly_limit"],
        on_unknown=row["on_unknown"],
        status=row["status"],
        total=row["total"],
        counts=counts_of(row),
        used_this_hour=row["used_this_hour"],
        next_at=row["next_at"],
        last_at=row["last_at"],
        created_at=row["created_at"],
        finished_at=row["finished_at"],
        emails_removed_at=row["emails_removed_at"],
    )


def counts_of(row: Row) -> dict[str, int]:
    """How many of a campaign's emails are in each status."""
    return {s: row[s.lower()] for s in ("SCHEDULED", "SENDING", "SENT", "FAILED", "UNKNOWN", "CANCELLED")}


class Rendered(msgspec.Struct, frozen=True):
    """A message as one recipient reads it. `required`: the merge fields that every recipient must bring."""

    subject: str
    text: str
    html: str | None
    required: list[str]


class Content(msgspec.Struct, frozen=True):
    """What the messages say; merge fields in Liquid."""

    subject: str
    body: str
    body_html: str | None = None

    def required_fields(self) -> frozenset[str]:
        """Fields that every recipient must bring. Raises InvalidInput naming the part that does not parse."""
        self._check_length()
        return frozenset(name for _, template in self._templates() for name in template.required)

    def check(self, known: frozenset[str]) -> None:
        """Raises InvalidInput for an empty or overlong part, a syntax error, or a field nobody brings.

        `email`, the recipient's address, is always there.
        """
        known = known | {"email"}
        wrong: dict[str, str] = {}
        if not self.subject.strip():
            wrong["subject"] = "is empty; say what the email is about"
        elif len(self.subject) > 998:
            wrong["subject"] = "is longer than 998 characters (RFC 5322, 2.1.1)"
        elif any(c in self.subject for c in "\r\n\0"):
            wrong["subject"] = "has a line break; a subject is one line"
        if not self.body.strip() and not (self.body_html or "").strip():
            wrong["body"] = "is empty; write a text"
        for name, text in (("body", self.body), ("bodyHtml", self.body_html or "")):
            if len(text) > MAX_TEXT:
                wrong[name] = f"is longer than {MAX_TEXT:,} characters"
            elif "\0" in text:
                wrong[name] = "has a NUL character"
        if not wrong:
            for name, template in self._templates():
                if unknown := sorted(template.required - known):
                    have = f"the recipients have: {', '.join(sorted(known))}" if known else "the recipients have none"
                    wrong[name] = (
                        f'unknown merge field "{unknown[0]}" without a default; {have}. '
                        f'Or write {{{{ {unknown[0]} | default: "…" }}}}'
                    )
        if wrong:
            raise InvalidInput(wrong)

    def render(self, address: str, fields: Mapping[str, str] | None) -> Rendered:
        """What the recipient at `address` gets. Without `fields`, each merge field's name in brackets stands for it.

        Raises InvalidInput naming the part that does not parse, or that prints a field the recipient lacks.
        """
        self._check_length()
        parts: dict[str, str] = {}
        wrong: dict[str, str] = {}
        for name, template in self._templates():
            values = dict(fields) if fields is not None else {field: f"[{field}]" for field in template.fields}
            try:
                parts[name] = template.render(values | {"email": address})
            except TemplateError as error:
                wrong[name] = error.detail
        if wrong:
            raise InvalidInput(wrong)
        return Rendered(
            subject=parts["subject"],
            text=parts["body"],
            html=parts.get("bodyHtml"),
            required=sorted(self.required_fields()),
        )

    def _check_length(self) -> None:
        """Raises InvalidInput for what is too long to be parsed."""
        if wrong := {
            name: f"is longer than {MAX_TEXT:,} characters"
            for name, text in (("subject", self.subject), ("body", self.body), ("bodyHtml", self.body_html or ""))
            if len(text) > MAX_TEXT
        }:
            raise InvalidInput(wrong)

    def _templates(self) -> Iterator[tuple[str, Template]]:
        for name, source, html in (
            ("subject", self.subject, False),
            ("body", self.body, False),
            ("bodyHtml", self.body_html, True),
        ):
            if source is not None:
                try:
                    yield name, Template.parse(source, html=html)
                except TemplateError as error:
                    raise InvalidInput({name: error.detail}) from None


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign as asked for; `start_time` None or past means now, `sender_id` None the user's default sender."""

    content: Content
    name: str | None = None
    sender_id: int | None = None
    start_time: datetime | None = None
    delay_between_ms: int = 0
    hourly_limit: int | None = None
    on_unknown: OnUnknown = "hold"


def check_pace(delay_between_ms: int | None, hourly_limit: int | None) -> None:
    """Raises InvalidInput when a delay or limit is out of range."""
    wrong: dict[str, str] = {}
    if delay_between_ms is not None and not 0 <= delay_between_ms <= MAX_DELAY_MS:
        wrong["delayBetweenMs"] = f"is out of range; give 0 to {MAX_DELAY_MS:,} (30 days)"
    if hourly_limit is not None and not 1 <= hourly_limit <= 10_000_000:
        wrong["hourlyLimit"] = "is out of range; give 1 to 10,000,000, or leave it out"
    if wrong:
        raise InvalidInput(wrong)


def check_start(start_time: datetime | None) -> None:
    """Raises InvalidInput for a start without an offset from UTC, or so far off that times no longer compute."""
    if start_time is None:
        return
    if start_time.utcoffset() is None:
        raise InvalidInput({"startTime": "has no offset from UTC; write 2030-01-31T09:00:00+01:00 or end it with Z"})
    if not 2000 <= start_time.year < 2100:
        raise InvalidInput({"startTime": "is out of range; give a time in the years 2000 to 2099"})


async def list_campaigns(pool: Pool, user_id: int, status: CampaignStatus | None, page: PageRequest) -> Page[Campaign]:
    before = page.check()
    async with transaction(pool, user_id) as conn:
        rows = await _rows(conn, user_id, status=status, before=before, limit=page.limit + 1)
    return page_of([_campaign(row) for row in rows], [row["id"] for row in rows], page.limit)


async def get_campaign(pool: Pool, user_id: int, campaign_id: int) -> Campaign:
    """Raises NotFound."""
    async with transaction(pool, user_id) as conn:
        return await read_campaign(conn, user_id, campaign_id)


async def read_campaign(conn: Conn, user_id: int, campaign_id: int) -> Campaign:
    """Raises NotFound."""
    return _campaign(await _read_row(conn, user_id, campaign_id))


async def _read_row(conn: Conn, user_id: int, campaign_id: int) -> Row:
    rows = await _rows(conn, user_id, campaign_id=campaign_id)
    if not rows:
        raise NotFound(f"no campaign {campaign_id}")
    return rows[0]


async def _rows(
    conn: Conn,
    user_id: int,
    *,
    campaign_id: int | None = None,
    status: str | None = None,
    before: int | None = None,
    limit: int = 1,
) -> list[Row]:
    params = {
        "user_id": user_id,
        "campaign_id": campaign_id,
        "status": status,
        "before": before,
        "limit": limit,
    }
    return await fetch_all(conn, LIST_CAMPAIGNS, params)


async def _lock(conn: Conn, user_id: int, campaign_id: int) -> Row:
    row = await fetch_one(conn, LOCK_CAMPAIGN, {"user_id": user_id, "campaign_id": campaign_id})
    if row is None:
        raise NotFound(f"no campaign {campaign_id}")
    return row


async def pause(pool: Pool, user_id: int, campaign_id: int) -> Campaign:
    """From now on nothing of it is claimed; what is being sent finishes. Raises NotFound, Conflict."""
    async with transaction(pool, user_id) as conn:
        campaign = await _lock(conn, user_id, campaign_id)
        if campaign["status"] not in {"ACTIVE", "PAUSED"}:
            raise Conflict(f"the campaign is {campaign['status']}; only an ACTIVE one can be paused")
        await _set_status(conn, user_id, campaign_id, "PAUSED")
        return await read_campaign(conn, user_id, campaign_id)


async def resume(pool: Pool, user_id: int, campaign_id: int) -> Campaign:
    """Plan what waits again from now on, spaced as before, and go on. Raises NotFound, Conflict."""
    async with transaction(pool, user_id) as conn:
        campaign = await _read_row(conn, user_id, campaign_id)
        _check_paused(campaign)
        await lock_plan(conn, campaign["sender_id"])
        first_at = await replan(conn, user_id, campaign_id)
        _check_paused(await _lock(conn, user_id, campaign_id))
        await _set_status(conn, user_id, campaign_id, "ACTIVE")
        await defer_wake_up(conn, campaign["sender_id"], first_at)
        return await read_campaign(conn, user_id, campaign_id)


def _check_paused(campaign: Row) -> None:
    if campaign["status"] != "PAUSED":
        raise Conflict(f"the campaign is {campaign['status']}; only a PAUSED one can be resumed")


async def cancel(pool: Pool, user_id: int, campaign_id: int) -> Campaign:
    """From now on nothing of it is claimed, and what waits is CANCELLED: a first batch of it in this transaction,
    the rest of a very large campaign by the worker's sweep. Raises NotFound, Conflict.
    """
    async with transaction(pool, user_id) as conn:
        campaign = await _lock(conn, user_id, campaign_id)
        if campaign["status"] == "FINISHED":
            raise Conflict("the campaign is FINISHED; nothing is left to cancel")
        await _set_status(conn, user_id, campaign_id, "CANCELLED")
        await _cancel_batch(conn, user_id, campaign_id)
        return await read_campaign(conn, user_id, campaign_id)


async def finish_cancels(pool: Pool) -> dict[int, int]:
    """Cancel, batch by batch, what waits in cancelled campaigns; returns how many emails that were, by campaign."""
    cancelled: dict[int, int] = {}
    async with pool.connection() as conn:
        for row in await fetch_all(conn, CANCELLED_WITH_WAITING):
            while (n := await _cancel_batch(conn, row["user_id"], row["campaign_id"])) > 0:
                cancelled[row["campaign_id"]] = cancelled.get(row["campaign_id"], 0) + n
    return cancelled


async def _cancel_batch(conn: Conn, user_id: int, campaign_id: int) -> int:
    params = {"user_id": user_id, "campaign_id": campaign_id, "batch": CANCEL_BATCH}
    row = await fetch_one(conn, CANCEL_WAITING, params)
    return cast(int, row["cancelled"]) if row else 0


async def _set_status(conn: Conn, user_id: int, campaign_id: int, status: CampaignStatus) -> None:
    await conn.execute(SET_CAMPAIGN_STATUS, {"user_id": user_id, "campaign_id": campaign_id, "status": status})


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What to change; UNSET leaves as it is, None removes where there may be none."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    subject: str | msgspec.UnsetType = msgspec.UNSET
    body: str | msgspec.UnsetType = msgspec.UNSET
    body_html: str | msgspec.UnsetType | None = msgspec.UNSET
    start_time: datetime | msgspec.UnsetType = msgspec.UNSET
    delay_between_ms: int | msgspec.UnsetType = msgspec.UNSET
    hourly_limit: int | msgspec.UnsetType | None = msgspec.UNSET
    on_unknown: OnUnknown | msgspec.UnsetType = msgspec.UNSET


async def change(pool: Pool, user_id: int, campaign_id: int, changes: Changes) -> Campaign:
    """Change a campaign; a new start, delay or limit plans what waits again.

    Raises NotFound, InvalidInput, Conflict.
    """
    check_pace(_value(changes.delay_between_ms), _value(changes.hourly_limit))
    check_start(_value(changes.start_time))
    if not isinstance(changes.name, msgspec.UnsetType):
        check_name(changes.name)
    async with transaction(pool, user_id) as conn:
        row = await _read_row(conn, user_id, campaign_id)
        _check_changeable(row, changes)
        content_changed = await asyncio.to_thread(_check_content, row, changes)
        pace = _given(
            {"start_at": changes.start_time, "delay_ms": changes.delay_between_ms, "hourly_limit": changes.hourly_limit}
        )
        if pace:
            await check_plan(conn, user_id, campaign_id, pace)
        _check_changeable(await _lock(conn, user_id, campaign_id), changes)
        if content_changed:
            await conn.execute(KEEP_CONTENT, {"user_id": user_id, "campaign_id": campaign_id})
        await conn.execute(
            UPDATE_CAMPAIGN,
            {
                "user_id": user_id,
                "campaign_id": campaign_id,
                "name": _value(changes.name),
                "subject": _value(changes.subject),
                "body": _value(changes.body),
                "set_body_html": changes.body_html is not msgspec.UNSET,
                "body_html": _value(changes.body_html),
                "content_changed": content_changed,
                "start_at": _value(changes.start_time),
                "delay_ms": _value(changes.delay_between_ms),
                "set_hourly_limit": changes.hourly_limit is not msgspec.UNSET,
                "hourly_limit": _value(changes.hourly_limit),
                "on_unknown": _value(changes.on_unknown),
            },
        )
    # In a transaction of its own: a large plan takes seconds, and nobody should wait for the campaign's row meanwhile.
    # Should this process die in between, limits hold all the same, and the same change said again plans again.
    async with transaction(pool, user_id) as conn:
        if pace and row["scheduled"]:
            await lock_plan(conn, row["sender_id"])
            first_at = await replan(conn, user_id, campaign_id)
            await defer_wake_up(conn, row["sender_id"], first_at)
        return await read_campaign(conn, user_id, campaign_id)


def _check_changeable(row: Row, changes: Changes) -> None:
    """Raises Conflict for what it is too late to change."""
    given = _given(msgspec.structs.asdict(changes)).keys()
    if row["status"] in {"CANCELLED", "FINISHED"} and given - {"name"}:
        raise Conflict(f"the campaign is {row['status']}; only its name can still be changed")
    if "start_time" in given and row["scheduled"] != row["total"]:
        raise Conflict("the campaign has begun; its start cannot be moved any more")


def _check_content(row: Row, changes: Changes) -> bool:
    """Whether the content changes. Raises InvalidInput when it would be wrong."""
    parts = _given({"subject": changes.subject, "body": changes.body, "body_html": changes.body_html})
    kept = {name: row[name] for name in ("subject", "body", "body_html")}
    if kept | parts == kept:
        return False
    Content(**kept | parts).check(frozenset(row["fields"]))
    return True


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not msgspec.UNSET}


def check_name(name: str) -> None:
    """Raises InvalidInput for a name that is empty, overlong or holds a NUL."""
    if not name.strip() or len(name) > 200 or "\0" in name:
        raise InvalidInput({"name": "give 1 to 200 characters"})


def _value(value: T | msgspec.UnsetType) -> T | None:
    return None if isinstance(value, msgspec.UnsetType) else value


async def message_builder(pool: Pool, user_id: int, campaign_id: int) -> tuple[int, MessageBuilder]:
    """What the worker builds a campaign's messages with, and the version of the content it is for."""
    async with pool.connection() as conn:
        row = await fetch_one(conn, CAMPAIGN_CONTENT, {"user_id": user_id, "campaign_id": campaign_id})
    if row is None:
        raise NotFound(f"no campaign {campaign_id}")
    builder = await asyncio.to_thread(  # parsing a long text takes seconds, and lanes wait for this loop
        MessageBuilder,
        from_address=row["email"],
        display_name=row["display_name"],
        subject=row["subject"],
        body=row["body"],
        body_html=row["body_html"],
    )
    return row["content_version"], builder
