-- name: read_holds
-- Holds of these campaigns, while something of them may go, and of these senders; the oldest last, and behind those that follow
-- it. `emails`: that met the refusal, as far as the judge still counts them.
SELECT about.sender_id, about.campaign_id, h.reason, h.words, h.since, h.probe_at, met.emails
FROM holds h
CROSS JOIN LATERAL (
    SELECT t.sender_id, t.campaign_id
    FROM streams t
    JOIN campaigns c ON c.workspace_id = t.workspace_id AND c.id = t.campaign_id
    WHERE t.workspace_id = h.workspace_id AND t.id = h.stream_id AND t.campaign_id = ANY (%(campaign_ids)s::bigint[])
      AND c.status IN ('ACTIVE', 'PAUSED')
    UNION ALL
    SELECT s.id, NULL
    FROM senders s
    WHERE h.stream_id IS NULL AND s.workspace_id = h.workspace_id AND s.login_id = h.login_id
      AND s.id = ANY (%(sender_ids)s::bigint[])
) about
CROSS JOIN LATERAL (
    SELECT nullif(sum(r.emails), 0)::integer AS emails FROM refusals r
    WHERE h.reason = 'REFUSED' AND r.workspace_id = h.workspace_id AND r.login_id = h.login_id
      AND r.signature = h.signature AND r.stream_id = coalesce(h.stream_id, r.stream_id)
) met
WHERE h.workspace_id = %(workspace_id)s
ORDER BY h.since DESC, h.of_stream IS NOT NULL DESC;

-- name: streams_of_campaign
-- The streams of a campaign and their senders.
SELECT id AS stream_id, sender_id FROM streams
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s
ORDER BY id;

-- name: sender_is_there
-- Whether there is such a sender.
SELECT EXISTS (SELECT FROM senders WHERE workspace_id = %(workspace_id)s AND id = %(sender_id)s) AS there;

-- name: seen_hold
-- The hold of one of the streams, or of all of the sender, since just then.
SELECT h.signature FROM holds h
WHERE h.workspace_id = %(workspace_id)s AND h.since = %(since)s
  AND (h.stream_id = ANY (%(stream_ids)s::bigint[])
       OR h.stream_id IS NULL AND h.login_id = (SELECT s.login_id FROM senders s
                                                WHERE s.workspace_id = %(workspace_id)s AND s.id = %(sender_id)s::bigint))
ORDER BY h.id
LIMIT 1;

-- name: lock_hold
-- Lock the hold of a stream whose campaign may still go, or of all of the login. After the window, as in exchanges.
SELECT h.reason, h.signature FROM holds h
WHERE h.workspace_id = %(workspace_id)s AND h.login_id = %(login_id)s
  AND h.stream_id IS NOT DISTINCT FROM %(stream_id)s::bigint
  AND (h.stream_id IS NULL
       OR EXISTS (SELECT FROM streams t
                  JOIN campaigns c ON c.workspace_id = t.workspace_id AND c.id = t.campaign_id
                  WHERE t.workspace_id = h.workspace_id AND t.id = h.stream_id AND c.status IN ('ACTIVE', 'PAUSED')))
FOR NO KEY UPDATE OF h;

-- name: streams_held
-- The streams that an answer is about, and between which ids their emails lie.
SELECT t.id AS stream_id, t.sender_id, coalesce(c.first_email_id, 0) AS first_id,
       coalesce(c.last_email_id, 9223372036854775807) AS last_id
FROM senders s
JOIN streams t ON t.workspace_id = s.workspace_id AND t.sender_id = s.id
JOIN campaigns c ON c.workspace_id = t.workspace_id AND c.id = t.campaign_id
WHERE s.workspace_id = %(workspace_id)s AND s.login_id = %(login_id)s
  AND c.status IN ('ACTIVE', 'PAUSED') AND t.scheduled > 0
  AND (%(stream_id)s::bigint IS NULL OR t.id = %(stream_id)s)
ORDER BY t.id;

-- name: emails_that_went_back
-- A batch of a stream's emails that wait since they were refused and it was not believed, with the server's words.
SELECT e.id, e.attempts, a.command, a.code, a.enhanced_code, a.reply
FROM emails e
JOIN attempts a ON a.workspace_id = e.workspace_id AND a.email_id = e.id AND a.number = e.attempts
WHERE e.workspace_id = %(workspace_id)s AND e.id > %(after_id)s AND e.id <= %(last_id)s
  AND e.stream_id = %(stream_id)s AND e.status = 'SCHEDULED' AND e.attempts > 0 AND a.outcome = 'RELEASED'
ORDER BY e.id
LIMIT %(limit)s;

-- name: fail_emails
-- A person's word: the recipients are refused. Of emails that were tried since (`tried`: how often they were), nobody has
-- said so. Their stream is locked and its plan, so nobody else has them.
WITH failed AS (
    UPDATE emails e SET status = 'FAILED'
    FROM unnest(%(ids)s::bigint[], %(tried)s::integer[]) AS t (id, attempts)
    WHERE e.workspace_id = %(workspace_id)s AND e.id = t.id AND e.status = 'SCHEDULED' AND e.attempts = t.attempts
    RETURNING 1
)
UPDATE streams s
SET scheduled = s.scheduled - n.n, failed = s.failed + n.n
FROM (SELECT count(*) AS n FROM failed) n
WHERE s.workspace_id = %(workspace_id)s AND s.id = %(stream_id)s;

-- name: emails_due_now
-- Emails that were set aside for the refusal wait for nothing but their turn, and in a campaign with a calendar for that: its
-- slot was that of another time, so the claim has it planned.
UPDATE emails e
SET scheduled_at = least(e.scheduled_at, now()),
    not_before = NULL,
    until = CASE WHEN c.calendar IS NOT NULL THEN now() END
FROM campaigns c, unnest(%(ids)s::bigint[], %(tried)s::integer[]) AS t (id, attempts)
WHERE e.workspace_id = %(workspace_id)s AND e.id = t.id AND e.status = 'SCHEDULED' AND e.attempts = t.attempts
  AND c.workspace_id = e.workspace_id AND c.id = e.campaign_id;

-- name: probe_now
-- The next held email goes as soon as it is due. A word on a login is one on its streams that the same words hold back.
UPDATE holds SET probe_at = least(probe_at, now())
WHERE workspace_id = %(workspace_id)s AND login_id = %(login_id)s AND signature = %(signature)s
  AND (%(stream_id)s::bigint IS NULL OR stream_id = %(stream_id)s);

-- name: forget_refusals
-- Forget refusals in these words (NULL: in any): the next refusal is not judged by them.
DELETE FROM refusals
WHERE workspace_id = %(workspace_id)s AND login_id = %(login_id)s
  AND signature = coalesce(%(signature)s::text, signature)
  AND (%(stream_id)s::bigint IS NULL OR stream_id = %(stream_id)s);

-- name: lift_holds
-- Nothing is held back any more for these words (NULL: for any), of the stream or of all of the login.
DELETE FROM holds
WHERE workspace_id = %(workspace_id)s AND login_id = %(login_id)s
  AND signature = coalesce(%(signature)s::text, signature)
  AND (%(stream_id)s::bigint IS NULL OR stream_id = %(stream_id)s);
