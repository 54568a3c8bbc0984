-- name: list_campaigns
-- A page of campaigns, newest first, each with the first and last planned time of what still waits and its use of
-- the current window.
SELECT c.id, c.sender_id, c.name, c.subject, c.body, c.body_html, c.language, c.fields, c.start_at, c.delay_ms, c.hourly_limit,
       c.on_unknown, c.status, n.total, n.scheduled, n.sending, n.sent, n.failed, n.unknown, n.cancelled,
       c.created_at, c.finished_at, c.emails_removed_at,
       waiting.next_at, waiting.last_at, n.used_this_hour
FROM (
    SELECT * FROM campaigns
    WHERE workspace_id = %(workspace_id)s
      AND (%(campaign_id)s::bigint IS NULL OR id = %(campaign_id)s)
      AND (%(status)s::campaign_status IS NULL OR status = %(status)s)
      AND (%(before)s::bigint IS NULL OR id < %(before)s)
    ORDER BY id DESC
    LIMIT %(limit)s
) c
CROSS JOIN LATERAL campaign_counts(c.workspace_id, c.id) n
CROSS JOIN LATERAL waiting_of(c.workspace_id, c.id) waiting
ORDER BY c.id DESC;

-- name: lock_campaign
-- The campaign, held against other changes until the end of the transaction. Its streams are locked already.
SELECT id, sender_id, status, emails_removed_at FROM campaigns
WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s FOR NO KEY UPDATE;

-- name: set_streams_open
-- Whether anything may be claimed of its streams, which are locked.
UPDATE streams SET open = %(open)s WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s;

-- name: set_campaign_status
-- Pause, resume or cancel. What is being sent stays counted.
UPDATE campaigns SET status = %(status)s, finished_at = NULL WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s;

-- name: cancel_waiting
-- Cancel a batch of what waits in a stream of a cancelled campaign and keep its counts true. The stream is locked, so
-- nobody else has its emails.
WITH waiting AS (
    SELECT id FROM emails
    WHERE workspace_id = %(workspace_id)s AND stream_id = %(stream_id)s AND status = 'SCHEDULED'
    LIMIT %(batch)s
    FOR UPDATE
),
cancelled AS (
    UPDATE emails e SET status = 'CANCELLED' FROM waiting w
    WHERE e.workspace_id = %(workspace_id)s AND e.id = w.id
    RETURNING 1
)
UPDATE streams s
SET scheduled = s.scheduled - n.n, cancelled = s.cancelled + n.n
FROM (SELECT count(*) AS n FROM cancelled) n
WHERE s.workspace_id = %(workspace_id)s AND s.id = %(stream_id)s
RETURNING n.n AS cancelled;

-- name: cancelled_with_waiting
-- Streams of cancelled campaigns in which something waits still: the rest of a large cancel.
SELECT s.workspace_id, s.campaign_id, s.id AS stream_id
FROM campaigns c
JOIN streams s ON s.workspace_id = c.workspace_id AND s.campaign_id = c.id
WHERE c.status = 'CANCELLED' AND s.scheduled > 0
ORDER BY s.id;
