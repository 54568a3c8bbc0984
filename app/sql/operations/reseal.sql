-- name: passwords_to_reseal
-- A batch of passwords that are not under the current key, which `header` names. Locked, to be written back unchanged
-- meanwhile; not against rows that refer to the sender.
SELECT workspace_id, id, password_encrypted FROM senders
WHERE id > %(after)s AND substr(password_encrypted, 1, length(%(header)s::bytea)) <> %(header)s::bytea
ORDER BY id
LIMIT %(limit)s
FOR NO KEY UPDATE;

-- name: reseal_password
-- The same password under another key: nothing that anybody sees.
UPDATE senders SET password_encrypted = %(password_encrypted)s
WHERE workspace_id = %(workspace_id)s AND id = %(sender_id)s;

-- name: imap_passwords_to_reseal
-- As `passwords_to_reseal`, of passwords for reading.
SELECT workspace_id, id, imap_password_encrypted FROM senders
WHERE id > %(after)s AND substr(imap_password_encrypted, 1, length(%(header)s::bytea)) <> %(header)s::bytea
ORDER BY id
LIMIT %(limit)s
FOR NO KEY UPDATE;

-- name: reseal_imap_password
-- As `reseal_password`, of a password for reading.
UPDATE senders SET imap_password_encrypted = %(imap_password_encrypted)s
WHERE workspace_id = %(workspace_id)s AND id = %(sender_id)s;

-- name: reseal_webhook_secret
-- As `reseal_password`, of a webhook's secret.
UPDATE webhooks SET secret_encrypted = %(secret_encrypted)s
WHERE workspace_id = %(workspace_id)s AND id = %(webhook_id)s;

-- name: webhook_secrets_to_reseal
-- As `passwords_to_reseal`, of webhooks' secrets.
SELECT workspace_id, id, secret_encrypted FROM webhooks
WHERE id > %(after)s AND substr(secret_encrypted, 1, length(%(header)s::bytea)) <> %(header)s::bytea
ORDER BY id
LIMIT %(limit)s
FOR NO KEY UPDATE;

-- name: refresh_tokens_to_reseal
-- As `passwords_to_reseal`, of refresh tokens of connected mailboxes.
SELECT workspace_id, id, refresh_token_encrypted FROM logins
WHERE id > %(after)s AND substr(refresh_token_encrypted, 1, length(%(header)s::bytea)) <> %(header)s::bytea
ORDER BY id
LIMIT %(limit)s
FOR NO KEY UPDATE;

-- name: reseal_refresh_token
-- As `reseal_password`, of a refresh token.
UPDATE logins SET refresh_token_encrypted = %(refresh_token_encrypted)s
WHERE workspace_id = %(workspace_id)s AND id = %(login_id)s;

-- name: access_tokens_to_reseal
-- As `passwords_to_reseal`, of access tokens of connected mailboxes.
SELECT workspace_id, id, access_token_encrypted FROM logins
WHERE id > %(after)s AND substr(access_token_encrypted, 1, length(%(header)s::bytea)) <> %(header)s::bytea
ORDER BY id
LIMIT %(limit)s
FOR NO KEY UPDATE;

-- name: reseal_access_token
-- As `reseal_password`, of a access token.
UPDATE logins SET access_token_encrypted = %(access_token_encrypted)s
WHERE workspace_id = %(workspace_id)s AND id = %(login_id)s;
