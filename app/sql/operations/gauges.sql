-- name: careful_reading
-- For the rest of a transaction that reads vitals: never a walk over the emails, whatever the planner knows of them, and
-- an end when it takes too long.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true), set_config('enable_bitmapscan', 'off', true),
       set_config('jit', 'off', true), set_config('statement_timeout', %(timeout_ms)s::text, true);

-- name: emails_by_status
-- All emails by status, from the campaigns' counters; in doubt only those that somebody can still decide on.
SELECT coalesce(sum(scheduled), 0)::bigint AS scheduled, coalesce(sum(sending), 0)::bigint AS sending,
       coalesce(sum(sent), 0)::bigint AS sent, coalesce(sum(failed), 0)::bigint AS failed,
       coalesce(sum(unknown) FILTER (WHERE emails_removed_at IS NULL), 0)::bigint AS unknown,
       coalesce(sum(cancelled), 0)::bigint AS cancelled
FROM campaigns;

-- name: due_emails
-- What is due and waits: how many emails, counted up to %(most)s, and the age of the oldest; those whose sender is backed
-- off, or that a server's words hold back, apart from the rest.
WITH owing AS MATERIALIZED (
    SELECT c.workspace_id, c.id, 
           coalesce(s.blocked_until > now(), false) OR EXISTS (
               SELECT FROM holds h
               WHERE h.workspace_id = s.workspace_id AND h.sender_id = s.id
                 AND (h.campaign_id IS NULL OR h.campaign_id = c.id)) AS backed_off
    FROM campaigns c
    JOIN senders s ON s.workspace_id = c.workspace_id AND s.id = c.sender_id
    WHERE c.status = 'ACTIVE' AND c.scheduled > 0
),
oldest AS (
    SELECT o.backed_off, min(d.scheduled_at) AS due_at
    FROM owing o
    CROSS JOIN LATERAL (
        SELECT e.scheduled_at FROM emails e
        WHERE e.workspace_id = o.workspace_id AND e.campaign_id = o.id AND e.status = 'SCHEDULED'
        ORDER BY e.scheduled_at, e.id
        LIMIT 1
    ) d
    WHERE d.scheduled_at <= now()
    GROUP BY o.backed_off
),
counted AS (
    SELECT f.backed_off, count(n.one) AS waiting
    FROM (VALUES (false), (true)) AS f (backed_off)
    LEFT JOIN LATERAL (
        SELECT 1 AS one
        FROM owing o
        JOIN emails e ON e.workspace_id = o.workspace_id AND e.campaign_id = o.id
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
-- Campaigns and senders that a server's words hold back.
SELECT count(*) FILTER (WHERE h.reason = 'REFUSED') AS refused, count(*) FILTER (WHERE h.reason = 'SERVER_SLOW') AS server_slow
FROM holds h
LEFT JOIN campaigns c ON c.workspace_id = h.workspace_id AND c.id = h.campaign_id
WHERE h.campaign_id IS NULL OR c.status IN ('ACTIVE', 'PAUSED');

-- name: workforce
-- Workers that are alive, the lanes they hold, and senders that are backed off.
SELECT (SELECT count(*) FROM workers WHERE lease_until > now()) AS workers,
       (SELECT coalesce(sum(count), 0)::bigint FROM lanes) AS lanes,
       (SELECT count(*) FROM senders WHERE blocked_until > now()) AS backed_off;
