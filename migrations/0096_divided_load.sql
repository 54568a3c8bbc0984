-- A campaign that is divided is planned on all of its senders at once: what it has on one is no load of another with the same login.
CREATE OR REPLACE FUNCTION followed_of_login(
    of_workspace bigint, of_login bigint, before timestamptz, of_sender bigint, except_campaigns bigint[]
) RETURNS TABLE (campaign_id bigint, calendar jsonb, hour timestamptz, recipients bigint, waits float8[])
LANGUAGE sql STABLE AS $$
SELECT s.campaign_id, c.calendar, e.hour, sum(e.count * (1 + s.copies))::bigint,
       (SELECT array_agg(ARRAY[extract(epoch FROM n.wait)::float8, n.business_days::integer::float8,
                           coalesce(extract(epoch FROM n.time_of_day)::float8, -1)] ORDER BY n.position)
        FROM campaign_steps n
        WHERE n.workspace_id = s.workspace_id AND n.campaign_id = s.campaign_id AND n.position > e.position
          AND n.removed_at IS NULL)
FROM senders o
JOIN streams s ON s.workspace_id = o.workspace_id AND s.sender_id = o.id AND s.stepped AND s.open
JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
CROSS JOIN LATERAL (
    SELECT hour_of(f.at) AS hour, p.position, count(*) AS count
    FROM (
        SELECT greatest(e.scheduled_at, now()) AS at, e.step_id FROM emails e
        WHERE e.workspace_id = s.workspace_id AND e.stream_id = s.id AND e.status = 'SCHEDULED'
          AND e.scheduled_at < before
          AND NOT ((of_sender IS NULL OR s.sender_id = of_sender) AND s.campaign_id = ANY (except_campaigns))
        UNION ALL
        SELECT e.sent_at, e.step_id FROM emails e
        WHERE e.workspace_id = s.workspace_id AND e.stream_id = s.id AND e.follow_at < before
    ) f
    JOIN campaign_steps p ON p.workspace_id = s.workspace_id AND p.id = f.step_id
    GROUP BY 1, 2
) e
WHERE o.workspace_id = of_workspace AND o.login_id = of_login
GROUP BY s.workspace_id, s.campaign_id, c.calendar, e.hour, e.position
$$;
COMMENT ON FUNCTION followed_of_login IS
    'Emails that others follow, of the open streams with steps of a login: by the hour in which they were sent or are planned for,'
    ' and with the waits of the steps that come; those that are planned for later than before owe nothing by then. Of a sender,'
    ' or of all, what waits in the campaigns that are left out does not count: it is planned again, with what follows';
