-- name: list_accounts
-- A page of accounts, oldest first, or only one of them: all, or those whose address has `q` in it. Sessions and keys that
-- still work are counted, whether or not the account is disabled.
SELECT u.id, u.email, u.is_admin, u.created_at, u.disabled_at, s.sessions, k.keys
FROM (
    SELECT * FROM users
    WHERE (%(user_id)s::bigint IS NULL OR id = %(user_id)s)
      AND (%(after)s::bigint IS NULL OR id > %(after)s)
      AND (%(q)s::text IS NULL OR position(address_key(%(q)s) IN address_key(email)) > 0)
    ORDER BY id LIMIT %(limit)s
) u
CROSS JOIN LATERAL (
    SELECT count(*) AS sessions FROM sessions
    WHERE user_id = u.id AND expires_at > now() AND last_seen_at > now() - make_interval(secs => %(idle_s)s)
) s
CROSS JOIN LATERAL (
    SELECT count(*) AS keys FROM api_keys
    WHERE made_by = u.id AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
) k
ORDER BY u.id;

-- name: has_other_admin
-- Whether somebody else can administer the installation.
SELECT EXISTS (SELECT FROM users WHERE is_admin AND disabled_at IS NULL AND id <> %(user_id)s) AS has_other_admin;

-- name: disable_user
-- Nobody gets in by the account from now on. No row: it is disabled already.
UPDATE users SET disabled_at = now() WHERE id = %(user_id)s AND disabled_at IS NULL RETURNING id;

-- name: enable_user
-- The account opens again. No row: it is not disabled.
UPDATE users SET disabled_at = NULL WHERE id = %(user_id)s AND disabled_at IS NOT NULL RETURNING id;

-- name: active_campaigns_in
-- Campaigns that send, of these workspaces.
SELECT workspace_id, id FROM campaigns
WHERE status = 'ACTIVE' AND workspace_id = ANY (%(workspace_ids)s::bigint[])
ORDER BY workspace_id, id;
