-- name: stage_recipients
-- Where COPY puts the recipients of a request: row-level security allows COPY into no tenant table.
CREATE TEMPORARY TABLE staged (number integer NOT NULL, recipient text NOT NULL, fields jsonb NOT NULL) ON COMMIT DROP;

-- name: copy_recipients
-- Fill the stage, one line a recipient.
COPY staged (number, recipient, fields) FROM STDIN;

-- name: lock_plan
-- Plans of one sender are made one at a time, since each counts what the others took. Taken before any row is
-- locked; an exchange never takes it.
SELECT pg_advisory_xact_lock(hashtextextended('reachinbox plan', %(sender_id)s));

-- name: plan_freely
-- For the rest of the transaction: the joins that a worker's connections do without, which spreading many rows needs.
SELECT set_config('enable_hashjoin', 'on', true), set_config('enable_mergejoin', 'on', true),
       set_config('plan_cache_mode', 'auto', true);

-- name: planned_by_window
-- How many emails of a sender's active campaigns are planned for each window from the current one on, those
-- overdue counting as due now. Campaigns can be left out: those being planned again.
SELECT date_trunc('hour', greatest(e.scheduled_at, now()), 'UTC') AS window_start, count(*) AS planned
FROM campaigns c
JOIN emails e ON e.user_id = c.user_id AND e.campaign_id = c.id AND e.status = 'SCHEDULED'
WHERE c.user_id = %(user_id)s AND c.sender_id = %(sender_id)s AND c.status = 'ACTIVE'
  AND c.id <> ALL (%(except_campaign_ids)s::bigint[])
GROUP BY 1;

-- name: sender_window_now
-- What a plan of a sender starts from: its limit, the database's clock, and what the current window has used.
SELECT s.hourly_limit, now() AS now, coalesce(w.used, 0) AS used
FROM senders s
LEFT JOIN sender_windows w
    ON w.user_id = s.user_id AND w.sender_id = s.id AND w.window_start = date_trunc('hour', now(), 'UTC')
WHERE s.user_id = %(user_id)s AND s.id = %(sender_id)s;

-- name: insert_campaign
-- A campaign, all of its emails still to be inserted in the same transaction.
INSERT INTO campaigns (user_id, sender_id, name, subject, body, body_html, fields, start_at, delay_ms, hourly_limit,
                       on_unknown, total, scheduled)
VALUES (%(user_id)s, %(sender_id)s, %(name)s, %(subject)s, %(body)s, %(body_html)s, %(fields)s, %(start_at)s,
        %(delay_ms)s, %(hourly_limit)s, %(on_unknown)s, %(total)s, %(total)s)
RETURNING id;

-- name: insert_emails
-- Turn the stage into emails, each at its planned time, and note between which ids they lie.
WITH made AS (
    INSERT INTO emails (user_id, campaign_id, recipient, fields, scheduled_at)
    SELECT %(user_id)s, %(campaign_id)s, s.recipient, s.fields,
           r.at + (s.number - r.first) * make_interval(secs => %(delay_ms)s / 1000.0)
    FROM staged s
    JOIN (
        SELECT r.first, r.at, generate_series(r.first, r.first + r.count - 1) AS number
        FROM unnest(%(firsts)s::integer[], %(counts)s::integer[], %(ats)s::timestamptz[]) AS r (first, count, at)
    ) r USING (number)
    ORDER BY s.number
    RETURNING id
)
UPDATE campaigns
SET (first_email_id, last_email_id) = (SELECT min(id), max(id) FROM made)
WHERE user_id = %(user_id)s AND id = %(campaign_id)s;

-- name: replan_emails
-- Give waiting emails of a campaign new times, keeping their order; with `due_only`, just those due by now. Emails
-- being claimed this moment are skipped, not waited for: the exchange that holds them may be waiting for us.
UPDATE emails e
SET scheduled_at = r.at + (w.number - r.first) * make_interval(secs => %(delay_ms)s / 1000.0)
FROM (
    SELECT id, row_number() OVER (ORDER BY scheduled_at, id) - 1 AS number
    FROM (
        SELECT id, scheduled_at FROM emails
        WHERE user_id = %(user_id)s AND campaign_id = %(campaign_id)s AND status = 'SCHEDULED'
          AND (NOT %(due_only)s OR scheduled_at <= now())
        FOR NO KEY UPDATE SKIP LOCKED
    ) waiting
) w
JOIN (
    SELECT r.first, r.at, generate_series(r.first, r.first + r.count - 1) AS number
    FROM unnest(%(firsts)s::integer[], %(counts)s::integer[], %(ats)s::timestamptz[]) AS r (first, count, at)
) r USING (number)
WHERE e.user_id = %(user_id)s AND e.id = w.id AND e.status = 'SCHEDULED';

-- name: plan_inputs
-- What a campaign's plan depends on, its sender's part aside.
SELECT c.id, c.sender_id, c.status, c.start_at, c.delay_ms, c.hourly_limit, c.scheduled,
       CASE WHEN c.window_start = date_trunc('hour', now(), 'UTC') THEN c.window_used ELSE 0 END AS window_used,
       (SELECT count(*) FROM emails e
        WHERE e.user_id = c.user_id AND e.campaign_id = c.id AND e.status = 'SCHEDULED'
          AND e.scheduled_at <= now()) AS due
FROM campaigns c
WHERE c.user_id = %(user_id)s AND c.id = %(campaign_id)s;

-- name: active_campaigns
-- The sender's active campaigns with something waiting. `late_s` is how long the first of it is overdue, `behind_s`
-- the second of what was never tried: one email that is late by itself, or a retry, is no campaign that fell behind.
SELECT c.id, c.delay_ms, c.hourly_limit,
       CASE WHEN c.window_start = date_trunc('hour', now(), 'UTC') THEN c.window_used ELSE 0 END AS window_used,
       extract(epoch FROM now() - d.scheduled_at)::float8 AS late_s,
       (SELECT extract(epoch FROM now() - e.scheduled_at)::float8 FROM emails e
        WHERE e.user_id = c.user_id AND e.campaign_id = c.id AND e.status = 'SCHEDULED' AND e.attempts = 0
          AND e.scheduled_at <= now()
        ORDER BY e.scheduled_at, e.id
        OFFSET 1 LIMIT 1) AS behind_s
FROM campaigns c
CROSS JOIN LATERAL (
    SELECT e.scheduled_at FROM emails e
    WHERE e.user_id = c.user_id AND e.campaign_id = c.id AND e.status = 'SCHEDULED'
    ORDER BY e.scheduled_at, e.id
    LIMIT 1
) d
WHERE c.user_id = %(user_id)s AND c.sender_id = %(sender_id)s AND c.status = 'ACTIVE' AND c.scheduled > 0
ORDER BY c.id;

-- name: list_campaigns
-- A page of campaigns, newest first, each with the first and last planned time of what still waits and its use of
-- the current window.
SELECT c.*, waiting.next_at, waiting.last_at,
       CASE WHEN c.window_start = date_trunc('hour', now(), 'UTC') THEN c.window_used ELSE 0 END AS used_this_hour
FROM (
    SELECT * FROM campaigns
    WHERE user_id = %(user_id)s
      AND (%(campaign_id)s::bigint IS NULL OR id = %(campaign_id)s)
      AND (%(status)s::campaign_status IS NULL OR status = %(status)s)
      AND (%(before)s::bigint IS NULL OR id < %(before)s)
    ORDER BY id DESC
    LIMIT %(limit)s
) c
CROSS JOIN LATERAL (
    SELECT min(e.scheduled_at) AS next_at, max(e.scheduled_at) AS last_at
    FROM emails e
    WHERE e.user_id = c.user_id AND e.campaign_id = c.id AND e.status = 'SCHEDULED'
) waiting
ORDER BY c.id DESC;

-- name: campaign_content
-- What the messages of a campaign are made of.
SELECT c.subject, c.body, c.body_html, c.content_version, s.email, s.display_name
FROM campaigns c
JOIN senders s ON s.user_id = c.user_id AND s.id = c.sender_id
WHERE c.user_id = %(user_id)s AND c.id = %(campaign_id)s;

-- name: lock_campaign
-- The campaign, held against other changes until the end of the transaction.
SELECT * FROM campaigns WHERE user_id = %(user_id)s AND id = %(campaign_id)s FOR UPDATE;

-- name: set_campaign_status
-- Pause, resume or cancel. What is being sent stays counted.
UPDATE campaigns SET status = %(status)s, finished_at = NULL WHERE user_id = %(user_id)s AND id = %(campaign_id)s;

-- name: keep_content
-- The text that is about to be replaced, if any email can have been made from it: of a campaign that was never claimed
-- from, nobody has seen a word. The campaign is locked.
INSERT INTO campaign_contents (user_id, campaign_id, version, subject, body, body_html, replaced_at)
SELECT user_id, id, content_version, subject, body, body_html, clock_timestamp() FROM campaigns
WHERE user_id = %(user_id)s AND id = %(campaign_id)s AND window_start > 'epoch';

-- name: update_campaign
-- Change what may be changed after scheduling; NULL in a flag column leaves the column alone.
UPDATE campaigns
SET name = coalesce(%(name)s, name),
    subject = coalesce(%(subject)s, subject),
    body = coalesce(%(body)s, body),
    body_html = CASE WHEN %(set_body_html)s THEN %(body_html)s ELSE body_html END,
    content_version = content_version + %(content_changed)s::integer,
    start_at = coalesce(%(start_at)s, start_at),
    delay_ms = coalesce(%(delay_ms)s, delay_ms),
    hourly_limit = CASE WHEN %(set_hourly_limit)s THEN %(hourly_limit)s ELSE hourly_limit END,
    on_unknown = coalesce(%(on_unknown)s, on_unknown)
WHERE user_id = %(user_id)s AND id = %(campaign_id)s;

-- name: cancel_waiting
-- Cancel a batch of what waits in a cancelled campaign and keep its counts true. Emails being claimed this moment
-- are skipped, not waited for: the claim holds them and wants the campaign's row, which is ours.
WITH waiting AS (
    SELECT id FROM emails
    WHERE user_id = %(user_id)s AND campaign_id = %(campaign_id)s AND status = 'SCHEDULED'
    LIMIT %(batch)s
    FOR UPDATE SKIP LOCKED
),
cancelled AS (
    UPDATE emails e SET status = 'CANCELLED' FROM waiting w
    WHERE e.user_id = %(user_id)s AND e.id = w.id
    RETURNING 1
)
UPDATE campaigns c
SET scheduled = c.scheduled - n.n, cancelled = c.cancelled + n.n
FROM (SELECT count(*) AS n FROM cancelled) n
WHERE c.user_id = %(user_id)s AND c.id = %(campaign_id)s
RETURNING n.n AS cancelled;

-- name: cancelled_with_waiting
-- Cancelled campaigns in which something waits still: the rest of a large cancel.
SELECT user_id, id AS campaign_id FROM campaigns WHERE status = 'CANCELLED' AND scheduled > 0;
