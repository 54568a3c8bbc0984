"""Variants of a step: up to five texts, of which each recipient gets one, by weight and by their email's id.

`take` settles which one an email gets as it is handed over, and that stands on the email from then on. So a campaign
without variants pays nothing for them, and when one is stopped, recipients who wait get another.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from app.bounds import Bounds
from app.db import Conn, Pool, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.accounts.actor import LOCAL, Actor
from app.domain.campaigns.chance import Comparison, Interval, Tried, compare, interval_of
from app.domain.campaigns.content import Content
from app.domain.workspaces import audit
from app.errors import Conflict, InvalidInput, NotFound
from app.sql import queries

sql = queries(__name__)

VARIANTS = Bounds(0, 4)  # beside a step's own text
WEIGHT = Bounds(1, 100)


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """A text in the place of a step's own; of one in a thread without a `subject`."""

    weight: int = 1
    subject: str | None = None
    body: str
    body_html: str | None = None

    def content(self, own: Content) -> Content:
        """As a message; `own`: the step's."""
        return msgspec.structs.replace(
            own, subject=self.subject or own.subject, body=self.body, body_html=self.body_html
        )


class CampaignVariant(msgspec.Struct, rename="camel", kw_only=True):
    """A variant as it stands, the step's own text among them as A, and what came of its emails: how many were `sent`,
    and of these `answered`, `bounced` since their recipient does not exist, or had them opt out. `answer_rate`: between
    which percentages the rate of answers lies, with 95 % confidence. All of that is of its text, which it has
    `text_since` then, null: it never had another; `sent_before` had an earlier one.
    """

    id: int
    step: int
    letter: str
    weight: int
    subject: str | None
    body: str | None
    body_html: str | None
    stopped_at: datetime | None
    sent: int
    answered: int
    bounced: int
    opted_out: int
    answer_rate: Interval
    # Answers kept from before texts could be changed lack them.
    text_since: datetime | None = None
    sent_before: int = 0


class StepComparison(Comparison, rename="camel", kw_only=True):
    """Of the variants of a step."""

    step: int


class Taken(NamedTuple):
    """`is_own`: it is the step's own text."""

    id: int
    is_own: bool


def check(variants: Sequence[Variant], own_weight: int, prefix: str, *, in_thread: bool) -> None:
    """`prefix`: before the names of fields. Raises InvalidInput."""
    if not VARIANTS.allow(len(variants)):
        raise InvalidInput({f"{prefix}variants": f"are more than {VARIANTS.most} beside the step's own text"})
    for number, one in enumerate(variants):
        if in_thread and one.subject is not None:
            why = "is for a step with a subject of its own; in the thread, leave it out"
            raise InvalidInput({f"{prefix}variants[{number}].subject": why})
        if not in_thread and one.subject is None:
            raise InvalidInput({f"{prefix}variants[{number}].subject": "is missing; the step has one of its own"})
        if not WEIGHT.allow(one.weight):
            raise InvalidInput({f"{prefix}variants[{number}].weight": f"give {WEIGHT}"})
    if not WEIGHT.allow(own_weight):
        raise InvalidInput({f"{prefix}weight": f"give {WEIGHT}"})


async def insert(
    conn: Conn,
    workspace_id: int,
    campaign_id: int,
    step_id: int | None,
    own: Content,
    own_weight: int,
    variants: Sequence[Variant],
) -> None:
    """Keep those of a new step, whose message is `own`."""
    if not variants:
        return
    step = {"workspace_id": workspace_id, "campaign_id": campaign_id, "step_id": step_id}
    await insert_own(conn, step, own_weight)
    for position, one in enumerate(variants, 2):
        content = one.content(own)
        made = (await content.sent(workspace_id)).made(content)
        columns: dict[str, Any] = msgspec.structs.asdict(one) | made | {"position": position}
        await insert_one(conn, step | columns)


async def insert_own(conn: Conn, step: dict[str, Any], weight: int) -> None:
    """Insert the row that stands for a step's own text, once there are others."""
    nothing = dict.fromkeys(("subject", "body", "body_html", "body_made", "html_made"))
    await insert_one(conn, step | nothing | {"position": 1, "weight": weight})


async def insert_one(conn: Conn, columns: dict[str, Any]) -> None:
    await conn.execute(sql.insert_variant, columns)


async def is_varied(pool: Pool, workspace_id: int, campaign_id: int, step_id: int | None) -> bool:
    """`step_id`: of a later step; None: the first."""
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id, "step_id": step_id}
    async with transaction(pool) as conn:
        return (await fetch_exactly_one(conn, sql.is_varied, params))["is_varied"]


async def take(pool: Pool, workspace_id: int, email_id: int, claimed_at: datetime) -> Taken | None:
    """Settle which variant an email that is being sent is made from. None: it is claimed anew, or its step has none."""
    params = {"workspace_id": workspace_id, "email_id": email_id, "claimed_at": claimed_at}
    async with transaction(pool) as conn:
        row = await fetch_one(conn, sql.take_variant, params)
    return None if row is None or row["id"] is None else Taken(row["id"], row["is_own"])


async def of_campaign(
    conn: Conn, workspace_id: int, campaign_id: int
) -> tuple[list[CampaignVariant], list[StepComparison]]:
    """Its variants step by step, and whether what lies between them can be chance."""
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id}
    rows = await fetch_all(conn, sql.variants_of_campaign, params)
    found = [CampaignVariant(**row, answer_rate=interval_of(Tried(row["sent"], row["answered"]))) for row in rows]
    compared: list[StepComparison] = []
    for step in dict.fromkeys(one.step for one in found):
        tried = {one.letter: Tried(one.sent, one.answered) for one in found if one.step == step}
        compared.append(StepComparison(step=step, **msgspec.structs.asdict(compare(tried))))
    return found, compared


async def stop(pool: Pool, workspace_id: int, campaign_id: int, variant_id: int, actor: Actor = LOCAL) -> None:
    """Send it no more; its recipients get another. Emails at a server may still arrive.

    Raises NotFound, and Conflict for the last one.
    """
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id, "variant_id": variant_id}
    async with transaction(pool, workspace_id) as conn:
        rows = await fetch_all(conn, sql.lock_variants_beside, params)
        this = next((row for row in rows if row["id"] == variant_id), None)
        if this is None:
            raise NotFound(f"no variant {variant_id} in campaign {campaign_id}")
        if this["stopped_at"] is not None:
            return
        if not any(row["stopped_at"] is None for row in rows if row["id"] != variant_id):
            raise Conflict("it is the last variant of its step; remove the step, or pause the campaign")
        await conn.execute(sql.stop_variant, params)
        await audit.record(conn, actor, workspace_id, "campaign.variant_stopped", f"campaigns/{campaign_id}")
