-- name: list_members
-- A workspace's members in the order in which they joined, or only one of them.
SELECT u.id, u.email, m.role, m.created_at
FROM members m JOIN users u ON u.id = m.user_id
WHERE m.workspace_id = %(workspace_id)s AND (%(user_id)s::bigint IS NULL OR m.user_id = %(user_id)s)
ORDER BY m.created_at, u.id;

-- name: lock_workspace
-- Changes of a workspace's members take turns.
SELECT id FROM workspaces WHERE id = %(workspace_id)s AND deleted_at IS NULL FOR NO KEY UPDATE;

-- name: role_of_member
-- The role of a member. No row: no member.
SELECT role FROM members WHERE workspace_id = %(workspace_id)s AND user_id = %(user_id)s;

-- name: hold_role
-- The same, which stays so until the commit. NULL: no member.
SELECT hold_role(%(workspace_id)s::bigint, %(user_id)s::bigint) AS role;

-- name: owned_alone
-- Workspaces that somebody owns, and nobody else who is let in. `shared`: somebody whose account is disabled does, too.
SELECT m.workspace_id, count(o.user_id) > 0 AS shared
FROM members m
LEFT JOIN members o ON o.workspace_id = m.workspace_id AND o.role = 'owner' AND o.user_id <> m.user_id
LEFT JOIN users u ON u.id = o.user_id
WHERE m.user_id = %(user_id)s AND m.role = 'owner'
GROUP BY m.workspace_id HAVING count(o.user_id) = count(u.disabled_at)
ORDER BY m.workspace_id;

-- name: set_role
-- Set the role of a member.
UPDATE members SET role = %(role)s WHERE workspace_id = %(workspace_id)s AND user_id = %(user_id)s;

-- name: delete_member
-- A member is none any more. Waits for keys that they are making.
DELETE FROM members WHERE workspace_id = %(workspace_id)s AND user_id = %(user_id)s;

-- name: revoke_keys_of_member
-- After that: their keys stay revoked should they come back.
UPDATE api_keys SET revoked_at = now()
WHERE workspace_id = %(workspace_id)s AND made_by = %(user_id)s AND revoked_at IS NULL;

-- name: revoke_workspace_invitations_by
-- None of those that somebody made, into this workspace or with NULL into any, lets anybody in any more.
DELETE FROM workspace_invitations
WHERE invited_by = %(user_id)s AND used_at IS NULL
  AND (%(workspace_id)s::bigint IS NULL OR workspace_id = %(workspace_id)s)
RETURNING workspace_id, id;

-- name: count_members
-- How many members there are.
SELECT count(*) AS members FROM members WHERE workspace_id = %(workspace_id)s;

-- name: insert_member
-- Somebody joins, later than anything that this transaction has had them join before. No row: they are a member already.
INSERT INTO members (workspace_id, user_id, role, created_at)
VALUES (%(workspace_id)s, %(user_id)s, %(role)s, clock_timestamp())
ON CONFLICT DO NOTHING
RETURNING user_id;
