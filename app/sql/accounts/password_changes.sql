-- name: user_by_id
-- An account by its id.
SELECT id, email, password_hash, disabled_at FROM users WHERE id = %(user_id)s;

-- name: set_password
-- A new password for an account.
UPDATE users SET password_hash = %(password_hash)s WHERE id = %(user_id)s;

-- name: prove_address
-- Mail to the account's address reaches its user.
UPDATE users SET email_proven_at = now() WHERE id = %(user_id)s AND email_proven_at IS NULL RETURNING id;

-- name: people_beside
-- The user, and all who share a workspace with them.
SELECT %(user_id)s::bigint AS user_id
UNION
SELECT user_id FROM members WHERE workspace_id IN (SELECT workspace_id FROM members WHERE user_id = %(user_id)s);

-- name: lock_workspaces_of
-- The user's workspaces, which nobody joins or leaves until the end of the transaction.
SELECT id FROM workspaces WHERE id IN (SELECT workspace_id FROM members WHERE user_id = %(user_id)s)
ORDER BY id FOR NO KEY UPDATE;

-- name: hand_over
-- Stop what somebody else may have set up to go on by itself. In workspaces that the account alone owns, campaigns wait,
-- webhooks are told nothing, senders lose the servers of others (campaigns first, or their mail would leave by the fallback
-- server), and nobody else is a member. In workspaces of others the account is a member no more. No link that leads into either
-- is left, by anybody in the first and by the account in the second.
WITH own AS MATERIALIZED (
    SELECT workspace_id FROM members WHERE role = 'owner'
    GROUP BY workspace_id HAVING array_agg(user_id) = ARRAY[%(user_id)s::bigint]
),
left_by AS (
    DELETE FROM members
    WHERE CASE WHEN workspace_id IN (SELECT workspace_id FROM own)
               THEN user_id <> %(user_id)s ELSE user_id = %(user_id)s END
    RETURNING user_id
),
uninvited AS (
    DELETE FROM workspace_invitations
    WHERE used_at IS NULL AND (invited_by = %(user_id)s OR workspace_id IN (SELECT workspace_id FROM own))
),
paused AS (
    UPDATE campaigns SET status = 'PAUSED'
    WHERE workspace_id IN (SELECT workspace_id FROM own) AND status = 'ACTIVE'
),
hushed AS (
    UPDATE webhooks
    SET disabled_at = coalesce(disabled_at, now()), disabled_reason = 'made before the account was given to its owner'
    WHERE workspace_id IN (SELECT workspace_id FROM own)
),
bare AS (
    UPDATE senders
    SET host = NULL, port = NULL, security = NULL, username = NULL, password_encrypted = NULL, imap_host = NULL,
        imap_port = NULL, imap_security = NULL, imap_username = NULL, imap_password_encrypted = NULL
    WHERE workspace_id IN (SELECT workspace_id FROM own) AND (host IS NOT NULL OR imap_host IS NOT NULL)
)
SELECT DISTINCT user_id FROM left_by;

-- name: insert_password_reset
-- A reset: the link to it is signed and sent by the worker, or handed over by an administrator.
INSERT INTO password_resets (user_id, expires_at, handed_over)
VALUES (%(user_id)s, now() + make_interval(secs => %(for_s)s), %(handed_over)s)
RETURNING id, expires_at;

-- name: open_password_reset
-- The user of the reset, the address that the mail with its link goes to, and whether it went by mail at all. No row: it was
-- used, has expired, or the account is disabled.
SELECT u.id AS user_id, u.email, r.handed_over FROM password_resets r JOIN users u ON u.id = r.user_id
WHERE r.id = %(reset_id)s AND r.used_at IS NULL AND r.expires_at > now() AND u.disabled_at IS NULL;

-- name: use_password_reset
-- Use the link, once; all others of the account stop working with it. No row: it has just been used.
UPDATE password_resets SET used_at = now()
WHERE user_id = (SELECT r.user_id FROM password_resets r
                 WHERE r.id = %(reset_id)s AND r.used_at IS NULL FOR UPDATE)
  AND used_at IS NULL
RETURNING user_id;

-- name: revoke_api_keys
-- None of the keys that the user made opens anything any more, nor any that somebody made in a workspace that the user
-- alone owns.
UPDATE api_keys SET revoked_at = now()
WHERE revoked_at IS NULL AND (
    made_by = %(user_id)s
    OR workspace_id IN (SELECT workspace_id FROM members WHERE role = 'owner'
                        GROUP BY workspace_id HAVING array_agg(user_id) = ARRAY[%(user_id)s::bigint])
);
