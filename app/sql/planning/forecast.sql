-- name: keep
-- The first plan of a campaign.
INSERT INTO campaign_forecasts (workspace_id, campaign_id, ats, counts, gaps_ms)
VALUES (%(workspace_id)s, %(campaign_id)s, %(ats)s, %(counts)s, %(gaps_ms)s);

-- name: forecast_of
-- The first plan of a campaign, and what was measured of it.
SELECT f.ats, f.counts, f.gaps_ms, f.measured_at, f.sent_hours, f.sent_counts, f.median_ms, f.worst_ms,
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

-- name: over_and_unmeasured
-- Campaigns that are over and of which nobody has measured what came of their plan.
SELECT f.workspace_id, f.campaign_id FROM campaign_forecasts f
JOIN campaigns c ON c.workspace_id = f.workspace_id AND c.id = f.campaign_id
WHERE f.measured_at IS NULL AND c.status IN ('FINISHED', 'CANCELLED')
ORDER BY f.workspace_id, f.campaign_id
LIMIT %(limit)s;

-- name: keep_measured
-- What came of a plan.
UPDATE campaign_forecasts
SET measured_at = now(), sent_hours = %(hours)s, sent_counts = %(counts)s, median_ms = %(median_ms)s,
    worst_ms = %(worst_ms)s
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s;

-- name: planned_of_all
-- How many emails first plans had in each hour of the last days, over all campaigns.
SELECT hour_of(r.at) AS hour, sum(r.count)::bigint AS n
FROM campaign_forecasts f CROSS JOIN LATERAL unnest(f.ats, f.counts) AS r (at, count)
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
