-- name: open_inboxes
-- A row for each mailbox that is read: senders that share one have one.
INSERT INTO inboxes (workspace_id, sender_id)
SELECT DISTINCT r.workspace_id, r.inbox_id FROM read_senders r
WHERE NOT EXISTS (SELECT FROM inboxes i WHERE i.workspace_id = r.workspace_id AND i.sender_id = r.inbox_id)
ORDER BY r.workspace_id, r.inbox_id
ON CONFLICT DO NOTHING;

-- name: close_inboxes
-- Rows of senders that are read no more, or under another one's row.
DELETE FROM inboxes
WHERE (workspace_id, sender_id) IN (
    SELECT i.workspace_id, i.sender_id FROM inboxes i
    WHERE NOT EXISTS (SELECT FROM read_senders r WHERE r.workspace_id = i.workspace_id AND r.inbox_id = i.sender_id)
    ORDER BY i.workspace_id, i.sender_id
    FOR UPDATE SKIP LOCKED);

-- name: lease_inboxes
-- Mailboxes that are due, for one pass each, those first that have waited longest. `began`: what has come by now, the pass
-- sees. `since`: mail from more than a day before answers nothing of ours, or what was recorded of it may be removed by now; never from
-- after the mailbox was read, whole, as far as that is known.
-- `next_at` is put off, so that a look that is asked for meanwhile shows.
WITH due AS MATERIALIZED (
    SELECT workspace_id, sender_id FROM inboxes
    WHERE next_at <= now() AND (lease_until IS NULL OR lease_until <= now())
    ORDER BY next_at
    LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE inboxes i
SET lease_token = %(token)s, lease_until = now() + make_interval(secs => %(lease_s)s),
    next_at = now() + make_interval(secs => %(lease_s)s)
FROM due d
JOIN senders s ON s.workspace_id = d.workspace_id AND s.id = d.sender_id
WHERE i.workspace_id = d.workspace_id AND i.sender_id = d.sender_id
RETURNING i.lease_token AS token, i.workspace_id, i.sender_id, now() AS began,
    greatest(s.created_at, CASE WHEN %(kept_days)s > 0 THEN
        least(now() - make_interval(days => %(kept_days)s - 1), i.whole_at) END) AS since;

-- name: places
-- How far each folder was read.
SELECT folder, uid_validity, uid FROM inbox_places WHERE workspace_id = %(workspace_id)s AND sender_id = %(sender_id)s;

-- name: keep_lease
-- Renew the lease. No row: it is another's, or the mailbox is read no more.
UPDATE inboxes SET lease_until = now() + make_interval(secs => %(lease_s)s)
WHERE workspace_id = %(workspace_id)s AND sender_id = %(sender_id)s AND lease_token = %(token)s
RETURNING sender_id;

-- name: keep_place
-- All of the folder up to here was looked at.
INSERT INTO inbox_places (workspace_id, sender_id, folder, uid_validity, uid)
VALUES (%(workspace_id)s, %(sender_id)s, %(folder)s, %(uid_validity)s, %(uid)s)
ON CONFLICT (workspace_id, sender_id, folder) DO UPDATE SET uid_validity = excluded.uid_validity, uid = excluded.uid;

-- name: end_pass
-- The pass ended well. `is_whole`: nothing was left for another. A mailbox is looked at sooner while its senders send, and
-- as soon as somebody asked for it since the pass began.
UPDATE inboxes i
SET lease_token = NULL, lease_until = NULL, failures = 0, failing_since = NULL, error = NULL,
    whole_at = CASE WHEN %(is_whole)s THEN %(began)s ELSE whole_at END,
    next_at = CASE WHEN %(is_whole)s THEN least(
        CASE WHEN next_at <> %(began)s::timestamptz + make_interval(secs => %(lease_s)s) THEN next_at END,
        now() + make_interval(secs => %(poll_s)s::float8 * (0.9 + 0.2 * random()) * (
        SELECT CASE WHEN max(w.accepted_at) > now() - interval '1 hour' THEN 0.5
                    WHEN max(w.accepted_at) > now() - interval '7 days' THEN 1
                    ELSE 5 END
        FROM read_senders r
        JOIN login_windows w ON w.workspace_id = r.workspace_id AND w.login_id = r.login_id
            AND w.window_start > now() - interval '8 days'
        WHERE r.workspace_id = i.workspace_id AND r.inbox_id = i.sender_id
    ))) ELSE now() END
WHERE i.workspace_id = %(workspace_id)s AND i.sender_id = %(sender_id)s AND i.lease_token = %(token)s;

-- name: look_sooner
-- Mailboxes whose senders sent nothing for a while when they were last read, and send now: looked at as soon as all that
-- send.
WITH sooner AS (
    SELECT i.workspace_id, i.sender_id
    FROM inboxes i
    JOIN (SELECT DISTINCT r.workspace_id, r.inbox_id
          FROM read_senders r
          JOIN login_windows w ON w.workspace_id = r.workspace_id AND w.login_id = r.login_id
              AND w.window_start > now() - interval '2 hours'
          WHERE w.accepted_at > now() - interval '1 hour') r
        ON r.workspace_id = i.workspace_id AND r.inbox_id = i.sender_id
    WHERE i.next_at > now() + make_interval(secs => %(poll_s)s::float8 * 0.55) AND i.failures = 0 AND i.lease_until IS NULL
    ORDER BY i.workspace_id, i.sender_id
    FOR NO KEY UPDATE OF i SKIP LOCKED
)
UPDATE inboxes i SET next_at = now() + make_interval(secs => %(poll_s)s::float8 * 0.5 * (0.9 + 0.2 * random()))
FROM sooner s
WHERE i.workspace_id = s.workspace_id AND i.sender_id = s.sender_id;

-- name: fail_pass
-- The mailbox could not be read, for what its server says: it is left alone for longer each time, unless somebody asked for
-- a look since the pass began, as who mends what was wrong does.
UPDATE inboxes
SET lease_token = NULL, lease_until = NULL, failures = failures + 1, failing_since = coalesce(failing_since, now()),
    error = %(error)s,
    next_at = least(
        CASE WHEN next_at <> %(began)s::timestamptz + make_interval(secs => %(lease_s)s) THEN next_at END,
        now() + make_interval(secs => least(%(poll_s)s * power(2, least(failures, 10)), 3600) * (0.9 + 0.2 * random())))
WHERE workspace_id = %(workspace_id)s AND sender_id = %(sender_id)s AND lease_token = %(token)s;

-- name: leave_pass
-- The pass was broken off, for no fault of the mailbox: the next worker goes on.
UPDATE inboxes
SET lease_token = NULL, lease_until = NULL, next_at = least(next_at, now() + make_interval(secs => %(again_in_s)s))
WHERE workspace_id = %(workspace_id)s AND sender_id = %(sender_id)s AND lease_token = %(token)s;

-- name: watch
-- Watch a mailbox for so long; `goes_on`: which the worker watches already. No row: another worker does, it is another
-- mailbox or has another login than when it began, it is read no more, none of its senders sent within a week, or it cannot
-- be read.
UPDATE inboxes i
SET watch_token = %(token)s, watched_until = now() + make_interval(secs => %(watch_s)s)
WHERE i.workspace_id = %(workspace_id)s AND i.sender_id = %(sender_id)s AND i.failures = 0
  AND (i.watch_token = %(token)s OR NOT %(goes_on)s AND (i.watch_token IS NULL OR i.watched_until <= now()))
  AND EXISTS (
      SELECT FROM read_senders r
      JOIN login_windows w ON w.workspace_id = r.workspace_id AND w.login_id = r.login_id
          AND w.window_start > now() - interval '8 days'
      WHERE r.workspace_id = i.workspace_id AND r.inbox_id = i.sender_id AND w.accepted_at > now() - interval '7 days')
RETURNING i.sender_id;

-- name: note_news
-- Something came into a mailbox that is watched: it is read at once.
UPDATE inboxes SET next_at = least(next_at, now())
WHERE workspace_id = %(workspace_id)s AND sender_id = %(sender_id)s AND watch_token = %(token)s AND failures = 0;

-- name: watch_no_more
-- Let any worker watch the mailbox.
UPDATE inboxes SET watch_token = NULL, watched_until = NULL
WHERE workspace_id = %(workspace_id)s AND sender_id = %(sender_id)s AND watch_token = %(token)s;
