-- name: email_span
-- Between which ids the emails of the campaigns that fit lie: all of a user's, of one campaign, of one sender. With a
-- status, of those campaigns that have emails in it.
SELECT min(coalesce(first_email_id, 0)) AS first_id, max(coalesce(last_email_id, 9223372036854775807)) AS last_id
FROM campaigns
WHERE user_id = %(user_id)s
  AND (%(campaign_id)s::bigint IS NULL OR id = %(campaign_id)s)
  AND (%(sender_id)s::bigint IS NULL OR sender_id = %(sender_id)s)
  AND CASE %(status)s::email_status
          WHEN 'SENDING' THEN sending
          WHEN 'SENT' THEN sent
          WHEN 'FAILED' THEN failed
          WHEN 'UNKNOWN' THEN unknown
          WHEN 'CANCELLED' THEN cancelled
          ELSE 1
      END > 0;

-- name: page_of_emails
-- Emails newest first, within a span of ids.
SELECT e.id FROM emails e
WHERE e.user_id = %(user_id)s AND e.id BETWEEN %(first_id)s AND %(last_id)s
  AND (%(status)s::email_status IS NULL OR e.status = %(status)s)
  AND (%(campaign_id)s::bigint IS NULL OR e.campaign_id = %(campaign_id)s)
  AND (%(sender_id)s::bigint IS NULL OR e.campaign_id IN (
          SELECT id FROM campaigns WHERE user_id = %(user_id)s AND sender_id = %(sender_id)s))
  AND (%(q)s::text IS NULL OR e.recipient COLLATE "C" ILIKE %(q)s)
ORDER BY e.id DESC
LIMIT %(limit)s;

-- name: page_of_waiting
-- Emails that wait, soonest first: the first of each campaign, and of these the first.
SELECT d.id, d.scheduled_at
FROM campaigns c
CROSS JOIN LATERAL (
    SELECT e.id, e.scheduled_at
    FROM emails e
    WHERE e.user_id = %(user_id)s AND e.campaign_id = c.id AND e.status = 'SCHEDULED'
      AND (e.scheduled_at, e.id) > (%(after_at)s::timestamptz, %(after_id)s::bigint)
      AND (%(q)s::text IS NULL OR e.recipient COLLATE "C" ILIKE %(q)s)
    ORDER BY e.scheduled_at, e.id
    LIMIT %(limit)s
) d
WHERE c.user_id = %(user_id)s AND c.scheduled > 0
  AND (%(campaign_id)s::bigint IS NULL OR c.id = %(campaign_id)s)
  AND (%(sender_id)s::bigint IS NULL OR c.sender_id = %(sender_id)s)
ORDER BY d.scheduled_at, d.id
LIMIT %(limit)s;

-- name: email_summaries
-- Emails as lists show them, with what the latest attempt said, in the order of `ids`.
SELECT e.id, e.campaign_id, c.name AS campaign_name, c.sender_id, e.recipient, e.status, e.scheduled_at, e.sent_at,
       e.message_id, e.retry_count, e.attempts, a.code, a.enhanced_code, a.reply
FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS page (id, number)
JOIN emails e ON e.user_id = %(user_id)s AND e.id = page.id
JOIN campaigns c ON c.user_id = e.user_id AND c.id = e.campaign_id
LEFT JOIN attempts a ON a.user_id = e.user_id AND a.email_id = e.id AND a.number = e.attempts
ORDER BY page.number;

-- name: get_email
-- One email, without what it says.
SELECT e.id, e.campaign_id, c.name AS campaign_name, c.sender_id, e.recipient, e.fields, e.status, e.scheduled_at,
       e.sent_at, e.message_id, e.retry_count, e.erased_at
FROM emails e
JOIN campaigns c ON c.user_id = e.user_id AND c.id = e.campaign_id
WHERE e.user_id = %(user_id)s AND e.id = %(email_id)s;

-- name: texts_of_emails
-- What emails are made from: before they are tried, and where they wait to be tried again, the campaign's text; after
-- that the text which the latest try had. Where the try does not say, since its worker was lost or it was removed, it
-- is the text of that time. `as_sent`: the latest try had just this.
SELECT e.id, e.recipient, e.fields, e.erased_at,
       CASE WHEN k.version IS NULL THEN c.subject ELSE k.subject END AS subject,
       CASE WHEN k.version IS NULL THEN c.body ELSE k.body END AS body,
       CASE WHEN k.version IS NULL THEN c.body_html ELSE k.body_html END AS body_html,
       e.attempts > 0 AND coalesce(
           coalesce(k.version, c.content_version) = a.content_version, c.content_version = 1) AS as_sent
FROM emails e
JOIN campaigns c ON c.user_id = e.user_id AND c.id = e.campaign_id
LEFT JOIN attempts a ON a.user_id = e.user_id AND a.email_id = e.id AND a.number = e.attempts
LEFT JOIN LATERAL (
    SELECT * FROM campaign_contents t
    WHERE t.user_id = e.user_id AND t.campaign_id = e.campaign_id
      AND e.status NOT IN ('SCHEDULED', 'SENDING') AND e.attempts > 0
      AND CASE WHEN a.content_version IS NULL THEN t.replaced_at > e.claimed_at ELSE t.version = a.content_version END
    ORDER BY t.version
    LIMIT 1
) k ON true
WHERE e.user_id = %(user_id)s AND e.id = ANY (%(ids)s::bigint[])
ORDER BY e.id;

-- name: attempts_of_email
-- Every try, first to last.
SELECT number, outcome, claimed_at, recorded_at, duration_ms, server, command, code, enhanced_code, reply
FROM attempts
WHERE user_id = %(user_id)s AND email_id = %(email_id)s
ORDER BY number;

-- name: lock_campaigns_of_emails
-- The campaigns of emails, locked before the emails as everywhere.
SELECT c.id, c.status, c.emails_removed_at FROM campaigns c
WHERE c.user_id = %(user_id)s
  AND c.id IN (SELECT e.campaign_id FROM emails e WHERE e.user_id = %(user_id)s AND e.id = ANY (%(ids)s::bigint[]))
ORDER BY c.id
FOR UPDATE;

-- name: undecided_emails
-- A batch of a campaign's emails in one status that waits for a person's word, oldest first, within a span of ids.
SELECT id FROM emails
WHERE user_id = %(user_id)s AND id BETWEEN %(first_id)s AND %(last_id)s AND campaign_id = %(campaign_id)s
  AND status = %(status)s::email_status
ORDER BY id
LIMIT %(limit)s;

-- name: decide_emails
-- A person's word on emails that ended FAILED or UNKNOWN: send them (again), or take them as sent. Only from the
-- status the person saw; nothing is sent of a cancelled campaign, of one whose emails are being removed, or to whom
-- was erased. What goes again goes from now on, spaced as its campaign is, the first after `before` others. The
-- campaigns' counts move along, and a finished one with work again is active.
WITH picked AS (
    SELECT e.id, now() + least((row_number() OVER (PARTITION BY c.id ORDER BY e.id) - 1 + %(before)s::bigint)
                               * make_interval(secs => c.delay_ms / 1000.0), interval '5 years') AS due_at
    FROM emails e
    JOIN campaigns c ON c.user_id = e.user_id AND c.id = e.campaign_id
    WHERE e.user_id = %(user_id)s AND e.id = ANY (%(ids)s::bigint[]) AND e.status = %(from)s::email_status
      AND (%(to)s::email_status <> 'SCHEDULED'
           OR c.status <> 'CANCELLED' AND c.emails_removed_at IS NULL AND e.erased_at IS NULL)
),
changed AS (
    UPDATE emails e
    SET status = %(to)s::email_status,
        scheduled_at = CASE WHEN %(to)s::email_status = 'SCHEDULED' THEN p.due_at ELSE e.scheduled_at END,
        retry_count = CASE WHEN %(to)s::email_status = 'SCHEDULED' THEN 0 ELSE e.retry_count END,
        sent_at = CASE WHEN %(to)s::email_status = 'SENT' THEN now() END
    FROM picked p
    WHERE e.user_id = %(user_id)s AND e.id = p.id AND e.status = %(from)s::email_status
    RETURNING e.campaign_id
),
moved AS (
    SELECT campaign_id, count(*) AS n FROM changed GROUP BY campaign_id
)
UPDATE campaigns c
SET failed = failed - CASE WHEN %(from)s::email_status = 'FAILED' THEN m.n ELSE 0 END,
    unknown = unknown - CASE WHEN %(from)s::email_status = 'UNKNOWN' THEN m.n ELSE 0 END,
    scheduled = scheduled + CASE WHEN %(to)s::email_status = 'SCHEDULED' THEN m.n ELSE 0 END,
    sent = sent + CASE WHEN %(to)s::email_status = 'SENT' THEN m.n ELSE 0 END,
    status = CASE WHEN c.status = 'FINISHED' AND %(to)s::email_status = 'SCHEDULED' THEN 'ACTIVE' ELSE c.status END,
    attempts_removed_to = 0,
    finished_at = CASE WHEN c.status = 'FINISHED' AND %(to)s::email_status = 'SCHEDULED' THEN NULL ELSE c.finished_at END
FROM moved m
WHERE c.user_id = %(user_id)s AND c.id = m.campaign_id
RETURNING c.sender_id, m.n;
