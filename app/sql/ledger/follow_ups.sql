-- name: streams_owing
-- Streams with an email whose next step falls due so soon: open ones, or all but those of cancelled campaigns.
SELECT s.workspace_id, s.id AS stream_id, s.campaign_id, s.sender_id FROM streams s
WHERE s.stepped AND (s.open OR %(closed)s) AND s.following > 0
  AND EXISTS (SELECT FROM emails e WHERE e.workspace_id = s.workspace_id AND e.stream_id = s.id
                AND e.follow_at <= now() + %(ahead)s::interval)
ORDER BY s.workspace_id, s.id;

-- name: still_open
-- The calendar that the times of follow-ups depend on, now that the stream is locked. No row: nothing of it is sent now, or any
-- more.
SELECT c.calendar FROM streams s
JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
WHERE s.workspace_id = %(workspace_id)s AND s.id = %(stream_id)s
  AND (s.open OR %(closed)s AND c.status <> 'CANCELLED') AND coalesce(s.latest_at > now(), true);

-- name: owing
-- The first emails of a stream whose next step falls due, and what follows each: an absence note may have come while
-- they were being sent.
SELECT e.id, greatest(e.follow_at, away_until(e.workspace_id, e.id)) AS follow_at, e.sent_at,
       coalesce(e.zone, zone_brought(e.fields)) AS zone, now() AS now, n.id AS step_id,
       n.wait, n.business_days, n.time_of_day, EXISTS (SELECT FROM suppression_of(e.workspace_id, e.recipient)) AS suppressed
FROM (
    SELECT * FROM emails
    WHERE workspace_id = %(workspace_id)s AND stream_id = %(stream_id)s AND follow_at <= now() + %(ahead)s::interval
    ORDER BY follow_at, id
    LIMIT %(limit)s
) e
LEFT JOIN LATERAL next_step(e.workspace_id, e.id) n ON true
ORDER BY e.follow_at, e.id;

-- name: make_follow_ups
-- Emails of the next steps, at their times, which no plan moves to before. The stream is locked; counts move along, and the
-- campaign's emails lie in a longer span of ids.
WITH made AS (
    INSERT INTO emails (workspace_id, campaign_id, stream_id, recipient, recipient_key, fields, zone, scheduled_at, not_before,
                        until, step_id, follows_id, after_at)
    SELECT e.workspace_id, e.campaign_id, e.stream_id, e.recipient, e.recipient_key, e.fields, e.zone, w.at, w.at, w.until,
           w.step_id, e.id, e.sent_at
    FROM (SELECT %(workspace_id)s::bigint AS workspace_id, w.*
          FROM unnest(%(ids)s::bigint[], %(step_ids)s::bigint[], %(ats)s::timestamptz[], %(untils)s::timestamptz[])
              AS w (id, step_id, at, until)) w
    JOIN emails e ON e.workspace_id = w.workspace_id AND e.id = w.id
    WHERE e.follow_at IS NOT NULL
    ORDER BY w.at, e.id
    RETURNING id
),
made_of AS (SELECT count(*)::integer AS n, max(id) AS last_id FROM made),
spanned AS (
    UPDATE campaigns c SET last_email_id = greatest(c.last_email_id, m.last_id)
    FROM made_of m
    WHERE c.workspace_id = %(workspace_id)s AND c.id = %(campaign_id)s AND m.n > 0
),
tallied AS (
    UPDATE streams s SET total = s.total + m.n, scheduled = s.scheduled + m.n, followed = s.followed + m.n
    FROM made_of m
    WHERE s.workspace_id = %(workspace_id)s AND s.id = %(stream_id)s AND m.n > 0
)
SELECT n FROM made_of;

-- name: owe_no_more
-- These emails owe nothing more: their follow-ups are emails now, or owed to nobody, to some since they are suppressed.
UPDATE emails SET follow_at = NULL, stopped = CASE WHEN id = ANY (%(suppressed)s::bigint[]) THEN 'SUPPRESSED'::cancel_reason END
WHERE workspace_id = %(workspace_id)s AND id = ANY (%(ids)s::bigint[]) AND follow_at IS NOT NULL;
