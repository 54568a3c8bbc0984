-- name: list_campaigns
-- A page of campaigns, newest first, each with the first and last planned time of what still waits and its use of
-- the current window.
SELECT c.id, c.sender_id, c.name, c.subject, c.body, c.body_html, c.fields, c.start_at, c.delay_ms, c.hourly_limit,
       c.on_unknown, c.status, c.total, c.scheduled, c.sending, c.sent, c.failed, c.unknown, c.cancelled,
       c.created_at, c.finished_at, c.emails_removed_at,
       waiting.next_at, waiting.last_at,
       used_this_hour(c.window_start, c.window_used) AS used_this_hour
FROM (
    SELECT * FROM campaigns
    WHERE workspace_id = %(workspace_id)s
      AND (%(campaign_id)s::bigint IS NULL OR id = %(campaign_id)s)
      AND (%(status)s::campaign_status IS NULL OR status = %(status)s)
      AND (%(before)s::bigint IS NULL OR id < %(before)s)
    ORDER BY id DESC
    LIMIT %(limit)s
) c
CROSS JOIN LATERAL (
    SELECT min(e.scheduled_at) AS next_at, max(e.scheduled_at) AS last_at
    FROM emails e
    WHERE e.workspace_id = c.workspace_id AND e.campaign_id = c.id AND e.status = 'SCHEDULED'
) waiting
ORDER BY c.id DESC;

-- name: lock_campaign
-- The campaign, held against other changes until the end of the transaction.
SELECT id, sender_id, status, total, scheduled, emails_removed_at FROM campaigns
WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s FOR UPDATE;

-- name: set_campaign_status
-- Pause, resume or cancel. What is being sent stays counted.
UPDATE campaigns SET status = %(status)s, finished_at = NULL WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s;

-- name: cancel_waiting
-- Cancel a batch of what waits in a cancelled campaign and keep its counts true. Emails being claimed this moment
-- are skipped, not waited for: the claim holds them and wants the campaign's row, which is ours.
WITH waiting AS (
    SELECT id FROM emails
    WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s AND status = 'SCHEDULED'
    LIMIT %(batch)s
    FOR UPDATE SKIP LOCKED
),
cancelled AS (
    UPDATE emails e SET status = 'CANCELLED' FROM waiting w
    WHERE e.workspace_id = %(workspace_id)s AND e.id = w.id
    RETURNING 1
)
UPDATE campaigns c
SET scheduled = c.scheduled - n.n, cancelled = c.cancelled + n.n
FROM (SELECT count(*) AS n FROM cancelled) n
WHERE c.workspace_id = %(workspace_id)s AND c.id = %(campaign_id)s
RETURNING n.n AS cancelled;

-- name: cancelled_with_waiting
-- Cancelled campaigns in which something waits still: the rest of a large cancel.
SELECT workspace_id, id AS campaign_id FROM campaigns WHERE status = 'CANCELLED' AND scheduled > 0;
