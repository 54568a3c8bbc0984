-- name: insert_audit
-- What somebody did, when, from where.
INSERT INTO audit_log (workspace_id, user_id, action, subject, address, user_agent)
VALUES (%(workspace_id)s, %(user_id)s, %(action)s, %(subject)s, %(address)s, %(user_agent)s);

-- name: list_audit
-- A page of a workspace's log and of what the user did to their own account, newest first.
SELECT id, at, action, subject, address, user_agent
FROM (
    (SELECT * FROM audit_log
     WHERE workspace_id = %(workspace_id)s AND (%(before)s::bigint IS NULL OR id < %(before)s)
     ORDER BY id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT * FROM audit_log
     WHERE workspace_id IS NULL AND user_id = %(user_id)s AND (%(before)s::bigint IS NULL OR id < %(before)s)
     ORDER BY id DESC LIMIT %(limit)s)
) entries
ORDER BY id DESC LIMIT %(limit)s;
