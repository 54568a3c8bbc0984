-- name: insert_workspace_invitation
-- An invitation into a workspace, by one of its owners.
INSERT INTO workspace_invitations (workspace_id, token_sha256, invited_by, role, email, expires_at)
VALUES (%(workspace_id)s, %(token_sha256)s, %(user_id)s, %(role)s, %(email)s,
        now() + make_interval(secs => %(for_s)s))
RETURNING id, role, email, created_at, expires_at, used_at;

-- name: count_open_workspace_invitations
-- How many could still be used.
SELECT count(*) AS open FROM workspace_invitations
WHERE workspace_id = %(workspace_id)s AND used_at IS NULL AND expires_at > now();

-- name: list_workspace_invitations
-- A workspace's invitations, newest first.
SELECT id, role, email, created_at, expires_at, used_at FROM workspace_invitations
WHERE workspace_id = %(workspace_id)s
ORDER BY id DESC LIMIT %(limit)s;

-- name: revoke_workspace_invitation
-- An invitation that should not be used any more.
DELETE FROM workspace_invitations
WHERE workspace_id = %(workspace_id)s AND id = %(invitation_id)s AND used_at IS NULL
RETURNING id;

-- name: lock_workspace_of_invitation
-- Lock the workspace of an invitation: its members, and whether it is there, change no more until the end of the transaction.
-- Before the invitation itself, as deleting the workspace locks them.
SELECT w.id FROM workspace_invitations i JOIN workspaces w ON w.id = i.workspace_id
WHERE i.token_sha256 = %(token_sha256)s
FOR NO KEY UPDATE OF w;

-- name: open_workspace_invitation
-- The offer of an invitation that can still be used, while its maker owns the workspace and is let in; by this address, if it
-- is given.
SELECT i.workspace_id, i.id, w.name AS workspace_name, i.role, u.email AS invited_by, i.expires_at
FROM workspace_invitations i
JOIN members m ON m.workspace_id = i.workspace_id AND m.user_id = i.invited_by AND m.role = 'owner'
JOIN workspaces w ON w.id = i.workspace_id
JOIN users u ON u.id = i.invited_by AND u.disabled_at IS NULL
WHERE i.token_sha256 = %(token_sha256)s AND i.used_at IS NULL AND i.expires_at > now()
  AND (%(email)s::text IS NULL OR i.email IS NULL OR address_key(i.email) = address_key(%(email)s));

-- name: use_workspace_invitation
-- Use it, once. No row: it has just been used, or taken back.
UPDATE workspace_invitations SET used_at = now()
WHERE workspace_id = %(workspace_id)s AND id = %(id)s AND used_at IS NULL
RETURNING id;
