"""Retention: a worker removes what is over after a while, in batches, each a short transaction that may be killed.

The time of emails begins when their campaign ends; the campaign stays, and its counters with it, as
the record of what became of them. Nothing that waits, is being sent or could be sent by itself is ever touched.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from app.db import Pool, fetch_one, transaction
from app.domain.accounts.sessions import IDLE_S
from app.domain.campaigns import files
from app.domain.recipients.stored_lists import UNUSED_DAYS
from app.settings import Settings
from app.sql import queries

sql = queries(__name__)

BATCH = 1_000  # rows a transaction: some hundredths of a second
KEYS_KEPT_DAYS = 7  # of idempotency: a client that repeats a request does so sooner
DELIVERIES_KEPT_DAYS = 30
INVITATIONS_KEPT_DAYS = 30  # after their end
HOURS_KEPT_DAYS = 2  # of campaigns, by sender: a day of a ramp may have 25 hours
OTHERS_KEPT_DAYS = 1  # what is of use for minutes or hours


class Chore(NamedTuple):
    """Something to remove, batch by batch; `text` gives a row with the number `removed` until nothing is due."""

    what: str
    text: bytes
    parameters: dict[str, Any]


def chores(settings: Settings) -> list[Chore]:
    """The chores that the settings ask for, in the order in which to do them."""
    emails_days, attempts_days = settings.retention_emails_days, settings.retention_attempts_days
    spans_days = min((days for days in (emails_days, attempts_days) if days), default=0)
    kept = [
        ("spans", sql.note_spans, spans_days),
        ("emails", sql.remove_emails, emails_days),
        ("attempts", sql.remove_attempts, attempts_days),
        ("sandbox messages", sql.remove_sandbox_messages, settings.retention_sandbox_days),
        ("webhook deliveries", sql.remove_deliveries, DELIVERIES_KEPT_DAYS),
        ("hours", sql.remove_windows, settings.retention_stats_days),
        ("hours of campaigns", sql.remove_stream_hours, HOURS_KEPT_DAYS),
        ("responses", sql.remove_responses, settings.retention_responses_days),
        ("stops that were heard", sql.remove_heard_stops, settings.retention_responses_days),
        ("recipient lists", sql.remove_unused_lists, UNUSED_DAYS),
        ("files", sql.remove_unused_files, files.UNUSED_DAYS),
        ("idempotency keys", sql.remove_idempotency_keys, KEYS_KEPT_DAYS),
        ("invitations", sql.remove_expired_invitations, INVITATIONS_KEPT_DAYS),
        ("password resets", sql.remove_expired_resets, OTHERS_KEPT_DAYS),
        ("unfinished logins", sql.remove_unfinished_logins, OTHERS_KEPT_DAYS),
        ("refusals", sql.remove_refusals, OTHERS_KEPT_DAYS),
        ("login attempts", sql.remove_login_attempts, OTHERS_KEPT_DAYS),
    ]
    found = [Chore(what, text, {"days": days, "batch": BATCH}) for what, text, days in kept if days]
    of_deleted = [
        Chore("emails of deleted workspaces", sql.remove_emails_of_deleted, {"batch": BATCH}),
        Chore("saved recipients of deleted workspaces", sql.remove_recipients_of_deleted, {"batch": BATCH}),
        Chore("suppressions of deleted workspaces", sql.remove_suppressions_of_deleted, {"batch": BATCH}),
        Chore("files of deleted workspaces", sql.remove_files_of_deleted, {}),
        Chore("responses of deleted workspaces", sql.remove_responses_of_deleted, {"batch": BATCH}),
        Chore("deleted workspaces", sql.remove_deleted_workspace, {}),
        Chore("invitations to workspaces", sql.remove_workspace_invitations, {"days": INVITATIONS_KEPT_DAYS}),
    ]
    return [*found, *of_deleted, Chore("sessions", sql.remove_expired_sessions, {"idle_s": IDLE_S, "batch": BATCH})]


async def begin(pool: Pool, token: UUID) -> bool:
    """Whether the worker is the one to clean up. Notes which campaigns were cancelled since last time."""
    async with transaction(pool) as conn:
        row = await fetch_one(conn, sql.eldest_worker, {"token": token})
        if row is None or not row["is_us"]:
            return False
        await conn.execute(sql.note_cancelled)
    return True


async def remove_batch(pool: Pool, token: UUID, chore: Chore) -> int | None:
    """How many rows a batch removed; None: nothing more is due, or another worker cleans up now."""
    async with transaction(pool) as conn:
        eldest = await fetch_one(conn, sql.eldest_worker, {"token": token})
        if eldest is None or not eldest["is_us"]:
            return None
        row = await fetch_one(conn, chore.text, chore.parameters)
    return None if row is None else row["removed"]
