-- name: insert_sandbox_message
-- Keep a message of the sandbox mailbox, for the workspace whose email it is.
INSERT INTO sandbox_messages (workspace_id, envelope_from, envelope_to, content)
VALUES (%(workspace_id)s, %(envelope_from)s, %(envelope_to)s, %(content)s);

-- name: workspace_there
-- The workspace that a Message-ID names, unless it is gone.
SELECT id FROM workspaces WHERE id = %(workspace_id)s;

-- name: email_of_old_id
-- The email that a Message-ID from before the upgrade names, when it was first tried, and when the upgrade was.
SELECT e.workspace_id, e.recipient, coalesce(a.claimed_at, e.sent_at) AS tried_at, i.opaque_since
FROM campaigns c
JOIN emails e ON e.workspace_id = c.workspace_id AND e.id = %(email_id)s AND e.campaign_id = c.id
LEFT JOIN attempts a ON a.workspace_id = e.workspace_id AND a.email_id = e.id AND a.number = 1
CROSS JOIN installation i
WHERE c.id = %(campaign_id)s;

-- name: list_sandbox_messages
-- A page of received messages, newest first, of each as much as tells what it is; only to recipients like `q`, if given.
SELECT id, received_at, envelope_from, envelope_to, substring(content FROM 1 FOR %(beginning)s) AS beginning
FROM sandbox_messages
WHERE workspace_id = %(workspace_id)s AND (%(before)s::bigint IS NULL OR id < %(before)s)
  AND (%(q)s::text IS NULL OR array_to_string(envelope_to, ' ') COLLATE "C" ILIKE %(q)s)
ORDER BY id DESC
LIMIT %(limit)s;

-- name: get_sandbox_message
-- One received message.
SELECT id, received_at, envelope_from, envelope_to, content
FROM sandbox_messages
WHERE workspace_id = %(workspace_id)s AND id = %(message_id)s;

-- name: clear_sandbox
-- Removes some of what was received up to a message.
DELETE FROM sandbox_messages
WHERE workspace_id = %(workspace_id)s AND id IN (
    SELECT id FROM sandbox_messages
    WHERE workspace_id = %(workspace_id)s AND id <= %(last)s
    ORDER BY id
    LIMIT %(batch)s
);
