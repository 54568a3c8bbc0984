-- name: lock_plan
-- Plans of one sender are made one at a time, since each counts what the others took. Taken before any row is
-- locked; an exchange never takes it.
SELECT pg_advisory_xact_lock(hashtextextended('reachinbox plan', %(sender_id)s));

-- name: try_lock_plan
-- The same without waiting: whether the lock is ours until the commit.
SELECT pg_try_advisory_xact_lock(hashtextextended('reachinbox plan', %(sender_id)s)) AS is_ours;

-- name: planned_by_window
-- How many emails of a sender's active campaigns are planned for each window from the current one on, those
-- overdue counting as due now. Campaigns can be left out: those being planned again. Of the one whose turn it is, the
-- retries count that keep their time; `own` is how many. Beyond the horizon no plan goes.
SELECT p.window_start, sum(p.planned)::bigint AS planned,
       coalesce(sum(p.planned) FILTER (WHERE p.campaign_id = %(campaign_id)s::bigint), 0)::bigint AS own
FROM (
    SELECT s.campaign_id, e.window_start, e.planned
    FROM streams s
    JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
    CROSS JOIN LATERAL (
        SELECT hour_of(greatest(e.scheduled_at, now())) AS window_start, count(*) AS planned
        FROM emails e
        WHERE e.workspace_id = s.workspace_id AND e.stream_id = s.id AND e.status = 'SCHEDULED'
          AND e.scheduled_at < now() + %(horizon)s::interval
          AND (s.campaign_id IS DISTINCT FROM %(campaign_id)s::bigint
               OR keeps_its_time(e.attempts, e.scheduled_at, greatest(now(), c.start_at)))
        GROUP BY 1
    ) e
    WHERE s.workspace_id = %(workspace_id)s AND s.sender_id = %(sender_id)s AND s.scheduled > 0
      AND (s.campaign_id = %(campaign_id)s::bigint
           OR s.open AND s.campaign_id <> ALL (%(except_campaign_ids)s::bigint[]))
) p
GROUP BY p.window_start;

-- name: login_window_now
-- What a plan of a sender starts from: its login's limit, the database's clock, and what the current window has used.
SELECT l.hourly_limit, now() AS now, coalesce(w.used, 0) AS used
FROM senders s
JOIN logins l ON l.workspace_id = s.workspace_id AND l.id = s.login_id
LEFT JOIN login_windows w
    ON w.workspace_id = l.workspace_id AND w.login_id = l.id AND w.window_start = this_hour()
WHERE s.workspace_id = %(workspace_id)s AND s.id = %(sender_id)s;

-- name: plan_inputs
-- What the plan of a campaign's stream depends on, its sender's part aside.
SELECT s.id AS stream_id, s.sender_id, c.status, c.start_at, c.delay_ms, c.hourly_limit, c.share_percent, s.scheduled,
       coalesce(used_this_hour(o.window_start, o.used), used_this_hour(s.window_start, s.window_used)) AS window_used,
       s.free_at
FROM streams s
JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
LEFT JOIN campaign_hours o ON o.workspace_id = s.workspace_id AND o.campaign_id = s.campaign_id
WHERE s.workspace_id = %(workspace_id)s AND s.campaign_id = %(campaign_id)s
ORDER BY s.id
LIMIT 1;

-- name: careful_planning
-- For the rest of the transaction: wait for others so long and no longer, and look each email of a batch up by its key,
-- whether or not Postgres has counted the emails yet.
SELECT set_config('lock_timeout', %(lock_ms)s, true),
       set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
       set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true);

-- name: move_emails
-- Give emails their new times; a retry keeps its own, and what is due stays as it is where its new time is
-- `stays_due_at`. Their stream is locked, so nobody else has them.
WITH wanted AS MATERIALIZED (
    -- With workspace_id as a column, the planner has no other way to the emails than by their key.
    SELECT %(workspace_id)s::bigint AS workspace_id, w.id, w.at
    FROM unnest(%(ids)s::bigint[], %(ats)s::timestamptz[]) AS w (id, at)
),
free AS MATERIALIZED (
    SELECT e.workspace_id, e.id, w.at
    FROM wanted w
    JOIN emails e ON e.workspace_id = w.workspace_id AND e.id = w.id
    WHERE coalesce(e.status = 'SCHEDULED', false)  -- as it stands, it would be a way by the index of what is due
      AND NOT keeps_its_time(e.attempts, e.scheduled_at, %(from)s::timestamptz)
      AND greatest(e.scheduled_at, %(stays_due_at)s::timestamptz) <> w.at
    FOR NO KEY UPDATE OF e
)
UPDATE emails e SET scheduled_at = f.at FROM free f WHERE e.workspace_id = f.workspace_id AND e.id = f.id;
