-- name: insert_api_key
-- Only the digest is kept, and the beginning to recognise it by. No row: its maker is being removed from the workspace, or
-- has been, and a key that is made now would not be among those that are revoked for it.
WITH maker AS (
    SELECT workspace_id, user_id FROM members WHERE workspace_id = %(workspace_id)s AND user_id = %(made_by)s
    FOR KEY SHARE
),
made AS (
    INSERT INTO api_keys (workspace_id, made_by, key_sha256, name, prefix, scopes, expires_at)
    SELECT workspace_id, user_id, %(key_sha256)s::bytea, %(name)s, %(prefix)s, %(scopes)s::text[],
           %(expires_at)s::timestamptz
    FROM maker
    RETURNING *
)
SELECT k.id, k.name, k.prefix, k.scopes, k.created_at, k.expires_at, k.last_used_at, k.revoked_at, k.made_by, u.email
FROM made k JOIN users u ON u.id = k.made_by;

-- name: list_api_keys
-- A page of a workspace's keys, newest first.
SELECT k.id, k.name, k.prefix, k.scopes, k.created_at, k.expires_at, k.last_used_at, k.revoked_at, k.made_by, u.email
FROM api_keys k JOIN users u ON u.id = k.made_by
WHERE k.workspace_id = %(workspace_id)s AND (%(before)s::bigint IS NULL OR k.id < %(before)s)
ORDER BY k.id DESC LIMIT %(limit)s;

-- name: revoke_api_key
-- It stays in the list and opens nothing.
UPDATE api_keys SET revoked_at = now()
WHERE workspace_id = %(workspace_id)s AND id = %(key_id)s AND revoked_at IS NULL
RETURNING id;

-- name: revoke_keys_of
-- None of the keys that somebody made, in whichever workspace, opens anything any more.
UPDATE api_keys SET revoked_at = now() WHERE made_by = %(user_id)s AND revoked_at IS NULL RETURNING workspace_id, id;

-- name: use_api_key
-- The maker of this key, by its digest, their role in its workspace now, and what it allows. `last_used_at` is written once a
-- minute at most.
WITH live AS (
    SELECT workspace_id, made_by, id, scopes, last_used_at FROM api_keys
    WHERE key_sha256 = %(key_sha256)s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
),
used AS (
    UPDATE api_keys k SET last_used_at = now()
    FROM live
    WHERE k.workspace_id = live.workspace_id AND k.id = live.id
      AND (live.last_used_at IS NULL OR live.last_used_at < now() - interval '1 minute')
)
SELECT u.id, u.email, u.is_admin, m.workspace_id, w.name AS workspace_name, m.role, live.scopes
FROM live
JOIN users u ON u.id = live.made_by AND u.disabled_at IS NULL
JOIN members m ON m.workspace_id = live.workspace_id AND m.user_id = live.made_by
JOIN workspaces w ON w.id = m.workspace_id;
