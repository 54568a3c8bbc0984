-- name: user_by_id
-- An account by its id.
SELECT id, email, password_hash, disabled_at FROM users WHERE id = %(user_id)s;

-- name: hold_let_in
-- Keep an account as it is until the end of the transaction. No row: it is disabled.
SELECT id FROM users WHERE id = %(user_id)s AND disabled_at IS NULL FOR NO KEY UPDATE;

-- name: set_password
-- A new password for an account, or none. A link to another one, whoever holds it, works no more. A transaction that uses a
-- link locks the account first, as this does.
WITH closed AS (UPDATE password_resets SET used_at = now() WHERE user_id = %(user_id)s AND used_at IS NULL)
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
-- server), no message gets anything that its writer did not choose (where answers go, a signature, a postal address), nobody
-- else is a member, and no key and no invitation opens them. In workspaces of others the account is a member no more. Rows:
-- what was done where, for the workspaces' logs, and who was a member until now.
WITH own AS MATERIALIZED (
    SELECT workspace_id FROM members WHERE role = 'owner'
    GROUP BY workspace_id HAVING array_agg(user_id) = ARRAY[%(user_id)s::bigint]
),
left_by AS (
    DELETE FROM members
    WHERE CASE WHEN workspace_id IN (SELECT workspace_id FROM own)
               THEN user_id <> %(user_id)s ELSE user_id = %(user_id)s END
    RETURNING workspace_id, user_id
),
revoked AS (
    UPDATE api_keys SET revoked_at = now()
    WHERE workspace_id IN (SELECT workspace_id FROM own) AND revoked_at IS NULL
    RETURNING workspace_id, id
),
uninvited AS (
    DELETE FROM workspace_invitations
    WHERE workspace_id IN (SELECT workspace_id FROM own) AND used_at IS NULL
    RETURNING workspace_id, id
),
paused AS (
    UPDATE campaigns SET status = 'PAUSED'
    WHERE workspace_id IN (SELECT workspace_id FROM own) AND status = 'ACTIVE'
    RETURNING workspace_id, id
),
hushed AS (
    UPDATE webhooks
    SET disabled_at = coalesce(disabled_at, now()), disabled_reason = 'made before the account was given to its owner'
    WHERE workspace_id IN (SELECT workspace_id FROM own)
    RETURNING workspace_id, id
),
unsigned AS (
    DELETE FROM signatures WHERE workspace_id IN (SELECT workspace_id FROM own) RETURNING workspace_id, sender_id
),
bare AS (
    UPDATE senders
    SET host = NULL, port = NULL, security = NULL, username = NULL, password_encrypted = NULL, imap_host = NULL,
        imap_port = NULL, imap_security = NULL, imap_username = NULL, imap_password_encrypted = NULL, reply_to = NULL
    WHERE workspace_id IN (SELECT workspace_id FROM own)
      AND (host IS NOT NULL OR imap_host IS NOT NULL OR reply_to IS NOT NULL)
    RETURNING workspace_id, id
),
unaddressed AS (
    UPDATE workspaces SET postal_address = NULL
    WHERE id IN (SELECT workspace_id FROM own) AND postal_address IS NOT NULL
    RETURNING id
)
SELECT workspace_id, CASE WHEN user_id = %(user_id)s THEN 'member.left' ELSE 'member.removed' END AS action,
       'members/' || user_id AS subject, user_id AS was_member
FROM left_by
UNION ALL SELECT workspace_id, 'key.revoked', 'keys/' || id, NULL FROM revoked
UNION ALL SELECT workspace_id, 'member.invitation_revoked', 'members/invitations/' || id, NULL FROM uninvited
UNION ALL SELECT workspace_id, 'campaign.paused', 'campaigns/' || id, NULL FROM paused
UNION ALL SELECT workspace_id, 'webhook.changed', 'webhooks/' || id, NULL FROM hushed
UNION ALL (SELECT workspace_id, 'sender.changed', 'senders/' || id, NULL::bigint FROM bare
           UNION SELECT workspace_id, 'sender.changed', 'senders/' || sender_id, NULL::bigint FROM unsigned)
UNION ALL SELECT id, 'workspace.changed', 'workspaces/' || id, NULL FROM unaddressed;

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
-- Use the link, once. No row: it has just been used, or has expired.
UPDATE password_resets SET used_at = now()
WHERE id = %(reset_id)s AND used_at IS NULL AND expires_at > now()
RETURNING id;
