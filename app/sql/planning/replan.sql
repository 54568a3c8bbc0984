-- name: first_waiting
-- The first emails that wait in a stream and have no time of their own to keep; with `due_only`, just those due by now.
SELECT id, coalesce(zone, zone_brought(fields)) AS zone, follows_id IS NOT NULL AS is_owed FROM emails
WHERE workspace_id = %(workspace_id)s AND stream_id = %(stream_id)s AND status = 'SCHEDULED'
  AND (NOT %(due_only)s OR scheduled_at <= now()) AND NOT keeps_its_time(not_before, now())
ORDER BY scheduled_at, id
LIMIT %(limit)s;

-- name: open_streams
-- The sender's streams of active campaigns with something waiting, in the order in which they are planned. `late_s` is
-- how long the first of it is overdue, `behind_s` the second of what was never tried: one email that is late by itself,
-- or a retry, is no campaign that fell behind. `gap_ms`: jitter may leave no least gap.
SELECT s.id, s.campaign_id, greatest(s.gap_ms, c.delay_ms) AS gap_ms, s.scheduled,
       extract(epoch FROM now() - d.due_at)::float8 AS late_s,
       (SELECT extract(epoch FROM now() - e.scheduled_at)::float8 FROM emails e
        WHERE e.workspace_id = s.workspace_id AND e.stream_id = s.id AND e.status = 'SCHEDULED' AND e.attempts = 0
          AND e.scheduled_at <= now()
        ORDER BY e.scheduled_at, e.id
        OFFSET 1 LIMIT 1) AS behind_s
FROM streams s
CROSS JOIN LATERAL first_due(s.workspace_id, s.id) d
JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
WHERE s.workspace_id = %(workspace_id)s AND s.sender_id = %(sender_id)s AND s.open AND s.scheduled > 0
ORDER BY s.direct DESC, c.ahead_at DESC NULLS LAST, s.campaign_id;
