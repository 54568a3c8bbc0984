-- name: exchange
-- Trade outcomes for new work: record what became of finished emails, give back and take allowance, claim due
-- emails for idle lanes. One statement, so one transaction and one round trip.
--
-- Locks, always in this order: the window of the sender's login (which makes the exchanges of one login take turns over
-- all workers), what holds it back, streams by id, hours of campaigns, emails, campaigns that end, and where `tell`
-- writes to the outbox, webhooks by id.
--
-- All is seen as it was before the locks; what a lock was waited for is read anew, row by row. That is enough for all but
-- `next_due_at`, which is said of emails that nobody has locked: it is raised only where the stream is still the one seen.
--
-- A crash before the commit leaves everything as it was. A crash after it leaves the claimed emails SENDING with
-- our token: that is the write-ahead record, and `recover` finds it.
WITH report AS (
    -- With workspace_id as a column, here and below, the planner has no other way to rows than by their key, however few
    -- there were when it looked.
    SELECT %(workspace_id)s::bigint AS workspace_id, r.*
    FROM jsonb_to_recordset(%(outcomes)s::jsonb) AS r (
        id bigint, kind text, command text, code integer, enhanced_code text, reply text,
        duration_ms integer, server text, message_id text, again_in_s double precision, content_version integer
    )
),
-- When the last of the accepted emails was: by its reply, not by when we come to record it.
reply AS (
    SELECT now() - make_interval(secs => %(accepted_ago_s)s::double precision) AS accepted_at
),
sender AS MATERIALIZED (
    SELECT login_id,
           (blocked_until IS NULL OR blocked_until <= now())
           -- A worker whose lease ran out may report, but it gets nothing more.
           AND EXISTS (SELECT FROM workers k WHERE k.token = %(token)s::uuid AND k.lease_until > now()) AS may_claim
    FROM senders
    WHERE workspace_id = %(workspace_id)s::bigint AND id = %(sender_id)s::bigint
),
room AS MATERIALIZED (
    SELECT allowed - used AS free FROM login_windows
    WHERE workspace_id = %(workspace_id)s::bigint AND login_id = (SELECT login_id FROM sender)
      AND window_start = this_hour()
    FOR UPDATE
),
-- Of what a hold covers, one email a probe. Locked, so that the next worker sees who probes already.
held AS MATERIALIZED (
    SELECT h.id, h.stream_id, (h.probe_at <= now())::integer AS free
    FROM holds h
    WHERE h.workspace_id = %(workspace_id)s::bigint AND h.login_id = (SELECT login_id FROM sender)
      AND (SELECT free FROM room) > 0
    FOR NO KEY UPDATE OF h
),
-- Streams of which something may go, those that have waited longest; so many that others wait no longer than a turn.
seen AS MATERIALIZED (
    SELECT s.id, s.xmin::text AS version
    FROM streams s
    WHERE s.workspace_id = %(workspace_id)s::bigint AND s.sender_id = %(sender_id)s::bigint AND s.open
      AND s.next_due_at <= now() AND s.start_at <= now()  -- a start that was moved holds before all has its new time
      AND %(wanted)s::integer > 0 AND (SELECT free FROM room) > 0 AND (SELECT may_claim FROM sender)
      AND spaced_room(s.free_at, s.gap_ms) > 0
      AND NOT EXISTS (SELECT FROM held h WHERE h.free = 0 AND coalesce(h.stream_id, s.id) = s.id)
      AND coalesce((SELECT used_this_hour(o.window_start, o.used) < o.allowed FROM campaign_hours o
                    WHERE o.workspace_id = s.workspace_id AND o.campaign_id = s.campaign_id), true)
    ORDER BY s.next_due_at
    LIMIT 200
),
turn AS MATERIALIZED (
    SELECT s.workspace_id, s.id, s.campaign_id, s.content_version, s.free_at, s.gap_ms, s.scheduled + s.sending AS going,
           i.version IS NOT NULL AND s.open AND s.next_due_at <= now() AND s.start_at <= now() AS due,
           s.xmin::text = i.version AS as_seen
    FROM (
        SELECT %(workspace_id)s::bigint AS workspace_id, k.id, max(k.version) AS version
        FROM (
            SELECT id, version FROM seen
            UNION ALL
            SELECT e.stream_id, NULL FROM report r JOIN emails e ON e.workspace_id = r.workspace_id AND e.id = r.id
        ) k
        GROUP BY k.id
    ) i
    JOIN streams s ON s.workspace_id = i.workspace_id AND s.id = i.id
    WHERE (SELECT count(*) FROM room) >= 0  -- locked before, whatever the plan
    ORDER BY s.id
    FOR NO KEY UPDATE OF s
),
hours AS MATERIALIZED (
    SELECT o.campaign_id, o.allowed - used_this_hour(o.window_start, o.used) AS free
    FROM turn t
    JOIN campaign_hours o ON o.workspace_id = t.workspace_id AND o.campaign_id = t.campaign_id
    ORDER BY o.campaign_id
    FOR NO KEY UPDATE OF o
),
active AS MATERIALIZED (
    SELECT t.id, t.content_version, t.as_seen, h.id IS NOT NULL AS held, n.free AS limited,
           least(n.free, h.free, spaced_room(t.free_at, t.gap_ms)) AS free
    FROM room, turn t
    LEFT JOIN held h ON h.stream_id = t.id
    LEFT JOIN hours o ON o.campaign_id = t.campaign_id
    CROSS JOIN LATERAL (SELECT least(%(wanted)s::integer, room.free, o.free) AS free) n
    WHERE t.due
),
head AS MATERIALIZED (
    SELECT d.id, d.scheduled_at, a.id AS stream_id
    FROM active a
    CROSS JOIN LATERAL (
        SELECT e.id, e.scheduled_at
        FROM emails e
        WHERE e.workspace_id = %(workspace_id)s::bigint AND e.stream_id = a.id
          AND e.status = 'SCHEDULED' AND e.scheduled_at <= now()
        ORDER BY e.scheduled_at, e.id
        LIMIT greatest(a.free, 0)
        FOR UPDATE SKIP LOCKED
    ) d
),
due AS MATERIALIZED (
    SELECT id FROM head
    ORDER BY scheduled_at, id
    LIMIT (SELECT greatest(least(%(wanted)s::integer, coalesce(max(room.free), 0), min(h.free)), 0)
           FROM room LEFT JOIN held h ON h.stream_id IS NULL)
),
-- What comes next in streams that had less than the limits allowed: no later exchange looks at them before that.
dry AS MATERIALIZED (
    SELECT a.id,
           (SELECT e.scheduled_at FROM emails e
            WHERE e.workspace_id = %(workspace_id)s::bigint AND e.stream_id = a.id AND e.status = 'SCHEDULED'
              AND e.id <> ALL (ARRAY(SELECT due.id FROM due))
            ORDER BY e.scheduled_at, e.id
            LIMIT 1) AS next_due_at
    FROM active a
    WHERE a.as_seen AND a.limited > (SELECT count(*) FROM head WHERE head.stream_id = a.id)
),
finished AS (
    UPDATE emails e
    SET (status, sent_at, scheduled_at) = (
            SELECT v.status, CASE WHEN v.status = 'SENT' THEN now() END,
                   CASE
                       WHEN v.status <> 'SCHEDULED' THEN e.scheduled_at
                       WHEN r.kind = 'DEFERRED' THEN now() + retry_wait(e.retry_count + 1, e.id)
                       WHEN r.kind = 'UNKNOWN' THEN now() + retry_wait(e.attempts + 1, e.id)
                       ELSE coalesce(now() + make_interval(secs => r.again_in_s), e.scheduled_at)
                   END
            FROM (
                SELECT CASE
                           WHEN r.kind = 'ACCEPTED' THEN 'SENT'
                           WHEN r.kind = 'REJECTED' THEN 'FAILED'
                           WHEN r.kind = 'DEFERRED' AND (
                               e.retry_count + 1 >= %(max_attempts)s::integer
                               OR retries_take(e.retry_count + 1) > make_interval(secs => 3600 * %(retry_for_hours)s::double precision)
                           ) THEN 'FAILED'
                           ELSE (
                               SELECT CASE
                                          WHEN r.kind = 'UNKNOWN' THEN doubt_becomes(
                                              c.on_unknown, c.status, e.attempts + 1, %(max_attempts)s::integer)
                                          WHEN c.status = 'CANCELLED' THEN 'CANCELLED'
                                          ELSE 'SCHEDULED'
                                      END
                               FROM campaigns c WHERE c.workspace_id = e.workspace_id AND c.id = e.campaign_id
                           )
                       END AS status
            ) v
        ),
        claim_token = NULL,
        attempts = e.attempts + (r.kind <> 'UNBEGUN')::integer,
        retry_count = e.retry_count + (r.kind = 'DEFERRED')::integer,
        message_id = coalesce(r.message_id, e.message_id)
    FROM report r
    WHERE e.workspace_id = r.workspace_id AND e.id = r.id AND e.claim_token = %(token)s::uuid
      AND (SELECT count(*) FROM turn) + (SELECT count(*) FROM hours) > 0  -- locked before
    RETURNING e.id, e.stream_id, e.attempts, e.claimed_at, e.status, e.scheduled_at, r.kind
),
audit AS (
    INSERT INTO attempts (workspace_id, email_id, number, outcome, claimed_at, duration_ms, server, command, code,
                          enhanced_code, reply, content_version)
    SELECT %(workspace_id)s::bigint, f.id, f.attempts, f.kind::attempt_outcome, f.claimed_at, r.duration_ms, r.server, r.command,
           r.code, r.enhanced_code, r.reply, r.content_version
    FROM finished f JOIN report r USING (id)
    WHERE f.kind <> 'UNBEGUN'
),
claimed AS (
    UPDATE emails e
    SET status = 'SENDING', claim_token = %(token)s::uuid, claimed_at = now()
    FROM due
    WHERE e.workspace_id = %(workspace_id)s::bigint AND e.id = due.id
    RETURNING e.id, e.campaign_id, e.stream_id, e.recipient, e.fields, e.retry_count, e.attempts, e.scheduled_at,
              e.claimed_at, e.message_id
),
moved AS (
    SELECT %(workspace_id)s::bigint AS workspace_id, m.stream_id,
           count(*) FILTER (WHERE m.status = 'SCHEDULED') - count(*) FILTER (WHERE m.claimed) AS scheduled,
           count(*) FILTER (WHERE m.claimed) - count(*) FILTER (WHERE NOT m.claimed) AS sending,
           count(*) FILTER (WHERE m.status = 'SENT') AS sent,
           count(*) FILTER (WHERE m.status = 'FAILED') AS failed,
           count(*) FILTER (WHERE m.status = 'UNKNOWN') AS unknown,
           count(*) FILTER (WHERE m.status = 'CANCELLED') AS cancelled,
           count(*) FILTER (WHERE m.claimed) AS taken,
           count(*) FILTER (WHERE m.returned) AS returned,
           count(*) FILTER (WHERE m.accepted) AS accepted,
           max(m.unused_at) AS unused_at,
           min(m.back_at) AS back_at,
           coalesce(bool_or(m.dry), false) AS dry,
           max(m.next_due_at) AS next_due_at,
           max(m.campaign_id) AS campaign_id,
           max(m.going) AS going
    FROM (
        SELECT stream_id, status, false AS claimed,
               kind IN ('RELEASED', 'UNBEGUN') AND claimed_at >= this_hour() AS returned,
               kind = 'ACCEPTED' AS accepted,
               CASE WHEN kind IN ('RELEASED', 'UNBEGUN') THEN claimed_at END AS unused_at,
               CASE WHEN status = 'SCHEDULED' THEN scheduled_at END AS back_at,
               NULL::boolean AS dry, NULL::timestamptz AS next_due_at, NULL::bigint AS campaign_id, NULL::integer AS going
        FROM finished
        UNION ALL
        SELECT stream_id, NULL, true, false, false, NULL, NULL, NULL, NULL, NULL, NULL FROM claimed
        UNION ALL
        -- Of one that still has something due, what was said stands.
        SELECT id, NULL, NULL, false, false, NULL, NULL, true, next_due_at, NULL, NULL FROM dry
        WHERE next_due_at IS NULL OR next_due_at > now()
        UNION ALL
        SELECT id, NULL, NULL, false, false, NULL, NULL, NULL, NULL, campaign_id, going FROM turn
    ) m
    GROUP BY m.stream_id
    HAVING count(m.claimed) > 0 OR bool_or(m.dry)
),
-- Campaigns that end, perhaps, in their order: the trigger `streams_end` locks them as they come.
ending AS MATERIALIZED (
    SELECT c.id
    FROM moved m
    JOIN campaigns c ON c.workspace_id = m.workspace_id AND c.id = m.campaign_id
    WHERE m.going + m.scheduled + m.sending = 0
    ORDER BY c.id
    FOR NO KEY UPDATE OF c
),
tallied AS (
    UPDATE streams s
    SET scheduled = s.scheduled + m.scheduled,
        sending = s.sending + m.sending,
        sent = s.sent + m.sent,
        failed = s.failed + m.failed,
        unknown = s.unknown + m.unknown,
        cancelled = s.cancelled + m.cancelled,
        next_due_at = least(CASE WHEN m.dry THEN m.next_due_at ELSE s.next_due_at END, m.back_at),
        window_start = greatest(s.window_start, this_hour()),
        window_used = greatest(used_this_hour(s.window_start, s.window_used) + m.taken - m.returned, 0),
        accepted_at = CASE WHEN m.accepted > 0 THEN greatest(s.accepted_at, reply.accepted_at) ELSE s.accepted_at END,
        free_at = CASE
            WHEN m.taken > 0 THEN greatest(s.free_at, now()) + m.taken * make_interval(secs => s.gap_ms / 1000.0)
            -- Nothing left by the last claim: no email has to keep away from it.
            WHEN s.free_at = m.unused_at + make_interval(secs => s.gap_ms / 1000.0) THEN m.unused_at
            ELSE s.free_at
        END
    FROM moved m, reply
    WHERE s.workspace_id = m.workspace_id AND s.id = m.stream_id AND (SELECT count(*) FROM ending) >= 0
    RETURNING s.workspace_id, s.campaign_id, m.taken, m.returned
),
counted AS (
    UPDATE campaign_hours o
    SET window_start = greatest(o.window_start, this_hour()),
        used = greatest(used_this_hour(o.window_start, o.used) + t.taken - t.returned, 0)
    FROM tallied t
    WHERE o.workspace_id = t.workspace_id AND o.campaign_id = t.campaign_id AND t.taken + t.returned > 0
),
probed AS (
    UPDATE holds h
    SET probe_at = now() + interval '10 minutes'  -- unless its outcome is known by then
    FROM held
    WHERE h.workspace_id = %(workspace_id)s::bigint AND h.id = held.id
      AND EXISTS (SELECT FROM claimed q WHERE q.stream_id = coalesce(held.stream_id, q.stream_id))
),
used AS (
    UPDATE login_windows w
    SET used = greatest(w.used + u.taken - u.returned, 0),
        accepted = w.accepted + u.accepted,
        accepted_at = CASE WHEN u.accepted > 0 THEN greatest(w.accepted_at, reply.accepted_at) ELSE w.accepted_at END,
        rejected = w.rejected + u.rejected,
        deferred = w.deferred + u.deferred,
        released = w.released + u.released,
        unknown = w.unknown + u.unknown
    FROM (
        SELECT m.window_start,
               count(*) FILTER (WHERE m.kind IS NULL) AS taken,
               count(*) FILTER (WHERE m.kind IN ('RELEASED', 'UNBEGUN')) AS returned,
               count(*) FILTER (WHERE m.kind = 'ACCEPTED') AS accepted,
               count(*) FILTER (WHERE m.kind = 'REJECTED') AS rejected,
               count(*) FILTER (WHERE m.kind = 'DEFERRED') AS deferred,
               count(*) FILTER (WHERE m.kind = 'RELEASED') AS released,
               count(*) FILTER (WHERE m.kind = 'UNKNOWN') AS unknown
        FROM (
            -- What became of a claim belongs to the window that it was taken from.
            SELECT hour_of(claimed_at) AS window_start, kind FROM finished
            UNION ALL
            SELECT this_hour(), NULL FROM claimed
        ) m
        GROUP BY m.window_start
    ) u, reply
    WHERE w.workspace_id = %(workspace_id)s::bigint AND w.login_id = (SELECT login_id FROM sender)
      AND w.window_start = u.window_start
)
SELECT q.id, q.campaign_id, a.content_version, q.recipient, q.fields, q.retry_count, q.attempts, q.scheduled_at,
       q.claimed_at, q.message_id, a.held OR EXISTS (SELECT FROM held h WHERE h.stream_id IS NULL) AS probe
FROM claimed q
JOIN active a ON a.id = q.stream_id
UNION ALL
-- A last row without an id: some reports were on emails that are not ours any more, see `record_late`.
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
WHERE (SELECT count(*) FROM report) <> (SELECT count(*) FROM finished)
ORDER BY scheduled_at, id;

-- name: open_window
-- Make the row of the current window, which `exchange` locks.
SELECT open_window(s.workspace_id, s.login_id) FROM senders s
WHERE s.workspace_id = %(workspace_id)s::bigint AND s.id = %(sender_id)s::bigint;

-- name: outlook
-- What a sender loop that got less than it asked for should do next: how long until the next email is due, whether
-- something due is held back by a limit, and until when the sender is blocked. Of streams that are due, or say so, the
-- emails tell; of later ones the first are asked, and what they say of themselves is early enough.
SELECT w.used IS NOT NULL AS window_open,
       s.blocked_until,
       extract(epoch FROM s.blocked_until - now())::float8 AS blocked_s,
       next.due_at,
       extract(epoch FROM next.due_at - now())::float8 AS due_s,
       coalesce(next.over_limit, false) AS over_limit
FROM senders s
LEFT JOIN login_windows w
    ON w.workspace_id = s.workspace_id AND w.login_id = s.login_id AND w.window_start = this_hour()
LEFT JOIN holds all_held
    ON all_held.workspace_id = s.workspace_id AND all_held.login_id = s.login_id AND all_held.stream_id IS NULL
LEFT JOIN LATERAL (
    SELECT min(d.due_at) AS due_at,
           bool_or(d.due_at <= now()
                   AND (o.allowed <= used_this_hour(o.window_start, o.used) OR w.allowed <= w.used)) AS over_limit
    FROM (
        (SELECT t.id, t.campaign_id, t.start_at, t.free_at, t.gap_ms,
                (SELECT due_at FROM first_due(t.workspace_id, t.id)) AS first_at
         FROM streams t
         WHERE t.workspace_id = s.workspace_id AND t.sender_id = s.id AND t.open AND t.next_due_at <= now())
        UNION ALL
        (SELECT t.id, t.campaign_id, t.start_at, t.free_at, t.gap_ms, t.next_due_at
         FROM streams t
         WHERE t.workspace_id = s.workspace_id AND t.sender_id = s.id AND t.open AND t.next_due_at > now()
         ORDER BY t.next_due_at
         LIMIT 50)
        UNION ALL
        -- Whatever holds back the first of them, no later one is due before this one.
        (SELECT t.id, NULL, NULL, NULL, 0, t.next_due_at
         FROM streams t
         WHERE t.workspace_id = s.workspace_id AND t.sender_id = s.id AND t.open AND t.next_due_at > now()
         ORDER BY t.next_due_at
         OFFSET 50 LIMIT 1)
    ) t
    LEFT JOIN holds h ON h.workspace_id = s.workspace_id AND h.login_id = s.login_id AND h.stream_id = t.id
    LEFT JOIN campaign_hours o ON o.workspace_id = s.workspace_id AND o.campaign_id = t.campaign_id
    CROSS JOIN LATERAL (
        SELECT greatest(t.first_at, t.start_at, spaced_from(t.free_at, t.gap_ms), h.probe_at, all_held.probe_at) AS due_at
    ) d
    WHERE t.first_at IS NOT NULL
) next ON true
WHERE s.workspace_id = %(workspace_id)s::bigint AND s.id = %(sender_id)s::bigint;

-- name: held_claims
-- Emails this worker holds for a sender according to the ledger: what it did not hear of (the answer to a claim
-- was lost) was never begun and may be given back.
SELECT e.id
FROM emails e
JOIN streams s ON s.workspace_id = e.workspace_id AND s.id = e.stream_id
WHERE e.claim_token = %(token)s::uuid AND e.status = 'SENDING'
  AND e.workspace_id = %(workspace_id)s::bigint AND s.sender_id = %(sender_id)s::bigint;

-- name: record_late
-- Reports of a worker that lost its claims meanwhile, each by what its own claim was: what a server accepted is SENT,
-- and a second sending that was planned is not; of other outcomes only the attempt is kept. Not for an email that
-- somebody claims anew, nor for a claim whose outcome stands already (that of `recover` says nothing of the server).
-- Their streams are locked; campaigns that end are locked in their order.
WITH report AS (
    SELECT r.*
    FROM jsonb_to_recordset(%(outcomes)s::jsonb) AS r (
        id bigint, kind text, command text, code integer, enhanced_code text, reply text,
        duration_ms integer, server text, message_id text, content_version integer, claimed_at timestamptz
    )
    WHERE r.kind <> 'UNBEGUN' AND r.claimed_at IS NOT NULL
      AND NOT (r.kind = 'UNKNOWN' AND r.command IS NULL)  -- that nobody knows it is there already
),
before AS MATERIALIZED (
    SELECT e.id, e.status, e.stream_id, e.campaign_id
    FROM report r
    JOIN emails e ON e.workspace_id = %(workspace_id)s::bigint AND e.id = r.id
    WHERE e.claim_token IS NULL AND e.status IN ('UNKNOWN', 'SCHEDULED') AND e.claimed_at <= r.claimed_at
      AND NOT EXISTS (
          SELECT FROM attempts a
          WHERE a.workspace_id = e.workspace_id AND a.email_id = e.id AND a.claimed_at = r.claimed_at
            AND NOT (a.outcome = 'UNKNOWN' AND a.command IS NULL))
    FOR UPDATE OF e
),
believed AS (
    UPDATE emails e
    SET status = CASE WHEN r.kind = 'ACCEPTED' THEN 'SENT' ELSE e.status END,
        sent_at = CASE WHEN r.kind = 'ACCEPTED' THEN now() ELSE e.sent_at END,
        attempts = e.attempts + 1,
        message_id = coalesce(r.message_id, e.message_id)
    FROM before b
    JOIN report r USING (id)
    WHERE e.workspace_id = %(workspace_id)s::bigint AND e.id = b.id
    RETURNING e.id, e.attempts
),
audit AS (
    INSERT INTO attempts (workspace_id, email_id, number, outcome, claimed_at, duration_ms, server, command, code,
                          enhanced_code, reply, content_version)
    SELECT %(workspace_id)s::bigint, b.id, b.attempts, r.kind::attempt_outcome, r.claimed_at, r.duration_ms, r.server,
           r.command, r.code, r.enhanced_code, r.reply, r.content_version
    FROM believed b JOIN report r USING (id)
),
moved AS (
    SELECT b.stream_id, count(*) AS sent,
           count(*) FILTER (WHERE b.status = 'SCHEDULED') AS scheduled,
           count(*) FILTER (WHERE b.status = 'UNKNOWN') AS unknown
    FROM before b
    JOIN report r USING (id)
    WHERE r.kind = 'ACCEPTED'
    GROUP BY b.stream_id
),
ending AS MATERIALIZED (
    SELECT c.id FROM campaigns c
    WHERE c.workspace_id = %(workspace_id)s::bigint AND c.id IN (SELECT campaign_id FROM before)
    ORDER BY c.id
    FOR NO KEY UPDATE
)
UPDATE streams s
SET sent = s.sent + m.sent, scheduled = s.scheduled - m.scheduled, unknown = s.unknown - m.unknown
FROM moved m
WHERE s.workspace_id = %(workspace_id)s::bigint AND s.id = m.stream_id AND (SELECT count(*) FROM ending) > 0;
