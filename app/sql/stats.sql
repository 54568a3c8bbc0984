-- name: hourly_stats
-- What became of attempts, by hour and sender, over the hours asked for.
SELECT sender_id, window_start, used, accepted, rejected, deferred, released, unknown
FROM sender_windows
WHERE user_id = %(user_id)s AND window_start >= date_trunc('hour', now(), 'UTC') - make_interval(hours => %(hours)s)
  AND (%(sender_id)s::bigint IS NULL OR sender_id = %(sender_id)s)
ORDER BY window_start, sender_id;
