-- name: email_span
-- Between which ids the emails of the campaigns that fit lie: all of a workspace's, of one campaign, of one sender. With a
-- status, of those campaigns that have emails in it.
SELECT min(coalesce(c.first_email_id, 0)) AS first_id, max(coalesce(c.last_email_id, 9223372036854775807)) AS last_id
FROM streams s
JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
WHERE s.workspace_id = %(workspace_id)s
  AND (%(campaign_id)s::bigint IS NULL OR s.campaign_id = %(campaign_id)s)
  AND (%(sender_id)s::bigint IS NULL OR s.sender_id = %(sender_id)s)
  AND (%(direct)s::boolean IS NULL OR s.direct = %(direct)s)
  AND CASE %(status)s::email_status
          WHEN 'SENDING' THEN s.sending
          WHEN 'SENT' THEN s.sent
          WHEN 'FAILED' THEN s.failed
          WHEN 'UNKNOWN' THEN s.unknown
          WHEN 'CANCELLED' THEN s.cancelled
          ELSE 1
      END > 0;

-- name: page_of_emails
-- Emails newest first, within a span of ids.
SELECT e.id FROM emails e
WHERE e.workspace_id = %(workspace_id)s AND e.id BETWEEN %(first_id)s AND %(last_id)s
  AND (%(status)s::email_status IS NULL OR e.status = %(status)s)
  AND (%(failed_for)s::text IS NULL OR e.failed_for = %(failed_for)s)
  AND (%(campaign_id)s::bigint IS NULL OR e.campaign_id = %(campaign_id)s)
  AND (%(sender_id)s::bigint IS NULL OR e.stream_id IN (
          SELECT id FROM streams WHERE workspace_id = %(workspace_id)s AND sender_id = %(sender_id)s))
  AND (%(q)s::text IS NULL OR e.recipient COLLATE "C" ILIKE %(q)s)
  -- Of the rows that are left: each is looked up in its stream by key.
  AND (%(direct)s::boolean IS NULL
       OR (SELECT s.direct FROM streams s WHERE s.workspace_id = e.workspace_id AND s.id = e.stream_id) = %(direct)s)
ORDER BY e.id DESC
LIMIT %(limit)s;

-- name: page_of_undecided
-- The same of what failed and waits for a person's word: the newest for each reason, and of these the newest.
SELECT d.id
FROM unnest(failure_reasons()) AS r (reason)
CROSS JOIN LATERAL (
    SELECT e.id FROM emails e
    WHERE e.workspace_id = %(workspace_id)s AND e.failed_for = r.reason AND e.status = 'FAILED' AND e.settled IS NULL
      AND e.id BETWEEN %(first_id)s AND %(last_id)s
      AND (%(campaign_id)s::bigint IS NULL OR e.campaign_id = %(campaign_id)s)
      AND e.campaign_id <> ALL (ARRAY(SELECT l.id FROM losing_emails(%(workspace_id)s::bigint) l))
      AND (%(sender_id)s::bigint IS NULL OR e.stream_id IN (
              SELECT id FROM streams WHERE workspace_id = %(workspace_id)s AND sender_id = %(sender_id)s))
      AND (%(q)s::text IS NULL OR e.recipient COLLATE "C" ILIKE %(q)s)
    ORDER BY e.id DESC
    LIMIT %(limit)s
) d
WHERE r.reason = coalesce(%(failed_for)s::text, r.reason)
ORDER BY d.id DESC
LIMIT %(limit)s;

-- name: page_of_direct
-- Direct mail, newest first: one email a stream.
SELECT e.id
FROM streams s
JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
JOIN emails e ON e.workspace_id = c.workspace_id AND e.id = c.first_email_id
WHERE s.workspace_id = %(workspace_id)s AND s.direct
  AND (%(before)s::bigint IS NULL OR e.id < %(before)s)
  AND (%(status)s::email_status IS NULL OR e.status = %(status)s)
  AND (%(sender_id)s::bigint IS NULL OR s.sender_id = %(sender_id)s)
  AND (%(q)s::text IS NULL OR e.recipient COLLATE "C" ILIKE %(q)s)
ORDER BY e.id DESC
LIMIT %(limit)s;

-- name: page_of_waiting
-- Emails that wait, soonest first: the first of each stream, and of these the first.
SELECT d.id, d.scheduled_at
FROM streams s
CROSS JOIN LATERAL (
    SELECT e.id, e.scheduled_at
    FROM emails e
    WHERE e.workspace_id = %(workspace_id)s AND e.stream_id = s.id AND e.status = 'SCHEDULED'
      AND (e.scheduled_at, e.id) > (%(after_at)s::timestamptz, %(after_id)s::bigint)
      AND (%(q)s::text IS NULL OR e.recipient COLLATE "C" ILIKE %(q)s)
    ORDER BY e.scheduled_at, e.id
    LIMIT %(limit)s
) d
WHERE s.workspace_id = %(workspace_id)s AND s.scheduled > 0
  AND (%(campaign_id)s::bigint IS NULL OR s.campaign_id = %(campaign_id)s)
  AND (%(sender_id)s::bigint IS NULL OR s.sender_id = %(sender_id)s)
  AND (%(direct)s::boolean IS NULL OR s.direct = %(direct)s)
ORDER BY d.scheduled_at, d.id
LIMIT %(limit)s;

-- name: email_summaries
-- Emails as lists show them, with what the latest attempt said, in the order of `ids`.
SELECT e.id, e.campaign_id, c.name AS campaign_name, s.sender_id, e.recipient, e.status, e.scheduled_at, e.sent_at,
       e.message_id, e.retry_count, e.attempts, a.code, a.enhanced_code, a.reply, e.cancel_reason,
       step_number(e) AS step, variant_letter(e) AS variant, e.failed_for, e.settled::text AS settled
FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS page (id, number)
JOIN emails e ON e.workspace_id = %(workspace_id)s AND e.id = page.id
JOIN campaigns c ON c.workspace_id = e.workspace_id AND c.id = e.campaign_id
JOIN streams s ON s.workspace_id = e.workspace_id AND s.id = e.stream_id
LEFT JOIN attempts a ON a.workspace_id = e.workspace_id AND a.email_id = e.id AND a.number = e.attempts
ORDER BY page.number;

-- name: get_email
-- One email, without what it says.
SELECT e.id, e.campaign_id, c.name AS campaign_name, s.sender_id, e.recipient, e.fields, e.status, e.scheduled_at,
       e.sent_at, e.message_id, e.retry_count, e.erased_at, e.cancel_reason,
       step_number(e) AS step, variant_letter(e) AS variant, e.follow_at, e.follows_id, e.stopped,
       e.failed_for, e.settled::text AS settled, e.mended_as,
       n.readings, n.last_at AS read_at, keeps_copies(s.workspace_id, s.sender_id) AS keeps_copies
FROM emails e
JOIN campaigns c ON c.workspace_id = e.workspace_id AND c.id = e.campaign_id
JOIN streams s ON s.workspace_id = e.workspace_id AND s.id = e.stream_id
LEFT JOIN sent_readings n ON n.workspace_id = e.workspace_id AND n.email_id = e.id AND n.attempt = e.attempts
    AND e.status = 'UNKNOWN'
WHERE e.workspace_id = %(workspace_id)s AND e.id = %(email_id)s;

-- name: attempts_of_email
-- Every try, first to last.
SELECT number, outcome, claimed_at, recorded_at, duration_ms, server, command, code, enhanced_code, reply
FROM attempts
WHERE workspace_id = %(workspace_id)s AND email_id = %(email_id)s
ORDER BY number;

-- name: fields_of_campaigns
-- The merge fields of all campaigns that fit, as far as one more than `most`.
SELECT DISTINCT f.field
FROM campaigns c
CROSS JOIN LATERAL unnest(c.fields) AS f (field)
WHERE c.workspace_id = %(workspace_id)s AND f.field <> 'email'
  AND (%(campaign_id)s::bigint IS NULL OR c.id = %(campaign_id)s)
  AND (%(sender_id)s::bigint IS NULL OR EXISTS (
          SELECT FROM streams s
          WHERE s.workspace_id = c.workspace_id AND s.campaign_id = c.id AND s.sender_id = %(sender_id)s))
ORDER BY f.field
LIMIT %(most)s + 1;

-- name: recipients_of_emails
-- To whom emails are and what their templates say of them, erased ones left out, in the order of `ids`.
SELECT e.recipient, e.fields
FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS page (id, number)
JOIN emails e ON e.workspace_id = %(workspace_id)s AND e.id = page.id
WHERE e.erased_at IS NULL
ORDER BY page.number;
