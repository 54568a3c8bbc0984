-- name: campaigns_in_trouble
-- Campaigns with emails that wait for a person's word, newest first, and since when the first of them does: the latest
-- attempt at it.
SELECT c.id, c.name, t.status, t.count, since.at AS since
FROM (
    SELECT * FROM campaigns
    WHERE workspace_id = %(workspace_id)s AND emails_removed_at IS NULL AND (unknown > 0 OR failed > 0 AND status <> 'CANCELLED')
    ORDER BY id DESC LIMIT %(limit)s
) c
CROSS JOIN LATERAL (VALUES ('FAILED', c.failed), ('UNKNOWN', c.unknown)) t (status, count)
LEFT JOIN LATERAL (
    SELECT a.recorded_at AS at
    FROM (
        -- One by one, for the index of each status.
        (SELECT id, attempts FROM emails
         WHERE workspace_id = %(workspace_id)s AND t.status = 'FAILED' AND status = 'FAILED' AND campaign_id = c.id
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
-- Senders that are backed off, and why.
SELECT id, email, blocked_since AS since, blocked_until, block_reason FROM senders
WHERE workspace_id = %(workspace_id)s AND blocked_until > now()
ORDER BY id
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
