-- name: campaigns_in_trouble
-- Campaigns with emails that wait for a person's word, newest first, and since when the first of them does: the latest
-- attempt at it.
SELECT c.id, c.name, t.status, t.count, since.at AS since
FROM (
    SELECT o.id, o.workspace_id, o.name, o.status, o.first_email_id, o.last_email_id,
           sum(s.unknown) AS unknown, sum(s.failed - s.settled) AS failed
    FROM streams s
    JOIN campaigns o ON o.workspace_id = s.workspace_id AND o.id = s.campaign_id
    WHERE s.workspace_id = %(workspace_id)s AND o.emails_removed_at IS NULL
      AND (s.unknown > 0 OR s.failed > s.settled AND o.status <> 'CANCELLED')
    GROUP BY o.workspace_id, o.id
    ORDER BY o.id DESC LIMIT %(limit)s
) c
CROSS JOIN LATERAL (VALUES ('FAILED', c.failed), ('UNKNOWN', c.unknown)) t (status, count)
LEFT JOIN LATERAL (
    SELECT a.recorded_at AS at
    FROM (
        -- One by one, for the index of each status.
        (SELECT id, attempts FROM emails
         WHERE workspace_id = %(workspace_id)s AND t.status = 'FAILED' AND status = 'FAILED' AND settled IS NULL
           AND campaign_id = c.id
           AND id BETWEEN c.first_email_id AND c.last_email_id
         ORDER BY id LIMIT 1)
        UNION ALL
        (SELECT id, attempts FROM emails
         WHERE workspace_id = %(workspace_id)s AND t.status = 'UNKNOWN' AND status = 'UNKNOWN' AND campaign_id = c.id
           AND id BETWEEN c.first_email_id AND c.last_email_id
         ORDER BY id LIMIT 1)
    ) e
    JOIN attempts a ON a.workspace_id = %(workspace_id)s AND a.email_id = e.id AND a.number = e.attempts
) since ON true
WHERE t.count > 0 AND (t.status = 'UNKNOWN' OR c.status <> 'CANCELLED')
ORDER BY c.id DESC, t.status;

-- name: blocked_senders
-- Senders that are backed off or refused as a whole, and why. One that is only slow goes on by itself.
SELECT s.id, s.email, coalesce(h.since, s.blocked_since) AS since, coalesce(h.probe_at, s.blocked_until) AS blocked_until,
       coalesce(h.words, s.block_reason) AS block_reason
FROM senders s
LEFT JOIN holds h ON h.workspace_id = s.workspace_id AND h.login_id = s.login_id AND h.stream_id IS NULL
                 AND h.reason = 'REFUSED'
WHERE s.workspace_id = %(workspace_id)s AND (s.blocked_until > now() OR h.id IS NOT NULL)
ORDER BY s.id
LIMIT %(limit)s;

-- name: unread_senders
-- Senders whose mailbox could not be read for ten minutes, and why.
SELECT s.id, s.email, i.failing_since AS since, i.error, i.next_at
FROM inboxes i
JOIN senders s ON s.workspace_id = i.workspace_id AND s.id = i.sender_id
WHERE i.workspace_id = %(workspace_id)s AND i.failing_since < now() - interval '10 minutes'
ORDER BY s.id
LIMIT %(limit)s;

-- name: held_campaigns
-- Campaigns that may go and whose emails are refused one after the other, newest first.
SELECT c.id, c.name, h.since, h.probe_at, h.words
FROM holds h
JOIN streams t ON t.workspace_id = h.workspace_id AND t.id = h.stream_id
JOIN campaigns c ON c.workspace_id = t.workspace_id AND c.id = t.campaign_id
WHERE h.workspace_id = %(workspace_id)s AND h.reason = 'REFUSED' AND h.of_stream IS NULL
  AND c.status IN ('ACTIVE', 'PAUSED')
ORDER BY c.id DESC
LIMIT %(limit)s;

-- name: braked_campaigns
-- Campaigns that paused themselves, newest first.
SELECT id, name, brake FROM campaigns
WHERE workspace_id = %(workspace_id)s AND status = 'PAUSED' AND brake IS NOT NULL
ORDER BY id DESC
LIMIT %(limit)s;

-- name: webhooks_in_trouble
-- Webhooks that were disabled, not by a person, and those whose latest try failed.
SELECT id, url, coalesce(disabled_at, failing_since) AS since, disabled_at, disabled_reason, last_error FROM webhooks
WHERE workspace_id = %(workspace_id)s
  AND (disabled_at IS NULL AND failing_since IS NOT NULL OR disabled_reason IS NOT NULL)
ORDER BY id
LIMIT %(limit)s;

-- name: workers_alive
-- Whether any worker is alive; if not, since when as far as one left a trace.
SELECT coalesce(bool_or(lease_until > now()), false) AS alive, max(lease_until) AS last_seen FROM workers;
