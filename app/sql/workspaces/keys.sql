-- name: insert_api_key
-- Only the digest is kept, and the beginning to recognise it by.
INSERT INTO api_keys (workspace_id, made_by, key_sha256, name, prefix, scopes, expires_at)
VALUES (%(workspace_id)s, %(made_by)s, %(key_sha256)s, %(name)s, %(prefix)s, %(scopes)s, %(expires_at)s)
RETURNING id, name, prefix, scopes, created_at, expires_at, last_used_at, revoked_at;

-- name: list_api_keys
-- A page of a workspace's keys, newest first.
SELECT id, name, prefix, scopes, created_at, expires_at, last_used_at, revoked_at FROM api_keys
WHERE workspace_id = %(workspace_id)s AND (%(before)s::bigint IS NULL OR id < %(before)s)
ORDER BY id DESC LIMIT %(limit)s;

-- name: revoke_api_key
-- It stays in the list and opens nothing.
UPDATE api_keys SET revoked_at = now()
WHERE workspace_id = %(workspace_id)s AND id = %(key_id)s AND revoked_at IS NULL
RETURNING id;

-- name: use_api_key
-- Who holds this key, by its digest, and what it allows. When it was last used is written once a minute at most.
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
SELECT u.id, u.email, u.is_admin, live.workspace_id, live.scopes FROM live JOIN users u ON u.id = live.made_by;
