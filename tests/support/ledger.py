"""Rows of the ledger put there directly, for tests of what Postgres itself allows and how it plans."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from app.db import Conn, Pool, fetch_exactly_one, transaction
from app.domain.ledger.claims import Claim, Report
from app.domain.operations import installation
from app.mail.opaque import Links, MessageIds
from worker.verdicts import Verdict

STATUSES = ("SCHEDULED", "SENDING", "SENT", "FAILED", "UNKNOWN", "CANCELLED")


async def insert_campaign(
    conn: Conn, workspace_id: int, statuses: Sequence[str], *, status: str = "ACTIVE"
) -> tuple[int, int]:
    """A campaign of the user's default sender with an email of each status given; returns its id and the sender's."""
    counts = Counter(statuses)
    sender = await fetch_exactly_one(
        conn, b"SELECT id FROM senders WHERE workspace_id = %(u)s LIMIT 1", {"u": workspace_id}
    )
    campaign = await fetch_exactly_one(
        conn,
        b"INSERT INTO campaigns (workspace_id, sender_id, name, subject, body, start_at, status)"
        b" VALUES (%(u)s, %(s)s, 'n', 's', 'b', now(), %(status)s) RETURNING id",
        {"u": workspace_id, "s": sender["id"], "status": status},
    )
    stream = await fetch_exactly_one(
        conn,
        b"INSERT INTO streams (workspace_id, campaign_id, sender_id, open, gap_ms, next_due_at, total, scheduled,"
        b" sending, sent, failed, unknown, cancelled)"
        b" VALUES (%(u)s, %(c)s, %(s)s, %(open)s, 0, CASE WHEN %(SCHEDULED)s > 0 THEN now() END,"
        b" %(total)s, %(SCHEDULED)s, %(SENDING)s, %(SENT)s, %(FAILED)s, %(UNKNOWN)s, %(CANCELLED)s) RETURNING id",
        {"u": workspace_id, "c": campaign["id"], "s": sender["id"], "open": status in {"ACTIVE", "FINISHED"}}
        | {"total": len(statuses)}
        | {name: counts[name] for name in STATUSES},
    )
    await conn.execute(
        "INSERT INTO emails (workspace_id, campaign_id, stream_id, recipient, status, scheduled_at, claim_token,"
        " claimed_at, sent_at, cancel_reason)"
        " SELECT %(u)s, %(c)s, %(stream)s, 'r' || n || '@example.com', status::email_status, now(),"
        " CASE WHEN status = 'SENDING' THEN gen_random_uuid() END, now(), CASE WHEN status = 'SENT' THEN now() END,"
        " CASE WHEN status = 'CANCELLED' THEN 'CAMPAIGN'::cancel_reason END"
        " FROM unnest(%(statuses)s::text[]) WITH ORDINALITY AS t (status, n)",
        {"u": workspace_id, "c": campaign["id"], "stream": stream["id"], "statuses": list(statuses)},
    )
    await conn.execute(
        "UPDATE campaigns SET (first_email_id, last_email_id) ="
        " (SELECT min(id), max(id) FROM emails WHERE campaign_id = %(c)s) WHERE id = %(c)s",
        {"c": campaign["id"]},
    )
    return campaign["id"], sender["id"]


def report_of(claim: Claim, verdict: Verdict) -> Report:
    """The report of a worker on a claim by this verdict."""
    return Report(
        claim.id,
        verdict.kind,
        command=verdict.command,
        code=verdict.code,
        enhanced_code=verdict.enhanced_code,
        reply=verdict.text,
        claimed_at=claim.claimed_at,
        refusal=verdict.refusal,
        probe=claim.probe,
        retried=claim.attempts > 0,
        ended=time.monotonic(),
    )


async def message_id_of(pool: Pool, campaign_id: int) -> str:
    """The Message-ID of a campaign's first email."""
    keys = await installation.read_keys(pool)
    async with transaction(pool) as conn:
        row = await fetch_exactly_one(
            conn, b"SELECT workspace_id, first_email_id FROM campaigns WHERE id = %(c)s", {"c": campaign_id}
        )
    return MessageIds(keys.message).of(row["workspace_id"], row["first_email_id"], "example.com")


async def token_of(pool: Pool, campaign_id: int, recipient: str) -> str:
    """The token of the link to unsubscribe in the email of a campaign to a recipient."""
    keys = await installation.read_keys(pool)
    async with transaction(pool) as conn:
        row = await fetch_exactly_one(
            conn,
            b"SELECT workspace_id, id FROM emails WHERE campaign_id = %(c)s AND recipient = %(r)s",
            {"c": campaign_id, "r": recipient},
        )
    return Links("", keys).token(row["workspace_id"], row["id"], recipient)
