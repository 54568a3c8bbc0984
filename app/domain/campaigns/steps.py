"""A campaign's later steps: each a wait after the one before, to whoever did not answer, in the thread of the first or
under a subject of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import time, timedelta
from typing import Any

import msgspec

from app.bounds import Bounds
from app.db import Conn, fetch_all, fetch_exactly_one
from app.domain.campaigns import variants
from app.domain.campaigns.content import Content, finished
from app.domain.campaigns.variants import Variant
from app.errors import InvalidInput
from app.mail.names import SENT_AT
from app.mail.rendering import Templates
from app.sql import queries

sql = queries(__name__)

STEPS = Bounds(0, 10)  # after the first
SHORTEST, LONGEST = timedelta(seconds=1), timedelta(days=365)
# ISO 8601, without years and months, whose lengths differ.
WAIT = r"^P(?!$)([0-9]{1,3}W)?([0-9]{1,4}D)?(T(?=[0-9])([0-9]{1,5}H)?([0-9]{1,6}M)?([0-9]{1,8}S)?)?(?!\n)$"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A later step. Without a `subject` it is in the thread of the first; with `business_days`, the days of its `wait`
    are those on which the campaign sends; with `time_of_day` it leaves when the calendar's clock shows that. Below one
    that `quotes` stands the message that it follows. `weight`: of its own text beside its `variants`, None: 1.
    """

    wait: timedelta
    business_days: bool = False
    time_of_day: time | None = None
    quotes: bool = False
    subject: str | None = None
    body: str
    body_html: str | None = None
    weight: int | None = None
    variants: Sequence[Variant] = ()

    def content(self, first: Content) -> Content:
        """As a message by itself: files and headers of one's own go along with the first step alone."""
        return Content(
            subject=f"Re: {first.subject}" if self.subject is None else self.subject,
            body=self.body,
            body_html=self.body_html,
            language=first.language,
            unsubscribe=first.unsubscribe,
        )


class StopOn(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Reasons to stop a recipient's later steps beside their answer: with `autoReply`, an absence note; with `domain`,
    an answer of anybody at their domain, unless that is a provider of mailboxes for everybody, such as gmail.com.
    """

    auto_reply: bool = False
    domain: bool = False


class CampaignStep(msgspec.Struct, rename="camel", kw_only=True):
    """A step as it stands, from 1, and how many emails of it there are: `sent`, `waiting` to be sent, and `following`,
    which the next step will follow; how many have been `answered`, `bounced` since their recipient does not exist, or
    had its recipient opt out.
    """

    id: int
    step: int
    wait: str
    business_days: bool
    # Answers kept from before these were there lack them.
    time_of_day: str | None = None
    quotes: bool = False
    subject: str | None
    body: str
    body_html: str | None
    total: int
    sent: int
    waiting: int
    following: int
    answered: int
    bounced: int
    opted_out: int


def parse_wait(text: str) -> timedelta:
    """Of an ISO 8601 duration that fits `WAIT`."""
    found = re.fullmatch(WAIT, text)
    if found is None:
        raise ValueError(f"{text} is no duration")
    weeks, days, _, hours, minutes, seconds = (
        int(part.rstrip("WDHMS")) if part and part[0] != "T" else 0 for part in found.groups()
    )
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def written_wait(wait: timedelta) -> str:
    """As an ISO 8601 duration: whole days, and the rest in seconds."""
    days, seconds = wait.days, wait.seconds
    return f"P{f'{days}D' if days or not seconds else ''}{f'T{seconds}S' if seconds else ''}"


def check(steps: Sequence[Step]) -> None:
    """Raises InvalidInput."""
    if not STEPS.allow(len(steps)):
        raise InvalidInput({"steps": f"are more than {STEPS.most} after the first"})
    for number, step in enumerate(steps):
        if not SHORTEST <= step.wait <= LONGEST:
            raise InvalidInput({f"steps[{number}].wait": f"is from one second to {LONGEST.days} days"})
        if step.business_days and not step.wait.days:
            raise InvalidInput({f"steps[{number}].businessDays": "are for a wait of days; give one, such as P3D"})
        if step.quotes and step.subject is not None:
            why = "is for a step in the thread of the one before; leave its `subject` out"
            raise InvalidInput({f"steps[{number}].quotes": why})
        variants.check(step.variants, step.weight, f"steps[{number}].", in_thread=step.subject is None)


def messages(content: Content, varied: Sequence[Variant], steps: Sequence[Step]) -> list[tuple[str, Content]]:
    """All that a campaign says beside `content`: variants of that, later steps and theirs, each by what stands before
    the names of its parts.
    """
    found = [(f"variants[{number}].", one.content(content)) for number, one in enumerate(varied)]
    for number, step in enumerate(steps):
        its = step.content(content)
        prefix = f"steps[{number}]."
        found.append((prefix, its))
        found += [(f"{prefix}variants[{at}].", one.content(its)) for at, one in enumerate(step.variants)]
    return found


async def parse(content: Content, others: Sequence[tuple[str, Content]], workspace_id: int) -> Templates:
    """The templates of the first message and all `others` by the wire names of their parts. Raises InvalidInput naming
    what does not parse.
    """
    first = await content.parse(workspace_id)
    if not others:
        return first
    sources = content.sources()
    for prefix, its in others:
        try:
            await its.parse(workspace_id)
        except InvalidInput as error:
            raise _named(prefix, error) from None
        sources |= {f"{prefix}{name}": source for name, source in its.sources().items()}
    return await finished(Templates.parse(sources, workspace_id))


async def check_texts(
    others: Sequence[tuple[str, Content]],
    known: frozenset[str],
    workspace_id: int,
    standing: frozenset[str] = frozenset(),
) -> None:
    """Raises InvalidInput for an empty or overlong part, or a field nobody brings; `standing`: see `Content.check`."""
    for prefix, its in others:
        try:
            if its.images:
                why = "shows a picture that was uploaded; those go along with the first step's own text"
                raise InvalidInput({"bodyHtml": why})
            there = known | {SENT_AT} if prefix.startswith("steps") else known
            its.check(await its.parse(workspace_id), there, standing)
        except InvalidInput as error:
            raise _named(prefix, error) from None


def _named(prefix: str, error: InvalidInput) -> InvalidInput:
    return InvalidInput({f"{prefix}{name}": text for name, text in error.fields.items()})


async def check_read(
    conn: Conn,
    workspace_id: int,
    sender_ids: Sequence[int],
    reply_to: str | None,
    *,
    sandboxed: bool,
    changes: str | None = None,
) -> None:
    """Somebody reads the answers. `sandboxed`: of senders without a server, there are none. Raises InvalidInput, which
    names the field of a running campaign that `changes`.
    """
    params = {
        "workspace_id": workspace_id,
        "sender_ids": list(sender_ids),
        "reply_to": reply_to,
        "sandboxed": sandboxed,
    }
    unread = await fetch_all(conn, sql.senders_unread, params)
    if unread:
        why = (
            f"nobody reads the mailbox that answers to {unread[0]['email']} come to, so a follow-up could go to"
            " somebody who has answered; have the sender's inbox read (`imap`)"
        )
        if changes is not None:
            raise InvalidInput({changes: f"{why} first"})
        raise InvalidInput({"followUpWithoutReading": f"{why}, or say true to send them blindly"})


async def insert(
    conn: Conn, workspace_id: int, campaign_id: int, content: Content, steps: Sequence[Step]
) -> int | None:
    """Keep the steps of a new campaign; the id of its first. None: it has just one, which costs nothing."""
    if not steps:
        return None
    campaign = {"workspace_id": workspace_id, "campaign_id": campaign_id}
    first = await fetch_exactly_one(conn, sql.insert_first_step, campaign)
    for position, step in enumerate(steps, 2):
        its = step.content(content)
        made = (await its.sent(workspace_id)).made(its)
        step_id = await insert_step(conn, campaign | msgspec.structs.asdict(step) | made | {"position": position})
        await variants.insert(conn, workspace_id, campaign_id, step_id, its, step.weight, step.variants)
    return first["id"]


async def insert_step(conn: Conn, columns: dict[str, Any]) -> int:
    """Its id."""
    return (await fetch_exactly_one(conn, sql.insert_step, columns))["id"]


async def of_campaign(conn: Conn, workspace_id: int, campaign_id: int) -> list[CampaignStep]:
    """None where it has just one."""
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id}
    found: list[CampaignStep] = []
    for row in await fetch_all(conn, sql.steps_of_campaign, params):
        at = row["time_of_day"]
        fields: dict[str, Any] = row | {"wait": written_wait(row["wait"]), "time_of_day": at and f"{at:%H:%M}"}
        found.append(CampaignStep(**fields))
    return found
