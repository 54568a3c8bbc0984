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
-- Whether the worker has answered.
SELECT verified_at, verify_error, verify_imap_error FROM senders WHERE workspace_id = %(workspace_id)s AND id = %(sender_id)s;
