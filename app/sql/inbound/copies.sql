-- name: emails_to_copy
-- Emails that were sent from the mailbox within a day and have no copy in Sent, where the wire check has shown that the server
-- keeps none. The newest wait a little: it may keep them after all. Of a campaign the `newest` are looked at, however many
-- it has sent: what is older by its number is older than a day, or a late retry.
SELECT e.id, e.campaign_id, t.sender_id, e.recipient, e.fields, e.message_id, e.sent_at, s.email AS sender, a.claimed_at,
       a.content_version, CASE WHEN e.follows_id IS NOT NULL THEN e.step_id END AS step_id,
       (SELECT v.id FROM step_variants v
        WHERE v.workspace_id = e.workspace_id AND v.id = e.variant_id AND v.body IS NOT NULL) AS variant_id
FROM read_senders r
JOIN senders s ON s.workspace_id = r.workspace_id AND s.id = r.sender_id
JOIN wire_checks w ON w.workspace_id = s.workspace_id AND w.sender_id = s.id
JOIN streams t ON t.workspace_id = s.workspace_id AND t.sender_id = s.id AND t.accepted_at > now() - interval '1 day'
JOIN campaigns c ON c.workspace_id = t.workspace_id AND c.id = t.campaign_id
JOIN LATERAL (
    SELECT * FROM emails n
    WHERE n.workspace_id = t.workspace_id AND n.status = 'SENT' AND n.id BETWEEN c.first_email_id AND c.last_email_id
    ORDER BY n.id DESC
    LIMIT %(newest)s
) e ON e.stream_id = t.id
JOIN attempts a ON a.workspace_id = e.workspace_id AND a.email_id = e.id AND a.number = e.attempts AND a.outcome = 'ACCEPTED'
WHERE r.workspace_id = %(workspace_id)s AND r.inbox_id = %(sender_id)s
  AND s.copy_to_sent AND NOT keeps_copies(s.workspace_id, s.id)
  AND EXISTS (SELECT FROM login_windows l
              WHERE l.workspace_id = s.workspace_id AND l.login_id = s.login_id AND l.accepted_at > now() - interval '1 day')
  AND e.sent_at > greatest(w.done_at, now() - interval '1 day')
  AND e.sent_at < now() - make_interval(secs => %(settle_s)s) AND e.erased_at IS NULL
  AND NOT EXISTS (SELECT FROM sent_copies o WHERE o.workspace_id = e.workspace_id AND o.email_id = e.id)
ORDER BY e.sent_at, e.id
LIMIT %(limit)s;

-- name: note_copy
-- The email has been dealt with.
INSERT INTO sent_copies (workspace_id, email_id)
SELECT workspace_id, id FROM emails WHERE workspace_id = %(workspace_id)s AND id = %(email_id)s
ON CONFLICT DO NOTHING;

-- name: forget_copies
-- Emails that are no more asked for.
DELETE FROM sent_copies WHERE workspace_id = %(workspace_id)s AND done_at < now() - interval '3 days';
