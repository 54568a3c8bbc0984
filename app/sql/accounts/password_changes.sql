-- name: user_by_id
-- An account by its id.
SELECT id, email, is_admin, password_hash,
       (SELECT workspace_id FROM members m WHERE m.user_id = u.id ORDER BY m.created_at, workspace_id LIMIT 1) AS workspace_id
FROM users u WHERE id = %(user_id)s;

-- name: set_password
-- A new password for an account.
UPDATE users SET password_hash = %(password_hash)s WHERE id = %(user_id)s;

-- name: prove_address
-- Mail to the account's address reaches its user.
UPDATE users SET email_proven_at = now() WHERE id = %(user_id)s AND email_proven_at IS NULL RETURNING id;

-- name: hand_over
-- What somebody else may have set up goes on by itself no more: campaigns wait, webhooks are told nothing, senders lose
-- the servers of others. Campaigns first, or their mail would leave by the fallback server.
-- That is of the workspaces that the account owns alone.
WITH own AS MATERIALIZED (
    SELECT workspace_id FROM members GROUP BY workspace_id HAVING array_agg(user_id) = ARRAY[%(user_id)s::bigint]
),
paused AS (
    UPDATE campaigns SET status = 'PAUSED'
    WHERE workspace_id IN (SELECT workspace_id FROM own) AND status = 'ACTIVE'
),
hushed AS (
    UPDATE webhooks
    SET disabled_at = coalesce(disabled_at, now()), disabled_reason = 'made before the account was given to its owner'
    WHERE workspace_id IN (SELECT workspace_id FROM own)
)
UPDATE senders SET host = NULL, port = NULL, security = NULL, username = NULL, password_encrypted = NULL
WHERE workspace_id IN (SELECT workspace_id FROM own) AND host IS NOT NULL;

-- name: insert_password_reset
-- A reset somebody asked for; the link to it is signed and sent by the worker.
INSERT INTO password_resets (user_id, expires_at)
SELECT id, now() + make_interval(secs => %(for_s)s) FROM users WHERE lower(email) = lower(%(email)s)
RETURNING id;

-- name: password_reset_for_mail
-- Where the mail with the link goes.
SELECT u.email FROM password_resets r JOIN users u ON u.id = r.user_id
WHERE r.id = %(reset_id)s AND r.used_at IS NULL AND r.expires_at > now();

-- name: use_password_reset
-- Use the link, once; all others of the account stop working with it.
UPDATE password_resets SET used_at = now()
WHERE user_id = (SELECT r.user_id FROM password_resets r
                 WHERE r.id = %(reset_id)s AND r.used_at IS NULL AND r.expires_at > now() FOR UPDATE)
  AND used_at IS NULL
RETURNING user_id,
    (SELECT workspace_id FROM members m WHERE m.user_id = password_resets.user_id ORDER BY m.created_at LIMIT 1);

-- name: revoke_api_keys
-- None of the keys that the user made opens anything any more.
UPDATE api_keys SET revoked_at = now() WHERE made_by = %(user_id)s AND revoked_at IS NULL;
