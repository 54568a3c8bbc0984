-- name: insert_sandbox_message
-- Keep a message of the sandbox mailbox; its owner is found through the campaign named in the Message-ID.
INSERT INTO sandbox_messages (workspace_id, envelope_from, envelope_to, content)
VALUES ((SELECT workspace_id FROM campaigns WHERE id = %(campaign_id)s), %(envelope_from)s, %(envelope_to)s, %(content)s);

-- name: list_sandbox_messages
-- A page of received messages, newest first; those that come after `most_bytes` of others are left to the next page.
-- `found`: how many there were before that.
SELECT id, received_at, envelope_from, envelope_to, content, found
FROM (
    SELECT id, received_at, envelope_from, envelope_to, content, count(*) OVER () AS found,
           sum(octet_length(content)) OVER (ORDER BY id DESC) - octet_length(content) AS bytes_before
    FROM (
        SELECT id, received_at, envelope_from, envelope_to, content FROM sandbox_messages
        WHERE workspace_id = %(workspace_id)s AND (%(before)s::bigint IS NULL OR id < %(before)s)
        ORDER BY id DESC
        LIMIT %(limit)s
    ) page
) measured
WHERE bytes_before <= %(most_bytes)s
ORDER BY id DESC;

-- name: get_sandbox_message
-- One received message.
SELECT id, received_at, envelope_from, envelope_to, content
FROM sandbox_messages
WHERE workspace_id = %(workspace_id)s AND id = %(message_id)s;
