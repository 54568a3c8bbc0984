-- name: campaigns_by_id
-- One campaign of any kind, or those that a page has (`ids`), in that order, each with the first and last planned time of what
-- still waits and its use of the current window.
SELECT c.id, c.sender_id, c.name, c.subject, c.body, c.body_html, c.language, c.unsubscribe, c.reply_to, c.headers, c.cc, c.bcc,
       c.attachments, c.fields, c.start_at, c.latest_at, c.delay_ms,
       c.jitter_percent, c.hourly_limit, c.calendar, c.ahead_at, c.share_percent, c.kind, c.on_unknown,
       c.stop_on_auto_reply, c.stop_on_domain, c.follow_up_without_reading, c.status, c.brake,
       n.total, n.scheduled, n.sending, n.sent, n.failed, n.unknown, n.cancelled, c.created_at, c.finished_at,
       c.emails_removed_at, c.archived_at,
       f.recipients, f.following, u.undecided, waiting.next_at, waiting.last_at, n.used_this_hour, r.replied,
       r.auto_replied, r.bounced, r.complained, r.unsubscribed
FROM (
    SELECT o.*, p.number
    FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS p (id, number)
    JOIN campaigns o ON o.workspace_id = %(workspace_id)s AND o.id = p.id
    WHERE o.deleted_at IS NULL
) c
CROSS JOIN LATERAL campaign_counts(c.workspace_id, c.id) n
CROSS JOIN LATERAL response_counts(c.workspace_id, c.id) r
CROSS JOIN LATERAL campaign_recipients(c.workspace_id, c.id) f
CROSS JOIN LATERAL (
    SELECT coalesce(sum(s.failed - s.settled), 0)::bigint AS undecided FROM streams s
    WHERE s.workspace_id = c.workspace_id AND s.campaign_id = c.id
) u
CROSS JOIN LATERAL waiting_of(c.workspace_id, c.id) waiting
ORDER BY c.number;

-- name: newest_campaigns
-- A page of campaigns to lists, newest first: those that are over and archived, or all others.
SELECT id FROM campaigns c
WHERE workspace_id = %(workspace_id)s AND kind = 'LIST' AND deleted_at IS NULL
  AND campaign_fits(c, %(archived)s, %(status)s::campaign_status, %(sender_id)s::bigint, %(q)s::text)
  AND (%(before)s::bigint IS NULL OR id < %(before)s)
ORDER BY id DESC
LIMIT %(limit)s;

-- name: oldest_campaigns
-- The same, oldest first.
SELECT id FROM campaigns c
WHERE workspace_id = %(workspace_id)s AND kind = 'LIST' AND deleted_at IS NULL
  AND campaign_fits(c, %(archived)s, %(status)s::campaign_status, %(sender_id)s::bigint, %(q)s::text)
  AND (%(before)s::bigint IS NULL OR id > %(before)s)
ORDER BY id
LIMIT %(limit)s;

-- name: campaigns_by_name
-- The same by their names, after that of the campaign `before`.
SELECT id FROM campaigns c
WHERE workspace_id = %(workspace_id)s AND kind = 'LIST' AND deleted_at IS NULL
  AND campaign_fits(c, %(archived)s, %(status)s::campaign_status, %(sender_id)s::bigint, %(q)s::text)
  AND (%(before)s::bigint IS NULL
       OR (name_key, id) > ((SELECT b.name_key FROM campaigns b
                             WHERE b.workspace_id = %(workspace_id)s AND b.id = %(before)s), %(before)s))
ORDER BY name_key, id
LIMIT %(limit)s;

-- name: senders_of_campaigns
-- The same by sender, in the order in which they came to the campaign.
SELECT s.campaign_id, s.sender_id, s.total, s.scheduled, s.sending, s.sent, s.failed, s.unknown, s.cancelled,
       used_this_hour(s.window_start, s.window_used) AS used_this_hour, w.next_at, w.last_at, s.taken_out_at,
       s.given, s.given_at, s.given_for
FROM streams s
CROSS JOIN LATERAL waiting_in(s.workspace_id, s.id) w
WHERE s.workspace_id = %(workspace_id)s AND s.campaign_id = ANY (%(ids)s::bigint[])
ORDER BY s.campaign_id, s.id;

-- name: lock_campaign
-- The campaign, held against other changes until the end of the transaction. Its streams are locked already.
SELECT id, sender_id, status, emails_removed_at, coalesce(latest_at <= now(), false) AS is_too_late FROM campaigns
WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s AND deleted_at IS NULL
FOR NO KEY UPDATE;

-- name: set_streams_open
-- Whether anything may be claimed of its streams, which are locked: of a sender that is out of the campaign not before
-- it has given to others what it has not begun.
UPDATE streams s
SET open = %(open)s AND (s.taken_out_at IS NULL OR NOT has_not_begun(s))
WHERE s.workspace_id = %(workspace_id)s AND s.campaign_id = %(campaign_id)s;

-- name: set_campaign_status
-- Pause, resume or cancel. Emails at a server stay counted.
UPDATE campaigns
SET status = %(status)s::campaign_status, finished_at = NULL,
    brake = CASE WHEN %(status)s::campaign_status = 'PAUSED' THEN brake END
WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s;

-- name: cancel_waiting
-- Cancel a batch of what waits in a stream, for the `reason`, and keep its counts true. The stream is locked, so nobody
-- else has its emails.
WITH waiting AS (
    SELECT id FROM emails
    WHERE workspace_id = %(workspace_id)s AND stream_id = %(stream_id)s AND status = 'SCHEDULED'
    LIMIT %(batch)s
    FOR UPDATE
),
cancelled AS (
    UPDATE emails e SET status = 'CANCELLED', cancel_reason = %(reason)s::cancel_reason FROM waiting w
    WHERE e.workspace_id = %(workspace_id)s AND e.id = w.id
    RETURNING 1
)
UPDATE streams s
SET scheduled = s.scheduled - n.n, cancelled = s.cancelled + n.n
FROM (SELECT count(*) AS n FROM cancelled) n
WHERE s.workspace_id = %(workspace_id)s AND s.id = %(stream_id)s
RETURNING n.n AS cancelled;

-- name: waiting_in_vain
-- Streams in which something waits that is not sent any more, and why: the rest of a large cancel, and what has not gone by
-- its campaign's end.
SELECT s.workspace_id, s.campaign_id, s.id AS stream_id, 'CAMPAIGN' AS reason
FROM campaigns c
JOIN streams s ON s.workspace_id = c.workspace_id AND s.campaign_id = c.id
WHERE c.status = 'CANCELLED' AND (s.scheduled > 0 OR s.following > 0)
UNION ALL
SELECT s.workspace_id, s.campaign_id, s.id, 'LATE'
FROM streams s
JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
WHERE s.latest_at <= now() AND (s.scheduled > 0 OR s.following > 0) AND c.status <> 'CANCELLED'
ORDER BY stream_id;

-- name: end_following
-- A batch of what owes a next step in a stream owes none any more, for the `reason`; the stream is locked and counts it.
WITH owing AS (
    SELECT id FROM emails
    WHERE workspace_id = %(workspace_id)s AND stream_id = %(stream_id)s AND follow_at IS NOT NULL
    LIMIT %(batch)s
),
ended AS (
    UPDATE emails e SET follow_at = NULL, stopped = %(reason)s::cancel_reason
    FROM owing o
    WHERE e.workspace_id = %(workspace_id)s AND e.id = o.id
    RETURNING 1
)
SELECT count(*) AS ended FROM ended;

-- name: still_in_vain
-- Whether it still is so, now that the stream is locked: an end can be moved, too.
SELECT s.id FROM streams s
JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
WHERE s.workspace_id = %(workspace_id)s AND s.id = %(stream_id)s
  AND CASE WHEN %(reason)s = 'LATE' THEN s.latest_at <= now() ELSE c.status = 'CANCELLED' END;
