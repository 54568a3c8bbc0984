-- name: insert_oidc_login
-- A login at a provider begins; those that nobody can finish any more go, or strangers would fill the table.
WITH stale AS (DELETE FROM oidc_logins WHERE created_at < now() - interval '10 minutes')
INSERT INTO oidc_logins (state_sha256, browser_sha256, nonce, code_verifier, invitation, next)
VALUES (%(state_sha256)s, %(browser_sha256)s, %(nonce)s, %(code_verifier)s, %(invitation)s, %(next)s);

-- name: take_oidc_login
-- The login this state began, once, within ten minutes.
DELETE FROM oidc_logins WHERE state_sha256 = %(state_sha256)s
RETURNING browser_sha256, nonce, code_verifier, invitation, next, created_at > now() - interval '10 minutes' AS fresh;

-- name: user_of_identity
-- Whose account at the provider this is.
SELECT i.user_id, u.disabled_at FROM identities i JOIN users u ON u.id = i.user_id
WHERE i.issuer = %(issuer)s AND i.subject = %(subject)s;

-- name: insert_identity
-- From now on this account at the provider logs the user in.
INSERT INTO identities (issuer, subject, user_id) VALUES (%(issuer)s, %(subject)s, %(user_id)s);
