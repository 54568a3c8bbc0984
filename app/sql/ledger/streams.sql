-- name: lock_streams
-- Streams held against all that make, move, stop or decide an email of theirs, always in the same order.
SELECT id FROM streams WHERE workspace_id = %(workspace_id)s AND id = ANY (%(stream_ids)s::bigint[])
ORDER BY id FOR NO KEY UPDATE;

-- name: lock_streams_of_campaign
-- The same for all streams of a campaign.
SELECT id FROM streams WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s
ORDER BY id FOR NO KEY UPDATE;

-- name: lock_streams_of_emails
-- The same for the streams of emails.
SELECT s.id FROM streams s
WHERE s.workspace_id = %(workspace_id)s
  AND s.id IN (SELECT e.stream_id FROM emails e WHERE e.workspace_id = %(workspace_id)s AND e.id = ANY (%(ids)s::bigint[]))
ORDER BY s.id
FOR NO KEY UPDATE;

-- name: settle_streams
-- Set when the first email of each stream is due, after a change of its emails, whatever an exchange has passed before. One whose
-- sender is out of the campaign sends nothing while it has something to give.
UPDATE streams s
SET next_due_at = (SELECT due_at FROM first_due(s.workspace_id, s.id)), passed_at = '-infinity',
    open = s.open AND NOT (s.taken_out_at IS NOT NULL AND has_not_begun(s))
WHERE s.workspace_id = %(workspace_id)s AND s.id = ANY (%(stream_ids)s::bigint[]);

-- name: finish_giving
-- Senders that are out of the campaign and have given all go on with what they have begun. Its streams are locked.
UPDATE streams s SET open = true
FROM campaigns c
WHERE s.workspace_id = %(workspace_id)s AND s.campaign_id = %(campaign_id)s AND s.taken_out_at IS NOT NULL AND NOT s.open
  AND c.workspace_id = s.workspace_id AND c.id = s.campaign_id AND c.status = 'ACTIVE' AND NOT has_not_begun(s);

-- name: streams_that_sleep
-- Open streams whose first email is due before they say, or lies before what exchanges have passed. There must be none.
SELECT s.workspace_id, s.id FROM streams s
CROSS JOIN LATERAL first_due(s.workspace_id, s.id) f
WHERE s.open AND s.scheduled > 0 AND (s.next_due_at IS NULL OR s.next_due_at > f.due_at OR s.passed_at > f.due_at)
ORDER BY s.workspace_id, s.id;
