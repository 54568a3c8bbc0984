-- name: insert_authorization
-- Somebody is sent to a provider; what nobody can finish any more goes, or strangers would fill the table.
WITH stale AS (DELETE FROM oidc_logins WHERE created_at < now() - interval '10 minutes')
INSERT INTO oidc_logins (state_sha256, browser_sha256, nonce, code_verifier, invitation, next, provider, session_id,
                         user_id, workspace_id, sender_id)
VALUES (%(state_sha256)s, %(browser_sha256)s, %(nonce)s, %(code_verifier)s, %(invitation)s, %(next)s, %(provider)s,
        %(session_id)s, %(user_id)s, %(workspace_id)s, %(sender_id)s);

-- name: take_authorization
-- Take what this state began, once, within ten minutes: where mailboxes are connected, no login is, nor the other way round.
DELETE FROM oidc_logins WHERE state_sha256 = %(state_sha256)s AND (provider IS NOT NULL) = %(connects)s
RETURNING browser_sha256, nonce, code_verifier, invitation, next, provider, session_id, user_id, workspace_id, sender_id,
          created_at > now() - interval '10 minutes' AS fresh;
