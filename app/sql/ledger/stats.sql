-- name: hourly_stats
-- The outcomes of attempts, by hour and sender, over the hours asked for.
SELECT s.id AS sender_id, w.window_start, w.used, w.accepted, w.rejected, w.deferred, w.released, w.unknown
FROM login_windows w
JOIN senders s ON s.workspace_id = w.workspace_id AND s.login_id = w.login_id
WHERE w.workspace_id = %(workspace_id)s AND w.window_start >= this_hour() - make_interval(hours => %(hours)s)
  AND (%(sender_id)s::bigint IS NULL OR s.id = %(sender_id)s)
ORDER BY w.window_start, s.id;

-- name: totals
-- How many emails are in each status, over all campaigns to lists, from the streams' own counts; and how many of active
-- campaigns are due before a time, counted no further than `limit`.
SELECT coalesce(sum(s.scheduled), 0)::bigint AS scheduled, coalesce(sum(s.sending), 0)::bigint AS sending,
       coalesce(sum(s.sent), 0)::bigint AS sent, coalesce(sum(s.failed), 0)::bigint AS failed,
       coalesce(sum(s.unknown), 0)::bigint AS unknown, coalesce(sum(s.cancelled), 0)::bigint AS cancelled,
       coalesce(sum(s.failed - s.settled), 0)::bigint AS undecided,
       (SELECT count(*) FROM (
            SELECT FROM streams a
            CROSS JOIN LATERAL (
                SELECT FROM emails e
                WHERE e.workspace_id = a.workspace_id AND e.stream_id = a.id AND e.status = 'SCHEDULED'
                  AND e.scheduled_at < coalesce(%(due_before)s::timestamptz, now())
                LIMIT %(limit)s
            ) one
            WHERE a.workspace_id = %(workspace_id)s AND a.open AND a.scheduled > 0 AND NOT a.direct
            LIMIT %(limit)s
        ) due) AS due
FROM streams s
WHERE s.workspace_id = %(workspace_id)s AND NOT s.direct;
