-- name: lock_plan
-- Plans of one login are made one at a time, since each counts what the others took. Taken before any row is locked, by
-- the login's id; an exchange never takes it.
SELECT pg_advisory_xact_lock(hashtextextended('reachinbox plan', l.login_id)) FROM (
    SELECT DISTINCT login_id FROM senders WHERE id = ANY (%(sender_ids)s::bigint[]) ORDER BY login_id
) l;

-- name: try_lock_plan
-- The same without waiting: whether the lock is ours until the commit.
SELECT coalesce((SELECT pg_try_advisory_xact_lock(hashtextextended('reachinbox plan', login_id))
                 FROM senders WHERE id = %(sender_id)s), false) AS is_ours;

-- name: planned_by_window
-- How many recipients are planned for each window of a sender's login from the current one on, those overdue counting as
-- due now: of all active campaigns of all senders with that login. Of this sender, campaigns can be left out: those being
-- planned again; with `of_all` the campaign whose turn it is has it on all of its senders, as where it is divided. Of the stream
-- whose turn it is, the retries count that keep their time; `own` is how many of its campaign. Beyond the horizon no plan goes.
SELECT p.window_start, sum(p.planned)::bigint AS planned,
       coalesce(sum(p.planned) FILTER (WHERE p.campaign_id = %(campaign_id)s::bigint), 0)::bigint AS own
FROM (
    SELECT s.campaign_id, e.window_start, e.planned * (1 + s.copies) AS planned
    FROM senders o
    JOIN streams s ON s.workspace_id = o.workspace_id AND s.sender_id = o.id
    JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
    CROSS JOIN LATERAL (
        SELECT (s.sender_id = %(sender_id)s OR %(of_all)s)
               AND s.campaign_id IS NOT DISTINCT FROM %(campaign_id)s::bigint AS whose_turn_it_is
    ) t
    CROSS JOIN LATERAL (
        SELECT hour_of(greatest(e.scheduled_at, now())) AS window_start, count(*) AS planned
        FROM emails e
        WHERE e.workspace_id = s.workspace_id AND e.stream_id = s.id AND e.status = 'SCHEDULED'
          AND e.scheduled_at < now() + %(horizon)s::interval
          AND (NOT t.whose_turn_it_is OR keeps_its_time(e.not_before, greatest(now(), c.start_at)))
        GROUP BY 1
    ) e
    WHERE o.workspace_id = %(workspace_id)s
      AND o.login_id = (SELECT login_id FROM senders WHERE workspace_id = %(workspace_id)s AND id = %(sender_id)s)
      AND s.scheduled > 0
      AND (t.whose_turn_it_is
           OR s.open AND NOT (s.sender_id = %(sender_id)s AND s.campaign_id = ANY (%(except_campaign_ids)s::bigint[])))
) p
GROUP BY p.window_start;

-- name: campaign_by_window
-- The same of a campaign over all of its senders, for its own limit; of the stream whose turn it is, what keeps its time.
SELECT hour_of(greatest(e.scheduled_at, now())) AS window_start, sum(1 + s.copies) AS planned
FROM streams s
JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
JOIN emails e ON e.workspace_id = s.workspace_id AND e.stream_id = s.id
WHERE s.workspace_id = %(workspace_id)s AND s.campaign_id = %(campaign_id)s AND s.scheduled > 0
  AND e.status = 'SCHEDULED' AND e.scheduled_at < now() + %(horizon)s::interval
  AND (s.sender_id <> %(sender_id)s OR keeps_its_time(e.not_before, greatest(now(), c.start_at)))
GROUP BY 1;

-- name: login_of_plan
-- The start of a plan of a sender: its login's limits, the database's clock, and on how many days before yesterday (`since`, by
-- the login's zone) it sent.
SELECT l.id AS login_id, l.hourly_limit, l.daily_limit, l.least_gap_ms, l.ramp_from, l.ramp_per_day, l.timezone,
       now() AS now, d.since,
       CASE WHEN l.ramp_from IS NULL THEN 0 ELSE days_sent(l.workspace_id, l.id, d.since) END AS days_sent,
       EXISTS (SELECT FROM streams x
               JOIN senders o ON o.workspace_id = x.workspace_id AND o.id = x.sender_id
               WHERE x.workspace_id = l.workspace_id AND o.login_id = l.id AND x.stepped AND x.open
                 AND x.scheduled + x.following > 0) AS owes
FROM senders s
JOIN logins l ON l.workspace_id = s.workspace_id AND l.id = s.login_id
CROSS JOIN LATERAL (SELECT (now() AT TIME ZONE l.timezone)::date - 1 AS since) d
WHERE s.workspace_id = %(workspace_id)s AND s.id = %(sender_id)s;

-- name: used_by_window
-- The use of a sender's login since yesterday began: more than the 23 hours before this one, and all of today.
SELECT w.window_start, w.used
FROM senders s
JOIN logins l ON l.workspace_id = s.workspace_id AND l.id = s.login_id
JOIN login_windows w ON w.workspace_id = l.workspace_id AND w.login_id = l.id
WHERE s.workspace_id = %(workspace_id)s AND s.id = %(sender_id)s AND w.used > 0
  AND w.window_start > now() - interval '3 days'
  AND (w.window_start AT TIME ZONE l.timezone)::date >= (now() AT TIME ZONE l.timezone)::date - 1;

-- name: plan_inputs
-- The inputs of the plan of a campaign's stream, its sender's part aside. `own_used`: what it claimed in this hour;
-- `campaign_used`: of the campaign's limit.
SELECT s.id AS stream_id, s.sender_id, c.status, c.start_at, c.latest_at, c.delay_ms, c.jitter_percent, c.hourly_limit,
       c.share_percent, c.calendar, s.copies, s.stepped, s.scheduled, s.free_at,
       used_this_hour(s.window_start, s.window_used) AS own_used,
       coalesce(used_this_hour(o.window_start, o.used), n.used_this_hour) AS campaign_used,
       CASE WHEN s.stepped THEN (
           SELECT array_agg(ARRAY[extract(epoch FROM t.wait)::float8, t.business_days::integer::float8,
                           coalesce(extract(epoch FROM t.time_of_day)::float8, -1)] ORDER BY t.position)
           FROM campaign_steps t
           WHERE t.workspace_id = s.workspace_id AND t.campaign_id = s.campaign_id AND t.position > 1
             AND t.removed_at IS NULL) END AS waits
FROM streams s
JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
CROSS JOIN LATERAL campaign_counts(c.workspace_id, c.id) n
LEFT JOIN campaign_hours o ON o.workspace_id = s.workspace_id AND o.campaign_id = s.campaign_id
WHERE s.workspace_id = %(workspace_id)s AND s.campaign_id = %(campaign_id)s AND s.sender_id = %(sender_id)s;

-- name: senders_planned
-- The senders of a campaign with something that waits.
SELECT sender_id FROM streams
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s AND scheduled > 0
ORDER BY sender_id;

-- name: zones_waiting
-- The zones that recipients who wait in a stream brought as theirs, or `most` of them at the most.
SELECT DISTINCT coalesce(e.zone, zone_brought(e.fields)) AS zone FROM (
    SELECT zone, fields FROM emails
    WHERE workspace_id = %(workspace_id)s AND stream_id = %(stream_id)s AND status = 'SCHEDULED'
    LIMIT %(most)s::bigint
) e;

-- name: careful_planning
-- For the rest of the transaction: wait for others so long and no longer, and look each email of a batch up by its key,
-- whether or not Postgres has counted the emails yet.
SELECT set_config('lock_timeout', %(lock_ms)s, true),
       set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
       set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true);

-- name: move_emails
-- Give emails their new times, and until when these hold; a retry keeps its own unless it is `of_retries`, and what is due
-- stays as it is where its new time is `stays_due_at`. Their stream is locked, so nobody else has them; those that are
-- another stream's by now, nobody touches.
WITH wanted AS MATERIALIZED (
    -- With workspace_id as a column, the planner has no other way to the emails than by their key.
    SELECT %(workspace_id)s::bigint AS workspace_id, w.id, w.at, w.jitter, w.until
    FROM unnest(%(ids)s::bigint[], %(ats)s::timestamptz[], %(jitters)s::bigint[], %(untils)s::timestamptz[])
        AS w (id, at, jitter, until)
),
free AS MATERIALIZED (
    SELECT e.workspace_id, e.id, n.at, w.until
    FROM wanted w
    JOIN emails e ON e.workspace_id = w.workspace_id AND e.id = w.id
    CROSS JOIN LATERAL (SELECT jittered(w.at, e.recipient, w.jitter) AS at) n
    WHERE coalesce(e.status = 'SCHEDULED', false)  -- as it stands, it would be a way by the index of what is due
      AND e.stream_id + 0 = %(stream_id)s
      AND keeps_its_time(e.not_before, %(from)s::timestamptz) = %(of_retries)s
      AND (greatest(e.scheduled_at, %(stays_due_at)s::timestamptz) <> n.at OR e.until IS DISTINCT FROM w.until)
    FOR NO KEY UPDATE OF e
)
UPDATE emails e SET scheduled_at = f.at, until = f.until
FROM free f WHERE e.workspace_id = f.workspace_id AND e.id = f.id;
