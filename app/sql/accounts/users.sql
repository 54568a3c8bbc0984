-- name: lock_accounts
-- New accounts are made one at a time: the first becomes the administrator, and there must be one first.
SELECT pg_advisory_xact_lock(hashtextextended('reachinbox accounts', 0));

-- name: any_admin
-- Whether there is an administrator already.
SELECT EXISTS (SELECT FROM users WHERE is_admin) AS any;

-- name: list_users
-- All accounts, for the administrator, oldest first.
SELECT id, email, is_admin, created_at FROM users
WHERE %(after)s::bigint IS NULL OR id > %(after)s
ORDER BY id LIMIT %(limit)s;

-- name: insert_user
-- An account. No row: the address has one already.
INSERT INTO users (email, password_hash, is_admin, email_proven_at)
VALUES (%(email)s, %(password_hash)s, %(is_admin)s, CASE WHEN %(proven)s THEN now() END)
ON CONFLICT ((lower(email))) DO NOTHING
RETURNING id;

-- name: user_by_email
-- Addresses are compared without regard to case.
SELECT u.id, u.email, u.is_admin, u.password_hash, u.email_proven_at, w.*
FROM users u LEFT JOIN LATERAL workspace_of(u.id, %(workspace_id)s) w ON true
WHERE lower(u.email) = lower(%(email)s);
