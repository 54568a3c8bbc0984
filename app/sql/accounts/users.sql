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

-- name: show_demo
-- Have every administrator be a member of the demo's workspace, where there is one, later than of their own.
INSERT INTO members (workspace_id, user_id, role, created_at)
SELECT w.workspace_id, a.id, 'member', clock_timestamp()
FROM users d
CROSS JOIN LATERAL (
    SELECT m.workspace_id FROM members m WHERE m.user_id = d.id AND m.role = 'owner' ORDER BY m.created_at LIMIT 1
) w
JOIN users a ON a.is_admin AND a.id <> d.id
WHERE d.email = %(demo)s
ON CONFLICT DO NOTHING
RETURNING workspace_id, user_id;
