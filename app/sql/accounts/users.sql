-- name: lock_accounts
-- New accounts are made one at a time: the first becomes the administrator, and there must be one first.
SELECT pg_advisory_xact_lock(hashtextextended('reachinbox accounts', 0));

-- name: any_admin
-- Whether there is an administrator already.
SELECT EXISTS (SELECT FROM users WHERE is_admin) AS any;

-- name: insert_user
-- An account. No row: the address has one already.
INSERT INTO users (email, password_hash, is_admin, email_proven_at)
VALUES (%(email)s, %(password_hash)s, %(is_admin)s, CASE WHEN %(proven)s THEN now() END)
ON CONFLICT (address_key(email)) DO NOTHING
RETURNING id;

-- name: user_by_email
-- The account with this address, in whatever case.
SELECT u.id, u.email, u.is_admin, u.password_hash, u.email_proven_at, u.disabled_at, w.*
FROM users u LEFT JOIN LATERAL workspace_of(u.id, %(workspace_id)s) w ON true
WHERE address_key(u.email) = address_key(%(email)s);
