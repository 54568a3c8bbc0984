-- name: lock_logins
-- One transaction at a time changes who logs in as whom in this workspace, until its end.
SELECT pg_advisory_xact_lock(hashtextextended('reachinbox logins', %(workspace_id)s));

-- name: shared_login
-- The login of another sender that logs in alike; NULL: nobody does. `mine`: the one that this sender has, and whether
-- others have it, too.
SELECT shared_login(%(workspace_id)s::bigint, %(host)s::text, %(username)s::text, %(sender_id)s::bigint) AS login_id,
       s.login_id AS mine,
       EXISTS (SELECT FROM senders o WHERE o.workspace_id = s.workspace_id AND o.login_id = s.login_id AND o.id <> s.id)
           AS is_shared
FROM (VALUES (0)) one
LEFT JOIN senders s ON s.workspace_id = %(workspace_id)s AND s.id = %(sender_id)s::bigint;

-- name: granted_senders
-- Senders that log in to this server as this user by a grant, and whose grant it is.
SELECT s.id, l.provider FROM senders s
JOIN logins l ON l.workspace_id = s.workspace_id AND l.id = s.login_id
WHERE s.workspace_id = %(workspace_id)s AND l.credential = 'OAUTH'
  AND logs_in_as(s, %(host)s::text, %(username)s::text);

-- name: insert_login
-- How a mailbox logs in, with limits of its own.
INSERT INTO logins (workspace_id, hourly_limit, max_connections, daily_limit, least_gap_ms, ramp_from, ramp_per_day,
                    timezone)
VALUES (%(workspace_id)s, %(hourly_limit)s, %(max_connections)s, %(daily_limit)s, coalesce(%(least_gap_ms)s::bigint, 0),
        %(ramp_from)s, %(ramp_per_day)s, coalesce(%(timezone)s::text, 'UTC'))
RETURNING id;

-- name: copy_login
-- A login of one's own, with the limits of the one that was shared.
INSERT INTO logins (workspace_id, hourly_limit, max_connections, daily_limit, least_gap_ms, ramp_from, ramp_per_day,
                    timezone)
SELECT workspace_id, hourly_limit, max_connections, daily_limit, least_gap_ms, ramp_from, ramp_per_day, timezone
FROM logins WHERE workspace_id = %(workspace_id)s AND id = %(login_id)s
RETURNING id;

-- name: move_to_login
-- The sender logs in as others do from now on, or by itself: see the function.
SELECT move_to_login(%(workspace_id)s::bigint, %(sender_id)s::bigint, %(login_id)s::bigint);

-- name: update_login
-- Change the limits of the sender's login; `sets` names those that are changed. A transaction that opens a window meanwhile
-- waits for us.
UPDATE logins l
SET hourly_limit = CASE WHEN 'hourly_limit' = ANY (%(sets)s) THEN %(hourly_limit)s ELSE l.hourly_limit END,
    max_connections = CASE WHEN 'max_connections' = ANY (%(sets)s) THEN %(max_connections)s ELSE l.max_connections END,
    daily_limit = CASE WHEN 'daily_limit' = ANY (%(sets)s) THEN %(daily_limit)s ELSE l.daily_limit END,
    least_gap_ms = CASE WHEN 'least_gap_ms' = ANY (%(sets)s) THEN coalesce(%(least_gap_ms)s::bigint, 0)
                        ELSE l.least_gap_ms END,
    ramp_from = CASE WHEN 'ramp_from' = ANY (%(sets)s) THEN %(ramp_from)s ELSE l.ramp_from END,
    ramp_per_day = CASE WHEN 'ramp_per_day' = ANY (%(sets)s) THEN %(ramp_per_day)s ELSE l.ramp_per_day END,
    timezone = CASE WHEN 'timezone' = ANY (%(sets)s) THEN coalesce(%(timezone)s::text, 'UTC') ELSE l.timezone END
FROM senders s
WHERE s.workspace_id = %(workspace_id)s AND s.id = %(sender_id)s AND l.workspace_id = s.workspace_id AND l.id = s.login_id
RETURNING l.id AS login_id;

-- name: allow
-- Set what the open window allows from now on.
UPDATE login_windows w SET allowed = (SELECT r.allowed FROM login_room(w.workspace_id, w.login_id, w.window_start) r)
WHERE w.workspace_id = %(workspace_id)s AND w.login_id = %(login_id)s AND w.window_start >= this_hour();
