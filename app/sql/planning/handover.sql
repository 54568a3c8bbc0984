-- name: giving
-- Streams whose sender is out of the campaign or out of order and that have something which no server has heard of, as
-- far as another sender of the campaign could take it.
SELECT t.workspace_id, t.campaign_id, t.id AS stream_id
FROM (
    SELECT workspace_id, id FROM streams WHERE taken_out_at IS NOT NULL
    UNION
    SELECT t.workspace_id, t.id
    FROM senders s
    JOIN streams t ON t.workspace_id = s.workspace_id AND t.sender_id = s.id AND t.open AND t.next_due_at IS NOT NULL
    WHERE is_out_of_order(s)
) g
JOIN streams t ON t.workspace_id = g.workspace_id AND t.id = g.id
JOIN campaigns c ON c.workspace_id = t.workspace_id AND c.id = t.campaign_id
WHERE t.scheduled + t.following > 0 AND c.status IN ('ACTIVE', 'PAUSED')
  AND CASE
      WHEN has_not_begun(t)
      THEN EXISTS (SELECT FROM streams o
                   JOIN senders s ON s.workspace_id = o.workspace_id AND s.id = o.sender_id
                   WHERE o.workspace_id = t.workspace_id AND o.campaign_id = t.campaign_id AND o.id <> t.id
                     AND o.taken_out_at IS NULL AND s.failures = 0)
      -- Nothing to give: one that is out of the campaign goes on with what it has begun, and follows that up.
      ELSE t.taken_out_at IS NOT NULL AND NOT t.open AND c.status = 'ACTIVE'
  END
ORDER BY t.workspace_id, t.id;

-- name: senders_of_handover
-- The senders whose plans a handover concerns, in the order in which they are locked.
SELECT DISTINCT sender_id FROM streams
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s
ORDER BY sender_id;

-- name: parts
-- The campaign's streams, which are locked: why one gives (NULL: it does not), whether it may take, what waits in it and
-- about how many it sends an hour; `refused`: a server's words about its messages hold it.
SELECT t.id AS stream_id, t.sender_id, t.scheduled,
       CASE WHEN t.taken_out_at IS NOT NULL THEN 'TAKEN_OUT' WHEN is_out_of_order(s) THEN s.block_kind END AS gives_for,
       t.taken_out_at IS NULL AND s.failures = 0 AS takes,
       least(least(l.hourly_limit, l.daily_limit / 24.0, r.ramp_today / 24.0) / (1 + t.copies),
             3600000.0 / nullif(l.least_gap_ms, 0), 3600000.0 / nullif(t.gap_ms, 0))::float8 AS an_hour,
       EXISTS (SELECT FROM holds h WHERE h.workspace_id = t.workspace_id AND h.login_id = s.login_id
                 AND h.reason = 'REFUSED' AND coalesce(h.stream_id, t.id) = t.id) AS refused
FROM streams t
JOIN campaigns c ON c.workspace_id = t.workspace_id AND c.id = t.campaign_id
JOIN senders s ON s.workspace_id = t.workspace_id AND s.id = t.sender_id
JOIN logins l ON l.workspace_id = s.workspace_id AND l.id = s.login_id
CROSS JOIN LATERAL login_room(l.workspace_id, l.id, this_hour()) r
WHERE t.workspace_id = %(workspace_id)s AND t.campaign_id = %(campaign_id)s AND c.status IN ('ACTIVE', 'PAUSED')
ORDER BY t.id;

-- name: not_begun
-- The first emails of a stream that no server has heard of. A follow-up stays with the sender of the email before it.
SELECT id FROM emails
WHERE workspace_id = %(workspace_id)s AND stream_id = %(stream_id)s AND status = 'SCHEDULED' AND attempts = 0
  AND follows_id IS NULL
ORDER BY scheduled_at, id
LIMIT %(limit)s;

-- name: give
-- Emails of a stream become others', whole: with them go the counts. All streams are locked.
WITH wanted AS MATERIALIZED (
    -- With workspace_id as a column, the planner has no other way to the emails than by their key.
    SELECT %(workspace_id)s::bigint AS workspace_id, w.id, w.stream_id
    FROM unnest(%(ids)s::bigint[], %(stream_ids)s::bigint[]) AS w (id, stream_id)
),
given AS (
    UPDATE emails e SET stream_id = w.stream_id FROM wanted w
    WHERE e.workspace_id = w.workspace_id AND e.id = w.id
    RETURNING w.stream_id
)
UPDATE streams s
SET total = s.total + n.n, scheduled = s.scheduled + n.n,
    given = CASE WHEN n.n < 0 THEN s.given - n.n ELSE s.given END,
    given_at = CASE WHEN n.n < 0 THEN now() ELSE s.given_at END,
    given_for = CASE WHEN n.n < 0 THEN %(gives_for)s ELSE s.given_for END
FROM (
    SELECT stream_id, count(*)::integer AS n FROM given GROUP BY stream_id
    UNION ALL
    SELECT %(stream_id)s::bigint, -count(*)::integer FROM given HAVING count(*) > 0
) n
WHERE s.workspace_id = %(workspace_id)s AND s.id = n.stream_id;

-- name: interrupt_plan
-- Have the plan that gives the stream's emails new times look again at which they are.
UPDATE plan_changes SET asked_at = clock_timestamp()
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s AND sender_id = %(sender_id)s;

-- name: holds_to_spread
-- Holds by a server's words of a campaign that has other senders, which do not know yet.
SELECT h.workspace_id, h.id, t.campaign_id
FROM holds h
JOIN streams t ON t.workspace_id = h.workspace_id AND t.id = h.stream_id
JOIN campaigns c ON c.workspace_id = t.workspace_id AND c.id = t.campaign_id
WHERE h.reason = 'REFUSED' AND h.of_stream IS NULL AND h.spread_at IS NULL AND c.status IN ('ACTIVE', 'PAUSED')
  AND EXISTS (SELECT FROM streams o
              WHERE o.workspace_id = t.workspace_id AND o.campaign_id = t.campaign_id AND o.id <> t.id)
ORDER BY h.workspace_id, h.id;

-- name: lock_windows_of_campaign
-- The windows of all logins of a campaign's senders, opened first, by login: under them holds are changed.
SELECT w.login_id FROM login_windows w
WHERE w.workspace_id = %(workspace_id)s AND w.window_start = this_hour()
  AND w.login_id IN (SELECT s.login_id FROM streams t
                     JOIN senders s ON s.workspace_id = t.workspace_id AND s.id = t.sender_id
                     WHERE t.workspace_id = %(workspace_id)s AND t.campaign_id = %(campaign_id)s)
ORDER BY w.login_id
FOR UPDATE;

-- name: open_windows_of_campaign
-- See lock_windows_of_campaign.
SELECT open_window(k.workspace_id, k.login_id) FROM (
    SELECT DISTINCT s.workspace_id, s.login_id
    FROM streams t JOIN senders s ON s.workspace_id = t.workspace_id AND s.id = t.sender_id
    WHERE t.workspace_id = %(workspace_id)s AND t.campaign_id = %(campaign_id)s
    ORDER BY s.login_id
) k;

-- name: spread_hold
-- Hold the campaign's other streams for the same words, with no tries of their own: those are the first one's.
WITH spread AS (
    UPDATE holds h SET spread_at = now()
    WHERE h.workspace_id = %(workspace_id)s AND h.id = %(id)s AND h.spread_at IS NULL
    RETURNING h.*
)
INSERT INTO holds (workspace_id, login_id, stream_id, reason, signature, words, since, probe_at, of_stream)
SELECT o.workspace_id, s.login_id, o.id, h.reason, h.signature, h.words, h.since, h.since + interval '100 years', h.stream_id
FROM spread h
JOIN streams t ON t.workspace_id = h.workspace_id AND t.id = h.stream_id
JOIN streams o ON o.workspace_id = t.workspace_id AND o.campaign_id = t.campaign_id AND o.id <> t.id
JOIN senders s ON s.workspace_id = o.workspace_id AND s.id = o.sender_id
ORDER BY o.id
ON CONFLICT (workspace_id, login_id, stream_id) DO NOTHING;

-- name: holds_left_behind
-- Holds that follow one that is over.
SELECT h.workspace_id, h.id, t.campaign_id
FROM holds h
JOIN streams t ON t.workspace_id = h.workspace_id AND t.id = h.stream_id
WHERE h.of_stream IS NOT NULL
  AND NOT EXISTS (SELECT FROM holds o WHERE o.workspace_id = h.workspace_id AND o.stream_id = h.of_stream)
ORDER BY h.workspace_id, h.id;

-- name: lift_followers
-- The campaign's holds that follow one that is over end, too.
DELETE FROM holds h
USING streams t
WHERE h.workspace_id = %(workspace_id)s AND h.of_stream IS NOT NULL
  AND t.workspace_id = h.workspace_id AND t.id = h.stream_id AND t.campaign_id = %(campaign_id)s
  AND NOT EXISTS (SELECT FROM holds o WHERE o.workspace_id = h.workspace_id AND o.stream_id = h.of_stream);
