-- name: careful_reading
-- For the rest of a transaction that reads vitals: never a walk over the emails, whatever the planner knows of them, and
-- an end when it takes too long.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true), set_config('enable_bitmapscan', 'off', true),
       set_config('jit', 'off', true), set_config('statement_timeout', %(timeout_ms)s::text, true);

-- name: emails_by_status
-- All emails by status, from the streams' counters; in doubt only those that somebody can still decide on.
SELECT coalesce(sum(s.scheduled), 0)::bigint AS scheduled, coalesce(sum(s.sending), 0)::bigint AS sending,
       coalesce(sum(s.sent), 0)::bigint AS sent, coalesce(sum(s.failed), 0)::bigint AS failed,
       coalesce(sum(s.unknown) FILTER (WHERE s.unknown > 0 AND NOT EXISTS (
           SELECT FROM campaigns c
           WHERE c.workspace_id = s.workspace_id AND c.id = s.campaign_id AND c.emails_removed_at IS NOT NULL
       )), 0)::bigint AS unknown,
       coalesce(sum(s.cancelled), 0)::bigint AS cancelled
FROM streams s;

-- name: due_emails
-- What is due and waits: how many emails, counted up to %(most)s, and the age of the oldest; those whose sender is backed
-- off, or that a server's words hold back, apart from the rest.
WITH owing AS MATERIALIZED (
    SELECT t.workspace_id, t.id,
           coalesce(s.blocked_until > now(), false) OR EXISTS (
               SELECT FROM holds h
               WHERE h.workspace_id = s.workspace_id AND h.login_id = s.login_id
                 AND (h.stream_id IS NULL OR h.stream_id = t.id)) AS backed_off
    FROM streams t
    JOIN senders s ON s.workspace_id = t.workspace_id AND s.id = t.sender_id
    WHERE t.open AND t.total > 0 AND t.next_due_at <= now()
),
oldest AS (
    SELECT o.backed_off, min(d.due_at) AS due_at
    FROM owing o
    CROSS JOIN LATERAL first_due(o.workspace_id, o.id) d
    WHERE d.due_at <= now()
    GROUP BY o.backed_off
),
counted AS (
    SELECT f.backed_off, count(n.one) AS waiting
    FROM (VALUES (false), (true)) AS f (backed_off)
    LEFT JOIN LATERAL (
        SELECT 1 AS one
        FROM owing o
        JOIN emails e ON e.workspace_id = o.workspace_id AND e.stream_id = o.id
        WHERE o.backed_off = f.backed_off AND e.status = 'SCHEDULED' AND e.scheduled_at <= now()
        LIMIT %(most)s::integer
    ) n ON true
    GROUP BY f.backed_off
)
SELECT c.backed_off, c.waiting, coalesce(extract(epoch FROM now() - o.due_at), 0)::float8 AS oldest_s
FROM counted c
LEFT JOIN oldest o USING (backed_off);

-- name: jobs_by_queue
-- Procrastinate's jobs: what may run now apart from what is deferred. Finished ones are deleted, so there are few.
SELECT queue_name AS queue,
       CASE WHEN status <> 'todo' THEN status::text WHEN scheduled_at > now() THEN 'later' ELSE 'due' END AS status,
       count(*) AS jobs
FROM procrastinate_jobs
GROUP BY 1, 2;

-- name: holds_by_reason
-- Streams and logins that a server's words hold back.
SELECT count(*) FILTER (WHERE h.reason = 'REFUSED') AS refused, count(*) FILTER (WHERE h.reason = 'SERVER_SLOW') AS server_slow
FROM holds h
LEFT JOIN streams t ON t.workspace_id = h.workspace_id AND t.id = h.stream_id
LEFT JOIN campaigns c ON c.workspace_id = t.workspace_id AND c.id = t.campaign_id
WHERE h.of_stream IS NULL AND (h.stream_id IS NULL OR c.status IN ('ACTIVE', 'PAUSED'));

-- name: workforce
-- Workers that are alive, the lanes they hold, and senders that are backed off.
SELECT (SELECT count(*) FROM workers WHERE lease_until > now()) AS workers,
       (SELECT coalesce(sum(count), 0)::bigint FROM lanes) AS lanes,
       (SELECT count(*) FROM senders WHERE blocked_until > now()) AS backed_off;
