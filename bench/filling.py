"""A database as it looks after some busy months: users, senders, campaigns in every state, emails in every status."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import psycopg

from app.domain.accounts.actor import LOCAL
from app.domain.accounts.users import create_user
from app.domain.workspaces.keys import create_key
from app.secrets import SecretBox
from bench.service import SECRET_KEY, UNLIMITED, service, settle


class Filled(NamedTuple):
    """A person's view: the user that has most, one of its senders, and its campaign with emails in all statuses."""

    key: str
    workspace_id: int
    sender_id: int
    campaign_id: int


class _Campaign(NamedTuple):
    """How many ten-thousandths of all emails are in a campaign, and the statuses that they take turns at."""

    share: int
    status: str
    statuses: tuple[str, ...]


_ENDED = ("SENT",) * 47 + ("FAILED", "FAILED", "UNKNOWN")
_MIXED = ("SENT", "SCHEDULED") * 10 + ("FAILED", "UNKNOWN", "CANCELLED")
# The campaigns of the user that looks. The last one is the one looked at.
_MINE = (
    _Campaign(2500, "FINISHED", _ENDED),
    _Campaign(1500, "FINISHED", _ENDED),
    _Campaign(1000, "CANCELLED", ("SENT",) * 3 + ("CANCELLED",) * 7),
    _Campaign(1000, "PAUSED", ("SCHEDULED",)),
    *(_Campaign(10, "FINISHED", _ENDED) for _ in range(50)),
    _Campaign(1500, "ACTIVE", _MIXED),
)
_OTHERS = (_Campaign(500, "FINISHED", _ENDED), *(_Campaign(10, "ACTIVE", _MIXED) for _ in range(50)))

_INSERT_CAMPAIGN = """
WITH campaign AS (
    INSERT INTO campaigns (workspace_id, sender_id, name, subject, body, start_at, status, finished_at)
    VALUES (%(workspace_id)s, %(sender_id)s, 'A campaign', 'Hello', 'Hello, world.', now() - interval '1 day',
            %(status)s::campaign_status, CASE WHEN %(status)s::campaign_status = 'FINISHED' THEN now() END)
    RETURNING id, status
)
INSERT INTO streams (workspace_id, campaign_id, sender_id, open, gap_ms, next_due_at, total, scheduled, sent, failed,
                     unknown, cancelled)
SELECT %(workspace_id)s, campaign.id, %(sender_id)s, campaign.status IN ('ACTIVE', 'FINISHED'), 0,
       CASE WHEN count(*) FILTER (WHERE s = 'SCHEDULED') > 0 THEN now() - interval '1 day' END,
       count(*), count(*) FILTER (WHERE s = 'SCHEDULED'),
       count(*) FILTER (WHERE s = 'SENT'), count(*) FILTER (WHERE s = 'FAILED'),
       count(*) FILTER (WHERE s = 'UNKNOWN'), count(*) FILTER (WHERE s = 'CANCELLED')
FROM campaign, (SELECT (%(statuses)s::text[])[1 + n %% cardinality(%(statuses)s::text[])] AS s
      FROM generate_series(0, %(count)s - 1) n) emails
GROUP BY campaign.id, campaign.status
RETURNING campaign_id, id AS stream_id
"""
# An email a millisecond: of what waits, the first hundred are due.
_INSERT_EMAILS = """
INSERT INTO emails (workspace_id, campaign_id, stream_id, recipient, fields, status, scheduled_at, attempts, claimed_at,
                    sent_at, message_id)
SELECT %(workspace_id)s, %(campaign_id)s, %(stream_id)s, 'person' || n || '@bench.example',
       jsonb_build_object('first_name', 'Name' || n), s::email_status,
       now() + (n - 100) * interval '1 ms' * (CASE WHEN s = 'SCHEDULED' THEN 1000 ELSE -1 END),
       (s IN ('SENT', 'FAILED', 'UNKNOWN'))::integer, CASE WHEN s IN ('SENT', 'FAILED', 'UNKNOWN') THEN now() END,
       CASE WHEN s = 'SENT' THEN now() END, CASE WHEN s = 'SENT' THEN '<' || md5(n::text) || '@bench.example>' END
FROM (SELECT n, (%(statuses)s::text[])[1 + n %% cardinality(%(statuses)s::text[])] AS s
      FROM generate_series(0, %(count)s - 1) n) emails
ORDER BY n
"""
_SPAN = """
UPDATE campaigns c SET (first_email_id, last_email_id) = (
    SELECT min(id), max(id) FROM emails e WHERE e.workspace_id = c.workspace_id AND e.campaign_id = c.id)
WHERE c.workspace_id = %(workspace_id)s AND c.id = %(campaign_id)s
"""
_INSERT_ATTEMPTS = """
INSERT INTO attempts (workspace_id, email_id, number, outcome, claimed_at, duration_ms, server, command, code, reply)
SELECT workspace_id, id, 1,
       (CASE status WHEN 'SENT' THEN 'ACCEPTED' WHEN 'FAILED' THEN 'REJECTED' ELSE 'UNKNOWN' END)::attempt_outcome,
       claimed_at, 3, '192.0.2.1:587', '.', CASE status WHEN 'SENT' THEN 250 WHEN 'FAILED' THEN 550 END, 'Ok'
FROM emails WHERE attempts = 1
"""
_INSERT_WINDOWS = """
INSERT INTO login_windows (workspace_id, login_id, window_start, allowed, used, accepted)
SELECT workspace_id, id, this_hour() - hours * interval '1 hour', hourly_limit, 100, 100
FROM logins, generate_series(0, 720) hours
"""


def fill(url: str, emails: int) -> Filled:
    """Migrate the database and fill it with about so many emails."""
    first, key, others = asyncio.run(_create_users(url))
    with psycopg.connect(url, autocommit=True) as conn:
        senders = _senders_of(conn, first)
        for number, campaign in enumerate(_MINE):
            looked_at = _insert(conn, first, senders[number % len(senders)], campaign, emails)
        sender_id = senders[(len(_MINE) - 1) % len(senders)]
        for workspace_id in others:
            senders = _senders_of(conn, workspace_id)
            for number, campaign in enumerate(_OTHERS):
                _insert(conn, workspace_id, senders[number % len(senders)], campaign, emails)
        conn.execute(_INSERT_ATTEMPTS)
        conn.execute(_INSERT_WINDOWS)
    settle(url)
    return Filled(key, first, sender_id, looked_at)


async def _create_users(url: str) -> tuple[int, str, list[int]]:
    async with service(url) as (pool, first):
        box = SecretBox(SECRET_KEY)
        others = [
            await create_user(pool, box, f"user{n}@bench.example", "battery staple", default_hourly_limit=UNLIMITED)
            for n in range(2)
        ]
        return (
            first.id,
            await create_key(pool, LOCAL.of(first.id), first.workspace_id, "bench"),
            [user.workspace_id for user in others],
        )


def _senders_of(conn: psycopg.Connection[Any], workspace_id: int) -> list[int]:
    """Its sender, and two more like it."""
    conn.execute(
        "WITH login AS (INSERT INTO logins (workspace_id, hourly_limit, max_connections)"
        " SELECT workspace_id, hourly_limit, 1000 FROM logins, generate_series(1, 2) n WHERE workspace_id = %(of)s"
        " RETURNING workspace_id, id)"
        " INSERT INTO senders (workspace_id, login_id, email)"
        " SELECT login.workspace_id, login.id, login.id || email FROM login JOIN senders USING (workspace_id)",
        {"of": workspace_id},
    )
    return [id for (id,) in conn.execute("SELECT id FROM senders WHERE workspace_id = %s ORDER BY id", [workspace_id])]


def _insert(conn: psycopg.Connection[Any], workspace_id: int, sender_id: int, campaign: _Campaign, emails: int) -> int:
    params: dict[str, Any] = {"workspace_id": workspace_id, "sender_id": sender_id, "status": campaign.status}
    params |= {"statuses": list(campaign.statuses), "count": max(emails * campaign.share // 10_000, 1)}
    row = conn.execute(_INSERT_CAMPAIGN, params).fetchone()
    assert row
    params["campaign_id"], params["stream_id"] = row
    conn.execute(_INSERT_EMAILS, params)
    conn.execute(_SPAN, params)
    return row[0]
