-- name: insert_sender
-- A mailbox to send from.
INSERT INTO senders (user_id, email, display_name, host, port, security, username, password_encrypted, hourly_limit,
                     max_connections, is_default)
VALUES (%(user_id)s, %(email)s, %(display_name)s, %(host)s, %(port)s, %(security)s, %(username)s,
        %(password_encrypted)s, %(hourly_limit)s, %(max_connections)s, %(is_default)s)
RETURNING id;

-- name: set_sender_password
-- The password alone: it is encrypted for its row, whose id is known only once it is there.
UPDATE senders SET username = %(username)s, password_encrypted = %(password_encrypted)s
WHERE user_id = %(user_id)s AND id = %(sender_id)s;

-- name: list_senders
-- A page of senders, oldest first, with what the current window has used.
SELECT s.*, coalesce(w.used, 0) AS used_this_hour
FROM senders s
LEFT JOIN sender_windows w
    ON w.user_id = s.user_id AND w.sender_id = s.id AND w.window_start = date_trunc('hour', now(), 'UTC')
WHERE s.user_id = %(user_id)s
  AND (%(sender_id)s::bigint IS NULL OR s.id = %(sender_id)s)
  AND (%(after)s::bigint IS NULL OR s.id > %(after)s)
ORDER BY s.id
LIMIT %(limit)s;

-- name: default_sender
-- The sender of a campaign that names none.
SELECT id FROM senders WHERE user_id = %(user_id)s AND is_default;

-- name: update_sender
-- Change a mailbox; NULL leaves a column alone. A changed server or login may mend what blocked the sender.
UPDATE senders
SET email = coalesce(%(email)s, email),
    display_name = coalesce(%(display_name)s, display_name),
    hourly_limit = coalesce(%(hourly_limit)s, hourly_limit),
    max_connections = coalesce(%(max_connections)s, max_connections),
    host = CASE WHEN %(set_server)s THEN %(host)s ELSE host END,
    port = CASE WHEN %(set_server)s THEN %(port)s ELSE port END,
    security = CASE WHEN %(set_server)s THEN %(security)s ELSE security END,
    username = CASE WHEN %(set_server)s THEN %(username)s ELSE username END,
    password_encrypted = CASE WHEN %(set_server)s AND NOT %(keep_password)s OR %(password)s::bytea IS NOT NULL
                              THEN %(password)s ELSE password_encrypted END,
    blocked_until = CASE WHEN %(set_server)s THEN NULL ELSE blocked_until END,
    block_reason = CASE WHEN %(set_server)s THEN NULL ELSE block_reason END,
    failures = CASE WHEN %(set_server)s THEN 0 ELSE failures END
WHERE user_id = %(user_id)s AND id = %(sender_id)s;

-- name: delete_sender
-- Only a sender without campaigns goes; the foreign key says so otherwise.
DELETE FROM senders WHERE user_id = %(user_id)s AND id = %(sender_id)s RETURNING id;

-- name: sender_for_worker
-- What a worker needs to speak to a sender's server.
SELECT user_id, id, email, display_name, host, port, security, username, password_encrypted, failures,
       verify_requested_at
FROM senders WHERE id = %(sender_id)s;

-- name: block_sender
-- The sender's own trouble: nothing is claimed for it until the back-off is over, which doubles up to 256 times.
-- Webhooks are told (as in `exchange`) of the first failure, not of each further one in a row.
WITH blocked AS (
    UPDATE senders
    SET failures = failures + 1,
        blocked_since = CASE WHEN failures = 0 THEN now() ELSE blocked_since END,
        blocked_until = now() + make_interval(secs => %(first_s)s * power(2, least(failures, 8))),
        block_reason = %(reason)s
    WHERE user_id = %(user_id)s AND id = %(sender_id)s
    RETURNING id, email, failures, blocked_until, block_reason
),
happened AS MATERIALIZED (
    SELECT jsonb_build_object('senderId', id, 'email', email, 'reason', block_reason, 'blockedUntil', blocked_until)
           AS data
    FROM blocked
    WHERE failures = 1
),
told AS (
    INSERT INTO webhook_deliveries (user_id, webhook_id, event, data)
    SELECT %(user_id)s, w.id, 'sender.blocked', h.data
    FROM happened h
    CROSS JOIN LATERAL (
        SELECT id FROM webhooks
        WHERE user_id = %(user_id)s AND disabled_at IS NULL AND h.data IS NOT NULL AND 'sender.blocked' = ANY (events)
        ORDER BY id
        FOR KEY SHARE
    ) w
    RETURNING webhook_id
),
woken AS (
    INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args)
    SELECT 'webhooks', 'deliver_webhooks', 'deliver_webhooks:' || webhook_id, jsonb_build_object('webhook_id', webhook_id)
    FROM (SELECT DISTINCT webhook_id FROM told ORDER BY webhook_id) t
    ON CONFLICT DO NOTHING
)
SELECT blocked_until FROM blocked;

-- name: unblock_sender
-- It let us in: the next trouble starts from a short back-off again.
UPDATE senders SET failures = 0, blocked_until = NULL, block_reason = NULL
WHERE user_id = %(user_id)s AND id = %(sender_id)s AND failures > 0;

-- name: request_verification
-- Ask the worker to connect and log in.
UPDATE senders SET verify_requested_at = clock_timestamp(), verified_at = NULL, verify_error = NULL
WHERE user_id = %(user_id)s AND id = %(sender_id)s
RETURNING verify_requested_at;

-- name: verification
-- Whether the worker has answered.
SELECT verified_at, verify_error FROM senders WHERE user_id = %(user_id)s AND id = %(sender_id)s;

-- name: record_verification
-- The worker's answer; NULL as error: connected and logged in. That also ends a back-off.
UPDATE senders
SET verified_at = clock_timestamp(),
    verify_error = %(error)s,
    failures = CASE WHEN %(error)s::text IS NULL THEN 0 ELSE failures END,
    blocked_until = CASE WHEN %(error)s::text IS NULL THEN NULL ELSE blocked_until END,
    block_reason = CASE WHEN %(error)s::text IS NULL THEN NULL ELSE block_reason END
WHERE id = %(sender_id)s AND verify_requested_at = %(requested_at)s;

-- name: passwords_to_reseal
-- A batch of passwords that are not under the current key, which `header` names. Locked, to be written back unchanged
-- meanwhile; not against rows that refer to the sender.
SELECT user_id, id, password_encrypted FROM senders
WHERE id > %(after)s AND substr(password_encrypted, 1, length(%(header)s::bytea)) <> %(header)s::bytea
ORDER BY id
LIMIT %(limit)s
FOR NO KEY UPDATE;

-- name: reseal_password
-- The same password under another key: nothing that anybody sees.
UPDATE senders SET password_encrypted = %(password_encrypted)s
WHERE user_id = %(user_id)s AND id = %(sender_id)s;
