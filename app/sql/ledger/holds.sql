-- name: read_holds
-- What holds back these campaigns, while something of them may go, and these senders. `emails`: that met the refusal, as
-- far as the judge still counts them.
SELECT h.sender_id, h.campaign_id, h.reason, h.words, h.since, h.probe_at, met.emails
FROM holds h
LEFT JOIN campaigns c ON c.workspace_id = h.workspace_id AND c.id = h.campaign_id
CROSS JOIN LATERAL (
    SELECT nullif(sum(r.emails), 0)::integer AS emails FROM refusals r
    WHERE h.reason = 'REFUSED' AND r.workspace_id = h.workspace_id AND r.sender_id = h.sender_id
      AND r.signature = h.signature AND r.campaign_id = coalesce(h.campaign_id, r.campaign_id)
) met
WHERE h.workspace_id = %(workspace_id)s
  AND (h.campaign_id = ANY (%(campaign_ids)s::bigint[]) AND c.status IN ('ACTIVE', 'PAUSED')
       OR h.campaign_id IS NULL AND h.sender_id = ANY (%(sender_ids)s::bigint[]));

-- name: sender_of_campaign
-- On which sender a campaign runs.
SELECT sender_id FROM campaigns WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s;

-- name: sender_is_there
-- Whether there is such a sender.
SELECT EXISTS (SELECT FROM senders WHERE workspace_id = %(workspace_id)s AND id = %(sender_id)s) AS there;

-- name: lock_hold
-- What holds back a campaign that may still go, or all of the sender. After the window, as in exchanges.
SELECT h.reason, h.signature FROM holds h
WHERE h.workspace_id = %(workspace_id)s AND h.sender_id = %(sender_id)s
  AND h.campaign_id IS NOT DISTINCT FROM %(campaign_id)s::bigint
  AND (h.campaign_id IS NULL
       OR EXISTS (SELECT FROM campaigns c WHERE c.workspace_id = h.workspace_id AND c.id = h.campaign_id
                    AND c.status IN ('ACTIVE', 'PAUSED')))
FOR NO KEY UPDATE OF h;

-- name: campaigns_held
-- The campaigns that an answer is about, and between which ids their emails lie.
SELECT id AS campaign_id, coalesce(first_email_id, 0) AS first_id, coalesce(last_email_id, 9223372036854775807) AS last_id
FROM campaigns
WHERE workspace_id = %(workspace_id)s AND sender_id = %(sender_id)s AND status IN ('ACTIVE', 'PAUSED') AND scheduled > 0
  AND (%(campaign_id)s::bigint IS NULL OR id = %(campaign_id)s)
ORDER BY id;

-- name: emails_that_went_back
-- A batch of a campaign's emails that wait since they were refused and it was not believed, with the server's words.
SELECT e.id, e.campaign_id, e.attempts, a.command, a.code, a.enhanced_code, a.reply
FROM emails e
JOIN attempts a ON a.workspace_id = e.workspace_id AND a.email_id = e.id AND a.number = e.attempts
WHERE e.workspace_id = %(workspace_id)s AND e.id > %(after_id)s AND e.id <= %(last_id)s
  AND e.campaign_id = %(campaign_id)s AND e.status = 'SCHEDULED' AND e.attempts > 0 AND a.outcome = 'RELEASED'
ORDER BY e.id
LIMIT %(limit)s;

-- name: lock_campaign_held
-- The campaign before its emails, as everywhere.
SELECT id FROM campaigns WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s FOR NO KEY UPDATE;

-- name: fail_emails
-- A person's word: the recipients are refused. Of emails that were tried since (`tried`: how often they were), nobody has
-- said so. Their campaign is locked and its plan, so nobody else has them.
WITH failed AS (
    UPDATE emails e SET status = 'FAILED'
    FROM unnest(%(ids)s::bigint[], %(tried)s::integer[]) AS t (id, attempts)
    WHERE e.workspace_id = %(workspace_id)s AND e.id = t.id AND e.status = 'SCHEDULED' AND e.attempts = t.attempts
    RETURNING 1
)
UPDATE campaigns c
SET scheduled = c.scheduled - n.n,
    failed = c.failed + n.n,
    (status, finished_at) = (
        SELECT a.status, a.finished_at FROM campaign_after(c.status, c.finished_at, c.scheduled - n.n, c.sending) a)
FROM (SELECT count(*) AS n FROM failed) n
WHERE c.workspace_id = %(workspace_id)s AND c.id = %(campaign_id)s;

-- name: emails_due_now
-- What was set aside for the refusal waits for nothing but its turn.
UPDATE emails e SET scheduled_at = least(e.scheduled_at, now())
FROM unnest(%(ids)s::bigint[], %(tried)s::integer[]) AS t (id, attempts)
WHERE e.workspace_id = %(workspace_id)s AND e.id = t.id AND e.status = 'SCHEDULED' AND e.attempts = t.attempts;

-- name: probe_now
-- The next email of what is held goes as soon as it is due. What is said of a sender is said of its campaigns that the
-- same words hold back.
UPDATE holds SET probe_at = least(probe_at, now())
WHERE workspace_id = %(workspace_id)s AND sender_id = %(sender_id)s AND signature = %(signature)s
  AND (%(campaign_id)s::bigint IS NULL OR campaign_id = %(campaign_id)s);

-- name: forget_refusals
-- What was refused in these words (NULL: in any) is nothing that the next refusal is judged by.
DELETE FROM refusals
WHERE workspace_id = %(workspace_id)s AND sender_id = %(sender_id)s
  AND signature = coalesce(%(signature)s::text, signature)
  AND (%(campaign_id)s::bigint IS NULL OR campaign_id = %(campaign_id)s);

-- name: lift_holds
-- Nothing is held back any more for these words (NULL: for any), of the campaign or of all of the sender.
DELETE FROM holds
WHERE workspace_id = %(workspace_id)s AND sender_id = %(sender_id)s
  AND signature = coalesce(%(signature)s::text, signature)
  AND (%(campaign_id)s::bigint IS NULL OR campaign_id = %(campaign_id)s);
