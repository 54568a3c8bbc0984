-- name: insert_sandbox_message
-- Keep a message of the sandbox mailbox; its owner is found through the campaign named in the Message-ID.
INSERT INTO sandbox_messages (workspace_id, envelope_from, envelope_to, content)
VALUES ((SELECT workspace_id FROM campaigns WHERE id = %(campaign_id)s), %(envelope_from)s, %(envelope_to)s, %(content)s);

-- name: list_sandbox_messages
-- A page of received messages, newest first, of each as much as tells what it is.
SELECT id, received_at, envelope_from, envelope_to, substring(content FROM 1 FOR %(beginning)s) AS beginning
FROM sandbox_messages
WHERE workspace_id = %(workspace_id)s AND (%(before)s::bigint IS NULL OR id < %(before)s)
ORDER BY id DESC
LIMIT %(limit)s;

-- name: get_sandbox_message
-- One received message.
SELECT id, received_at, envelope_from, envelope_to, content
FROM sandbox_messages
WHERE workspace_id = %(workspace_id)s AND id = %(message_id)s;
