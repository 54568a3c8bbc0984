-- name: doubts_of_inbox
-- Emails in doubt that were sent from the mailbox; first what was looked for longest ago, or never. Of one that was not in Sent an
-- hour after its attempt nothing more is expected, unless its campaign waits for a server's habit to be proven.
SELECT e.id, e.campaign_id, e.stream_id, t.sender_id, e.recipient, e.status, e.message_id, e.attempts, s.email AS sender
FROM emails e
JOIN campaigns c ON c.workspace_id = e.workspace_id AND c.id = e.campaign_id
JOIN streams t ON t.workspace_id = e.workspace_id AND t.id = e.stream_id
JOIN senders s ON s.workspace_id = t.workspace_id AND s.id = t.sender_id
WHERE e.workspace_id = %(workspace_id)s AND e.status = 'UNKNOWN' AND e.erased_at IS NULL
  AND t.sender_id IN (SELECT r.sender_id FROM read_senders r
                      WHERE r.workspace_id = %(workspace_id)s AND r.inbox_id = %(inbox_id)s)
  AND (c.on_unknown = 'resend_if_not_in_sent' AND keeps_copies(e.workspace_id, t.sender_id)
       OR NOT EXISTS (
           SELECT FROM sent_readings n
           JOIN attempts a ON a.workspace_id = n.workspace_id AND a.email_id = n.email_id AND a.number = n.attempt
           WHERE n.workspace_id = e.workspace_id AND n.email_id = e.id AND n.attempt = e.attempts AND n.readings > 1
             AND n.last_at > a.recorded_at + make_interval(secs => %(settled_s)s)))
ORDER BY (SELECT n.last_at FROM sent_readings n
          WHERE n.workspace_id = e.workspace_id AND n.email_id = e.id AND n.attempt = e.attempts) NULLS FIRST, random()
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

-- name: note_reading
-- All of Sent was read, from `began` on, and the emails were not there.
INSERT INTO sent_readings AS n (workspace_id, email_id, attempt, last_at)
SELECT e.workspace_id, e.id, e.attempts, %(began)s
FROM unnest(%(ids)s::bigint[], %(attempts)s::integer[]) AS looked (id, attempts)
JOIN emails e ON e.workspace_id = %(workspace_id)s AND e.id = looked.id AND e.attempts = looked.attempts
WHERE e.status = 'UNKNOWN'
ORDER BY e.id
ON CONFLICT (workspace_id, email_id) DO UPDATE
SET readings = CASE WHEN n.attempt = excluded.attempt THEN n.readings + 1 ELSE 1 END,
    attempt = excluded.attempt, last_at = excluded.last_at;

-- name: to_send_again
-- Those of the emails that were surely not sent, as far as it can be known, and whose campaign wants them sent again then:
-- twice looked for, the last time when the server had long had the time for a copy, at one that is known to keep copies.
-- Not what a restored database put in doubt, which was at no server as far as this one knows; nor, as no policy does, what
-- two workers were lost with.
SELECT e.id, n.readings, n.last_at
FROM emails e
JOIN campaigns c ON c.workspace_id = e.workspace_id AND c.id = e.campaign_id
JOIN streams t ON t.workspace_id = e.workspace_id AND t.id = e.stream_id
JOIN attempts a ON a.workspace_id = e.workspace_id AND a.email_id = e.id AND a.number = e.attempts
JOIN sent_readings n ON n.workspace_id = e.workspace_id AND n.email_id = e.id AND n.attempt = e.attempts
WHERE e.workspace_id = %(workspace_id)s AND e.id = ANY (%(ids)s::bigint[]) AND e.status = 'UNKNOWN'
  AND c.on_unknown = 'resend_if_not_in_sent' AND keeps_copies(e.workspace_id, t.sender_id)
  AND n.readings > 1 AND n.last_at > a.recorded_at + make_interval(secs => %(settled_s)s)
  AND doubt_becomes('resend', c.status, e.attempts, %(max_attempts)s::integer) = 'SCHEDULED'
  AND (a.worker_lost OR a.server IS NOT NULL)
  AND (SELECT count(*) FROM attempts l
       WHERE l.workspace_id = e.workspace_id AND l.email_id = e.id AND l.worker_lost) < 2
ORDER BY e.id;
