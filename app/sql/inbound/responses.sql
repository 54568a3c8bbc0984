-- name: page_of_responses
-- A page of what came back, the latest first, with the beginning of each.
SELECT r.id, effective_kind(r) AS kind, r.corrected_kind IS NOT NULL AS corrected, r.email_id, r.campaign_id, r.sender_id,
       r.recipient, r.writer, r.writer_name, r.weak, r.received_at, r.subject, left(r.text, %(beginning)s) AS beginning,
       r.attachments, r.severity, r.reason, r.code, r.enhanced_code, r.of_sender, r.back_on, r.label, r.read_at, r.answered_at
FROM responses r
WHERE r.workspace_id = %(workspace_id)s AND r.forgotten_at IS NULL
  AND CASE WHEN %(kind)s::response_kind IS NULL THEN r.kind <> 'FOUND_IN_SENT' ELSE effective_kind(r) = %(kind)s END
  AND (%(campaign_id)s::bigint IS NULL OR r.campaign_id = ANY (ARRAY (
          SELECT %(campaign_id)s::bigint
          UNION ALL
          SELECT a.id FROM campaigns a
          JOIN emails e ON e.workspace_id = a.workspace_id AND e.id = a.thread_email_id
          WHERE a.workspace_id = %(workspace_id)s AND a.thread_email_id IS NOT NULL AND e.campaign_id = %(campaign_id)s)))
  AND (%(sender_id)s::bigint IS NULL OR r.sender_id = %(sender_id)s)
  AND (%(email_id)s::bigint IS NULL OR r.email_id = %(email_id)s)
  AND (%(label)s::text IS NULL OR r.label = %(label)s)
  AND (%(unread)s::boolean IS NULL OR (r.read_at IS NULL) = %(unread)s)
  AND (%(q)s::text IS NULL
       OR concat_ws(' ', r.recipient, r.writer, r.writer_name, r.subject, r.text) ILIKE %(q)s)
  AND (%(address)s::text IS NULL OR address_key(%(address)s::text) IN (address_key(r.recipient), address_key(r.writer)))
  AND (%(before_at)s::timestamptz IS NULL OR (r.received_at, r.id) < (%(before_at)s, %(before_id)s::bigint))
ORDER BY r.received_at DESC, r.id DESC
LIMIT %(limit)s;

-- name: whole_responses
-- Responses with all that is kept of them.
SELECT r.id, effective_kind(r) AS kind, r.corrected_kind IS NOT NULL AS corrected, r.email_id, r.campaign_id, r.sender_id,
       r.recipient, r.writer, r.writer_name, r.weak, r.received_at, r.subject, left(r.text, %(beginning)s) AS beginning,
       r.attachments, r.severity, r.reason, r.code, r.enhanced_code, r.of_sender, r.back_on, r.label, r.read_at, r.answered_at,
       r.text, r.html, r.diagnostic
FROM responses r
WHERE r.workspace_id = %(workspace_id)s AND r.id = ANY (%(ids)s::bigint[]) AND r.forgotten_at IS NULL;

-- name: lock_response
-- One that a person says something of, with what follows from it now; its stream is held.
SELECT r.kind AS read_kind, effective_kind(r) AS kind, r.back_on
FROM responses r
WHERE r.workspace_id = %(workspace_id)s AND r.id = %(id)s AND r.forgotten_at IS NULL
FOR UPDATE;

-- name: whose_response
-- Of which email and stream it is, what a bounce said, and which email it is about: of a response to a person's answer, the
-- one that its thread began with. None of it ever changes.
SELECT r.email_id, r.stream_id, r.recipient, r.severity, r.of_sender, o.id AS about, o.stream_id AS about_stream_id,
       coalesce(oc.stop_on_auto_reply, false) AS stop_on_auto_reply
FROM responses r
LEFT JOIN campaigns c ON c.workspace_id = r.workspace_id AND c.id = r.campaign_id
LEFT JOIN emails o ON o.workspace_id = r.workspace_id AND o.id = coalesce(c.thread_email_id, r.email_id)
LEFT JOIN campaigns oc ON oc.workspace_id = o.workspace_id AND oc.id = o.campaign_id
WHERE r.workspace_id = %(workspace_id)s AND r.id = %(id)s AND r.forgotten_at IS NULL;

-- name: correct_response
-- A person's word on what it is: it is no guess any more.
UPDATE responses
SET corrected_kind = nullif(%(kind)s::response_kind, kind), weak = false
WHERE workspace_id = %(workspace_id)s AND id = %(id)s;

-- name: forget_response
-- It is no answer to us: what it says is gone, and it is not read again.
UPDATE responses
SET forgotten_at = now(), writer = NULL, writer_name = '', subject = '', text = '', html = NULL, attachments = '{}',
    diagnostic = NULL, label = NULL
WHERE workspace_id = %(workspace_id)s AND id = %(id)s;

-- name: mark_responses
-- Note a label, or that they were read, on some of them; NULL leaves a column alone, an empty label ends it.
UPDATE responses
SET label = CASE WHEN %(label)s::text IS NULL THEN label ELSE nullif(%(label)s, '') END,
    read_at = CASE WHEN %(read)s::boolean IS NULL THEN read_at WHEN %(read)s THEN coalesce(read_at, now()) END
WHERE workspace_id = %(workspace_id)s AND id = ANY (%(ids)s::bigint[]) AND forgotten_at IS NULL
RETURNING id;

-- name: count_labels
-- How many have each label.
SELECT label, count(*) AS n FROM responses
WHERE workspace_id = %(workspace_id)s AND label IS NOT NULL AND forgotten_at IS NULL
GROUP BY 1
ORDER BY 2 DESC, 1
LIMIT 200;

-- name: count_unread
-- How many nobody has read yet, of each kind.
SELECT effective_kind(r) AS kind, count(*) AS n FROM responses r
WHERE r.workspace_id = %(workspace_id)s AND r.forgotten_at IS NULL AND r.read_at IS NULL AND r.kind <> 'FOUND_IN_SENT'
GROUP BY 1;

-- name: take_suppression_back
-- Take back the suppression that a response led to, which was something else: what anything or anybody else says of the
-- address stands then.
WITH its AS MATERIALIZED (
    SELECT s AS it, s.workspace_id, s.key FROM suppressions s
    WHERE s.workspace_id = %(workspace_id)s AND s.key = address_digest(%(recipient)s::text) AND s.email_id = %(email_id)s
      AND (s.reason = %(reason)s::suppression_reason
           OR s.reason = 'UNSUBSCRIBED' AND %(reason)s::suppression_reason = 'REPLIED_STOP')
      AND is_of_response(s)
    FOR UPDATE
),
stands AS MATERIALIZED (
    SELECT i.workspace_id, i.key, b.* FROM its i CROSS JOIN LATERAL stands_besides(i.it, true) b
),
stands_again AS (
    UPDATE suppressions s
    SET reason = n.reason, email_id = n.email_id, campaign_id = n.campaign_id, reason_before = n.reason_before
    FROM stands n WHERE s.workspace_id = n.workspace_id AND s.key = n.key
)
DELETE FROM suppressions s USING its i
WHERE s.workspace_id = i.workspace_id AND s.key = i.key AND NOT EXISTS (SELECT FROM stands);
