-- name: set_inbox
-- Where the sender's mailbox is read from now on; NULL: nowhere.
UPDATE senders
SET imap_host = %(imap_host)s, imap_port = %(imap_port)s, imap_security = %(imap_security)s,
    imap_username = %(imap_username)s,
    imap_password_encrypted = CASE WHEN %(keep_password)s AND %(imap_password)s::bytea IS NULL
                                   THEN imap_password_encrypted ELSE %(imap_password)s END
WHERE workspace_id = %(workspace_id)s AND id = %(sender_id)s;

-- name: share_inbox
-- Read where the first of the other senders of its login is, by the login's own credential.
UPDATE senders s
SET imap_host = o.imap_host, imap_port = o.imap_port, imap_security = o.imap_security
FROM (SELECT n.workspace_id, o.imap_host, o.imap_port, o.imap_security
      FROM senders n
      JOIN senders o ON o.workspace_id = n.workspace_id AND o.login_id = n.login_id AND o.id <> n.id
      WHERE n.workspace_id = %(workspace_id)s AND n.id = %(sender_id)s
        AND o.imap_host IS NOT NULL AND o.imap_username IS NULL
      ORDER BY o.id
      LIMIT 1) o
WHERE s.workspace_id = o.workspace_id AND s.id = %(sender_id)s;
