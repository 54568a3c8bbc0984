-- name: live_workers
-- Workers that may be sending this moment.
SELECT name FROM workers WHERE lease_until > now() ORDER BY name;

-- name: close_all
-- From now on nothing is claimed, whoever owns it. Streams before their campaigns, as everywhere.
WITH active AS MATERIALIZED (
    SELECT s.workspace_id, s.id FROM streams s
    JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
    WHERE c.status = 'ACTIVE'
    ORDER BY s.id
    FOR NO KEY UPDATE OF s
)
UPDATE streams s SET open = false FROM active a WHERE s.workspace_id = a.workspace_id AND s.id = a.id;

-- name: pause_all
-- Say so of their campaigns.
WITH active AS MATERIALIZED (
    SELECT c.workspace_id, c.id FROM campaigns c
    WHERE c.status = 'ACTIVE'
      AND NOT EXISTS (SELECT FROM streams s WHERE s.workspace_id = c.workspace_id AND s.campaign_id = c.id AND s.open)
    ORDER BY c.id
    FOR NO KEY UPDATE OF c
)
UPDATE campaigns c SET status = 'PAUSED' FROM active a WHERE c.workspace_id = a.workspace_id AND c.id = a.id
RETURNING c.workspace_id, c.id;

-- name: streams_to_hold
-- Streams with something that may have been sent without a record of it here, and their campaigns.
SELECT s.workspace_id, s.id AS stream_id, s.sender_id, c.id AS campaign_id, c.name, s.scheduled
FROM streams s
JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
WHERE s.scheduled + s.sending > 0 AND c.status <> 'CANCELLED'
ORDER BY s.workspace_id, c.id, s.id;

-- name: hold_emails
-- Put a batch of a stream's emails in doubt: those due by now, and those that were being sent. They count against the
-- current hour of their login and their campaign, as everything does that may have been accepted. The window is locked
-- and the stream, in this order, as everywhere.
WITH stream AS MATERIALIZED (
    SELECT s.workspace_id, s.id, s.campaign_id, s.copies, p.login_id
    FROM streams s
    JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
    JOIN senders p ON p.workspace_id = s.workspace_id AND p.id = s.sender_id
    WHERE s.workspace_id = %(workspace_id)s AND s.id = %(stream_id)s AND c.status = 'PAUSED'
),
doubtful AS MATERIALIZED (
    (SELECT e.id, e.status FROM emails e
     WHERE e.workspace_id = %(workspace_id)s AND e.stream_id = %(stream_id)s
       AND e.status = 'SCHEDULED' AND e.scheduled_at <= now() AND EXISTS (SELECT FROM stream)
     ORDER BY e.scheduled_at, e.id
     LIMIT %(batch)s)
    UNION ALL
    (SELECT e.id, e.status FROM emails e
     WHERE e.workspace_id = %(workspace_id)s AND e.stream_id = %(stream_id)s
       AND e.status = 'SENDING' AND EXISTS (SELECT FROM stream))
),
held AS (
    UPDATE emails e
    SET status = 'UNKNOWN', claim_token = NULL, attempts = e.attempts + 1
    FROM doubtful d
    WHERE e.workspace_id = %(workspace_id)s AND e.id = d.id AND e.status = d.status  -- unless it was just reported
      AND e.id = ANY (ARRAY(SELECT id FROM doubtful))  -- by their keys, however many the planner takes these for
    RETURNING e.id, e.attempts, e.claimed_at, d.status = 'SENDING' AS counted
),
audit AS (
    INSERT INTO attempts (workspace_id, email_id, number, outcome, claimed_at, reply)
    SELECT %(workspace_id)s, id, attempts, 'UNKNOWN', coalesce(claimed_at, now()),
           'held: it may have been sent, and the database was restored to a moment before'
    FROM held
),
n AS (
    SELECT count(*) AS n, count(*) FILTER (WHERE counted) AS sending, count(*) FILTER (WHERE NOT counted) AS due FROM held
),
used AS (
    UPDATE login_windows w SET used = w.used + n.due * (1 + s.copies)
    FROM stream s, n
    WHERE w.workspace_id = s.workspace_id AND w.login_id = s.login_id AND w.window_start = this_hour() AND n.due > 0
),
counted AS (
    UPDATE campaign_hours o
    SET window_start = greatest(o.window_start, this_hour()), used = used_this_hour(o.window_start, o.used) + n.due * (1 + s.copies)
    FROM stream s, n
    WHERE o.workspace_id = s.workspace_id AND o.campaign_id = s.campaign_id AND n.due > 0
)
UPDATE streams s
SET scheduled = s.scheduled - n.due,
    sending = s.sending - n.sending,
    unknown = s.unknown + n.n,
    window_start = greatest(s.window_start, this_hour()),
    window_used = used_this_hour(s.window_start, s.window_used) + n.due * (1 + s.copies),
    free_at = coalesce(s.free_at, now())
FROM stream o, n
WHERE s.workspace_id = o.workspace_id AND s.id = o.id AND n.n > 0
RETURNING n.n AS held, s.scheduled AS waiting;
