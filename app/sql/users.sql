-- name: become_tenant
-- For the rest of the transaction: work as the tenants' role and see this user's rows only.
SELECT set_config('role', 'reachinbox_tenant', true), set_config('reachinbox.user_id', %(user_id)s, true);

-- name: insert_user
-- An account. No row: the address has one already.
INSERT INTO users (email, password_hash) VALUES (%(email)s, %(password_hash)s)
ON CONFLICT ((lower(email))) DO NOTHING
RETURNING id;

-- name: user_by_email
-- Addresses are compared without regard to case.
SELECT id, email, password_hash FROM users WHERE lower(email) = lower(%(email)s);

-- name: insert_api_key
-- Only the digest is kept.
INSERT INTO api_keys (user_id, key_sha256, name) VALUES (%(user_id)s, %(key_sha256)s, %(name)s);

-- name: user_of_api_key
-- Who holds this key, by its digest.
SELECT u.id, u.email FROM api_keys k JOIN users u ON u.id = k.user_id WHERE k.key_sha256 = %(key_sha256)s;

-- name: take_idempotency_key
-- Be the first to use the key. No row: somebody was; a concurrent first use is waited for.
INSERT INTO idempotency_keys (user_id, key, fingerprint) VALUES (%(user_id)s, %(key)s, %(fingerprint)s)
ON CONFLICT DO NOTHING
RETURNING key;

-- name: idempotent_answer
-- What was answered the first time, and to which request.
SELECT fingerprint, answer FROM idempotency_keys WHERE user_id = %(user_id)s AND key = %(key)s;

-- name: keep_idempotent_answer
-- Remember the answer together with what it did.
UPDATE idempotency_keys SET answer = %(answer)s WHERE user_id = %(user_id)s AND key = %(key)s;

-- name: forget_idempotency_keys
-- Answers nobody will ask for again.
DELETE FROM idempotency_keys WHERE created_at < now() - make_interval(days => %(days)s);
