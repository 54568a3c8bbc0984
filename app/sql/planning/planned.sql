-- name: planned
-- How many emails of active campaigns are planned for each hour of what is asked for, by campaign; those overdue count as
-- due now. Mail that goes at once is in no plan.
SELECT c.id AS campaign_id, c.name, e.start, e.planned, e.first_at, e.last_at
FROM streams s
JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
CROSS JOIN LATERAL (
    SELECT hour_of(greatest(e.scheduled_at, now())) AS start, count(*) AS planned,
           min(e.scheduled_at) AS first_at, max(e.scheduled_at) AS last_at
    FROM emails e
    WHERE e.workspace_id = s.workspace_id AND e.stream_id = s.id AND e.status = 'SCHEDULED'
      AND e.scheduled_at < now() + make_interval(hours => %(hours)s)
    GROUP BY 1
) e
WHERE s.workspace_id = %(workspace_id)s AND s.open AND s.scheduled > 0 AND NOT s.direct
  AND s.next_due_at < now() + make_interval(hours => %(hours)s)
  AND (%(campaign_id)s::bigint IS NULL OR s.campaign_id = %(campaign_id)s)
  AND (%(sender_id)s::bigint IS NULL OR s.sender_id = %(sender_id)s)
ORDER BY e.start, c.id;
