"""Changing a campaign that is scheduled: its text, its name, its pace, its policy."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

import msgspec
from psycopg.types.json import Jsonb

from app.db import Conn, Pool, Row, fetch_all, fetch_one, transaction
from app.domain.accounts.actor import LOCAL, Actor
from app.domain.campaigns import files, signatures, step_changes, steps, variant_changes
from app.domain.campaigns.campaigns import Campaign, OnUnknown, get_campaign, lock_campaign, open_streams, read_row
from app.domain.campaigns.content import Content, TextsChanged
from app.domain.campaigns.draft import check_latest, check_name, check_pace, check_senders, check_share, check_start
from app.domain.campaigns.step_changes import Prepared, WantedStep
from app.domain.campaigns.variant_changes import Varied, WantedVariant
from app.domain.planning.campaign_calendar import CampaignCalendar, kept
from app.domain.planning.changes import ask_for_campaign, plan_soon
from app.domain.planning.course import check_copies_of, check_plan
from app.domain.planning.divide import ask_to_divide, divide_soon
from app.domain.workspaces import audit, quotas
from app.domain.workspaces.quotas import UNLIMITED, Quotas
from app.errors import Conflict, InvalidInput
from app.mail.footer import Unsubscribe
from app.mail.names import PROVIDED
from app.sql import queries

sql = queries(__name__)
T = TypeVar("T")


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """The changes to make; UNSET leaves a field as it is, None removes where there may be none. `steps`: all later
    ones; a FINISHED campaign goes on with them only with `reopen`. `variants`: those of the first step that change or
    are new, and `weight` that of its own text. `texts_version`: of what they change.
    """

    name: str | msgspec.UnsetType = msgspec.UNSET
    subject: str | msgspec.UnsetType = msgspec.UNSET
    body: str | msgspec.UnsetType = msgspec.UNSET
    body_html: str | msgspec.UnsetType | None = msgspec.UNSET
    language: str | msgspec.UnsetType | None = msgspec.UNSET
    unsubscribe: Unsubscribe | msgspec.UnsetType = msgspec.UNSET
    reply_to: str | msgspec.UnsetType | None = msgspec.UNSET
    headers: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    cc: list[str] | msgspec.UnsetType = msgspec.UNSET
    bcc: list[str] | msgspec.UnsetType = msgspec.UNSET
    attachments: list[int] | msgspec.UnsetType = msgspec.UNSET
    sender_ids: list[int] | msgspec.UnsetType = msgspec.UNSET
    start_time: datetime | msgspec.UnsetType = msgspec.UNSET
    latest_at: datetime | msgspec.UnsetType | None = msgspec.UNSET
    delay_between_ms: int | msgspec.UnsetType = msgspec.UNSET
    jitter_percent: int | msgspec.UnsetType = msgspec.UNSET
    calendar: CampaignCalendar | msgspec.UnsetType | None = msgspec.UNSET
    hourly_limit: int | msgspec.UnsetType | None = msgspec.UNSET
    share_percent: int | msgspec.UnsetType | None = msgspec.UNSET
    on_unknown: OnUnknown | msgspec.UnsetType = msgspec.UNSET
    weight: int | msgspec.UnsetType = msgspec.UNSET
    variants: list[WantedVariant] | msgspec.UnsetType = msgspec.UNSET
    steps: list[WantedStep] | msgspec.UnsetType = msgspec.UNSET
    reopen: bool | msgspec.UnsetType = msgspec.UNSET
    texts_version: str | msgspec.UnsetType = msgspec.UNSET


async def change(
    pool: Pool,
    workspace_id: int,
    campaign_id: int,
    changes: Changes,
    actor: Actor = LOCAL,
    most: Quotas = UNLIMITED,
    *,
    sandboxed: bool = False,
) -> Campaign:
    """Change a campaign; new senders, times, pace, limits or a new calendar plan what waits again. `sandboxed`: what
    has no server of its own goes to the sandbox.

    Raises NotFound, InvalidInput, Conflict (also QuotaReached and TextsChanged).
    """
    _check(changes)
    while (changed := await _change(pool, workspace_id, campaign_id, changes, actor, most, sandboxed)) is None:
        pass
    if changed.divides:
        await divide_soon(pool, workspace_id, campaign_id)
    for sender_id in changed.asked:
        await plan_soon(pool, workspace_id, sender_id)
    if not isinstance(changes.steps, msgspec.UnsetType):
        await step_changes.carry_on_soon(pool, workspace_id, campaign_id)
    return await get_campaign(pool, workspace_id, campaign_id)


class _Changed(NamedTuple):
    """`asked`: on which senders it is to be planned again; `divides`: over which of them comes first."""

    asked: list[int]
    divides: bool


async def _change(
    pool: Pool,
    workspace_id: int,
    campaign_id: int,
    changes: Changes,
    actor: Actor,
    most: Quotas,
    sandboxed: bool,
) -> _Changed | None:
    """None: somebody else has saved a text meanwhile: what is there now is what this changes."""
    async with transaction(pool, workspace_id) as conn:
        row = await read_row(conn, workspace_id, campaign_id)
    _check_changeable(row, changes)
    needs, made = await _check_content(workspace_id, row, changes)  # may wait its turn: no connection waits with it
    prepared = await _prepare_steps(workspace_id, row, changes)
    varied = await _prepare_variants(workspace_id, row, changes, needs)
    pace = _pace(changes) | _copies(row, changes)
    async with transaction(pool, workspace_id) as conn:
        await _check_waiting(conn, workspace_id, campaign_id, needs)
        if prepared is not None:
            await step_changes.check_recipients(conn, workspace_id, campaign_id, prepared)
        if pace:
            await check_plan(conn, workspace_id, campaign_id, pace)
        await lock_campaign(conn, workspace_id, campaign_id)
        before, row = row, await read_row(conn, workspace_id, campaign_id)
        _check_changeable(row, changes)
        content = _content_after(row, changes)
        says = content is not None or prepared is not None or varied is not None
        if says and row["texts_version"] != before["texts_version"]:
            return None
        if content is not None:
            _check_copies(row, content)
            await files.use(conn, workspace_id, content)
        more_bytes = await _change_texts(conn, workspace_id, row, content, varied, prepared, most)
        new_version = content is None and _says_anew(row, varied, prepared)
        parameters = _parameters(workspace_id, campaign_id, changes, content)
        versioned = {"more_bytes": more_bytes, "new_version": new_version}
        await conn.execute(sql.update_campaign, parameters | made | versioned)
        added: list[int] = []
        if not isinstance(changes.sender_ids, msgspec.UnsetType):
            added = await _change_senders(conn, workspace_id, campaign_id, changes.sender_ids)
        await _check_read(conn, workspace_id, row, content, prepared, added, sandboxed=sandboxed)
        await _bound_anew(conn, workspace_id, campaign_id, changes)
        asked: list[int] = []
        if pace:
            closes = isinstance(changes.calendar, CampaignCalendar)  # at what may be the time of an email that waits
            asked = await ask_for_campaign(conn, workspace_id, campaign_id, hold=closes)
        await audit.record(conn, actor, workspace_id, "campaign.changed", f"campaigns/{campaign_id}")
    return _Changed(asked, bool(added))


async def _bound_anew(conn: Conn, workspace_id: int, campaign_id: int, changes: Changes) -> None:
    """Copy the campaign's changed bounds to its streams, hours and claims."""
    campaign = {"workspace_id": workspace_id, "campaign_id": campaign_id}
    await conn.execute(sql.update_streams, campaign)
    if changes.hourly_limit is not msgspec.UNSET:
        await conn.execute(sql.limit_hours, campaign)
        await conn.execute(sql.unlimit_hours, campaign)
    if changes.calendar is not msgspec.UNSET:
        await conn.execute(sql.end_slots_of_claims, campaign)


async def _prepare_steps(workspace_id: int, row: Row, changes: Changes) -> Prepared | None:
    if isinstance(changes.steps, msgspec.UnsetType):
        return None
    before = Content.of_row(row)
    return await step_changes.prepare(workspace_id, before, _content_after(row, changes) or before, row, changes.steps)


async def _prepare_variants(
    workspace_id: int, row: Row, changes: Changes, needs: dict[str, list[str]]
) -> Varied | None:
    """Those of the first step; what they require and nothing did is put to `needs`. None: they stay as they are."""
    wanted, weight = _value(changes.variants), _value(changes.weight)
    if wanted is None and weight is None:
        return None
    before = Content.of_row(row)
    content = _content_after(row, changes) or before
    known = [one for one in row["variants"] if one.step == 1]
    varied = await variant_changes.prepare(
        workspace_id, None, known, content, wanted or [], weight, "", in_thread=False
    )
    await steps.parse(content, varied.said, workspace_id)
    await steps.check_texts(varied.said, frozenset(row["fields"]), workspace_id, step_changes.standing(row))
    had = await step_changes.required_before(before, row, workspace_id)
    for prefix, one in varied.said:
        for name, fields in (await one.parse(workspace_id)).fields.items():
            needs[f"{prefix}{name}"] = sorted(fields.required - had)
    return varied


def _says_anew(row: Row, varied: Varied | None, prepared: Prepared | None) -> bool:
    """Whether a text beside the first step's own becomes another."""
    if varied is not None and variant_changes.says_anew(row["variants"], varied):
        return True
    return prepared is not None and step_changes.says_anew(row, prepared)


async def _change_texts(
    conn: Conn,
    workspace_id: int,
    row: Row,
    content: Content | None,
    varied: Varied | None,
    prepared: Prepared | None,
    most: Quotas,
) -> int:
    """Keep all texts that others are to replace, with the version that ends with them, and change those beside the
    first step's own. `content`: what that is to be, None: it stays. Returns how many bytes more the campaign stores.
    """
    campaign = {"workspace_id": workspace_id, "campaign_id": row["id"]}
    more_bytes = 0
    if content is not None:
        more_bytes += await _keep_content(conn, workspace_id, row, content, most)
        before = Content.of_row(row)
        if (before.subject, before.body, before.body_html) != (content.subject, content.body, content.body_html):
            await variant_changes.note_own(conn, workspace_id, row["id"], None)
    elif _says_anew(row, varied, prepared):
        await conn.execute(sql.keep_content, campaign)
    if varied is not None:
        size = await variant_changes.apply(conn, workspace_id, row["id"], varied)
        await quotas.check_again(conn, workspace_id, most, size, campaign=False)
        more_bytes += size
    if prepared is not None:
        if row["status"] == "FINISHED":
            await open_streams(conn, workspace_id, row["id"], is_open=True)
        first = content or Content.of_row(row)
        more_bytes += await step_changes.apply(conn, workspace_id, row["id"], prepared, first, most)
    return more_bytes


async def _change_senders(conn: Conn, workspace_id: int, campaign_id: int, sender_ids: list[int]) -> list[int]:
    """Have these send the campaign, which is locked, and no others; returns those that are new to it.

    Raises InvalidInput.
    """
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id, "sender_ids": sender_ids}
    rows = await fetch_all(conn, sql.senders_there, params)
    there = {row["id"] for row in rows}
    if unknown := sorted(set(sender_ids) - there):
        raise InvalidInput({"senderIds": f"no sender {unknown[0]}"})
    for row in rows:
        if row["retired_at"] is not None:
            raise InvalidInput({"senderIds": f"{row['email']} is retired; reinstate it, or name another"})
    await conn.execute(sql.take_out_senders, params)
    added = [row["sender_id"] for row in await fetch_all(conn, sql.add_senders, params)]
    await conn.execute(sql.name_first_sender, params)
    if added:
        row = await read_row(conn, workspace_id, campaign_id)
        for sender_id in added:
            copies = Content.of_row(row).copies
            await check_copies_of(conn, workspace_id, sender_id, copies, row["share_percent"])
        await signatures.sign(conn, workspace_id, campaign_id, added)
        await ask_to_divide(conn, workspace_id, campaign_id)
    return added


async def _check_read(
    conn: Conn,
    workspace_id: int,
    row: Row,
    content: Content | None,
    prepared: Prepared | None,
    added: list[int],
    *,
    sandboxed: bool,
) -> None:
    """What follows still waits for somebody who reads answers, after a change of the campaign, which was as `row`.
    Raises InvalidInput.
    """
    had_later = len(row["steps"]) > 1
    has_later = had_later if prepared is None else bool(prepared.steps)
    if not has_later or row["follow_up_without_reading"]:
        return
    reply_to = row["reply_to"] if content is None else content.reply_to
    anew = prepared is not None and (row["status"] == "FINISHED" or any(one.id is None for one in prepared.steps))
    if anew or reply_to != row["reply_to"]:
        its = {"workspace_id": workspace_id, "campaign_id": row["id"], "anew": anew}
        senders = [one["sender_id"] for one in await fetch_all(conn, sql.senders_that_follow, its)]
        field = "steps" if reply_to == row["reply_to"] else "replyTo"
    else:
        senders, field = added, "senderIds"
    await steps.check_read(conn, workspace_id, senders, reply_to, sandboxed=sandboxed, changes=field)


async def _keep_content(conn: Conn, workspace_id: int, row: Row, content: Content, most: Quotas) -> int:
    """Keep the text that `content` is to replace. Returns how many bytes more the campaign stores then.

    Raises QuotaReached.
    """
    await quotas.check_again(conn, workspace_id, most, content.size, campaign=False)
    kept = await conn.execute(sql.keep_content, {"workspace_id": workspace_id, "campaign_id": row["id"]})
    return content.size - (0 if kept.rowcount else Content.of_row(row).size)


_UNCHANGED = Content("", "")


def _check(changes: Changes) -> None:
    """Raises InvalidInput for what no campaign may be, whatever it is now."""
    check_pace(_value(changes.delay_between_ms), _value(changes.hourly_limit), _value(changes.jitter_percent))
    check_latest(_value(changes.latest_at), _value(changes.start_time))
    check_senders(None, _value(changes.sender_ids))
    check_share(_value(changes.share_percent))
    if changes.reopen is True and isinstance(changes.steps, msgspec.UnsetType):
        raise InvalidInput({"reopen": "has a finished campaign go on with `steps`; give them, or leave it out"})
    check_start(_value(changes.start_time))
    if not isinstance(changes.name, msgspec.UnsetType):
        check_name(changes.name)


def _pace(changes: Changes) -> dict[str, Any]:
    """The changes that a plan depends on, as the campaign's columns."""
    return _given(
        {
            "start_at": _in_utc(changes.start_time),
            "latest_at": _in_utc(changes.latest_at),
            "delay_ms": changes.delay_between_ms,
            "jitter_percent": changes.jitter_percent,
            "calendar": _kept_calendar(changes),
            "hourly_limit": changes.hourly_limit,
            "share_percent": changes.share_percent,
        }
    )


def _in_utc(at: Any) -> Any:
    """As plans have times; a person's may come with any offset."""
    return at.astimezone(UTC) if isinstance(at, datetime) else at


def _copies(row: Row, changes: Changes) -> dict[str, Any]:
    """The same of how many get each message, where that changes."""
    content = _content_after(row, changes)
    return {} if content is None or content.copies == Content.of_row(row).copies else {"copies": content.copies}


def _check_copies(row: Row, content: Content) -> None:
    """Copies cannot change while emails are at a server: those were counted for who got them then. The campaign is
    locked. Raises Conflict.
    """
    if row["sending"] and content.copies > Content.of_row(row).copies:
        raise Conflict("emails are being sent this moment; pause the campaign, and add who gets copies then")


def _kept_calendar(changes: Changes) -> dict[str, Any] | msgspec.UnsetType | None:
    return changes.calendar if isinstance(changes.calendar, msgspec.UnsetType) else kept(changes.calendar)


def _parameters(workspace_id: int, campaign_id: int, changes: Changes, content: Content | None) -> dict[str, Any]:
    """For `update_campaign`: where NULL is a value of its own, a flag says whether to write it."""
    return {
        "workspace_id": workspace_id,
        "campaign_id": campaign_id,
        "name": _value(changes.name),
        **(_UNCHANGED if content is None else content).columns,
        "content_changed": content is not None,
        "start_at": _value(changes.start_time),
        "set_latest_at": changes.latest_at is not msgspec.UNSET,
        "latest_at": _value(changes.latest_at),
        "delay_ms": _value(changes.delay_between_ms),
        "jitter_percent": _value(changes.jitter_percent),
        "set_calendar": changes.calendar is not msgspec.UNSET,
        "calendar": None if changes.calendar in (msgspec.UNSET, None) else Jsonb(_kept_calendar(changes)),
        "set_hourly_limit": changes.hourly_limit is not msgspec.UNSET,
        "hourly_limit": _value(changes.hourly_limit),
        "set_share_percent": changes.share_percent is not msgspec.UNSET,
        "share_percent": _value(changes.share_percent),
        "on_unknown": _value(changes.on_unknown),
    }


def _check_changeable(row: Row, changes: Changes) -> None:
    """Raises Conflict for what it is too late to change."""
    given = _given(msgspec.structs.asdict(changes)).keys() - {"texts_version"}
    if changes.texts_version not in {msgspec.UNSET, row["texts_version"]}:
        raise TextsChanged("somebody changed what the campaign says meanwhile; look at it, and change that")
    if row["kind"] == "DIRECT" and (_pace(changes) or "sender_ids" in given):
        # A person who insists on writing to a suppressed recipient has said so at its start.
        raise Conflict("what is written by hand to one recipient goes at once: there is no plan to change")
    if "steps" in given:
        _check_steps_changeable(row)
    if row["status"] == "FINISHED" and "steps" in given and given <= {"name", "steps", "reopen"}:
        if changes.reopen is not True:
            raise Conflict("the campaign is FINISHED; with `reopen`, it goes on for whoever has a step to come")
    elif row["status"] in {"CANCELLED", "FINISHED"} and given - {"name"}:
        raise Conflict(f"the campaign is {row['status']}; only its name can still be changed")
    if "start_time" in given and row["scheduled"] != row["total"]:
        raise Conflict("the campaign has begun; its start cannot be moved any more")


def _check_steps_changeable(row: Row) -> None:
    """Raises Conflict."""
    if not row["steps"]:
        raise Conflict("the campaign was scheduled with one step, and its emails owe no other; schedule one with steps")
    if row["emails_removed_at"] is not None:
        raise Conflict("emails of the campaign were removed for their age; nothing can follow them")


def _content_after(row: Row, changes: Changes) -> Content | None:
    """The content after the changes; None: it stays."""
    parts = _given({name: getattr(changes, name) for name in Content.__struct_fields__})
    after = msgspec.structs.replace(Content.of_row(row), **parts)
    return None if after == Content.of_row(row) else after


async def _check_content(
    workspace_id: int, row: Row, changes: Changes
) -> tuple[dict[str, list[str]], dict[str, str | None]]:
    """The fields that the content will require and did not, by the name of the part; and what is made of it, as
    columns. Raises InvalidInput when it would be wrong.
    """
    content = _content_after(row, changes)
    if content is None:
        return {}, {"body_made": None, "html_made": None}
    templates = await content.parse(workspace_id)
    content.check(templates, frozenset(row["fields"]), step_changes.standing(row))
    had = await _required_before(row, workspace_id)
    needs = {name: sorted(fields.required - had - PROVIDED) for name, fields in templates.fields.items()}
    return needs, (await content.sent(workspace_id)).made(content)


async def _check_waiting(conn: Conn, workspace_id: int, campaign_id: int, needs: dict[str, list[str]]) -> None:
    """Raises InvalidInput for a field that somebody who waits has no text for."""
    for name, fields in needs.items():
        for field in fields:
            params = {"workspace_id": workspace_id, "campaign_id": campaign_id, "field": field}
            if await fetch_one(conn, sql.waiting_without, params):
                why = f'needs "{field}", and some who wait have no text for it; write {{{{ {field} | default: "…" }}}}'
                raise InvalidInput({name: why})


async def _required_before(row: Row, workspace_id: int) -> frozenset[str]:
    try:
        return (await Content.of_row(row).parse(workspace_id)).required
    except InvalidInput:  # an earlier version took it
        return frozenset()


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not msgspec.UNSET}


def _value(value: T | msgspec.UnsetType) -> T | None:
    return None if isinstance(value, msgspec.UnsetType) else value
