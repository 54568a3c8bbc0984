-- name: exchange
-- Trade outcomes for new work: record what became of finished emails, give back and take allowance, claim due
-- emails for idle lanes. One statement, so one transaction and one round trip.
--
-- Locks, always in this order: the sender's window row (which makes the exchanges of one sender take turns over
-- all workers), what holds it back, its active campaigns by id, emails, and at its end, where `tell` writes to the
-- outbox, webhooks by id. Whoever else changes an email that waits skips locked rows.
--
-- A crash before the commit leaves everything as it was. A crash after it leaves the claimed emails SENDING with
-- our token: that is the write-ahead record, and `recover` finds it.
WITH report AS (
    -- With workspace_id as a column, the planner has no other way to the emails than by their key.
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
room AS MATERIALIZED (
    SELECT s.hourly_limit - w.used AS free
    FROM sender_windows w
    JOIN senders s ON s.workspace_id = w.workspace_id AND s.id = w.sender_id
    WHERE w.workspace_id = %(workspace_id)s::bigint AND w.sender_id = %(sender_id)s::bigint
      AND w.window_start = this_hour()
    FOR UPDATE OF w
),
-- Of what a hold covers, one email a probe. Locked, so that the next worker sees who probes already.
held AS MATERIALIZED (
    SELECT h.id, h.campaign_id, (h.probe_at <= now())::integer AS free
    FROM holds h
    WHERE h.workspace_id = %(workspace_id)s::bigint AND h.sender_id = %(sender_id)s::bigint
      AND (SELECT free FROM room) > 0
    FOR NO KEY UPDATE OF h
),
active AS MATERIALIZED (
    SELECT c.id, c.content_version, h.id IS NOT NULL AS held,
           least(%(wanted)s::integer, room.free, h.free,
                 c.hourly_limit - used_this_hour(c.window_start, c.window_used),
                 spaced_room(c.free_at, c.delay_ms)) AS free
    FROM room, campaigns c
    LEFT JOIN held h ON h.campaign_id = c.id
    JOIN senders s ON s.workspace_id = c.workspace_id AND s.id = c.sender_id
    WHERE c.workspace_id = %(workspace_id)s::bigint AND c.sender_id = %(sender_id)s::bigint AND c.status = 'ACTIVE'
      AND %(wanted)s::integer > 0
      AND (SELECT e.scheduled_at FROM emails e
           WHERE e.workspace_id = c.workspace_id AND e.campaign_id = c.id AND e.status = 'SCHEDULED'
           ORDER BY e.scheduled_at, e.id
           LIMIT 1) <= now()
      AND (s.blocked_until IS NULL OR s.blocked_until <= now())
      -- A worker whose lease ran out may report, but it gets nothing more.
      AND EXISTS (SELECT FROM workers k WHERE k.token = %(token)s::uuid AND k.lease_until > now())
    ORDER BY c.id
    FOR NO KEY UPDATE OF c
),
due AS MATERIALIZED (
    SELECT d.id
    FROM active a
    CROSS JOIN LATERAL (
        SELECT e.id, e.scheduled_at
        FROM emails e
        WHERE e.workspace_id = %(workspace_id)s::bigint AND e.campaign_id = a.id
          AND e.status = 'SCHEDULED' AND e.scheduled_at <= now()
        ORDER BY e.scheduled_at, e.id
        LIMIT greatest(a.free, 0)
        FOR UPDATE SKIP LOCKED
    ) d
    ORDER BY d.scheduled_at, d.id
    LIMIT (SELECT greatest(least(%(wanted)s::integer, coalesce(max(room.free), 0), min(h.free)), 0)
           FROM room LEFT JOIN held h ON h.campaign_id IS NULL)
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
    RETURNING e.id, e.campaign_id, e.attempts, e.claimed_at, e.status, r.kind
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
    RETURNING e.id, e.campaign_id, e.recipient, e.fields, e.retry_count, e.attempts, e.scheduled_at, e.claimed_at,
              e.message_id
),
moved AS (
    SELECT m.campaign_id,
           count(*) FILTER (WHERE m.status = 'SCHEDULED') - count(*) FILTER (WHERE m.claimed) AS scheduled,
           count(*) FILTER (WHERE m.claimed) - count(*) FILTER (WHERE NOT m.claimed) AS sending,
           count(*) FILTER (WHERE m.status = 'SENT') AS sent,
           count(*) FILTER (WHERE m.status = 'FAILED') AS failed,
           count(*) FILTER (WHERE m.status = 'UNKNOWN') AS unknown,
           count(*) FILTER (WHERE m.status = 'CANCELLED') AS cancelled,
           count(*) FILTER (WHERE m.claimed) AS taken,
           count(*) FILTER (WHERE m.returned) AS returned,
           count(*) FILTER (WHERE m.accepted) AS accepted,
           max(m.unused_at) AS unused_at
    FROM (
        SELECT campaign_id, status, false AS claimed,
               kind IN ('RELEASED', 'UNBEGUN') AND claimed_at >= this_hour() AS returned,
               kind = 'ACCEPTED' AS accepted,
               CASE WHEN kind IN ('RELEASED', 'UNBEGUN') THEN claimed_at END AS unused_at
        FROM finished
        UNION ALL
        SELECT campaign_id, NULL, true, false, false, NULL FROM claimed
    ) m
    GROUP BY m.campaign_id
),
tallied AS (
    UPDATE campaigns c
    SET scheduled = c.scheduled + m.scheduled,
        sending = c.sending + m.sending,
        sent = c.sent + m.sent,
        failed = c.failed + m.failed,
        unknown = c.unknown + m.unknown,
        cancelled = c.cancelled + m.cancelled,
        window_start = greatest(c.window_start, this_hour()),
        window_used = greatest(used_this_hour(c.window_start, c.window_used) + m.taken - m.returned, 0),
        accepted_at = CASE WHEN m.accepted > 0 THEN greatest(c.accepted_at, reply.accepted_at) ELSE c.accepted_at END,
        free_at = CASE
            WHEN m.taken > 0 AND c.delay_ms > 0
                THEN greatest(c.free_at, now()) + m.taken * make_interval(secs => c.delay_ms / 1000.0)
            -- Nothing left by the last claim: no email has to keep away from it.
            WHEN c.free_at = m.unused_at + make_interval(secs => c.delay_ms / 1000.0) THEN m.unused_at
            ELSE c.free_at
        END,
        (status, finished_at) = (
            SELECT a.status, a.finished_at
            FROM campaign_after(c.status, c.finished_at, c.scheduled + m.scheduled, c.sending + m.sending) a)
    FROM moved m, reply
    WHERE c.workspace_id = %(workspace_id)s::bigint AND c.id = m.campaign_id
),
probed AS (
    UPDATE holds h
    SET probe_at = now() + interval '10 minutes'  -- unless its outcome is known by then
    FROM held
    WHERE h.workspace_id = %(workspace_id)s::bigint AND h.id = held.id
      AND EXISTS (SELECT FROM claimed q WHERE q.campaign_id = coalesce(held.campaign_id, q.campaign_id))
),
used AS (
    UPDATE sender_windows w
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
    WHERE w.workspace_id = %(workspace_id)s::bigint AND w.sender_id = %(sender_id)s::bigint AND w.window_start = u.window_start
)
SELECT q.id, q.campaign_id, a.content_version, q.recipient, q.fields, q.retry_count, q.attempts, q.scheduled_at,
       q.claimed_at, q.message_id, a.held OR EXISTS (SELECT FROM held h WHERE h.campaign_id IS NULL) AS probe
FROM claimed q
JOIN active a ON a.id = q.campaign_id
UNION ALL
-- A last row without an id: some reports were on emails that are not ours any more, see `record_late`.
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
WHERE (SELECT count(*) FROM report) <> (SELECT count(*) FROM finished)
ORDER BY scheduled_at, id;

-- name: open_window
-- Make the row of the current window, which `exchange` locks.
INSERT INTO sender_windows (workspace_id, sender_id, window_start)
VALUES (%(workspace_id)s::bigint, %(sender_id)s::bigint, this_hour())
ON CONFLICT DO NOTHING;

-- name: outlook
-- What a sender loop that got less than it asked for should do next: how long until the next email is due, whether
-- something due is held back by a limit, and until when the sender is blocked.
SELECT EXISTS (
           SELECT FROM sender_windows w
           WHERE w.workspace_id = %(workspace_id)s::bigint AND w.sender_id = %(sender_id)s::bigint
             AND w.window_start = this_hour()
       ) AS window_open,
       s.blocked_until,
       extract(epoch FROM s.blocked_until - now())::float8 AS blocked_s,
       next.due_at,
       extract(epoch FROM next.due_at - now())::float8 AS due_s,
       coalesce(next.over_limit, false) AS over_limit
FROM senders s
LEFT JOIN holds all_held
    ON all_held.workspace_id = s.workspace_id AND all_held.sender_id = s.id AND all_held.campaign_id IS NULL
LEFT JOIN LATERAL (
    SELECT min(d.due_at) AS due_at,
           bool_or(d.due_at <= now()
                   AND (c.hourly_limit <= used_this_hour(c.window_start, c.window_used)
                        OR s.hourly_limit <= w.used)) AS over_limit
    FROM campaigns c
    LEFT JOIN holds h ON h.workspace_id = c.workspace_id AND h.sender_id = c.sender_id AND h.campaign_id = c.id
    CROSS JOIN LATERAL (
        SELECT greatest(e.scheduled_at, spaced_from(c.free_at, c.delay_ms), h.probe_at, all_held.probe_at) AS due_at
        FROM emails e
        WHERE e.workspace_id = c.workspace_id AND e.campaign_id = c.id AND e.status = 'SCHEDULED'
        ORDER BY e.scheduled_at, e.id
        LIMIT 1
    ) d
    LEFT JOIN sender_windows w
        ON w.workspace_id = c.workspace_id AND w.sender_id = c.sender_id AND w.window_start = this_hour()
    WHERE c.workspace_id = s.workspace_id AND c.sender_id = s.id AND c.status = 'ACTIVE' AND c.scheduled > 0
) next ON true
WHERE s.workspace_id = %(workspace_id)s::bigint AND s.id = %(sender_id)s::bigint;

-- name: held_claims
-- Emails this worker holds for a sender according to the ledger: what it did not hear of (the answer to a claim
-- was lost) was never begun and may be given back.
SELECT e.id
FROM emails e
JOIN campaigns c ON c.workspace_id = e.workspace_id AND c.id = e.campaign_id
WHERE e.claim_token = %(token)s::uuid AND e.status = 'SENDING'
  AND e.workspace_id = %(workspace_id)s::bigint AND c.sender_id = %(sender_id)s::bigint;

-- name: record_late
-- Reports of a worker that lost its claims meanwhile, each by what its own claim was: what a server accepted is SENT,
-- and a second sending that was planned is not; of other outcomes only the attempt is kept. Not for an email that
-- somebody claims anew, nor for a claim whose outcome stands already (that of `recover` says nothing of the server).
WITH report AS (
    SELECT r.*
    FROM jsonb_to_recordset(%(outcomes)s::jsonb) AS r (
        id bigint, kind text, command text, code integer, enhanced_code text, reply text,
        duration_ms integer, server text, message_id text, content_version integer, claimed_at timestamptz
    )
    WHERE r.kind <> 'UNBEGUN' AND r.claimed_at IS NOT NULL
      AND NOT (r.kind = 'UNKNOWN' AND r.command IS NULL)  -- that nobody knows it is there already
),
campaign AS MATERIALIZED (
    SELECT c.id FROM campaigns c
    WHERE c.workspace_id = %(workspace_id)s::bigint
      AND c.id IN (SELECT e.campaign_id FROM report r
                   JOIN emails e ON e.workspace_id = %(workspace_id)s::bigint AND e.id = r.id)
    ORDER BY c.id
    FOR NO KEY UPDATE
),
before AS MATERIALIZED (
    SELECT e.id, e.status, e.campaign_id
    FROM campaign c
    JOIN emails e ON e.workspace_id = %(workspace_id)s::bigint AND e.campaign_id = c.id
    JOIN report r ON r.id = e.id
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
    SELECT b.campaign_id, count(*) AS sent,
           count(*) FILTER (WHERE b.status = 'SCHEDULED') AS scheduled,
           count(*) FILTER (WHERE b.status = 'UNKNOWN') AS unknown
    FROM before b
    JOIN report r USING (id)
    WHERE r.kind = 'ACCEPTED'
    GROUP BY b.campaign_id
)
UPDATE campaigns c
SET sent = c.sent + m.sent,
    scheduled = c.scheduled - m.scheduled,
    unknown = c.unknown - m.unknown,
    (status, finished_at) = (
        SELECT a.status, a.finished_at
        FROM campaign_after(c.status, c.finished_at, c.scheduled - m.scheduled, c.sending) a)
FROM moved m
WHERE c.workspace_id = %(workspace_id)s::bigint AND c.id = m.campaign_id;
