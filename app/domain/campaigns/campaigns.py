"""Campaigns: watched through their counts, paused, resumed, cancelled.

Sending itself is not here: a campaign only says what is owed and when, `ledger.exchange` trades it with the workers. A
transaction that changes a campaign locks its streams first, and then the campaign: see `ledger.streams`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NamedTuple

import msgspec

from app.db import Conn, Pool, Row, containing, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.accounts.actor import LOCAL, Actor
from app.domain.campaigns import files, steps, variants
from app.domain.campaigns.content import Content, texts_version
from app.domain.campaigns.files import KeptFile
from app.domain.campaigns.steps import CampaignStep, StopOn
from app.domain.campaigns.variants import CampaignVariant, StepComparison
from app.domain.each import each_by_itself
from app.domain.ledger import holds, streams
from app.domain.ledger.holds import Held
from app.domain.operations.installation import Ours
from app.domain.pages import Page, PageRequest, page_of
from app.domain.planning import changes, waiting
from app.domain.planning.campaign_calendar import CampaignCalendar, of_kept
from app.domain.planning.reasons import Service, Waiting
from app.domain.workspaces import audit
from app.errors import Conflict, InvalidInput, NotFound
from app.jobs import defer_wake_up
from app.mail.footer import Unsubscribe
from app.sql import queries

sql = queries(__name__)
CampaignStatus = Literal["ACTIVE", "PAUSED", "CANCELLED", "FINISHED"]
CampaignKind = Literal["LIST", "DIRECT"]
CampaignOrder = Literal["newest", "oldest", "name"]
OnUnknown = Literal["hold", "resend", "resend_if_not_in_sent", "assume_sent"]
CANCEL_BATCH = 10_000
FOLLOW_BATCH = 1_000  # the stream counts them one by one


class Given(msgspec.Struct, rename="camel"):
    """Emails that a sender gave to the campaign's others, `at` the last time: how many, and for which reason."""

    emails: int
    at: datetime
    reason: Literal["TAKEN_OUT", "CONNECTION", "LOGIN", "QUOTA"]


class CampaignSender(msgspec.Struct, rename="camel"):
    """A campaign's part on one of its senders, told as of the whole; since `taken_out_at` it sends no more of it."""

    sender_id: int
    total: int
    counts: dict[str, int]
    used_this_hour: int
    next_at: datetime | None
    last_at: datetime | None
    taken_out_at: datetime | None
    given: Given | None


class ResponseCounts(msgspec.Struct, rename="camel"):
    """How many emails have a response of each kind; `bounced`: whose recipients do not exist, as servers say."""

    replied: int
    auto_replied: int
    bounced: int
    complained: int
    unsubscribed: int


class Campaign(msgspec.Struct, rename="camel"):
    """`counts` has every email status and adds up to `total`; `next_at` and `last_at` are the plan of what waits,
    `used_this_hour` what counts against `hourly_limit`. `held`: a server's words hold it back, its sender's hold aside.
    `senders` are all that ever had a part, `sender_ids` those that send, of which `sender_id` is the first. `fields`:
    merge fields that its texts may have besides `email`. Emails that have not gone by `latest_at` are cancelled. After
    `emails_removed_at` the counts are all that is left of emails removed for their age. `waiting`: why its next email
    does not go now; answers to changes leave it out. Of a sender's campaigns the one with the latest `ahead_at` is
    planned first, then they come in the order of scheduling; none takes more than its `share_percent` of what its
    senders may send. `brake`: why it paused itself. `total` counts emails of all steps, `recipients` those of the
    first, `following` those that a next step will follow; `steps`: of a campaign with later ones, all, where it is read
    by itself, as are `variants` of steps and `comparisons` of these, and `texts_version`: of all that it says, in which
    order and after which waits, to be given back with a change of that. `stop_on`: what stops them beside an answer.
    """

    id: int
    name: str
    sender_id: int
    sender_ids: list[int]
    senders: list[CampaignSender]
    subject: str
    body: str
    body_html: str | None
    start_time: datetime
    latest_at: datetime | None
    delay_between_ms: int
    jitter_percent: int
    hourly_limit: int | None
    calendar: CampaignCalendar | None
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
    held: Held | None = None
    waiting: Waiting | None = None
    ahead_at: datetime | None = None
    share_percent: int | None = None
    kind: CampaignKind = "LIST"
    language: str | None = None
    brake: str | None = None
    reply_to: str | None = None
    headers: dict[str, str] = {}
    cc: list[str] = []
    bcc: list[str] = []
    attachments: list[KeptFile] = []
    unsubscribe: Unsubscribe = "none"
    responses: ResponseCounts | None = None
    recipients: int = 0
    following: int = 0
    undecided: int = 0
    archived_at: datetime | None = None
    fields: list[str] = []
    steps: list[CampaignStep] = []
    variants: list[CampaignVariant] = []
    comparisons: list[StepComparison] = []
    texts_version: str | None = None
    stop_on: StopOn = msgspec.field(default_factory=StopOn)


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
        held=row["held"],
        sender_ids=[sender.sender_id for sender in row["senders"] if sender.taken_out_at is None],
        senders=row["senders"],
        latest_at=row["latest_at"],
        jitter_percent=row["jitter_percent"],
        calendar=of_kept(row["calendar"]),
        waiting=row.get("waiting"),
        ahead_at=row["ahead_at"],
        share_percent=row["share_percent"],
        kind=row["kind"],
        language=row["language"],
        brake=row["brake"],
        reply_to=row["reply_to"],
        headers=row["headers"],
        cc=row["cc"],
        bcc=row["bcc"],
        attachments=row["files"],
        unsubscribe=row["unsubscribe"],
        responses=ResponseCounts(**{name: row[name] for name in ResponseCounts.__struct_fields__}),
        recipients=row["recipients"],
        following=row["following"],
        undecided=row["undecided"],
        archived_at=row["archived_at"],
        fields=[field for field in row["fields"] if field != "email"],
        steps=row.get("steps", []),
        variants=row.get("variants", []),
        comparisons=row.get("comparisons", []),
        texts_version=row.get("texts_version"),
        stop_on=StopOn(auto_reply=row["stop_on_auto_reply"], domain=row["stop_on_domain"]),
    )


def _sender(row: Row) -> CampaignSender:
    return CampaignSender(
        sender_id=row["sender_id"],
        total=row["total"],
        counts=counts_of(row),
        used_this_hour=row["used_this_hour"],
        next_at=row["next_at"],
        last_at=row["last_at"],
        taken_out_at=row["taken_out_at"],
        given=Given(row["given"], row["given_at"], row["given_for"]) if row["given"] else None,
    )


def counts_of(row: Row) -> dict[str, int]:
    """How many of a campaign's emails are in each status."""
    return {s: row[s.lower()] for s in ("SCHEDULED", "SENDING", "SENT", "FAILED", "UNKNOWN", "CANCELLED")}


class CampaignFilter(NamedTuple):
    """All of it must fit; `q` is a part of the name. Archived campaigns are a list of their own."""

    status: CampaignStatus | None = None
    sender_id: int | None = None
    q: str | None = None
    archived: bool = False

    def check(self) -> dict[str, Any]:
        """As parameters of a query. Raises InvalidInput."""
        if self.q is not None and "\0" in self.q:
            raise InvalidInput({"q": "has a NUL character, which no name has"})
        return self._asdict() | {"q": None if self.q is None else containing(self.q)}


async def list_campaigns(
    pool: Pool,
    workspace_id: int,
    wanted: CampaignFilter,
    page: PageRequest,
    ours: Ours,
    order: CampaignOrder = "newest",
) -> Page[Campaign]:
    """Those to lists of recipients; direct mail is none. Raises InvalidInput."""
    params = wanted.check() | {"workspace_id": workspace_id, "before": page.check(), "limit": page.limit + 1}
    queries_by_order = {"newest": sql.newest_campaigns, "oldest": sql.oldest_campaigns, "name": sql.campaigns_by_name}
    service = await waiting.read_service(pool, ours)
    async with transaction(pool, workspace_id) as conn:
        ids = [row["id"] for row in await fetch_all(conn, queries_by_order[order], params)]
        rows = await _rows(conn, workspace_id, ids)
        await _tell_why(conn, workspace_id, rows, service)
    return page_of([_campaign(row) for row in rows], [row["id"] for row in rows], page.limit)


async def get_campaign(pool: Pool, workspace_id: int, campaign_id: int, ours: Ours | None = None) -> Campaign:
    """Without `ours`, why it waits is left out. Raises NotFound."""
    service = ours and await waiting.read_service(pool, ours)
    async with transaction(pool, workspace_id) as conn:
        row = await read_row(conn, workspace_id, campaign_id)
        if service is not None:
            await _tell_why(conn, workspace_id, [row], service)
    return _campaign(row)


async def _tell_why(conn: Conn, workspace_id: int, rows: list[Row], service: Service) -> None:
    """Put why it waits into rows of campaigns."""
    why = await waiting.of_campaigns(conn, workspace_id, [row["id"] for row in rows], service)
    for row in rows:
        row["waiting"] = why.get(row["id"])


async def read_campaign(conn: Conn, workspace_id: int, campaign_id: int) -> Campaign:
    """Raises NotFound."""
    return _campaign(await read_row(conn, workspace_id, campaign_id))


async def read_row(conn: Conn, workspace_id: int, campaign_id: int) -> Row:
    rows = await _rows(conn, workspace_id, [campaign_id])
    if not rows:
        raise NotFound(f"no campaign {campaign_id}")
    its, compared = await variants.of_campaign(conn, workspace_id, campaign_id)
    all_steps = await steps.of_campaign(conn, workspace_id, campaign_id)
    row = rows[0] | {"steps": all_steps, "variants": its, "comparisons": compared}
    return row | {"texts_version": _texts_version(row)}


def _texts_version(row: Row) -> str:
    said = [
        Content.of_row(row),
        [
            (one.id, one.wait, one.business_days, one.time_of_day, one.quotes, one.subject, one.body, one.body_html)
            for one in row["steps"]
        ],
        [(one.id, one.weight, one.subject, one.body, one.body_html) for one in row["variants"]],
    ]
    return texts_version(said)


async def _rows(conn: Conn, workspace_id: int, wanted: list[int]) -> list[Row]:
    """Those of the campaigns that are there, in this order."""
    rows = await fetch_all(conn, sql.campaigns_by_id, {"workspace_id": workspace_id, "ids": wanted})
    ids = [row["id"] for row in rows]
    held = await holds.of_campaigns(conn, workspace_id, ids)
    senders: dict[int, list[CampaignSender]] = {}
    for row in await fetch_all(conn, sql.senders_of_campaigns, {"workspace_id": workspace_id, "ids": ids}):
        senders.setdefault(row["campaign_id"], []).append(_sender(row))
    kept = await files.of_ids(conn, workspace_id, (one for row in rows for one in row["attachments"]))
    return [
        row
        | {
            "held": held.get(row["id"]),
            "senders": senders[row["id"]],
            "files": [kept[one] for one in row["attachments"] if one in kept],
        }
        for row in rows
    ]


async def lock_campaign(conn: Conn, workspace_id: int, campaign_id: int) -> Row:
    """The campaign's row, held with its streams until the end of the transaction. Raises NotFound."""
    stream_ids = await streams.lock_of_campaign(conn, workspace_id, campaign_id)
    row = await fetch_one(conn, sql.lock_campaign, {"workspace_id": workspace_id, "campaign_id": campaign_id})
    if row is None:
        raise NotFound(f"no campaign {campaign_id}")
    return row | {"stream_ids": stream_ids}


async def pause(pool: Pool, workspace_id: int, campaign_id: int, actor: Actor = LOCAL) -> Campaign:
    """From now on nothing of it is claimed; what is being sent finishes. Raises NotFound, Conflict."""
    async with transaction(pool, workspace_id) as conn:
        campaign = await lock_campaign(conn, workspace_id, campaign_id)
        if campaign["status"] not in {"ACTIVE", "PAUSED"}:
            raise Conflict(f"the campaign is {campaign['status']}; only an ACTIVE one can be paused")
        await set_status(conn, workspace_id, campaign_id, "PAUSED")
        if campaign["status"] == "ACTIVE":
            await changes.free_room(conn, workspace_id, campaign["stream_ids"], except_campaign_id=campaign_id)
            await audit.record(conn, actor, workspace_id, "campaign.paused", f"campaigns/{campaign_id}")
        return await read_campaign(conn, workspace_id, campaign_id)


async def resume(pool: Pool, workspace_id: int, campaign_id: int, actor: Actor = LOCAL) -> Campaign:
    """Plan what waits again from now on, spaced as before, and go on: by the new plan alone, or until a large one is
    made also by the times from before the pause, which are all right to send at.

    Raises NotFound, and Conflict, also while others hold the sender's plan.
    """
    async with transaction(pool, workspace_id) as conn:
        campaign = await lock_campaign(conn, workspace_id, campaign_id)
        _check_paused(campaign)
        senders = await changes.ask_for_campaign(conn, workspace_id, campaign_id)
    for sender_id in senders:
        await changes.plan_now(pool, workspace_id, sender_id)
    async with transaction(pool, workspace_id) as conn:
        _check_paused(await lock_campaign(conn, workspace_id, campaign_id))
        await changes.hold_unplanned(conn, workspace_id, campaign_id)
        await set_status(conn, workspace_id, campaign_id, "ACTIVE")
        await audit.record(conn, actor, workspace_id, "campaign.resumed", f"campaigns/{campaign_id}")
        resumed = await read_campaign(conn, workspace_id, campaign_id)
        for sender in sorted(resumed.senders, key=lambda each: each.sender_id):  # each locks what it queues
            if sender.next_at is not None:
                await defer_wake_up(conn, sender.sender_id, sender.next_at)
        return resumed


def _check_paused(campaign: Row) -> None:
    if campaign["status"] != "PAUSED":
        raise Conflict(f"the campaign is {campaign['status']}; only a PAUSED one can be resumed")


async def cancel(pool: Pool, workspace_id: int, campaign_id: int, actor: Actor = LOCAL) -> Campaign:
    """From now on nothing of it is claimed, and what waits is CANCELLED: a first batch of it in this transaction,
    the rest of a very large campaign by the worker's sweep. Raises NotFound, Conflict.
    """
    async with transaction(pool, workspace_id) as conn:
        campaign = await lock_campaign(conn, workspace_id, campaign_id)
        if campaign["status"] == "FINISHED":
            raise Conflict("the campaign is FINISHED; nothing is left to cancel")
        await set_status(conn, workspace_id, campaign_id, "CANCELLED")
        for stream_id in campaign["stream_ids"]:
            await _cancel_batch(conn, workspace_id, stream_id, "CAMPAIGN")
        if campaign["status"] == "ACTIVE":
            await changes.free_room(conn, workspace_id, campaign["stream_ids"], except_campaign_id=campaign_id)
        if campaign["status"] != "CANCELLED":
            await audit.record(conn, actor, workspace_id, "campaign.cancelled", f"campaigns/{campaign_id}")
        return await read_campaign(conn, workspace_id, campaign_id)


async def finish_cancels(pool: Pool) -> dict[int, int]:
    """Cancel, batch by batch, what waits in cancelled campaigns, and what has not gone by its campaign's end; returns
    how many emails that were, by campaign.
    """
    cancelled: dict[int, int] = {}
    async with transaction(pool) as conn:
        found = await fetch_all(conn, sql.waiting_in_vain)
    with each_by_itself() as one:
        for row in found:
            with one():
                if n := await _cancel_all(pool, row):
                    cancelled[row["campaign_id"]] = cancelled.get(row["campaign_id"], 0) + n
    return cancelled


async def _cancel_all(pool: Pool, stream: Row) -> int:
    """What waits in a stream, as `waiting_in_vain` has it; how many emails."""
    cancelled, is_last = 0, False
    while not is_last:
        async with transaction(pool) as conn:
            await streams.lock(conn, stream["workspace_id"], [stream["stream_id"]])
            if await fetch_one(conn, sql.still_in_vain, stream) is None:
                break
            n, is_last = await _cancel_batch(conn, stream["workspace_id"], stream["stream_id"], stream["reason"])
        cancelled += n
    return cancelled


async def _cancel_batch(
    conn: Conn, workspace_id: int, stream_id: int, reason: Literal["CAMPAIGN", "LATE"]
) -> tuple[int, bool]:
    """Cancel a batch of what waits in the stream, which is locked, and of what would follow; returns how many emails
    that were, and whether nothing is left.
    """
    params = {"workspace_id": workspace_id, "stream_id": stream_id, "reason": reason}
    row = await fetch_exactly_one(conn, sql.cancel_waiting, params | {"batch": CANCEL_BATCH})
    followed = await fetch_exactly_one(conn, sql.end_following, params | {"batch": FOLLOW_BATCH})
    await streams.settle(conn, workspace_id, [stream_id])
    return row["cancelled"], row["cancelled"] < CANCEL_BATCH and followed["ended"] < FOLLOW_BATCH


async def set_status(conn: Conn, workspace_id: int, campaign_id: int, status: CampaignStatus) -> None:
    """Of one that is locked."""
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id}
    await open_streams(conn, workspace_id, campaign_id, is_open=status == "ACTIVE")
    await conn.execute(sql.set_campaign_status, params | {"status": status})


async def open_streams(conn: Conn, workspace_id: int, campaign_id: int, *, is_open: bool) -> None:
    """Say whether anything is claimed of a campaign that is locked."""
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id, "open": is_open}
    await conn.execute(sql.set_streams_open, params)
