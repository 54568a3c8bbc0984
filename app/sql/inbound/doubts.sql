-- name: doubts_of_inbox
-- Emails in doubt that were sent from the mailbox; other ones each time, if there are many.
SELECT e.id, e.campaign_id, e.stream_id, t.sender_id, e.recipient, e.status, e.message_id, s.email AS sender
FROM emails e
JOIN streams t ON t.workspace_id = e.workspace_id AND t.id = e.stream_id
JOIN senders s ON s.workspace_id = t.workspace_id AND s.id = t.sender_id
WHERE e.workspace_id = %(workspace_id)s AND e.status = 'UNKNOWN' AND e.erased_at IS NULL
  AND t.sender_id IN (SELECT r.sender_id FROM read_senders r
                      WHERE r.workspace_id = %(workspace_id)s AND r.inbox_id = %(inbox_id)s)
ORDER BY random()
LIMIT %(limit)s;

-- name: insert_copy
-- Our own copy of an email that was in doubt, and where it lies.
INSERT INTO responses (
    workspace_id, kind, email_id, campaign_id, stream_id, sender_id, recipient, weak, message_id, folder, uid_validity, uid,
    received_at, subject, text, attachments, read_at)
VALUES (
    %(workspace_id)s, 'FOUND_IN_SENT', %(email_id)s, %(campaign_id)s, %(stream_id)s, %(sender_id)s, %(recipient)s, false,
    %(message_id)s, %(folder)s, %(uid_validity)s, %(uid)s, least(%(received_at)s::timestamptz, now()), '', '', '{}', now())
ON CONFLICT (workspace_id, message_id) DO NOTHING;

-- name: keep_provider_id
-- The Message-ID that the server put in the place of ours.
UPDATE emails SET provider_message_id = %(provider_id)s
WHERE workspace_id = %(workspace_id)s AND id = %(email_id)s AND provider_message_id IS DISTINCT FROM %(provider_id)s;
