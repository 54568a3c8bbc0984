-- name: live_workers
-- Workers that may be sending this moment.
SELECT name FROM workers WHERE lease_until > now() ORDER BY name;

-- name: pause_all
-- From now on nothing is claimed, whoever owns it.
UPDATE campaigns SET status = 'PAUSED' WHERE status = 'ACTIVE' RETURNING workspace_id, id;

-- name: campaigns_to_hold
-- Campaigns with something that may have been sent without a record of it here.
SELECT workspace_id, id, name, scheduled FROM campaigns WHERE scheduled + sending > 0 AND status <> 'CANCELLED'
ORDER BY workspace_id, id;

-- name: hold_emails
-- Put a batch of a campaign's emails in doubt: those due by now, and those that were being sent. They count against
-- their sender's and their campaign's current hour, as everything does that may have been accepted. Emails of a
-- campaign are locked after the campaign, as everywhere.
WITH campaign AS MATERIALIZED (
    SELECT workspace_id, id, sender_id FROM campaigns
    WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s AND status = 'PAUSED'
    FOR NO KEY UPDATE
),
doubtful AS MATERIALIZED (
    (SELECT e.id, e.status FROM emails e
     WHERE e.workspace_id = %(workspace_id)s AND e.campaign_id = %(campaign_id)s
       AND e.status = 'SCHEDULED' AND e.scheduled_at <= now() AND EXISTS (SELECT FROM campaign)
     ORDER BY e.scheduled_at, e.id
     LIMIT %(batch)s)
    UNION ALL
    (SELECT e.id, e.status FROM emails e
     WHERE e.workspace_id = %(workspace_id)s AND e.campaign_id = %(campaign_id)s
       AND e.status = 'SENDING' AND EXISTS (SELECT FROM campaign))
),
held AS (
    UPDATE emails e
    SET status = 'UNKNOWN', claim_token = NULL, attempts = e.attempts + 1
    FROM doubtful d
    WHERE e.workspace_id = %(workspace_id)s AND e.id = d.id AND e.status = d.status  -- unless it was just reported
    RETURNING e.id, e.attempts, e.claimed_at, d.status = 'SENDING' AS counted
),
audit AS (
    INSERT INTO attempts (workspace_id, email_id, number, outcome, claimed_at, reply)
    SELECT %(workspace_id)s, id, attempts, 'UNKNOWN', coalesce(claimed_at, now()),
           'held: it may have been sent, and the database was restored to a moment before'
    FROM held
),
n AS (
    SELECT count(*) AS n, count(*) FILTER (WHERE counted) AS sending FROM held
),
used AS (
    INSERT INTO sender_windows AS w (workspace_id, sender_id, window_start, used)
    SELECT c.workspace_id, c.sender_id, this_hour(), n.n - n.sending
    FROM campaign c, n
    WHERE n.n > n.sending
    ON CONFLICT (workspace_id, sender_id, window_start) DO UPDATE SET used = w.used + excluded.used
)
UPDATE campaigns c
SET scheduled = c.scheduled - (n.n - n.sending),
    sending = c.sending - n.sending,
    unknown = c.unknown + n.n,
    window_start = greatest(c.window_start, this_hour()),
    window_used = used_this_hour(c.window_start, c.window_used) + n.n - n.sending,
    (status, finished_at) = (
        SELECT a.status, a.finished_at
        FROM campaign_after(c.status, c.finished_at, c.scheduled - (n.n - n.sending), c.sending - n.sending) a)
FROM campaign o, n
WHERE c.workspace_id = o.workspace_id AND c.id = o.id AND n.n > 0
RETURNING n.n AS held, c.scheduled AS waiting;
