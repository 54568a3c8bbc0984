-- name: hourly_stats
-- What became of attempts, by hour and sender, over the hours asked for.
SELECT sender_id, window_start, used, accepted, rejected, deferred, released, unknown
FROM sender_windows
WHERE workspace_id = %(workspace_id)s AND window_start >= this_hour() - make_interval(hours => %(hours)s)
  AND (%(sender_id)s::bigint IS NULL OR sender_id = %(sender_id)s)
ORDER BY window_start, sender_id;

-- name: totals
-- How many emails are in each status, over all campaigns, from the campaigns' own counts; and how many of active
-- campaigns are due before a time, counted no further than `limit`.
SELECT coalesce(sum(c.scheduled), 0)::bigint AS scheduled, coalesce(sum(c.sending), 0)::bigint AS sending,
       coalesce(sum(c.sent), 0)::bigint AS sent, coalesce(sum(c.failed), 0)::bigint AS failed,
       coalesce(sum(c.unknown), 0)::bigint AS unknown, coalesce(sum(c.cancelled), 0)::bigint AS cancelled,
       (SELECT count(*) FROM (
            SELECT FROM campaigns a
            CROSS JOIN LATERAL (
                SELECT FROM emails e
                WHERE e.workspace_id = a.workspace_id AND e.campaign_id = a.id AND e.status = 'SCHEDULED'
                  AND e.scheduled_at < coalesce(%(due_before)s::timestamptz, now())
                LIMIT %(limit)s
            ) one
            WHERE a.workspace_id = %(workspace_id)s AND a.status = 'ACTIVE' AND a.scheduled > 0
            LIMIT %(limit)s
        ) due) AS due
FROM campaigns c
WHERE c.workspace_id = %(workspace_id)s;
