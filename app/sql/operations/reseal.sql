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
