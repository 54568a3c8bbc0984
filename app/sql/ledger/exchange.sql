-- name: exchange
-- Trade outcomes for new work: record what became of finished emails, give back and take allowance, claim due
-- emails for idle lanes. One statement, so one transaction and one round trip.
--
-- Locks, always in this order: the sender's window row (which makes the exchanges of one sender take turns over
-- all workers), its active campaigns by id, emails, and at its end, where `tell` writes to the outbox, webhooks by id.
-- Whoever else changes an email that waits skips locked rows.
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
room AS MATERIALIZED (
    SELECT s.hourly_limit - w.used AS free
    FROM sender_windows w
    JOIN senders s ON s.workspace_id = w.workspace_id AND s.id = w.sender_id
    WHERE w.workspace_id = %(workspace_id)s::bigint AND w.sender_id = %(sender_id)s::bigint
      AND w.window_start = this_hour()
    FOR UPDATE OF w
),
active AS MATERIALIZED (
    SELECT c.id, c.content_version,
           least(%(wanted)s::integer, room.free,
                 c.hourly_limit - used_this_hour(c.window_start, c.window_used)) AS free
    FROM room, campaigns c
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
    LIMIT (SELECT greatest(least(%(wanted)s::integer, coalesce(max(free), 0)), 0) FROM room)
),
finished AS (
    UPDATE emails e
    SET (status, sent_at) = (
            SELECT v.status, CASE WHEN v.status = 'SENT' THEN now() END
            FROM (
                SELECT CASE
                           WHEN r.kind = 'ACCEPTED' THEN 'SENT'
                           WHEN r.kind = 'REJECTED' THEN 'FAILED'
                           WHEN r.kind = 'DEFERRED' AND e.retry_count + 1 >= %(max_attempts)s::integer THEN 'FAILED'
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
        scheduled_at = coalesce(now() + make_interval(secs => r.again_in_s), e.scheduled_at),
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
           count(*) FILTER (WHERE m.returned) AS returned
    FROM (
        SELECT campaign_id, status, false AS claimed,
               kind IN ('RELEASED', 'UNBEGUN') AND claimed_at >= this_hour() AS returned
        FROM finished
        UNION ALL
        SELECT campaign_id, NULL, true, false FROM claimed
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
        (status, finished_at) = (
            SELECT a.status, a.finished_at
            FROM campaign_after(c.status, c.finished_at, c.scheduled + m.scheduled, c.sending + m.sending) a)
    FROM moved m
    WHERE c.workspace_id = %(workspace_id)s::bigint AND c.id = m.campaign_id
),
used AS (
    UPDATE sender_windows w
    SET used = greatest(w.used + u.taken - u.returned, 0),
        accepted = w.accepted + u.accepted,
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
    ) u
    WHERE w.workspace_id = %(workspace_id)s::bigint AND w.sender_id = %(sender_id)s::bigint AND w.window_start = u.window_start
)
SELECT q.id, q.campaign_id, a.content_version, q.recipient, q.fields, q.retry_count, q.attempts, q.scheduled_at,
       q.claimed_at, q.message_id
FROM claimed q
JOIN active a ON a.id = q.campaign_id
ORDER BY q.scheduled_at, q.id;

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
LEFT JOIN LATERAL (
    SELECT min(d.scheduled_at) AS due_at,
           bool_or(d.scheduled_at <= now()
                   AND (c.hourly_limit <= used_this_hour(c.window_start, c.window_used)
                        OR s.hourly_limit <= w.used)) AS over_limit
    FROM campaigns c
    CROSS JOIN LATERAL (
        SELECT e.scheduled_at
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
