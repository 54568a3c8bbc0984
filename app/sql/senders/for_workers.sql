-- name: neglected_senders
-- Senders with something due by now or within seconds that are neither blocked nor looked after by a live worker. Those
-- that wait for a lane of the worker that asks have none yet, but are looked after.
SELECT s.id AS sender_id, min(d.due_at) AS due_at
FROM streams t
JOIN senders s ON s.workspace_id = t.workspace_id AND s.id = t.sender_id
CROSS JOIN LATERAL first_due(t.workspace_id, t.id) d
WHERE t.open AND t.total > 0 AND t.next_due_at <= now() + make_interval(secs => %(within_s)s)
  AND t.sender_id <> ALL (%(looked_after)s::bigint[])
  AND d.due_at <= now() + make_interval(secs => %(within_s)s)
  AND (s.blocked_until IS NULL OR s.blocked_until <= now())
  AND NOT EXISTS (SELECT FROM holds h
                  WHERE h.workspace_id = s.workspace_id AND h.login_id = s.login_id
                    AND (h.stream_id IS NULL OR h.stream_id = t.id)
                    AND h.probe_at > now() + make_interval(secs => %(within_s)s))
  AND NOT EXISTS (SELECT FROM lanes l WHERE l.workspace_id = s.workspace_id AND l.sender_id = s.id)
GROUP BY s.id;

-- name: wake_ups_there
-- Those of these wake-ups that wait for a worker.
SELECT queueing_lock FROM procrastinate_jobs
WHERE status = 'todo' AND queueing_lock = ANY (%(locks)s::text[]);

-- function: reserve_lanes
-- Ask for connections to a sender's server: as many as wanted, as far as the max_connections of its login allows over all
-- workers, and no more than its part while other senders of the login want some, too. Connections `held`, which are still open,
-- stay ours until we ask without them. With none to be had, a row of count 0 is its place in the queue: one that has asked
-- earlier comes first. `others_wait`: another sender of the login has none. No row: our lease ran out.
--
-- The login is locked first, or two workers could both take the last one. One call, since thousands begin together.
CREATE FUNCTION reserve_lanes(of_workspace bigint, of_sender bigint, by_token uuid, wanted integer, held integer)
RETURNS TABLE (lanes integer, others_wait boolean) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    PERFORM FROM senders s
    JOIN logins l ON l.workspace_id = s.workspace_id AND l.id = s.login_id
    WHERE s.workspace_id = of_workspace AND s.id = of_sender
    FOR NO KEY UPDATE OF l;
    RETURN QUERY
    WITH granted AS (
        SELECT s.workspace_id, s.id, s.login_id, greatest(0, least(
            wanted,
            -- A worker without a connection lets those go first that have asked earlier.
            l.max_connections - o.taken - CASE WHEN coalesce(mine.count, 0) = 0 THEN o.ahead ELSE 0 END,
            greatest(l.max_connections / (o.senders + 1), 1) - o.elsewhere
        )) AS count
        FROM senders s
        JOIN logins l ON l.workspace_id = s.workspace_id AND l.id = s.login_id
        JOIN workers k ON k.token = by_token  -- gone when its lease ran out
        LEFT JOIN lanes mine
            ON mine.workspace_id = s.workspace_id AND mine.sender_id = s.id AND mine.worker_token = by_token
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(n.count), 0)::integer AS taken,
                   count(*) FILTER (WHERE n.sender_id <> s.id)::integer AS senders,
                   coalesce(sum(n.count) FILTER (WHERE n.sender_id = s.id), 0)::integer AS elsewhere,
                   count(*) FILTER (WHERE n.sender_id <> s.id AND n.count = 0
                                      AND n.asked_at < coalesce(mine.asked_at, 'infinity'))::integer AS ahead
            FROM (
                SELECT e.sender_id, sum(e.count) AS count, min(e.asked_at) AS asked_at
                -- From the few senders of the login to their lanes: lanes are never counted as many as there are.
                FROM (SELECT m.workspace_id, m.id FROM senders m
                      WHERE m.workspace_id = s.workspace_id AND m.login_id = s.login_id OFFSET 0) same
                CROSS JOIN LATERAL (
                    SELECT * FROM lanes l WHERE l.workspace_id = same.workspace_id AND l.sender_id = same.id OFFSET 0
                ) e
                WHERE (e.sender_id, e.worker_token) <> (s.id, by_token)
                GROUP BY e.sender_id
            ) n
        ) o
        WHERE s.workspace_id = of_workspace AND s.id = of_sender
    ),
    noted AS (
        INSERT INTO lanes AS l (workspace_id, sender_id, worker_token, count)
        SELECT g.workspace_id, g.id, by_token, greatest(g.count, held) FROM granted g
        ON CONFLICT (workspace_id, sender_id, worker_token) DO UPDATE
        SET count = excluded.count,
            asked_at = CASE WHEN l.count > 0 AND excluded.count = 0 THEN clock_timestamp() ELSE l.asked_at END
    )
    SELECT g.count AS lanes, EXISTS (
        SELECT FROM (SELECT m.workspace_id, m.id FROM senders m
                     WHERE m.workspace_id = g.workspace_id AND m.login_id = g.login_id AND m.id <> g.id OFFSET 0) o
        CROSS JOIN LATERAL (
            SELECT sum(w.count) AS count FROM lanes w WHERE w.workspace_id = o.workspace_id AND w.sender_id = o.id
        ) n
        WHERE n.count = 0
    ) AS others_wait
    FROM granted g;
END $$;
COMMENT ON FUNCTION reserve_lanes IS 'Ask for connections to a sender''s server: of one version of the worker';
REVOKE EXECUTE ON FUNCTION reserve_lanes FROM PUBLIC;

-- name: reserve_lanes
-- See the function; no row: our lease ran out.
SELECT lanes, others_wait
FROM reserve_lanes(%(workspace_id)s::bigint, %(sender_id)s::bigint, %(token)s::uuid, %(wanted)s::integer, %(held)s::integer);

-- name: release_lanes
-- This worker has no connection open for the sender any more.
DELETE FROM lanes WHERE workspace_id = %(workspace_id)s AND sender_id = %(sender_id)s AND worker_token = %(token)s;

-- name: sender_for_worker
-- The columns that a worker needs to speak to a sender's server.
SELECT s.workspace_id, s.id, s.email, s.display_name, s.reply_to, s.host, s.port, s.security, s.username,
       s.password_encrypted, s.failures, s.verify_requested_at, s.login_id, l.credential, l.provider, s.imap_host,
       s.imap_port, s.imap_security, s.imap_username, s.imap_password_encrypted
FROM senders s
JOIN logins l ON l.workspace_id = s.workspace_id AND l.id = s.login_id
WHERE s.id = %(sender_id)s;

-- name: block_sender
-- The sender's own trouble: nothing is claimed for it until the back-off is over, which doubles up to 256 times.
-- Many lanes and workers meet one hiccup, which is one failure: a sender that is blocked already, or that has failed
-- more often than the caller knew when its lanes connected, is not blocked again. The row says when to look again.
WITH blocked AS (
    UPDATE senders
    SET failures = failures + 1,
        blocked_since = CASE WHEN failures = 0 THEN now() ELSE blocked_since END,
        blocked_until = now() + make_interval(secs => %(first_s)s * power(2, least(failures, 8))),
        block_reason = %(reason)s,
        block_kind = %(kind)s
    WHERE workspace_id = %(workspace_id)s AND id = %(sender_id)s
      AND failures <= %(known_failures)s AND (blocked_until IS NULL OR blocked_until <= now())
    RETURNING id, blocked_until
)
SELECT coalesce(b.blocked_until, greatest(s.blocked_until, now())) AS blocked_until
FROM senders s
LEFT JOIN blocked b ON b.id = s.id
WHERE s.workspace_id = %(workspace_id)s AND s.id = %(sender_id)s;

-- name: unblock_sender
-- It let us in: the next trouble starts from a short back-off again.
UPDATE senders SET failures = 0, blocked_until = NULL, block_reason = NULL
WHERE workspace_id = %(workspace_id)s AND id = %(sender_id)s AND failures > 0;

-- name: record_verification
-- The worker's answer; NULL as error: connected and logged in. That also ends a back-off, whatever is the matter with
-- reading.
UPDATE senders
SET verified_at = clock_timestamp(),
    verify_error = %(error)s,
    verify_imap_error = %(imap_error)s,
    failures = CASE WHEN %(error)s::text IS NULL THEN 0 ELSE failures END,
    blocked_until = CASE WHEN %(error)s::text IS NULL THEN NULL ELSE blocked_until END,
    block_reason = CASE WHEN %(error)s::text IS NULL THEN NULL ELSE block_reason END
WHERE id = %(sender_id)s AND verify_requested_at = %(requested_at)s;
