"""The demo: an account, and a campaign of 25 to watch, with a second step that an answer stops. It needs the sandbox
mailbox, so that nobody gets real mail.

It takes the way of every other campaign: its sender has the usual hourly limit, and the service's worker sends it.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from app.db import Pool, fetch_exactly_one, transaction
from app.domain.accounts import users
from app.domain.accounts.actor import LOCAL
from app.domain.accounts.users import User
from app.domain.campaigns import campaigns, schedule
from app.domain.campaigns.campaigns import Campaign
from app.domain.campaigns.content import Content
from app.domain.campaigns.draft import Draft
from app.domain.campaigns.steps import Step
from app.domain.recipients import csv_files, lists
from app.domain.workspaces import keys, workspaces
from app.errors import Conflict, NotFound, Unavailable
from app.secrets import SecretBox
from app.settings import Settings
from app.sql import queries

sql = queries(__name__)

NAME = "Demo"  # of its workspace
RECIPIENTS = Path(__file__).parent.parent / "examples" / "recipients.csv"
DELAY_MS = 200
KEY_LASTS = timedelta(days=7)  # it was printed, and so stands in whatever keeps what is printed
STALLED_S = 15.0
SUBJECT = '{{ first_name | default: "Hello" }}, a word about {{ topic }}'
BODY = """Hello {{ first_name | default: "there" }},

you asked about {{ topic }}. This is one of the emails of ReachInbox's demo campaign.
It went no further than the sandbox mailbox.
"""
LATER = timedelta(minutes=2)
LATER_BODY = """Hello {{ first_name | default: "there" }},

you have not answered what I wrote on {{ sent_at }}, so this second step went to you as well.
"""


async def is_first_start(pool: Pool) -> bool:
    async with pool.connection() as conn:
        row = await fetch_exactly_one(conn, sql.is_first_start)
    return row["is_first_start"]


async def run(pool: Pool, box: SecretBox, settings: Settings) -> None:
    """Make the demo account if it is not there, schedule the campaign, and show it to its end.

    Raises Conflict where mail would go to a real server, and Unavailable when nothing moves.
    """
    if not settings.sandboxed:
        raise Conflict("the demo's recipients are made up: unset SMTP_HOST, so that they go to the sandbox mailbox")
    user = await _account(pool, box, settings)
    with RECIPIENTS.open("rb") as file:
        content = Content(subject=SUBJECT, body=BODY)
        steps = [Step(wait=LATER, body=LATER_BODY, quotes=True)]
        draft = Draft(content=content, name="Demo", delay_between_ms=DELAY_MS, steps=steps)

        def read(required: frozenset[str]) -> lists.RecipientList:
            return csv_files.from_csv(file, required=required)

        request = schedule.Request(draft, read, sandboxed=True)
        scheduled = await schedule.schedule(pool, user.workspace_id, request)
    print(f"Demo campaign: {scheduled.accepted} emails to the sandbox mailbox, {DELAY_MS} ms apart", flush=True)
    await show(pool, user.workspace_id, scheduled.campaign)


async def _account(pool: Pool, box: SecretBox, settings: Settings) -> User:
    """The demo account; when it is made here, its secrets are printed, this once."""
    try:
        return await users.find_user(pool, users.DEMO)
    except NotFound:
        password = secrets.token_urlsafe(12)
    limit = settings.default_emails_per_hour
    # Not the administrator: that is the person who makes the first account of their own.
    user = await users.create_user(pool, box, users.DEMO, password, default_hourly_limit=limit, may_be_admin=False)
    await workspaces.change(pool, LOCAL.of(user.id), user.workspace_id, workspaces.Changes(name=NAME))
    async with transaction(pool) as conn:
        await users.show_demo(conn)
    ends = datetime.now(UTC) + KEY_LASTS
    made = await keys.create(pool, LOCAL.of(user.id), user.workspace_id, "demo", expires_at=ends)
    print("Demo account (its secrets are shown this once)")
    print(
        f"  email     {user.email}\n  password  {password}\n  API key   {made.key} (until {ends:%Y-%m-%d})", flush=True
    )
    return user


async def show(pool: Pool, workspace_id: int, campaign: Campaign, console: Console | None = None) -> None:
    """Show how a campaign gets on: a bar on a terminal, else a line a second. Raises Unavailable when nothing moves."""
    console = console or Console(highlight=False)
    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    follow = partial(progress, pool, workspace_id, campaign.id)
    if console.is_terminal:
        with Progress(*columns, console=console) as bar:
            task = bar.add_task(_in_words(campaign), total=_first(campaign)[0])
            async with aclosing(follow(poll_s=0.1)) as states:
                async for campaign in states:
                    bar.update(task, completed=_done(campaign), description=_in_words(campaign))
    else:
        async with aclosing(follow(poll_s=1.0)) as states:
            async for campaign in states:
                console.print(_in_words(campaign), soft_wrap=True)
    if campaign.status == "ACTIVE" and campaign.next_at is not None and _first(campaign)[1]:
        console.print(f"The hourly limit holds the rest back until {campaign.next_at:%H:%M} UTC.")
    if campaign.steps and not _first(campaign)[1]:
        console.print(
            "A second step follows two minutes later, to whoever has not answered: reply to one in the sandbox inbox,"
            " and that one is stopped.",
            soft_wrap=True,
        )


async def progress(
    pool: Pool, workspace_id: int, campaign_id: int, *, poll_s: float, stalled_s: float = STALLED_S
) -> AsyncGenerator[Campaign]:
    """The campaign each time its counts have changed, until it ends or its next email is further off than `stalled_s`.

    Raises Unavailable when nothing has changed for `stalled_s`.
    """
    counts: dict[str, int] = {}
    moved_at = time.monotonic()
    while True:
        campaign = await campaigns.get_campaign(pool, workspace_id, campaign_id)
        if campaign.counts != counts:
            counts, moved_at = campaign.counts, time.monotonic()
            yield campaign
        has_gone = campaign.steps and not _first(campaign)[1]  # later steps come when nobody looks any more
        if campaign.status in {"FINISHED", "CANCELLED"} or has_gone or _is_held_back(campaign, stalled_s):
            return
        if time.monotonic() - moved_at > stalled_s:
            raise Unavailable(
                f"nothing has moved for {stalled_s:g} s; is a worker running? `reachinbox up` starts everything"
            )
        await asyncio.sleep(poll_s)


def _is_held_back(campaign: Campaign, stalled_s: float) -> bool:
    if campaign.next_at is None or campaign.counts["SENDING"]:
        return False
    return campaign.next_at - datetime.now(UTC) > timedelta(seconds=stalled_s)


def _first(campaign: Campaign) -> tuple[int, int]:
    """How many emails of the first step there are, and how many of them wait or are being sent."""
    if campaign.steps:
        return campaign.steps[0].total, campaign.steps[0].waiting
    return campaign.total, campaign.counts["SCHEDULED"] + campaign.counts["SENDING"]


def _done(campaign: Campaign) -> int:
    total, waiting = _first(campaign)
    return total - waiting


def _in_words(campaign: Campaign) -> str:
    counts = campaign.counts
    if campaign.steps:
        first = campaign.steps[0]
        counts = {"SCHEDULED": first.waiting, "SENT": first.sent}
    present = (f"{count} {status}" for status, count in counts.items() if count)
    return f"{_done(campaign):>3} of {_first(campaign)[0]}: {', '.join(present)}"
