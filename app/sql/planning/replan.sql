-- name: lock_plan
-- Plans of one sender are made one at a time, since each counts what the others took. Taken before any row is
-- locked; an exchange never takes it.
SELECT pg_advisory_xact_lock(hashtextextended('reachinbox plan', %(sender_id)s));

-- name: plan_freely
-- For the rest of the transaction: the joins that a worker's connections do without, which spreading many rows needs.
SELECT set_config('enable_hashjoin', 'on', true), set_config('enable_mergejoin', 'on', true),
       set_config('plan_cache_mode', 'auto', true);

-- name: planned_by_window
-- How many emails of a sender's active campaigns are planned for each window from the current one on, those
-- overdue counting as due now. Campaigns can be left out: those being planned again.
SELECT hour_of(greatest(e.scheduled_at, now())) AS window_start, count(*) AS planned
FROM campaigns c
JOIN emails e ON e.workspace_id = c.workspace_id AND e.campaign_id = c.id AND e.status = 'SCHEDULED'
WHERE c.workspace_id = %(workspace_id)s AND c.sender_id = %(sender_id)s AND c.status = 'ACTIVE'
  AND c.id <> ALL (%(except_campaign_ids)s::bigint[])
GROUP BY 1;

-- name: sender_window_now
-- What a plan of a sender starts from: its limit, the database's clock, and what the current window has used.
SELECT s.hourly_limit, now() AS now, coalesce(w.used, 0) AS used
FROM senders s
LEFT JOIN sender_windows w
    ON w.workspace_id = s.workspace_id AND w.sender_id = s.id AND w.window_start = this_hour()
WHERE s.workspace_id = %(workspace_id)s AND s.id = %(sender_id)s;

-- name: replan_emails
-- Give waiting emails of a campaign new times, keeping their order; with `due_only`, just those due by now. Retries
-- keep theirs. Emails being claimed this moment are skipped, not waited for: the exchange that holds them may be
-- waiting for us.
UPDATE emails e
SET scheduled_at = r.at + (w.number - r.first) * make_interval(secs => %(delay_ms)s / 1000.0)
FROM (
    SELECT id, row_number() OVER (ORDER BY scheduled_at, id) - 1 AS number
    FROM (
        SELECT id, scheduled_at FROM emails
        WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s AND status = 'SCHEDULED'
          AND (NOT %(due_only)s OR scheduled_at <= now()) AND NOT keeps_its_time(attempts, scheduled_at, %(from)s::timestamptz)
        FOR NO KEY UPDATE SKIP LOCKED
    ) waiting
) w
JOIN (
    SELECT r.first, r.at, generate_series(r.first, r.first + r.count - 1) AS number
    FROM unnest(%(firsts)s::integer[], %(counts)s::integer[], %(ats)s::timestamptz[]) AS r (first, count, at)
) r USING (number)
WHERE e.workspace_id = %(workspace_id)s AND e.id = w.id AND e.status = 'SCHEDULED';

-- name: plan_inputs
-- What a campaign's plan depends on, its sender's part aside.
SELECT c.id, c.sender_id, c.status, c.start_at, c.delay_ms, c.hourly_limit, c.scheduled,
       used_this_hour(c.window_start, c.window_used) AS window_used, e.due, e.movable
FROM campaigns c
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE e.scheduled_at <= now()) AS due,
           count(*) FILTER (WHERE NOT keeps_its_time(e.attempts, e.scheduled_at, greatest(now(), c.start_at))) AS movable
    FROM emails e
    WHERE e.workspace_id = c.workspace_id AND e.campaign_id = c.id AND e.status = 'SCHEDULED'
) e
WHERE c.workspace_id = %(workspace_id)s AND c.id = %(campaign_id)s;

-- name: active_campaigns
-- The sender's active campaigns with something waiting. `late_s` is how long the first of it is overdue, `behind_s`
-- the second of what was never tried: one email that is late by itself, or a retry, is no campaign that fell behind.
SELECT c.id, c.delay_ms, c.hourly_limit,
       used_this_hour(c.window_start, c.window_used) AS window_used,
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
