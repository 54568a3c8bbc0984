-- name: keep
-- The first plan of a campaign: of its first step, and of the later ones, which are numbered from 0.
INSERT INTO campaign_forecasts (workspace_id, campaign_id, ats, counts, gaps_ms, later_steps, later_ats, later_counts,
                                later_gaps_ms)
SELECT %(workspace_id)s, %(campaign_id)s, %(ats)s, %(counts)s, %(gaps_ms)s,
       (SELECT coalesce(array_agg(s.id ORDER BY l.number), '{}')
        FROM unnest(%(later_steps)s::integer[]) WITH ORDINALITY AS l (step, number)
        JOIN campaign_steps s ON s.workspace_id = %(workspace_id)s AND s.campaign_id = %(campaign_id)s
            AND s.position = l.step + 2 AND s.removed_at IS NULL),
       %(later_ats)s::timestamptz[], %(later_counts)s::integer[], %(later_gaps_ms)s::bigint[];

-- name: forecast_of
-- The first plan of a campaign, and what was measured of it.
SELECT f.ats, f.counts, f.gaps_ms, f.later_steps, f.later_ats, f.later_counts, f.later_gaps_ms,
       f.measured_at, f.sent_hours, f.sent_counts, f.median_ms, f.worst_ms, f.steps,
       c.first_email_id, c.last_email_id, c.emails_removed_at
FROM campaign_forecasts f
JOIN campaigns c ON c.workspace_id = f.workspace_id AND c.id = f.campaign_id
WHERE f.workspace_id = %(workspace_id)s AND f.campaign_id = %(campaign_id)s;

-- name: sent_by_hour
-- How many emails of a campaign's first step were sent in each hour.
SELECT hour_of(sent_at) AS hour, count(*)::integer AS n FROM emails
WHERE workspace_id = %(workspace_id)s AND id BETWEEN %(first_id)s AND %(last_id)s AND campaign_id = %(campaign_id)s
  AND follows_id IS NULL AND status = 'SENT'
GROUP BY 1 ORDER BY 1;

-- name: sent_of
-- When those of a campaign's emails were sent that have these numbers in its list, as far as they were.
SELECT number, sent_at FROM (
    SELECT (row_number() OVER (ORDER BY id) - 1)::integer AS number, sent_at, status FROM emails
    WHERE workspace_id = %(workspace_id)s AND id BETWEEN %(first_id)s AND %(last_id)s AND campaign_id = %(campaign_id)s
      AND follows_id IS NULL
) numbered
WHERE number = ANY (%(numbers)s::integer[]) AND status = 'SENT'
ORDER BY number;

-- name: steps_now
-- The steps that a campaign has or had in their order, those that were removed without a number and behind the one that
-- they followed; none of one that has one step.
SELECT id, CASE WHEN removed_at IS NULL THEN position::integer END AS step FROM campaign_steps
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s
ORDER BY position, removed_at NULLS FIRST, id;

-- name: standing_of_steps
-- Of each step of a campaign: how many emails of it there are, were sent, and wait or are being sent, and how many owe the
-- next one.
SELECT step_id, count(*)::integer AS total, count(*) FILTER (WHERE status = 'SENT')::integer AS sent,
       count(*) FILTER (WHERE status IN ('SCHEDULED', 'SENDING'))::integer AS waiting, count(follow_at)::integer AS following
FROM emails
WHERE workspace_id = %(workspace_id)s AND id BETWEEN %(first_id)s AND %(last_id)s AND campaign_id = %(campaign_id)s
GROUP BY 1;

-- name: later_by_hour
-- How many emails of a campaign's later steps were sent in each hour.
SELECT step_id, hour_of(sent_at) AS hour, count(*)::integer AS n FROM emails
WHERE workspace_id = %(workspace_id)s AND id BETWEEN %(first_id)s AND %(last_id)s AND campaign_id = %(campaign_id)s
  AND follows_id IS NOT NULL AND status = 'SENT'
GROUP BY 1, 2 ORDER BY 1, 2;

-- name: later_sent_of
-- When emails of later steps were sent, so many of each step at most and spread evenly, with the numbers that their
-- recipients have in the campaign's list.
WITH RECURSIVE first AS (
    SELECT id, (row_number() OVER (ORDER BY id) - 1)::integer AS number FROM emails
    WHERE workspace_id = %(workspace_id)s AND id BETWEEN %(first_id)s AND %(last_id)s AND campaign_id = %(campaign_id)s
      AND follows_id IS NULL
),
later AS (
    SELECT step_id, sent_at, follows_id, row_number() OVER (PARTITION BY step_id ORDER BY id) AS n,
           count(*) OVER (PARTITION BY step_id) AS total
    FROM emails
    WHERE workspace_id = %(workspace_id)s AND id BETWEEN %(first_id)s AND %(last_id)s AND campaign_id = %(campaign_id)s
      AND follows_id IS NOT NULL AND status = 'SENT'
),
back AS (
    SELECT step_id, sent_at, follows_id AS id FROM later
    WHERE mod(n, greatest(1, -div(-total, %(sample)s))) = 0
    UNION ALL
    SELECT b.step_id, b.sent_at, e.follows_id FROM back b
    JOIN emails e ON e.workspace_id = %(workspace_id)s AND e.id = b.id
    WHERE e.follows_id IS NOT NULL
)
SELECT b.step_id, b.sent_at, f.number FROM back b JOIN first f ON f.id = b.id
ORDER BY b.step_id, f.number;

-- name: over_and_unmeasured
-- Campaigns that are over and of which nobody has measured what came of their plan.
SELECT f.workspace_id, f.campaign_id FROM campaign_forecasts f
JOIN campaigns c ON c.workspace_id = f.workspace_id AND c.id = f.campaign_id
WHERE f.measured_at IS NULL AND c.status IN ('FINISHED', 'CANCELLED')
ORDER BY f.workspace_id, f.campaign_id
LIMIT %(limit)s;

-- name: keep_measured
-- Keep how far a campaign's emails were from their first plan.
UPDATE campaign_forecasts
SET measured_at = now(), sent_hours = %(hours)s, sent_counts = %(counts)s, median_ms = %(median_ms)s,
    worst_ms = %(worst_ms)s, steps = %(steps)s
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s;

-- name: planned_of_all
-- How many emails first plans had in each hour of the last days, over all campaigns, and of these of later steps.
SELECT hour_of(r.at) AS hour, sum(r.count)::bigint AS n, coalesce(sum(r.count) FILTER (WHERE r.later), 0)::bigint AS later
FROM campaign_forecasts f
CROSS JOIN LATERAL (
    SELECT at, count, false AS later FROM unnest(f.ats, f.counts) AS r (at, count)
    UNION ALL
    SELECT at, count, true FROM unnest(f.later_ats, f.later_counts) AS r (at, count)
) r
WHERE f.workspace_id = %(workspace_id)s AND r.at >= this_hour() - make_interval(days => %(days)s) AND r.at <= now()
GROUP BY 1;

-- name: sent_of_all
-- And how many servers accepted.
SELECT window_start AS hour, sum(accepted)::bigint AS n FROM login_windows
WHERE workspace_id = %(workspace_id)s AND window_start >= this_hour() - make_interval(days => %(days)s)
GROUP BY 1;

-- name: deviations
-- How far campaigns that ended in these days were from their plans.
SELECT count(*) AS campaigns, percentile_disc(0.5) WITHIN GROUP (ORDER BY f.median_ms) AS median_ms,
       (array_agg(f.worst_ms ORDER BY abs(f.worst_ms) DESC))[1] AS worst_ms
FROM campaign_forecasts f
JOIN campaigns c ON c.workspace_id = f.workspace_id AND c.id = f.campaign_id
WHERE f.workspace_id = %(workspace_id)s AND f.median_ms IS NOT NULL
  AND coalesce(c.finished_at, f.measured_at) >= now() - make_interval(days => %(days)s);

-- name: deviations_of_later
-- The same of their later steps, by those who got them.
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY s.median_ms) AS median_ms,
       (array_agg(s.worst_ms ORDER BY abs(s.worst_ms) DESC))[1] AS worst_ms
FROM campaign_forecasts f
JOIN campaigns c ON c.workspace_id = f.workspace_id AND c.id = f.campaign_id
CROSS JOIN LATERAL jsonb_to_recordset(f.steps) AS s (later boolean, median_ms bigint, worst_ms bigint)
WHERE f.workspace_id = %(workspace_id)s AND f.steps IS NOT NULL AND s.later AND s.median_ms IS NOT NULL
  AND coalesce(c.finished_at, f.measured_at) >= now() - make_interval(days => %(days)s);
