-- name: lock_campaigns_of_emails
-- The campaigns of emails, locked before the emails as everywhere.
SELECT c.id, c.status, c.emails_removed_at FROM campaigns c
WHERE c.workspace_id = %(workspace_id)s
  AND c.id IN (SELECT e.campaign_id FROM emails e WHERE e.workspace_id = %(workspace_id)s AND e.id = ANY (%(ids)s::bigint[]))
ORDER BY c.id
FOR NO KEY UPDATE;

-- name: undecided_emails
-- A batch of a campaign's emails in one status that waits for a person's word, oldest first, within a span of ids.
SELECT id FROM emails
WHERE workspace_id = %(workspace_id)s AND id BETWEEN %(first_id)s AND %(last_id)s AND campaign_id = %(campaign_id)s
  AND status = %(status)s::email_status
ORDER BY id
LIMIT %(limit)s;

-- name: decide_emails
-- A person's word on emails that ended FAILED or UNKNOWN: send them (again), or take them as sent. Only from the
-- status the person saw; nothing is sent of a cancelled campaign, of one whose emails are being removed, or to whom
-- was erased. What goes again goes from now on, spaced as its campaign is, the first after `before` others. The
-- campaigns' counts move along, and a finished one with work again is active.
WITH picked AS (
    SELECT e.id, now() + least((row_number() OVER (PARTITION BY c.id ORDER BY e.id) - 1 + %(before)s::bigint)
                               * make_interval(secs => c.delay_ms / 1000.0), interval '5 years') AS due_at
    FROM emails e
    JOIN campaigns c ON c.workspace_id = e.workspace_id AND c.id = e.campaign_id
    WHERE e.workspace_id = %(workspace_id)s AND e.id = ANY (%(ids)s::bigint[]) AND e.status = %(from)s::email_status
      AND (%(to)s::email_status <> 'SCHEDULED'
           OR c.status <> 'CANCELLED' AND c.emails_removed_at IS NULL AND e.erased_at IS NULL)
),
changed AS (
    UPDATE emails e
    SET status = %(to)s::email_status,
        scheduled_at = CASE WHEN %(to)s::email_status = 'SCHEDULED' THEN p.due_at ELSE e.scheduled_at END,
        retry_count = CASE WHEN %(to)s::email_status = 'SCHEDULED' THEN 0 ELSE e.retry_count END,
        sent_at = CASE WHEN %(to)s::email_status = 'SENT' THEN now() END
    FROM picked p
    WHERE e.workspace_id = %(workspace_id)s AND e.id = p.id AND e.status = %(from)s::email_status
    RETURNING e.campaign_id
),
moved AS (
    SELECT campaign_id, count(*) AS n FROM changed GROUP BY campaign_id
)
UPDATE campaigns c
SET failed = failed - CASE WHEN %(from)s::email_status = 'FAILED' THEN m.n ELSE 0 END,
    unknown = unknown - CASE WHEN %(from)s::email_status = 'UNKNOWN' THEN m.n ELSE 0 END,
    scheduled = scheduled + CASE WHEN %(to)s::email_status = 'SCHEDULED' THEN m.n ELSE 0 END,
    sent = sent + CASE WHEN %(to)s::email_status = 'SENT' THEN m.n ELSE 0 END,
    status = CASE WHEN c.status = 'FINISHED' AND %(to)s::email_status = 'SCHEDULED' THEN 'ACTIVE' ELSE c.status END,
    attempts_removed_to = 0,
    finished_at = CASE WHEN c.status = 'FINISHED' AND %(to)s::email_status = 'SCHEDULED' THEN NULL ELSE c.finished_at END
FROM moved m
WHERE c.workspace_id = %(workspace_id)s AND c.id = m.campaign_id
RETURNING c.sender_id, m.n;
