-- name: mailbox_of_sender
-- How a sender logs in, so that the person can be asked for the same mailbox again.
SELECT username, email FROM senders WHERE workspace_id = %(workspace_id)s AND id = %(sender_id)s FOR NO KEY UPDATE;

-- name: sender_of_mailbox
-- A sender that logs in to this server as this mailbox already, by whatever credential.
SELECT id FROM senders
WHERE workspace_id = %(workspace_id)s AND lower(username) = lower(%(username)s) AND lower(host) = lower(%(host)s)
ORDER BY id LIMIT 1
FOR NO KEY UPDATE;

-- name: set_mailbox
-- The sender logs in at the provider's server by a grant from now on: a password that was there is gone.
UPDATE senders
SET host = %(host)s, port = %(port)s, security = %(security)s, username = %(username)s, password_encrypted = NULL
WHERE workspace_id = %(workspace_id)s AND id = %(sender_id)s
RETURNING login_id;

-- name: set_grant
-- What the person agreed to just now; whatever was wrong with the grant before is over.
UPDATE logins
SET credential = 'OAUTH', provider = %(provider)s, refresh_token_encrypted = %(refresh_token_encrypted)s,
    access_token_encrypted = %(access_token_encrypted)s,
    access_expires_at = now() + make_interval(secs => %(lives_s)s),
    refresh_at = now() + make_interval(secs => %(lives_s)s * (0.5 + 0.4 * random())),
    refreshed_at = now(), grant_version = grant_version + 1, refresh_lease = NULL, refresh_lease_until = NULL,
    refresh_failures = 0, refresh_after = NULL, grant_error = NULL, grant_ended_at = NULL
WHERE workspace_id = %(workspace_id)s AND id = %(login_id)s;

-- name: credential_of_sender
-- How a sender logs in, and what is the matter with its grant, for people.
SELECT l.credential AS kind, l.provider, l.grant_ended_at AS ended_at, l.grant_error AS error
FROM senders s
JOIN logins l ON l.workspace_id = s.workspace_id AND l.id = s.login_id
WHERE s.workspace_id = %(workspace_id)s AND s.id = %(sender_id)s;
