"""Changing a step's variants while its campaign runs: their texts and weights, and new ones beside them.

Sent emails keep their text, and a variant's figures are of the one that it has now (`step_variants.text_since`). To
stop one is a call of its own (`variants.stop`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from app.db import Conn, fetch_all
from app.domain.campaigns import variants
from app.domain.campaigns.content import Content
from app.domain.campaigns.variants import CampaignVariant, Variant
from app.errors import InvalidInput
from app.sql import queries

sql = queries(__name__)


class WantedVariant(msgspec.Struct, frozen=True, kw_only=True):
    """A variant as it is to be; `id`: the one that it is now, None: it is new. `weight` None: as it is, and 1 of a new
    one.
    """

    id: int | None = None
    weight: int | None = None
    subject: str | None = None
    body: str
    body_html: str | None = None

    def over(self, known: CampaignVariant | None) -> Variant:
        as_it_is = 1 if known is None else known.weight
        weight = as_it_is if self.weight is None else self.weight
        return Variant(weight=weight, subject=self.subject, body=self.body, body_html=self.body_html)


class Varied(NamedTuple):
    """A step's variants as they are wanted, checked, with the columns made of each. `weight`: of the step's own
    text, None: as it is. `said`: the messages, by what stands before the names of their parts.
    """

    step_id: int | None
    weight: int | None
    ids: list[int | None]
    texts: list[Variant]
    made: list[dict[str, str | None]]
    said: list[tuple[str, Content]]
    prefix: str


async def prepare(
    workspace_id: int,
    step_id: int | None,
    known: Sequence[CampaignVariant],
    own: Content,
    wanted: Sequence[WantedVariant],
    weight: int | None,
    prefix: str,
    *,
    in_thread: bool,
) -> Varied:
    """`step_id` None: of the first step; `known`: its variants as they are, of which those that `wanted` leaves out
    stay; `own`: its message. Raises InvalidInput.
    """
    there = {one.id: one for one in known if one.letter != "A"}
    _check_ids(there, wanted, prefix)
    stay = [one for one in there.values() if one.stopped_at is None and one.id not in {each.id for each in wanted}]
    for one in stay:
        if in_thread != (one.subject is None):
            why = f"leave variant {one.letter} out, whose subject the step {'has' if in_thread else 'lacks'} no more"
            raise InvalidInput({f"{prefix}variants": f"{why}; give it as well, or stop it"})
    texts = [one.over(None if one.id is None else there[one.id]) for one in wanted]
    variants.check(texts, 1 if weight is None else weight, prefix, in_thread=in_thread)
    if not variants.VARIANTS.allow(len(there) + sum(one.id is None for one in wanted)):
        most = f"a step has had {len(there)} beside its own text, those that were stopped too"
        raise InvalidInput({f"{prefix}variants": f"{most}, and {variants.VARIANTS.most} is the most; change one"})
    contents = [one.content(own) for one in texts]
    made = [(await one.sent(workspace_id)).made(one) for one in contents]
    said = [(f"{prefix}variants[{number}].", one) for number, one in enumerate(contents)]
    return Varied(step_id, weight, [one.id for one in wanted], texts, made, said, prefix)


def _check_ids(there: dict[int, CampaignVariant], wanted: Sequence[WantedVariant], prefix: str) -> None:
    """Raises InvalidInput."""
    seen = set[int]()
    for number, one in enumerate(wanted):
        if one.id is None:
            continue
        if one.id not in there:
            raise InvalidInput(
                {f"{prefix}variants[{number}].id": f"is no variant of the step beside its own: {one.id}"}
            )
        if there[one.id].stopped_at is not None:
            raise InvalidInput({f"{prefix}variants[{number}].id": "was stopped, and stays as it was; leave it out"})
        if one.id in seen:
            raise InvalidInput({f"{prefix}variants[{number}].id": "is there twice"})
        seen.add(one.id)


def says_anew(known: Sequence[CampaignVariant], varied: Varied) -> bool:
    """Whether a worker has to write messages anew: a text is another, or new."""
    texts = {one.id: (one.subject, one.body, one.body_html) for one in known}
    return any(
        each is None or texts.get(each) != (text.subject, text.body, text.body_html)
        for each, text in zip(varied.ids, varied.texts, strict=True)
    )


async def apply(conn: Conn, workspace_id: int, campaign_id: int, varied: Varied) -> int:
    """Change them; the campaign is locked, and its version is still that of the texts before. Returns how many bytes
    more it stores. Raises InvalidInput for one that was stopped meanwhile.
    """
    step = {"workspace_id": workspace_id, "campaign_id": campaign_id, "step_id": varied.step_id}
    rows = {row["id"]: row for row in await fetch_all(conn, sql.lock_variants_of_step, step)}
    if not rows and varied.texts:
        await variants.insert_own(conn, step, 1 if varied.weight is None else varied.weight)
    elif varied.weight is not None:
        await conn.execute(sql.weigh_own, step | {"weight": varied.weight})
    size, position = 0, max((row["position"] for row in rows.values()), default=1)
    for number, (variant_id, text) in enumerate(zip(varied.ids, varied.texts, strict=True)):
        columns = step | msgspec.structs.asdict(text) | varied.made[number]
        if variant_id is None:
            position += 1
            await variants.insert_one(conn, columns | {"position": position})
        else:
            old = rows[variant_id]
            if old["stopped_at"] is not None:
                raise InvalidInput({f"{varied.prefix}variants[{number}].id": "was stopped meanwhile"})
            is_another = any(old[name] != columns[name] for name in ("subject", "body", "body_html"))
            params = columns | {"variant_id": variant_id, "is_another": is_another}
            if is_another:
                await conn.execute(sql.keep_variant_content, params)
            await conn.execute(sql.update_variant, params)
            if not is_another:
                continue
        size += varied.said[number][1].size
    return size


async def note_own(conn: Conn, workspace_id: int, campaign_id: int, step_id: int | None) -> None:
    """A step's own text is another, so its figures as variant A begin anew. `step_id` None: of the first step."""
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id, "step_id": step_id}
    await conn.execute(sql.own_is_another, params)
