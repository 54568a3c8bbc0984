-- name: careful_reading
-- For the rest of a transaction that reads gauges: never a walk over the emails, whatever the planner knows of them, and
-- an end when it takes too long.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true), set_config('enable_bitmapscan', 'off', true),
       set_config('jit', 'off', true), set_config('statement_timeout', %(timeout_ms)s::text, true);

-- name: emails_by_status
-- All emails by status, from the streams' counters; in doubt only those that somebody can still decide on. Of those that
-- failed, how many wait for a word.
SELECT coalesce(sum(s.scheduled), 0)::bigint AS scheduled, coalesce(sum(s.sending), 0)::bigint AS sending,
       coalesce(sum(s.sent), 0)::bigint AS sent, coalesce(sum(s.failed), 0)::bigint AS failed,
       coalesce(sum(s.unknown) FILTER (WHERE s.unknown > 0 AND NOT EXISTS (
           SELECT FROM campaigns c
           WHERE c.workspace_id = s.workspace_id AND c.id = s.campaign_id AND c.emails_removed_at IS NOT NULL
       )), 0)::bigint AS unknown,
       coalesce(sum(s.cancelled), 0)::bigint AS cancelled, coalesce(sum(s.failed - s.settled), 0)::bigint AS undecided
FROM streams s;

-- name: due_emails
-- Emails that are due and wait: how many, counted up to %(most)s, and the age of the oldest; those whose sender is backed
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

-- name: streams_standing
-- Streams with something waiting that a server's words hold back, and those of which an email has been due for more than
-- a minute although nothing holds it: their plans are behind.
SELECT (SELECT count(DISTINCT t.id)
        FROM holds h
        JOIN senders s ON s.workspace_id = h.workspace_id AND s.login_id = h.login_id
        JOIN streams t ON t.workspace_id = s.workspace_id AND t.sender_id = s.id
        WHERE t.open AND t.scheduled > 0 AND t.id = coalesce(h.stream_id, t.id)) AS held,
       (SELECT count(*)
        FROM streams t
        JOIN senders s ON s.workspace_id = t.workspace_id AND s.id = t.sender_id
        CROSS JOIN LATERAL first_due(t.workspace_id, t.id) d
        WHERE t.open AND t.total > 0 AND t.next_due_at <= now() - interval '1 minute'
          AND greatest(d.due_at, t.start_at) <= now() - interval '1 minute'
          AND (s.blocked_until IS NULL OR s.blocked_until <= now())
          AND NOT EXISTS (SELECT FROM holds h
                          WHERE h.workspace_id = s.workspace_id AND h.login_id = s.login_id
                            AND (h.stream_id IS NULL OR h.stream_id = t.id))) AS behind,
       (SELECT coalesce(extract(epoch FROM now() - min(asked_at)), 0)::float8 FROM plan_changes) AS changing_s;

-- name: day_room
-- Emails that logins limited by the day have sent today and may still send; and how many logins have no room left. Those that
-- sent nothing lately are left out.
SELECT coalesce(sum(r.used_today), 0)::bigint AS used, coalesce(sum(r.left_today), 0)::bigint AS left,
       count(*) FILTER (WHERE r.left_today = 0) AS full
FROM (
    SELECT DISTINCT w.workspace_id, w.login_id FROM login_windows w WHERE w.window_start > this_hour() - interval '24 hours'
) a
JOIN logins l ON l.workspace_id = a.workspace_id AND l.id = a.login_id
CROSS JOIN LATERAL login_room(l.workspace_id, l.id, this_hour()) r
WHERE l.daily_limit IS NOT NULL OR l.ramp_from IS NOT NULL;

-- name: grants
-- Connected mailboxes by how their grants are: a person has to connect again, the latest refresh failed, or good; and
-- those that workers hold connections for whose access token is about to end, which is refreshed long before that.
SELECT count(*) FILTER (WHERE l.grant_ended_at IS NOT NULL) AS ended,
       count(*) FILTER (WHERE l.grant_ended_at IS NULL AND l.refresh_failures > 0) AS failing,
       count(*) FILTER (WHERE l.grant_ended_at IS NULL AND l.refresh_failures = 0) AS good,
       count(*) FILTER (
           WHERE l.grant_ended_at IS NULL AND l.access_expires_at < now() + interval '2 minutes'
             AND EXISTS (SELECT FROM senders s JOIN lanes c ON c.workspace_id = s.workspace_id AND c.sender_id = s.id
                         WHERE s.workspace_id = l.workspace_id AND s.login_id = l.id AND c.count > 0)) AS near_end
FROM logins l
WHERE l.credential = 'OAUTH';

-- name: inboxes_unread
-- For how long the mailbox has not been read whole for which this is longest, of those that emails which wait are sent from.
SELECT coalesce(max(extract(epoch FROM now() - coalesce(i.whole_at, i.failing_since))), 0)::float8 AS unread_s
FROM inboxes i
JOIN read_senders r ON r.workspace_id = i.workspace_id AND r.inbox_id = i.sender_id
WHERE EXISTS (SELECT FROM streams t
              WHERE t.workspace_id = r.workspace_id AND t.sender_id = r.sender_id AND t.open AND t.scheduled > 0);

-- name: workforce
-- Workers that are alive, the lanes they hold, and senders that are backed off.
SELECT (SELECT count(*) FROM workers WHERE lease_until > now()) AS workers,
       (SELECT coalesce(sum(count), 0)::bigint FROM lanes) AS lanes,
       (SELECT count(*) FROM senders WHERE blocked_until > now()) AS backed_off;

-- name: follow_ups_standing
-- How many emails owe a next step, of how many it was stopped and why, and how many follow-ups that are due wait, up to
-- %(most)s, since nobody has read the mailbox in which an answer would lie.
WITH stepped AS MATERIALIZED (
    SELECT workspace_id, id, campaign_id, sender_id, open, following, stops, next_due_at FROM streams WHERE stepped
),
stopped AS (
    SELECT coalesce(sum(n.n) FILTER (WHERE n.reason = 'REPLIED'), 0) AS replied,
           coalesce(sum(n.n) FILTER (WHERE n.reason = 'SUPPRESSED'), 0) AS suppressed,
           coalesce(sum(n.n) FILTER (WHERE n.reason = 'STOPPED'), 0) AS person,
           coalesce(sum(n.n) FILTER (WHERE n.reason NOT IN ('REPLIED', 'SUPPRESSED', 'STOPPED')), 0) AS ended
    FROM stepped s
    CROSS JOIN LATERAL (SELECT key AS reason, value::bigint AS n FROM jsonb_each_text(s.stops)) n
    WHERE s.stops IS NOT NULL
),
unread AS (
    SELECT count(*) AS n
    FROM (
        SELECT FROM stepped s
        CROSS JOIN LATERAL (SELECT inbox_read_at(s.workspace_id, s.campaign_id, s.sender_id, true) AS at) r
        JOIN emails e ON e.workspace_id = s.workspace_id AND e.stream_id = s.id
        WHERE s.open AND s.next_due_at <= now() + interval '1 minute'
          AND e.status = 'SCHEDULED' AND e.scheduled_at <= now() + interval '1 minute' AND e.after_at IS NOT NULL
          AND coalesce(r.at < greatest(e.after_at, now() - interval '30 minutes'), true)
        LIMIT %(most)s::integer
    ) u
)
SELECT (SELECT coalesce(sum(following), 0)::bigint FROM stepped) AS following, u.n AS unread,
       s.replied::bigint, s.suppressed::bigint, s.person::bigint, s.ended::bigint
FROM stopped s CROSS JOIN unread u;
