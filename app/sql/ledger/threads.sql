-- name: thread_of_email
-- The emails that an email follows, from the first to the one before it, with what tells the ids that their readers have: ours,
-- the server's words as it took them, and the id of their copies in Sent.
WITH RECURSIVE earlier AS (
    SELECT e.workspace_id, e.follows_id AS id, 1 AS back FROM emails e
    WHERE e.workspace_id = %(workspace_id)s AND e.id = %(email_id)s
    UNION ALL
    SELECT e.workspace_id, e.follows_id, b.back + 1
    FROM earlier b JOIN emails e ON e.workspace_id = b.workspace_id AND e.id = b.id
    WHERE e.follows_id IS NOT NULL
)
SELECT e.id, e.message_id, '<' || e.provider_message_id || '>' AS found, a.reply,
       s.subject IS NOT NULL AS begins_thread
FROM earlier b
JOIN emails e ON e.workspace_id = b.workspace_id AND e.id = b.id
LEFT JOIN attempts a
    ON a.workspace_id = e.workspace_id AND a.email_id = e.id AND a.number = e.attempts AND a.outcome = 'ACCEPTED'
LEFT JOIN campaign_steps s ON s.workspace_id = e.workspace_id AND s.id = e.step_id
ORDER BY b.back DESC;

-- name: subject_in_thread
-- The subject of a message in the thread of one with this subject.
SELECT in_thread(%(subject)s::text) AS subject;

-- name: of_thread
-- Whether an email's step has no subject of its own, and quotes, who sends it, and on which day the one before it was sent.
SELECT s.subject IS NULL AS in_thread, s.quotes, t.sender_id, followed_on(e, c.calendar) AS sent_on
FROM emails e
JOIN campaign_steps s ON s.workspace_id = e.workspace_id AND s.id = e.step_id
JOIN campaigns c ON c.workspace_id = e.workspace_id AND c.id = e.campaign_id
JOIN streams t ON t.workspace_id = e.workspace_id AND t.id = e.stream_id
WHERE e.workspace_id = %(workspace_id)s AND e.id = %(email_id)s;
