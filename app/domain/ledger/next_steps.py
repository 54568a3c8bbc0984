"""The next step after emails that were sent: which, when, and why it would wait; or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from app.db import Conn, fetch_all
from app.domain.ledger.follow_ups import due_of
from app.domain.planning.campaign_calendar import of_kept
from app.domain.planning.follow import Clocks
from app.domain.planning.reasons import Waiting
from app.sql import queries

sql = queries(__name__)


class NextStep(msgspec.Struct, rename="camel", frozen=True):
    """A later step that an email owes: at `at`, its campaign's calendar included, if nothing stops or holds it until
    then; `waiting` says what would.
    """

    email_id: int
    campaign_id: int
    campaign_name: str
    step: int
    at: datetime
    waiting: Waiting


async def of_emails(conn: Conn, workspace_id: int, email_ids: Sequence[int]) -> list[NextStep]:
    """Of those that owe one, soonest first."""
    if not email_ids:
        return []
    rows = await fetch_all(conn, sql.next_steps, {"workspace_id": workspace_id, "ids": list(email_ids)})
    found: list[NextStep] = []
    for row in rows:
        at = due_of(row, Clocks(of_kept(row["calendar"]), row["now"]), row["now"]).at
        text = "It follows another email, after the wait of its step; until then an answer stops it."
        waiting = Waiting("FOLLOWS", at, text)
        if row["campaign_status"] == "PAUSED":
            waiting = Waiting("PAUSED", None, "Resume the campaign: what fell due meanwhile comes then.")
        elif row["unread"]:
            text = "Nobody reads the mailbox that an answer would come to, so it would wait; have it read."
            waiting = Waiting("INBOX_UNREAD", None, text)
        found.append(NextStep(row["id"], row["campaign_id"], row["campaign_name"], row["step"], at, waiting))
    return sorted(found, key=lambda one: one.at)
