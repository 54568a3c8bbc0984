-- name: first_waiting
-- The first emails that wait in a campaign and have no time of their own to keep; with `due_only`, just those due by now.
SELECT id FROM emails
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s AND status = 'SCHEDULED'
  AND (NOT %(due_only)s OR scheduled_at <= now()) AND NOT keeps_its_time(attempts, scheduled_at, now())
ORDER BY scheduled_at, id
LIMIT %(limit)s;

-- name: active_campaigns
-- The sender's active campaigns with something waiting. `late_s` is how long the first of it is overdue, `behind_s`
-- the second of what was never tried: one email that is late by itself, or a retry, is no campaign that fell behind.
SELECT c.id, c.delay_ms, c.scheduled,
       extract(epoch FROM now() - d.scheduled_at)::float8 AS late_s,
       (SELECT extract(epoch FROM now() - e.scheduled_at)::float8 FROM emails e
        WHERE e.workspace_id = c.workspace_id AND e.campaign_id = c.id AND e.status = 'SCHEDULED' AND e.attempts = 0
          AND e.scheduled_at <= now()
        ORDER BY e.scheduled_at, e.id
        OFFSET 1 LIMIT 1) AS behind_s
FROM campaigns c
CROSS JOIN LATERAL (
    SELECT e.scheduled_at FROM emails e
    WHERE e.workspace_id = c.workspace_id AND e.campaign_id = c.id AND e.status = 'SCHEDULED'
    ORDER BY e.scheduled_at, e.id
    LIMIT 1
) d
WHERE c.workspace_id = %(workspace_id)s AND c.sender_id = %(sender_id)s AND c.status = 'ACTIVE' AND c.scheduled > 0
ORDER BY c.id;
