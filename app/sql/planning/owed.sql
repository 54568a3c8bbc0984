-- name: followed_by_window
-- Emails that others follow, of the open streams with steps of a sender's login: by the hour in which they were sent or are
-- planned for, and with the waits of the steps that come. Of this sender, what waits in the campaigns that are left out does
-- not count: it is planned again, with what follows.
SELECT s.campaign_id, c.calendar, e.hour, sum(e.count * (1 + s.copies))::bigint AS recipients,
       (SELECT array_agg(ARRAY[extract(epoch FROM n.wait)::float8, n.business_days::integer::float8,
                           coalesce(extract(epoch FROM n.time_of_day)::float8, -1)] ORDER BY n.position)
        FROM campaign_steps n
        WHERE n.workspace_id = s.workspace_id AND n.campaign_id = s.campaign_id AND n.position > e.position
          AND n.removed_at IS NULL) AS waits
FROM senders o
JOIN streams s ON s.workspace_id = o.workspace_id AND s.sender_id = o.id AND s.stepped AND s.open
JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
CROSS JOIN LATERAL (
    SELECT hour_of(f.at) AS hour, p.position, count(*) AS count
    FROM (
        SELECT greatest(e.scheduled_at, now()) AS at, e.step_id FROM emails e
        WHERE e.workspace_id = s.workspace_id AND e.stream_id = s.id AND e.status = 'SCHEDULED'
          AND e.scheduled_at < now() + %(horizon)s::interval
          AND NOT (s.sender_id = %(sender_id)s AND s.campaign_id = ANY (%(except_campaign_ids)s::bigint[]))
        UNION ALL
        SELECT e.sent_at, e.step_id FROM emails e
        WHERE e.workspace_id = s.workspace_id AND e.stream_id = s.id AND e.follow_at IS NOT NULL
    ) f
    JOIN campaign_steps p ON p.workspace_id = s.workspace_id AND p.id = f.step_id
    GROUP BY 1, 2
) e
WHERE o.workspace_id = %(workspace_id)s
  AND o.login_id = (SELECT login_id FROM senders WHERE workspace_id = %(workspace_id)s AND id = %(sender_id)s)
GROUP BY s.workspace_id, s.campaign_id, c.calendar, e.hour, e.position
ORDER BY e.hour, s.campaign_id, e.position;
