-- name: lock_checks
-- The next request for a check in this workspace waits until the end of the transaction.
SELECT pg_advisory_xact_lock(hashtextextended('reachinbox checks', %(workspace_id)s));

-- name: running_check
-- The workspace's sender that a worker is being asked to connect to, while somebody may still wait for the answer.
SELECT id FROM senders
WHERE workspace_id = %(workspace_id)s AND verified_at IS NULL
  AND verify_requested_at > now() - make_interval(secs => %(within_s)s)
LIMIT 1;

-- name: request_verification
-- Ask the worker to connect and log in.
UPDATE senders SET verify_requested_at = clock_timestamp(), verified_at = NULL, verify_error = NULL, verify_imap_error = NULL
WHERE workspace_id = %(workspace_id)s AND id = %(sender_id)s
RETURNING verify_requested_at;

-- name: verification
-- Whether the worker has answered, and whether it is still asked.
SELECT verified_at, verify_error, verify_imap_error, verify_requested_at IS NOT NULL AS is_asked
FROM senders WHERE workspace_id = %(workspace_id)s AND id = %(sender_id)s;

-- name: forget_verification
-- These senders log in elsewhere, or by something else, now: what a worker found speaks for that no more, nor will what one
-- is about to find.
UPDATE senders
SET verify_requested_at = NULL, verified_at = NULL, verify_error = NULL, verify_imap_error = NULL
WHERE workspace_id = %(workspace_id)s AND id = ANY (%(sender_ids)s::bigint[]);
