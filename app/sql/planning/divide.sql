-- name: ask_to_divide
-- The campaign, which is locked, is to be divided anew over its senders.
UPDATE campaigns SET divide_at = now() WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s;

-- name: how_many_wait
-- How many emails of the campaign wait.
SELECT scheduled FROM campaign_counts(%(workspace_id)s, %(campaign_id)s);

-- name: to_divide
-- Campaigns that are to be divided and that nobody is at.
SELECT workspace_id, id FROM campaigns WHERE divide_at <= now() ORDER BY divide_at;

-- name: take_division
-- The campaign is ours to divide for a while, or it is somebody's else; no row then.
UPDATE campaigns SET divide_at = clock_timestamp() + make_interval(secs => %(for_s)s)
WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s AND divide_at <= now()
RETURNING divide_at;

-- name: renew_division
-- The same for a while longer, unless it was asked for once more or is over; no row then. Its streams are locked.
UPDATE campaigns SET divide_at = clock_timestamp() + make_interval(secs => %(for_s)s)
WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s AND divide_at = %(taken)s
RETURNING divide_at;

-- name: end_division
-- It is divided, unless it was asked for once more.
UPDATE campaigns SET divide_at = NULL
WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s AND divide_at = %(taken)s;

-- name: senders_divided
-- All senders whose plans the division concerns.
SELECT sender_id FROM streams
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s
ORDER BY sender_id;

-- name: dividing
-- Over which streams it is divided, and what their plans depend on.
SELECT s.id AS stream_id, s.sender_id, s.free_at, c.start_at, c.latest_at, c.delay_ms, c.jitter_percent, c.hourly_limit,
       c.share_percent, c.calendar, s.copies
FROM streams s
JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
WHERE s.workspace_id = %(workspace_id)s AND s.campaign_id = %(campaign_id)s AND s.taken_out_at IS NULL
  AND c.status IN ('ACTIVE', 'PAUSED')
ORDER BY s.id;

-- name: not_begun_of_campaign
-- Its emails that no server has heard of, as the list had them.
SELECT e.id, coalesce(e.zone, zone_brought(e.fields)) AS zone
FROM streams s
JOIN emails e ON e.workspace_id = s.workspace_id AND e.stream_id = s.id
WHERE s.workspace_id = %(workspace_id)s AND s.campaign_id = %(campaign_id)s
  AND e.status = 'SCHEDULED' AND e.attempts = 0 AND e.follows_id IS NULL
ORDER BY e.id;

-- name: deal_out
-- Emails of the campaign's streams, which are all locked, become others', whole: with them go the counts. Emails claimed
-- meanwhile stay where they are, and so do those of a sender that was taken out since they were divided.
WITH wanted AS MATERIALIZED (
    -- With workspace_id as a column, the planner has no other way to the emails than by their key.
    SELECT %(workspace_id)s::bigint AS workspace_id, w.id, w.stream_id
    FROM unnest(%(ids)s::bigint[], %(stream_ids)s::bigint[]) AS w (id, stream_id)
),
moving AS MATERIALIZED (
    SELECT e.workspace_id, e.id, e.stream_id AS was, w.stream_id
    FROM wanted w
    JOIN streams t ON t.workspace_id = w.workspace_id AND t.id = w.stream_id AND t.taken_out_at IS NULL
    JOIN emails e ON e.workspace_id = w.workspace_id AND e.id = w.id
    WHERE coalesce(e.status = 'SCHEDULED', false) AND e.attempts = 0 AND e.follows_id IS NULL
      AND e.stream_id + 0 <> w.stream_id
    FOR NO KEY UPDATE OF e
),
moved AS (
    UPDATE emails e SET stream_id = m.stream_id FROM moving m WHERE e.workspace_id = m.workspace_id AND e.id = m.id
    RETURNING m.was, m.stream_id
)
UPDATE streams s
SET total = s.total + n.n, scheduled = s.scheduled + n.n
FROM (
    SELECT k.stream_id, sum(k.n)::integer AS n
    FROM (SELECT was AS stream_id, -1 AS n FROM moved UNION ALL SELECT stream_id, 1 FROM moved) k
    GROUP BY k.stream_id
) n
WHERE s.workspace_id = %(workspace_id)s AND s.id = n.stream_id;

-- name: interrupt_held_plans
-- Plans that the campaign is held for do not end before each sender has its part: what moves meanwhile they would miss.
UPDATE plan_changes SET asked_at = clock_timestamp()
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s AND holds_from IS NOT NULL;
