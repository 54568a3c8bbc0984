-- name: next_steps
-- The steps that emails owe, with what their times depend on, as `owing` has it; `unread`: it would wait for somebody who reads
-- answers.
SELECT e.id, e.campaign_id, c.name AS campaign_name, c.status AS campaign_status, c.calendar, n.position AS step,
       greatest(e.follow_at, away_until(e.workspace_id, e.id)) AS follow_at, e.sent_at, n.wait, n.business_days, n.time_of_day,
       coalesce(e.zone, zone_brought(e.fields)) AS zone, now() AS now,
       inbox_read_at(s.workspace_id, s.campaign_id, s.sender_id, true) IS NULL AS unread
FROM emails e
JOIN campaigns c ON c.workspace_id = e.workspace_id AND c.id = e.campaign_id
JOIN streams s ON s.workspace_id = e.workspace_id AND s.id = e.stream_id
CROSS JOIN LATERAL next_step(e.workspace_id, e.id) n
WHERE e.workspace_id = %(workspace_id)s AND e.id = ANY (%(ids)s::bigint[]) AND e.follow_at IS NOT NULL;
