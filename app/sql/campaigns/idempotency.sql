-- name: try_idempotency_key
-- Whether nobody else is answering a request with the key this moment; then nobody else will until the commit. A lock
-- that is tried and not waited for: who waits for `take_idempotency_key` holds a connection.
SELECT pg_try_advisory_xact_lock(hashtextextended('reachinbox idempotency ' || %(key)s, %(workspace_id)s)) AS is_free;

-- name: take_idempotency_key
-- Be the first to use the key. No row: somebody was. Comes after `try_idempotency_key`.
INSERT INTO idempotency_keys (workspace_id, key, fingerprint) VALUES (%(workspace_id)s, %(key)s, %(fingerprint)s)
ON CONFLICT DO NOTHING
RETURNING key;

-- name: idempotent_answer
-- The answer of the first time, and a digest of the request that it was for.
SELECT fingerprint, answer FROM idempotency_keys WHERE workspace_id = %(workspace_id)s AND key = %(key)s;

-- name: keep_idempotent_answer
-- Remember the answer together with what it did.
UPDATE idempotency_keys SET answer = %(answer)s WHERE workspace_id = %(workspace_id)s AND key = %(key)s;
