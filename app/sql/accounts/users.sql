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

-- name: insert_workspace
-- A workspace and its first owner.
WITH made AS (INSERT INTO workspaces (name) VALUES (%(name)s) RETURNING id)
INSERT INTO members (workspace_id, user_id, role) SELECT id, %(user_id)s, 'owner' FROM made
RETURNING workspace_id;

-- name: user_by_email
-- Addresses are compared without regard to case.
SELECT id, email, is_admin, password_hash, email_proven_at,
       (SELECT workspace_id FROM members m WHERE m.user_id = u.id ORDER BY m.created_at, workspace_id LIMIT 1) AS workspace_id
FROM users u WHERE lower(email) = lower(%(email)s);
