"""Many emails at once, as a long life of the service leaves them: for screenshots, long lists and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import psycopg

REFUSED = (("RCPT", 550, "5.1.1", "The email account that you tried to reach does not exist"),)
REPLIES = {
    "SENT": ("ACCEPTED", ".", 250, "2.0.0", "Ok: queued as 4bTqYw1zK9"),
    "FAILED": ("REJECTED", *REFUSED[0]),
    "UNKNOWN": ("UNKNOWN", ".", None, None, "the connection was lost before the reply to the message"),
}
CAMPAIGN = """
INSERT INTO campaigns (workspace_id, sender_id, name, subject, body, start_at, delay_ms, status, finished_at)
SELECT s.workspace_id, s.id, %(name)s, 'What is new in {{ month }}', 'Here is what is new.', now() - interval '5 hours',
       2000, %(status)s::campaign_status,
       CASE WHEN %(status)s::campaign_status = 'FINISHED' THEN now() - interval '1 hour' END
FROM senders s JOIN members m USING (workspace_id) JOIN users u ON u.id = m.user_id
WHERE u.email = %(owner)s AND s.is_default
RETURNING id, workspace_id
"""
STREAM = """
INSERT INTO streams (workspace_id, campaign_id, sender_id, open, gap_ms, next_due_at, total, scheduled, sending, sent,
                     failed, unknown, cancelled)
SELECT workspace_id, id, sender_id, status IN ('ACTIVE', 'FINISHED'), delay_ms,
       CASE WHEN %(SCHEDULED)s > 0 THEN now() + interval '1 hour' END,
       %(total)s, %(SCHEDULED)s, %(SENDING)s, %(SENT)s, %(FAILED)s, %(UNKNOWN)s, %(CANCELLED)s
FROM campaigns WHERE id = %(campaign_id)s
RETURNING id
"""
EMAILS = """
INSERT INTO emails (workspace_id, campaign_id, stream_id, recipient, fields, status, scheduled_at, sent_at, attempts)
SELECT %(workspace_id)s, %(campaign_id)s, %(stream_id)s, lower(%(status)s::text) || '.' || n || '@' || %(host)s,
       '{"month": "November"}', %(status)s::text::email_status,
       now() + CASE %(status)s::text WHEN 'SCHEDULED' THEN interval '1 hour' + n * interval '2 s'
                                     ELSE interval '-4 hours' + n * interval '10 ms' END,
       CASE %(status)s::text WHEN 'SENT' THEN now() - interval '4 hours' + n * interval '10 ms' END, %(tries)s
FROM generate_series(1, %(n)s) AS n
"""
ATTEMPTS = """
INSERT INTO attempts (workspace_id, email_id, number, outcome, claimed_at, recorded_at, duration_ms, server, command,
                      code, enhanced_code, reply)
SELECT e.workspace_id, e.id, 1, %(outcome)s, e.scheduled_at, e.scheduled_at, 84, 'mx1.example.com:587',
       (%(command)s::text[])[r.n], (%(code)s::integer[])[r.n], (%(enhanced_code)s::text[])[r.n],
       (%(reply)s::text[])[r.n]
FROM emails e CROSS JOIN LATERAL (SELECT (e.id %% cardinality(%(reply)s::text[]))::integer + 1 AS n) r
 WHERE e.campaign_id = %(campaign_id)s AND e.status = %(status)s::text::email_status
"""
SPAN = """
UPDATE campaigns
SET (first_email_id, last_email_id) = (SELECT min(id), max(id) FROM emails WHERE campaign_id = %(campaign_id)s)
WHERE id = %(campaign_id)s
"""
WINDOWS = """
INSERT INTO login_windows (workspace_id, login_id, window_start, allowed, used, accepted, rejected, unknown)
SELECT s.workspace_id, s.login_id, this_hour() - make_interval(hours => ago), l.hourly_limit, 40 + 9 * ago,
       34 + 8 * ago, 2 * (ago %% 3), ago %% 2
FROM campaigns c
JOIN senders s ON s.workspace_id = c.workspace_id AND s.id = c.sender_id
JOIN logins l ON l.workspace_id = s.workspace_id AND l.id = s.login_id, generate_series(1, 9) AS ago
WHERE c.id = %(campaign_id)s
ON CONFLICT DO NOTHING
"""
STATUSES = ("SENT", "FAILED", "UNKNOWN", "SCHEDULED", "SENDING", "CANCELLED")

RESPONSE = """
INSERT INTO responses (workspace_id, kind, email_id, campaign_id, stream_id, sender_id, recipient, writer, writer_name,
                       weak, message_id, folder, uid_validity, uid, received_at, subject, text, html, attachments,
                       severity, reason, code, enhanced_code, diagnostic, back_on)
SELECT e.workspace_id, %(kind)s, e.id, e.campaign_id, e.stream_id, s.sender_id, e.recipient, e.recipient, %(name)s,
       %(weak)s, gen_random_uuid() || '@there.example', 'INBOX', 1, 1, now() - make_interval(mins => %(minutes_ago)s),
       %(subject)s, %(text)s, %(html)s, %(attachments)s, %(severity)s, %(reason)s, %(code)s, %(enhanced_code)s,
       %(diagnostic)s, %(back_on)s
FROM emails e JOIN streams s ON s.workspace_id = e.workspace_id AND s.id = e.stream_id
WHERE e.recipient = %(recipient)s ORDER BY e.id DESC LIMIT 1
RETURNING id, stream_id, email_id
"""
COUNTED = """
UPDATE streams s SET (replied, auto_replied, bounced, complained, unsubscribed) = (
    SELECT count(*) FILTER (WHERE k.replied), count(*) FILTER (WHERE k.auto_replied), count(*) FILTER (WHERE k.bounced),
           count(*) FILTER (WHERE k.complained), count(*) FILTER (WHERE k.unsubscribed)
    FROM (SELECT DISTINCT email_id FROM responses WHERE stream_id = s.id) r,
         response_kinds(s.workspace_id, r.email_id) k)
WHERE id = %(stream_id)s
"""


def fill(
    url: str,
    owner: str,
    counts: Mapping[str, int],
    name: str = "Filled",
    *,
    status: str = "PAUSED",
    host: str = "example.com",
    refused: Sequence[tuple[str, int, str, str]] = REFUSED,
) -> int:
    """A campaign of the account `owner` with so many emails of each status, each with its attempt; returns its id.

    Sent emails went in the last hours, waiting ones are planned from an hour on; failed ones have the answers of
    `refused` in turn.
    """
    n = {each: counts.get(each, 0) for each in STATUSES}
    with psycopg.connect(url) as conn:
        made = conn.execute(CAMPAIGN, {"name": name, "status": status, "owner": owner})
        row = made.fetchone()
        assert row, f"{owner} has no account"
        campaign = {"campaign_id": row[0], "workspace_id": row[1], "host": host}
        (campaign["stream_id"],) = conn.execute(STREAM, campaign | n | {"total": sum(n.values())}).fetchone() or (0,)
        for each in STATUSES:
            conn.execute(EMAILS, campaign | {"status": each, "n": n[each], "tries": int(each in REPLIES)})
        for each, (outcome, *reply) in REPLIES.items():
            replies = refused if each == "FAILED" else (reply,)
            parts = zip(
                ("command", "code", "enhanced_code", "reply"), map(list, zip(*replies, strict=True)), strict=True
            )
            conn.execute(ATTEMPTS, campaign | {"status": each, "outcome": outcome} | dict(parts))
        conn.execute(SPAN, campaign)
        conn.execute(WINDOWS, campaign)
        return row[0]


def come_back(url: str, recipient: str, kind: str, text: str, **more: object) -> int:
    """Record what a reader of the sender's mailbox would have for the latest email to somebody; the response's id."""
    missing = dict.fromkeys(("html", "severity", "reason", "code", "enhanced_code", "diagnostic", "back_on"))
    given = {"name": "", "subject": "Re: Hello", "weak": False, "minutes_ago": 0, "attachments": list[str]()} | more
    with psycopg.connect(url) as conn:
        row = conn.execute(RESPONSE, missing | given | {"recipient": recipient, "kind": kind, "text": text}).fetchone()
        assert row is not None, f"nothing was sent to {recipient}"
        conn.execute(COUNTED, {"stream_id": row[1]})
    return row[0]
