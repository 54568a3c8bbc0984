-- name: mailbox_of_sender
-- How a sender logs in, so that the person can be asked for the same mailbox again.
SELECT id, username, email, coalesce(logs_in_as(senders, %(host)s::text, %(username)s::text), false) AS is_at_server
FROM senders WHERE workspace_id = %(workspace_id)s AND id = %(sender_id)s FOR NO KEY UPDATE;

-- name: sender_of_mailbox
-- A sender of this address that logs in to this server as this mailbox already, by whatever credential; a retired one, where
-- there is no other.
SELECT s.id, s.retired_at, true AS is_at_server FROM senders s
WHERE s.workspace_id = %(workspace_id)s AND logs_in_as(s, %(host)s::text, %(username)s::text)
  AND address_key(s.email) = address_key(%(username)s::text)
ORDER BY s.retired_at IS NOT NULL, s.id LIMIT 1
FOR NO KEY UPDATE;

-- name: reinstate
-- Who connects a mailbox wants to send by it.
UPDATE senders SET retired_at = NULL WHERE workspace_id = %(workspace_id)s AND id = %(sender_id)s;

-- name: set_mailbox
-- The sender logs in at the provider's server from now on.
UPDATE senders
SET host = %(host)s, port = %(port)s, security = %(security)s, username = %(username)s, password_encrypted = NULL
WHERE workspace_id = %(workspace_id)s AND id = %(sender_id)s;

-- name: login_of_sender
-- The login that a sender has by now.
SELECT login_id FROM senders WHERE workspace_id = %(workspace_id)s AND id = %(sender_id)s;

-- name: senders_of_logins
-- The senders whose limits change where one goes from one of these logins to the other.
SELECT id FROM senders WHERE workspace_id = %(workspace_id)s AND login_id = ANY (%(login_ids)s);

-- name: go_by_grant
-- All senders of the login log in by its grant from now on: passwords that were there are gone, and what was read with
-- them is read at the provider, as is the sender that was connected. A password for reading alone goes, too, where it was
-- this mailbox's: of that sender, and of any that was read at the provider's own server.
UPDATE senders
SET password_encrypted = NULL,
    imap_host = CASE WHEN is_read THEN %(imap_host)s ELSE imap_host END,
    imap_port = CASE WHEN is_read THEN %(imap_port)s ELSE imap_port END,
    imap_security = CASE WHEN is_read THEN %(imap_security)s ELSE imap_security END,
    imap_username = CASE WHEN is_read THEN NULL ELSE imap_username END,
    imap_password_encrypted = CASE WHEN is_read THEN NULL ELSE imap_password_encrypted END
FROM (SELECT id AS of_id,
             CASE WHEN imap_username IS NULL THEN imap_host IS NOT NULL OR id = %(sender_id)s
                  ELSE address_key(imap_username) = address_key(%(username)s::text)
                       AND (id = %(sender_id)s OR plain_host(imap_host) = plain_host(%(imap_host)s::text)) END AS is_read
      FROM senders WHERE workspace_id = %(workspace_id)s AND login_id = %(login_id)s) r
WHERE workspace_id = %(workspace_id)s AND id = r.of_id
RETURNING id;

-- name: set_grant
-- Keep the grant that the person agreed to just now; trouble with the one before is over.
UPDATE logins
SET credential = 'OAUTH', provider = %(provider)s, refresh_token_encrypted = %(refresh_token_encrypted)s,
    access_token_encrypted = %(access_token_encrypted)s,
    access_expires_at = now() + make_interval(secs => %(lives_s)s),
    refresh_at = now() + make_interval(secs => %(lives_s)s * (0.5 + 0.4 * random())),
    refreshed_at = now(), grant_version = grant_version + 1, refresh_lease = NULL, refresh_lease_until = NULL,
    refresh_failures = 0, refresh_after = NULL, grant_error = NULL, grant_ended_at = NULL
WHERE workspace_id = %(workspace_id)s AND id = %(login_id)s;
