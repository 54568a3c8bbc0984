-- name: root_of_thread
-- The email that a response's thread began with: of a response to an answer, that which the answer is about.
SELECT coalesce(c.thread_email_id, r.email_id) AS id
FROM responses r
LEFT JOIN campaigns c ON c.workspace_id = r.workspace_id AND c.id = r.campaign_id
WHERE r.workspace_id = %(workspace_id)s AND r.id = %(response_id)s AND r.forgotten_at IS NULL;

-- name: emails_of_thread
-- The latest emails of a thread, in order of time: the one it began with, others of its campaign to the same recipient, and
-- the answers.
WITH written AS MATERIALIZED (
    SELECT id FROM emails_beside(%(workspace_id)s::bigint, %(root_id)s::bigint)
    UNION
    SELECT %(root_id)s::bigint
),
latest AS (
    SELECT e.*, coalesce(e.sent_at, e.claimed_at, e.scheduled_at) AS at
    FROM emails e
    WHERE e.workspace_id = %(workspace_id)s
      AND e.id IN (SELECT id FROM written
                   UNION
                   SELECT c.first_email_id FROM campaigns c
                   WHERE c.workspace_id = %(workspace_id)s AND c.thread_email_id IN (SELECT id FROM written))
    ORDER BY at DESC, id DESC
    LIMIT %(limit)s
)
SELECT l.id, l.at, l.campaign_id, c.name AS campaign_name, s.sender_id, l.recipient, l.status,
       c.thread_email_id IS NOT NULL AS is_answer,
       btrim(coalesce(l.provider_message_id, l.message_id), '<> ') AS message_id
FROM latest l
JOIN campaigns c ON c.workspace_id = l.workspace_id AND c.id = l.campaign_id
JOIN streams s ON s.workspace_id = l.workspace_id AND s.id = l.stream_id
ORDER BY l.at, l.id;

-- name: responses_to
-- The latest of what came back for some emails, in order of time; our own copies aside.
SELECT * FROM (
    SELECT r.id, r.email_id, r.received_at, r.message_id
    FROM responses r
    WHERE r.workspace_id = %(workspace_id)s AND r.email_id = ANY (%(email_ids)s::bigint[])
      AND r.forgotten_at IS NULL AND r.kind <> 'FOUND_IN_SENT'
    ORDER BY r.received_at DESC, r.id DESC
    LIMIT %(limit)s
) latest
ORDER BY received_at, id;

-- name: one_response
-- The response that is asked about.
SELECT id, email_id, received_at, message_id FROM responses WHERE workspace_id = %(workspace_id)s AND id = %(response_id)s;
