-- name: insert_audit
-- Note what somebody did, when, from where.
INSERT INTO audit_log (workspace_id, user_id, action, subject, address, user_agent)
VALUES (%(workspace_id)s, %(user_id)s, %(action)s, %(subject)s, %(address)s, %(user_agent)s);

-- name: list_audit
-- A page of a workspace's log and of what was done to the user's own account, newest first; or of what was done to all
-- accounts, and to the installation.
SELECT entries.id, at, user_id, action, subject, address, user_agent,
       CASE WHEN address = 'local' THEN 'command line'
            WHEN address = 'worker' THEN 'a worker'
            WHEN u.email IS NOT NULL THEN u.email
            WHEN action IN ('account.unknown', 'attempts.refused') THEN 'nobody who is logged in'
            ELSE 'an account that is gone' END AS who
FROM (
    (SELECT * FROM audit_log
     WHERE workspace_id = %(workspace_id)s::bigint AND (%(before)s::bigint IS NULL OR id < %(before)s)
     ORDER BY id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT * FROM audit_log
     WHERE workspace_id IS NULL AND user_id = %(user_id)s::bigint AND (%(before)s::bigint IS NULL OR id < %(before)s)
     ORDER BY id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT * FROM audit_log
     WHERE %(of_accounts)s AND workspace_id IS NULL AND (%(before)s::bigint IS NULL OR id < %(before)s)
     ORDER BY id DESC LIMIT %(limit)s)
) entries
LEFT JOIN users u ON u.id = user_id
ORDER BY entries.id DESC LIMIT %(limit)s;
