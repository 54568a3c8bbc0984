-- name: list_emails
-- A page of emails, newest first, with what the latest attempt said.
SELECT e.id, e.campaign_id, c.sender_id, e.recipient, e.status, e.scheduled_at, e.sent_at, e.message_id, e.retry_count,
       e.attempts, a.code, a.enhanced_code, a.reply
FROM emails e
JOIN campaigns c ON c.user_id = e.user_id AND c.id = e.campaign_id
LEFT JOIN attempts a ON a.user_id = e.user_id AND a.email_id = e.id AND a.number = e.attempts
WHERE e.user_id = %(user_id)s
  AND (%(status)s::email_status IS NULL OR e.status = %(status)s)
  AND (%(campaign_id)s::bigint IS NULL OR e.campaign_id = %(campaign_id)s)
  AND (%(sender_id)s::bigint IS NULL OR c.sender_id = %(sender_id)s)
  AND (%(q)s::text IS NULL OR e.recipient ILIKE %(q)s)
  AND (%(before)s::bigint IS NULL OR e.id < %(before)s)
ORDER BY e.id DESC
LIMIT %(limit)s;

-- name: get_email
-- One email with what it would say.
SELECT e.id, e.campaign_id, c.sender_id, e.recipient, e.fields, e.status, e.scheduled_at, e.sent_at, e.message_id,
       e.retry_count, e.attempts, c.subject, a.code, a.enhanced_code, a.reply
FROM emails e
JOIN campaigns c ON c.user_id = e.user_id AND c.id = e.campaign_id
LEFT JOIN attempts a ON a.user_id = e.user_id AND a.email_id = e.id AND a.number = e.attempts
WHERE e.user_id = %(user_id)s AND e.id = %(email_id)s;

-- name: attempts_of_email
-- Every try, first to last.
SELECT number, outcome, claimed_at, recorded_at, duration_ms, server, command, code, enhanced_code, reply
FROM attempts
WHERE user_id = %(user_id)s AND email_id = %(email_id)s
ORDER BY number;

-- name: lock_campaign_of_email
-- The campaign of an email, locked before the email as everywhere.
SELECT c.status FROM campaigns c
WHERE c.user_id = %(user_id)s
  AND c.id = (SELECT e.campaign_id FROM emails e WHERE e.user_id = %(user_id)s AND e.id = %(email_id)s)
FOR UPDATE;

-- name: decide_email
-- A person's word on an email that ended FAILED or UNKNOWN: send it (again), or take it as sent. Only from the
-- status the person saw; the campaign's counts move with it, and a finished campaign with work again is active.
WITH changed AS (
    UPDATE emails
    SET status = %(to)s::email_status,
        scheduled_at = CASE WHEN %(to)s::email_status = 'SCHEDULED' THEN now() ELSE scheduled_at END,
        retry_count = CASE WHEN %(to)s::email_status = 'SCHEDULED' THEN 0 ELSE retry_count END,
        sent_at = CASE WHEN %(to)s::email_status = 'SENT' THEN now() END
    WHERE user_id = %(user_id)s AND id = %(email_id)s AND status = %(from)s::email_status
    RETURNING campaign_id
)
UPDATE campaigns c
SET failed = failed - (%(from)s::email_status = 'FAILED')::integer,
    unknown = unknown - (%(from)s::email_status = 'UNKNOWN')::integer,
    scheduled = scheduled + (%(to)s::email_status = 'SCHEDULED')::integer,
    sent = sent + (%(to)s::email_status = 'SENT')::integer,
    status = CASE WHEN c.status = 'FINISHED' AND %(to)s::email_status = 'SCHEDULED' THEN 'ACTIVE' ELSE c.status END,
    finished_at = CASE WHEN c.status = 'FINISHED' AND %(to)s::email_status = 'SCHEDULED' THEN NULL ELSE c.finished_at END
FROM changed
WHERE c.user_id = %(user_id)s AND c.id = changed.campaign_id
RETURNING c.id, c.sender_id;
