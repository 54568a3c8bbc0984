"""Changing the later steps of a campaign that is scheduled: added, changed, removed, put in another order.

Sent emails keep their text and version. Owed follow-ups go by the steps as they are: the next one of a recipient is the
first behind the last that they had, in today's order. Emails owe it in batches, the rest of a large campaign by the
workers' sweep; the campaign's row says how far that is, and `follow_ups`, which makes emails of what falls due, looks
at the steps themselves. A follow-up that is an email already stays one, unless its step is removed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import psycopg
import structlog

from app.db import Conn, Pool, Row, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.campaigns import steps, variant_changes, variants
from app.domain.campaigns.content import Content
from app.domain.campaigns.steps import CampaignStep, Step
from app.domain.campaigns.variant_changes import Varied, WantedVariant
from app.domain.campaigns.variants import Variant
from app.domain.each import each_by_itself
from app.domain.ledger import streams
from app.domain.workspaces import quotas
from app.domain.workspaces.quotas import Quotas
from app.errors import Conflict, InvalidInput
from app.mail.names import PROVIDED, SENT_AT
from app.sql import queries

sql = queries(__name__)

MOST = 50  # steps of a campaign, those that were removed included: each stays for the emails that it had
TEXT = ("subject", "body", "body_html")
BATCH = 1_000  # emails: others wait for their streams meanwhile

log = structlog.get_logger()


class WantedStep(msgspec.Struct, frozen=True, kw_only=True):
    """A later step as it is to be; `id`: the one that it is now, None: it is new. Of one that is there, `variants` are
    those that change or are new, and `weight` that of its own text, None: as it is; a new one has its own in `step`.
    """

    id: int | None = None
    step: Step
    weight: int | None = None
    variants: Sequence[WantedVariant] = ()


class Prepared(NamedTuple):
    """Steps that were checked, what is made of each as columns, and the fields that they require and that nothing
    required before, by the name of the part. `varied`: of each that is there, its variants.
    """

    steps: list[WantedStep]
    made: list[dict[str, str | None]]
    varied: list[Varied | None]
    needs: dict[str, list[str]]


async def prepare(
    workspace_id: int, before: Content, content: Content, row: Row, wanted: Sequence[WantedStep]
) -> Prepared:
    """`before` and `content`: the first step's, before and after. Raises InvalidInput."""
    plain = [one.step for one in wanted]
    steps.check(plain)
    varied = [await _varied(workspace_id, row, content, number, one) for number, one in enumerate(wanted)]
    said = steps.messages(content, (), plain)
    said += [message for its in varied if its is not None for message in its.said]
    await steps.parse(content, said, workspace_id)
    await steps.check_texts(said, frozenset(row["fields"]), workspace_id, standing(row))
    had = await required_before(before, row, workspace_id)
    made: list[dict[str, str | None]] = []
    needs: dict[str, list[str]] = {}
    for step in plain:
        its = step.content(content)
        made.append((await its.sent(workspace_id)).made(its))
    for prefix, its in said:
        for name, fields in (await its.parse(workspace_id)).fields.items():
            needs[f"{prefix}{name}"] = sorted(fields.required - had)
    return Prepared(list(wanted), made, varied, needs)


async def _varied(workspace_id: int, row: Row, first: Content, number: int, wanted: WantedStep) -> Varied | None:
    """None: it is new, and has its variants in itself, or is none of the campaign's (`apply` says so). Raises
    InvalidInput.
    """
    place = next((one.step for one in row["steps"][1:] if one.id == wanted.id), None)
    if place is None:
        return None
    known = [one for one in row["variants"] if one.step == place]
    own, in_thread = wanted.step.content(first), wanted.step.subject is None
    return await variant_changes.prepare(
        workspace_id,
        wanted.id,
        known,
        own,
        wanted.variants,
        wanted.weight,
        f"steps[{number}].",
        in_thread=in_thread,
    )


def new_variants(wanted: Sequence[WantedVariant], prefix: str) -> list[Variant]:
    """Of a step that is new. Raises InvalidInput for one that names another's."""
    for number, one in enumerate(wanted):
        if one.id is not None:
            raise InvalidInput({f"{prefix}variants[{number}].id": "is for a step that is there; leave it out"})
    return [one.over(None) for one in wanted]


def standing(row: Row) -> frozenset[str]:
    """The HTML of all texts of the campaign as they are."""
    texts = (Content.of_row(row), *row["steps"], *row["variants"])
    return frozenset(one.body_html for one in texts if one.body_html)


async def required_before(before: Content, row: Row, workspace_id: int) -> frozenset[str]:
    """The fields that any text of the campaign required, and those that are always there."""
    own = [before.subject, before.body, before.body_html]
    others = [part for one in (*row["steps"], *row["variants"]) for part in (one.subject, one.body, one.body_html)]
    return PROVIDED | {SENT_AT} | await _required([*own, *others], before, workspace_id)


async def _required(texts: Sequence[str | None], like: Content, workspace_id: int) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for text in texts:
        try:
            one = Content(subject="", body=text or "", language=like.language)
            found |= (await one.parse(workspace_id)).required
        except InvalidInput:  # an earlier version took it
            continue
    return found


async def check_recipients(conn: Conn, workspace_id: int, campaign_id: int, prepared: Prepared) -> None:
    """Raises InvalidInput for a field that somebody who may get a step has no text for."""
    for name, fields in prepared.needs.items():
        for field in fields:
            params = {"workspace_id": workspace_id, "campaign_id": campaign_id, "field": field}
            if await fetch_one(conn, sql.without_field, params):
                why = f'needs "{field}", and some recipients have none; write {{{{ {field} | default: "…" }}}}'
                raise InvalidInput({name: why})


def says_anew(row: Row, prepared: Prepared) -> bool:
    """Whether a text of a step that stays becomes another, or one of its variants does or is new."""
    texts = {one.id: _text(one) for one in row["steps"]}
    return any(one.id in texts and texts[one.id] != _text(one.step) for one in prepared.steps) or any(
        its is not None and variant_changes.says_anew(row["variants"], its) for its in prepared.varied
    )


def _text(step: CampaignStep | Step) -> tuple[str | None, str, str | None]:
    return step.subject, step.body, step.body_html


async def apply(
    conn: Conn,
    workspace_id: int,
    campaign_id: int,
    prepared: Prepared,
    first: Content,
    most: Quotas,
) -> int:
    """Change the steps of a campaign, which is locked, before its own text is replaced by that of `first`. Returns how
    many bytes more it stores. Raises InvalidInput, Conflict.
    """
    campaign = {"workspace_id": workspace_id, "campaign_id": campaign_id}
    rows = await fetch_all(conn, sql.all_steps, campaign)
    _check_ids(rows, prepared.steps)
    there = {row["id"]: row for row in rows}
    order: list[int] = [rows[0]["id"]]
    size = 0
    for wanted, made, varied in zip(prepared.steps, prepared.made, prepared.varied, strict=True):
        old = None if wanted.id is None else there[wanted.id]
        own = {name: getattr(wanted.step, name) for name in Step.__struct_fields__}
        columns: dict[str, Any] = campaign | own | made
        if old is None:
            order.append(await steps.insert_step(conn, columns | {"position": len(order) + 1}))
            own_content, step = wanted.step.content(first), wanted.step
            await variants.insert(conn, workspace_id, campaign_id, order[-1], own_content, step.weight, step.variants)
        else:
            if await _update(conn, old, columns):
                await variant_changes.note_own(conn, workspace_id, campaign_id, old["id"])
            order.append(old["id"])
            if varied is not None:
                size += await variant_changes.apply(conn, workspace_id, campaign_id, varied)
        if old is None or any(old[name] != own[name] for name in TEXT):
            size += sum(one.size for _, one in steps.messages(Content("", ""), (), [wanted.step]))
    await quotas.check_again(conn, workspace_id, most, size, campaign=False)
    await conn.execute(sql.place_steps, {"workspace_id": workspace_id} | places(rows, order))
    await conn.execute(sql.note_change, campaign)
    # To some at once, so that the campaign is not taken for finished; `carry_on` sees to the rest.
    await _end_removed(conn, workspace_id, await streams.lock_of_campaign(conn, workspace_id, campaign_id), BATCH)
    return size


async def _update(conn: Conn, old: Row, columns: dict[str, Any]) -> bool:
    """Whether its text is another."""
    params = columns | {"id": old["id"]}
    is_another = any(old[name] != columns[name] for name in TEXT)
    if is_another:
        await conn.execute(sql.keep_step_content, params)
    await conn.execute(sql.update_step, params)
    return is_another


def places(rows: Sequence[Row], order: Sequence[int]) -> dict[str, list[Any]]:
    """The places of all steps, as columns: of `order`, those that stay and those that are new, from 1; of one that is
    removed, that of the one before it, so that what follows it follows that.
    """
    position = {step_id: place for place, step_id in enumerate(order, 1)}
    before = 1
    ids, positions, removed = list(order), list(position.values()), [False] * len(order)
    for row in rows:
        if row["id"] in position:
            before = position[row["id"]]
        else:
            ids.append(row["id"])
            positions.append(before)
            removed.append(True)
    return {"ids": ids, "positions": positions, "removed": removed}


def _check_ids(rows: Sequence[Row], wanted: Sequence[WantedStep]) -> None:
    """Raises InvalidInput, Conflict."""
    later = {row["id"] for row in rows[1:] if not row["removed"]}
    seen = set[int]()
    for number, one in enumerate(wanted):
        if one.id is None:
            continue
        if one.id not in later:
            raise InvalidInput({f"steps[{number}].id": f"is no later step of the campaign: {one.id}; leave it out"})
        if one.id in seen:
            raise InvalidInput({f"steps[{number}].id": "is there twice"})
        seen.add(one.id)
    if len(rows) + sum(one.id is None for one in wanted) > MOST:
        raise Conflict(f"the campaign has had {len(rows)} steps, removed ones too, and {MOST} is the most; change one")


async def _end_removed(conn: Conn, workspace_id: int, stream_ids: Sequence[int], limit: int | None = None) -> None:
    """`limit`: how many of those that they were to go to owe what follows instead."""
    params = {"workspace_id": workspace_id, "stream_ids": list(stream_ids), "limit": limit}
    await conn.execute(sql.owe_instead, params)
    await conn.execute(sql.cancel_removed, params)
    await streams.settle(conn, workspace_id, stream_ids)


async def carry_on(pool: Pool, *, for_s: float = 2.0) -> None:
    """Have emails owe what follows their campaigns' changed steps, for so long: others wait for the sweep to go on."""
    until = time.monotonic() + for_s
    async with transaction(pool) as conn:
        found = await fetch_all(conn, sql.owing_anew)
    with each_by_itself() as one:
        for campaign in found:
            with one():
                await _carry_on(pool, campaign, until)


async def carry_on_soon(pool: Pool, workspace_id: int, campaign_id: int, *, for_s: float = 2.0) -> None:
    """The same for one campaign, whose change stands already; where that fails, the sweep does it."""
    campaign = {"workspace_id": workspace_id, "campaign_id": campaign_id}
    try:
        await _carry_on(pool, campaign, time.monotonic() + for_s)
    except psycopg.Error as error:
        log.warning("left changed steps to the sweep", campaign_id=campaign_id, error=str(error).strip())


async def _carry_on(pool: Pool, campaign: Row, until: float) -> None:
    while time.monotonic() < until and await _owe_anew(pool, campaign):
        pass


async def _owe_anew(pool: Pool, campaign: Row) -> bool:
    """A batch of them; whether there are more."""
    async with transaction(pool) as conn:
        stream_ids = await streams.lock_of_campaign(conn, campaign["workspace_id"], campaign["campaign_id"])
        place = (await fetch_exactly_one(conn, sql.owe_anew, campaign | {"limit": BATCH}))["next"]
        if place is None:
            await _end_removed(conn, campaign["workspace_id"], stream_ids)
        await conn.execute(sql.note_place, campaign | {"next": place})
    return place is not None
