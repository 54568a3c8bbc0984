"""From a request to a scheduled campaign: recipients staged, planned and inserted in one transaction with a wake-up."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, NamedTuple

import msgspec
from psycopg.types.json import Jsonb

from app.db import Conn, Pool, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.accounts.actor import LOCAL, Actor
from app.domain.campaigns import files, signatures, steps, variants
from app.domain.campaigns.campaigns import Campaign, read_campaign
from app.domain.campaigns.content import Content
from app.domain.campaigns.draft import (
    Draft,
    check_earlier,
    check_following,
    check_latest,
    check_name,
    check_pace,
    check_senders,
    check_share,
    check_start,
)
from app.domain.campaigns.files import Upload
from app.domain.campaigns.hints import of_targets, of_texts
from app.domain.campaigns.idempotency import AGAIN_S, Idempotency, earlier_answer, keep_answer, key_is_free
from app.domain.campaigns.lacking import Lack, Lacking
from app.domain.campaigns.left_out import TakenOut, take_out
from app.domain.campaigns.staging import Target, addresses_of, insert_emails, stage
from app.domain.campaigns.summary import PlanSummary, ends_of, summary_of
from app.domain.campaigns.trial import Plain, Trial
from app.domain.ledger import streams
from app.domain.planning import forecast
from app.domain.planning.calendar import DAY, Calendar
from app.domain.planning.campaign_calendar import RECIPIENT, Zones, in_zone, kept
from app.domain.planning.changes import ask_behind_others
from app.domain.planning.course import SenderLoad, check_latest_met, lock_plan, sender_load, streams_of
from app.domain.planning.follow import Clock, Wait
from app.domain.planning.following import Following
from app.domain.planning.plan import HORIZON, Plan, plan, with_later
from app.domain.planning.slots import HOUR, CampaignRoom, Room
from app.domain.recipients import saved_lists, stored_lists
from app.domain.recipients.csv_files import CsvList, Reading
from app.domain.recipients.lists import Duplicate, RecipientList, Rejected, Repaired, Suspect
from app.domain.recipients.saved_lists import SavedNamed
from app.domain.recipients.stored_lists import Named
from app.domain.suppressions import digests, held
from app.domain.suppressions.held import LeftOut
from app.domain.workspaces import audit, quotas
from app.domain.workspaces.quotas import UNLIMITED, Quotas
from app.errors import InvalidInput, NotFound
from app.jobs import defer_wake_up
from app.mail.footer import Unsubscribe
from app.mail.hints import Hint
from app.mail.names import PROVIDED, SENT_AT
from app.sql import queries
from app.turns import Turns

sql = queries(__name__)

AT_ONCE = 3  # each reads for seconds and holds a connection: more of them would leave none for anybody else

_turns = Turns(AT_ONCE, of_one=AT_ONCE - 1)


class Heard(PlanSummary, rename="camel", kw_only=True):
    """The result for the recipients that came: how many were accepted, which were not and why, and how the accepted are
    planned. `reading`: how a file was read.

    `repaired_rows`: the first 1,000 that were repaired; `suppressed_rows`: the first 1,000 of those who are written to
    no more, or whose domain is; `earlier_rows`: the first 1,000 of those who were written to before, where that leaves
    them out; `suspect_rows`: the first 1,000 whose address is probably mistyped.
    """

    accepted: int
    duplicates: int
    rejected: list[Rejected]
    repaired: int = 0
    repaired_rows: list[Repaired] = msgspec.field(default_factory=list[Repaired])
    suppressed: int = 0
    suppressed_rows: list[LeftOut] = msgspec.field(default_factory=list[LeftOut])
    earlier: int = 0
    earlier_rows: list[LeftOut] = msgspec.field(default_factory=list[LeftOut])
    suspects: int = 0
    suspect_rows: list[Suspect] = msgspec.field(default_factory=list[Suspect])
    reading: Reading | None = None


class Scheduled(Heard, rename="camel", kw_only=True):
    """The campaign that was scheduled."""

    campaign: Campaign


class Preview(Heard, rename="camel", kw_only=True):
    """The result that `schedule` would have. `duplicate_rows`: the first 1,000 duplicates.

    `lacking`: which fields of the text recipients have nothing for; `subjects_in_one_line`: of how many the subject has
    a line break, which is written as a blank; `hints`: what receivers may dislike about the message; `unsubscribe`: how
    they do that, asked for or not; `first_to`: who gets the first email.
    """

    duplicate_rows: list[Duplicate]
    first_to: str
    lacking: list[Lack]
    subjects_in_one_line: int
    hints: list[Hint]
    unsubscribe: Unsubscribe


class Request(NamedTuple):
    """`recipients` are made once the fields that the content requires are known, or are a list that is kept.
    `attached`: files that come along, to be attached behind those that the content names. `links_lead_here`: recipients
    can open the page to unsubscribe. `sandboxed`: what has no server of its own goes to the sandbox.
    """

    draft: Draft
    recipients: Callable[[frozenset[str]], RecipientList] | Named | SavedNamed
    attached: Sequence[Upload] = ()
    links_lead_here: bool = False
    sandboxed: bool = False

    def for_so_many(self, draft: Draft, recipients: int) -> Draft:
        """The draft, in which it is said how they unsubscribe: from a letter to one, nobody has to."""
        content = draft.content
        usual: Unsubscribe = "link" if self.links_lead_here and recipients > 1 else "none"
        content = msgspec.structs.replace(content, unsubscribe=content.unsubscribe or usual)
        return msgspec.structs.replace(draft, content=content)


async def schedule(
    pool: Pool,
    workspace_id: int,
    request: Request,
    idempotency: Idempotency | None = None,
    actor: Actor = LOCAL,
    most: Quotas = UNLIMITED,
) -> Scheduled:
    """Schedule a campaign, all or nothing.

    With an idempotency key used before, gives the answer of the first time and writes nothing; while the first is being
    answered, it waits with neither turn nor connection.
    Raises InvalidInput, NotFound (the sender) and Conflict (a key used for a different request; others that plan for
    the same sender for long; QuotaReached).
    """
    _check(request.draft)
    address_key = await digests.address_key(pool)
    while True:
        async with _turns.take(workspace_id), stored_lists.spool() as file, transaction(pool, workspace_id) as conn:
            asked = _Asked(workspace_id, request, file, actor, most, address_key, keeps_answer=idempotency is not None)
            if idempotency is None:
                return await _schedule(conn, asked)
            if await key_is_free(conn, workspace_id, idempotency):
                return await _schedule_once(conn, asked, idempotency)
        await asyncio.sleep(AGAIN_S)


class _Asked(NamedTuple):
    """A request on its way. `file` is for a list that is kept."""

    workspace_id: int
    request: Request
    file: BinaryIO
    actor: Actor
    most: Quotas
    address_key: bytes
    keeps_answer: bool


async def _schedule_once(conn: Conn, asked: _Asked, idempotency: Idempotency) -> Scheduled:
    if earlier := await earlier_answer(conn, asked.workspace_id, idempotency):
        return msgspec.convert(earlier, Scheduled)
    answer = await _schedule(conn, asked)
    await keep_answer(conn, asked.workspace_id, idempotency, msgspec.to_builtins(answer))
    return answer


async def _schedule(conn: Conn, asked: _Asked) -> Scheduled:
    workspace_id, request, file, actor, most, address_key, keeps_answer = asked
    await quotas.check_campaigns(conn, workspace_id, most)
    room = await quotas.room(conn, workspace_id, most)
    draft = request.draft
    room.take(draft.content.size + sum(one.size for _, one in _others(draft)))
    coming = await files.read_all(request.attached)
    make = await _source(conn, workspace_id, request, file)
    recipients, trial, _ = await _recipients(workspace_id, draft, make)
    made = (await draft.content.sent(workspace_id)).made(draft.content)
    await stage(conn, recipients, trial, room, address_key)
    if keeps_answer:
        room.take(recipients.rejected_bytes)
    taken_out = await take_out(conn, workspace_id, draft, recipients)
    draft = request.for_so_many(draft, recipients.accepted)
    planned = await _plan(conn, workspace_id, draft, recipients, lock=True)
    await _check_read(conn, workspace_id, request, planned)
    stored_bytes = room.taken  # files count by themselves
    room.take(sum(read.size for read in coming))
    await quotas.check_again(conn, workspace_id, most, room.taken, campaign=True)
    draft = await _keep_files(conn, workspace_id, draft, coming)
    target = await _insert(conn, workspace_id, planned, draft, made, recipients, stored_bytes)
    campaign_id = target.campaign_id
    await held.last_look(conn, workspace_id, target.stream_ids, taken_out.suppressed.newest)
    await ask_behind_others(conn, workspace_id, campaign_id)
    campaign = await read_campaign(conn, workspace_id, campaign_id)
    for sender in sorted(campaign.senders, key=lambda each: each.sender_id):
        if sender.next_at is not None:
            await defer_wake_up(conn, sender.sender_id, sender.next_at if sender.next_at > planned.now else None)
    await audit.record(conn, actor, workspace_id, "campaign.scheduled", f"campaigns/{campaign_id}")
    return Scheduled(
        **_heard(recipients, taken_out, planned.summary),
        campaign=campaign,
    )


async def preview(pool: Pool, workspace_id: int, request: Request) -> Preview:
    """The result of `schedule` for the same request, by the same stage and plan; keeps nothing. Raises as it does."""
    _check(request.draft)
    address_key = await digests.address_key(pool)
    async with _turns.take(workspace_id), stored_lists.spool() as file, transaction(pool, workspace_id) as conn:
        make = await _source(conn, workspace_id, request, file)
        recipients, trial, lacking = await _recipients(workspace_id, request.draft, make)
        content = request.draft.content
        hints = await of_texts(content, request.draft.steps, recipients.fields, workspace_id)
        coming = await files.read_all(request.attached)
        hints += await files.look(conn, workspace_id, content, coming)
        await stage(conn, recipients, trial, quotas.Room(None), address_key)
        taken_out = await take_out(conn, workspace_id, request.draft, recipients)
        hints += await of_targets(conn, [("", content), *_others(request.draft)])
        planned = await _plan(conn, workspace_id, request.draft, recipients, lock=False)
        await _check_read(conn, workspace_id, request, planned)
    return Preview(
        **_heard(recipients, taken_out, planned.summary),
        duplicate_rows=recipients.first_duplicates,
        first_to=planned.first_to,
        lacking=lacking.found(),
        subjects_in_one_line=lacking.broken_subjects,
        hints=hints,
        unsubscribe=request.for_so_many(request.draft, recipients.accepted).content.unsubscribe or "none",
    )


def _heard(recipients: RecipientList, taken_out: TakenOut, summary: PlanSummary) -> dict[str, Any]:
    """The fields of `Heard`."""
    return msgspec.structs.asdict(summary) | {
        "accepted": recipients.accepted,
        "duplicates": recipients.duplicates,
        "rejected": recipients.rejected,
        "repaired": recipients.repaired,
        "repaired_rows": recipients.first_repaired,
        **taken_out.heard(),
        "suspects": recipients.suspects,
        "suspect_rows": recipients.first_suspects,
        "reading": recipients.reading if isinstance(recipients, CsvList) else None,
    }


def _check(draft: Draft) -> None:
    if draft.name is not None:
        check_name(draft.name)
    check_pace(draft.delay_between_ms, draft.hourly_limit, draft.jitter_percent)
    check_share(draft.share_percent)
    check_start(draft.start_time)
    check_latest(draft.latest_at, draft.start_time)
    check_senders(draft.sender_id, draft.sender_ids)
    check_earlier(draft.not_if_written_to_days, draft.not_in_campaigns)
    check_following(draft)
    variants.check(draft.variants, draft.weight, "", in_thread=False)
    steps.check(draft.steps)


def _others(draft: Draft) -> list[tuple[str, Content]]:
    return steps.messages(draft.content, draft.variants, draft.steps)


async def _source(
    conn: Conn, workspace_id: int, request: Request, file: BinaryIO
) -> Callable[[frozenset[str]], RecipientList]:
    if isinstance(request.recipients, SavedNamed):
        return await saved_lists.use(conn, workspace_id, request.recipients, file)
    if isinstance(request.recipients, Named):
        return await stored_lists.use(conn, workspace_id, request.recipients, file)
    return request.recipients


async def _recipients(
    workspace_id: int, draft: Draft, make: Callable[[frozenset[str]], RecipientList]
) -> tuple[RecipientList, Trial, Lacking]:
    first = await draft.content.parse(workspace_id)
    others = _others(draft)
    templates = await steps.parse(draft.content, others, workspace_id) if others else first
    provided = PROVIDED | {SENT_AT} if draft.steps else PROVIDED
    lacking = Lacking(templates, draft.if_blank, provided)
    recipients = await asyncio.to_thread(make, frozenset())  # looks through all of a file
    lacking.check_known(recipients.fields)
    known = recipients.fields | lacking.settled
    draft.content.check(first, known)
    await steps.check_texts(others, known, workspace_id)
    recipients.look, recipients.long = lacking, Plain(templates, lacking.written)
    if draft.calendar is not None and draft.calendar.timezone == RECIPIENT:
        recipients.zones = Zones(draft.calendar)
    return recipients, Trial(templates, known), lacking


async def _check_read(conn: Conn, workspace_id: int, request: Request, planned: _Planned) -> None:
    """Raises InvalidInput."""
    draft = request.draft
    if draft.steps and not draft.follow_up_without_reading:
        reply_to = draft.content.reply_to
        await steps.check_read(conn, workspace_id, planned.sender_ids, reply_to, sandboxed=request.sandboxed)


class _Planned(NamedTuple):
    """`now`: the database's clock."""

    now: datetime
    sender_ids: list[int]
    plan: Plan
    summary: PlanSummary
    first_to: str


async def _plan(conn: Conn, workspace_id: int, draft: Draft, recipients: RecipientList, *, lock: bool) -> _Planned:
    """Raises InvalidInput."""
    sender_ids = await _sender_ids(conn, workspace_id, draft)
    if lock:
        await lock_plan(conn, *sender_ids)
    loads: list[SenderLoad] = []
    for sender_id in sender_ids:
        try:
            loads.append(await sender_load(conn, workspace_id, sender_id))
        except NotFound as error:
            raise InvalidInput({"senderIds" if draft.sender_ids else "senderId": error.detail}) from None
    now = loads[0].now
    begin = now if draft.start_time is None else max(now, draft.start_time.astimezone(UTC))
    check_latest(draft.latest_at, begin)
    made = await asyncio.to_thread(_made, draft, recipients, loads, begin)
    check_latest_met(made, draft.latest_at)
    ends = await asyncio.to_thread(ends_of, made, len(loads))
    addresses = await addresses_of(conn, {one.number for its in ends if its is not None for one in its})
    summary = summary_of(
        made,
        [(sender_id, load.hourly_limit) for sender_id, load in zip(sender_ids, loads, strict=True)],
        ends,
        addresses,
        draft.calendar and draft.calendar.zone,
        steps=1 + len(draft.steps),
        new_per_day=_new_per_day(draft, loads, begin),
    )
    first = min((its.first for its in ends if its is not None), key=lambda one: (one.place.at, one.number))
    return _Planned(now, sender_ids, made, summary, addresses[first.number])


async def _sender_ids(conn: Conn, workspace_id: int, draft: Draft) -> list[int]:
    named = list(draft.sender_ids or ([] if draft.sender_id is None else [draft.sender_id]))
    if named:
        row = await fetch_one(conn, sql.retired_sender, {"workspace_id": workspace_id, "sender_ids": named})
        if row is not None:
            field = "senderIds" if draft.sender_ids else "senderId"
            raise InvalidInput({field: f"{row['email']} is retired; reinstate it, or name another"})
        return named
    row = await fetch_one(conn, sql.default_sender, {"workspace_id": workspace_id})
    if row is None:
        raise InvalidInput({"senderId": "there is no default sender; name one"})
    return [int(row["id"])]


def _made(draft: Draft, recipients: RecipientList, loads: Sequence[SenderLoad], begin: datetime) -> Plan:
    rooms = {load.login_id: load.room(draft.share_percent, draft.content.copies) for load in loads}
    delay = timedelta(milliseconds=draft.delay_between_ms)
    calendars: list[Calendar | None] = [None if draft.calendar is None else in_zone(draft.calendar)]
    zones = None
    if draft.calendar is not None and recipients.zones is not None:
        calendars = [in_zone(draft.calendar, name) for name in recipients.zones.names]
        zones = recipients.zones.numbers
    its_streams = streams_of([begin] * len(loads), loads, rooms, delay, draft.jitter_percent)
    campaign = None if draft.hourly_limit is None else CampaignRoom(draft.hourly_limit)
    latest = draft.latest_at and draft.latest_at.astimezone(UTC)
    following = None
    if draft.steps:
        waits = [Wait(step.wait, step.business_days, step.time_of_day) for step in draft.steps]
        following = Following(waits, its_streams, calendars, begin, campaign=campaign, latest=latest)
    made = plan(
        recipients.accepted,
        its_streams,
        calendars,
        zones=zones,
        campaign=campaign,
        latest=latest,
        horizon=HORIZON,
        copies=draft.content.copies,
        following=following,
    )
    return made if following is None else with_later(made, following)


def _new_per_day(draft: Draft, loads: Sequence[SenderLoad], begin: datetime) -> int | None:
    """How many new recipients a day the limits leave in the long run, on each day that the campaign sends; None: it has
    one step.
    """
    if not draft.steps:
        return None
    clock = Clock(None if draft.calendar is None else in_zone(draft.calendar), begin)
    opening = clock.opening(begin + DAY)  # a whole one
    hours = clock.open_hours(begin if opening is None else opening.begin)
    of_login = {load.login_id: load for load in loads}
    streams_of_login = Counter(load.login_id for load in loads)
    delay = timedelta(milliseconds=draft.delay_between_ms)
    emails = 0
    for login_id, load in of_login.items():
        limits = load.limits._replace(ramp=None, share=draft.share_percent, copies=draft.content.copies)
        most = Room(limits, {}).left_of_day(hours) // (1 + draft.content.copies)
        emails += min(most, streams_of_login[login_id] * (len(hours) * HOUR // delay)) if delay else most
    if draft.hourly_limit is not None:
        emails = min(emails, len(hours) * draft.hourly_limit // (1 + draft.content.copies))
    return emails // (1 + len(draft.steps))


async def _insert(
    conn: Conn,
    workspace_id: int,
    planned: _Planned,
    draft: Draft,
    made: dict[str, str | None],
    recipients: RecipientList,
    stored_bytes: int,
) -> Target:
    columns = _columns(planned, draft) | made | {"fields": sorted(recipients.fields), "stored_bytes": stored_bytes}
    row = await fetch_exactly_one(conn, sql.insert_campaign, {"workspace_id": workspace_id} | columns)
    campaign = {"workspace_id": workspace_id, "campaign_id": int(row["id"])}
    if draft.hourly_limit is not None:
        await conn.execute(sql.insert_hours, campaign | {"hourly_limit": draft.hourly_limit})
    totals = {"sender_ids": planned.sender_ids, "totals": [part.count for part in planned.summary.senders]}
    rows = await fetch_all(conn, sql.insert_streams, campaign | totals | {"stepped": bool(draft.steps)})
    stream_ids = {row["sender_id"]: row["id"] for row in rows}
    step_id = await steps.insert(conn, workspace_id, campaign["campaign_id"], draft.content, draft.steps)
    campaign_id = campaign["campaign_id"]
    await variants.insert(conn, workspace_id, campaign_id, step_id, draft.content, draft.weight, draft.variants)
    target = Target(
        workspace_id, campaign["campaign_id"], [stream_ids[sender_id] for sender_id in planned.sender_ids], step_id
    )
    await insert_emails(conn, target, planned.plan, recipients.zones)
    await signatures.sign(conn, workspace_id, target.campaign_id, planned.sender_ids)
    await forecast.keep(conn, workspace_id, target.campaign_id, planned.plan.runs, planned.plan.later)
    await streams.settle(conn, workspace_id, target.stream_ids)
    return target


def _columns(planned: _Planned, draft: Draft) -> dict[str, Any]:
    return {
        "sender_id": planned.sender_ids[0],
        "name": draft.name or draft.content.subject[:200],
        **draft.content.columns,
        "start_at": draft.start_time or planned.now,  # not when a limit lets it begin: the limit may be lifted
        "latest_at": draft.latest_at,
        "delay_ms": draft.delay_between_ms,
        "jitter_percent": draft.jitter_percent,
        "hourly_limit": draft.hourly_limit,
        "share_percent": draft.share_percent,
        "calendar": draft.calendar and Jsonb(kept(draft.calendar)),
        "on_unknown": draft.on_unknown,
        "stop_on_auto_reply": draft.stop_on_auto_reply,
        "stop_on_domain": draft.stop_on_domain,
        "follow_up_without_reading": draft.follow_up_without_reading,
    }


async def _keep_files(conn: Conn, workspace_id: int, draft: Draft, coming: Sequence[files.Read]) -> Draft:
    """The draft, whose content names all files that go along; they are kept for it."""
    new = await files.keep_all(conn, workspace_id, coming)
    content = msgspec.structs.replace(draft.content, attachments=[*draft.content.attachments, *new])
    await files.use(conn, workspace_id, content)
    return msgspec.structs.replace(draft, content=content)
