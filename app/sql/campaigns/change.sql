-- name: keep_content
-- The text that is about to be replaced, if any email can have been made from it: of a campaign that was never claimed
-- from, nobody has seen a word. The campaign is locked.
INSERT INTO campaign_contents (workspace_id, campaign_id, version, subject, body, body_html, language, unsubscribe,
                               reply_to, headers, cc, bcc, attachments, images, body_made, html_made, replaced_at)
SELECT workspace_id, id, content_version, subject, body, body_html, language, unsubscribe, reply_to, headers, cc, bcc,
       attachments, images, body_made, html_made, clock_timestamp()
FROM campaigns
WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s
  AND EXISTS (SELECT FROM streams s
              WHERE s.workspace_id = campaigns.workspace_id AND s.campaign_id = campaigns.id AND s.free_at IS NOT NULL);

-- name: waiting_without
-- One that waits and has nothing for a field, or blanks, if there is one.
SELECT id FROM emails
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s AND status = 'SCHEDULED'
  AND coalesce(fields ->> %(field)s, '') ~ '^\s*$'
LIMIT 1;

-- name: update_campaign
-- Change what may be changed after scheduling; NULL in a flag column leaves the column alone.
UPDATE campaigns
SET name = coalesce(%(name)s, name),
    subject = CASE WHEN %(content_changed)s THEN %(subject)s ELSE subject END,
    body = CASE WHEN %(content_changed)s THEN %(body)s ELSE body END,
    body_html = CASE WHEN %(content_changed)s THEN %(body_html)s ELSE body_html END,
    language = CASE WHEN %(content_changed)s THEN %(language)s ELSE language END,
    reply_to = CASE WHEN %(content_changed)s THEN %(reply_to)s ELSE reply_to END,
    headers = CASE WHEN %(content_changed)s THEN %(headers)s ELSE headers END,
    cc = CASE WHEN %(content_changed)s THEN %(cc)s ELSE cc END,
    bcc = CASE WHEN %(content_changed)s THEN %(bcc)s ELSE bcc END,
    attachments = CASE WHEN %(content_changed)s THEN %(attachments)s ELSE attachments END,
    images = CASE WHEN %(content_changed)s THEN %(images)s ELSE images END,
    body_made = CASE WHEN %(content_changed)s THEN %(body_made)s ELSE body_made END,
    html_made = CASE WHEN %(content_changed)s THEN %(html_made)s ELSE html_made END,
    unsubscribe = coalesce(%(unsubscribe)s, unsubscribe),
    content_version = content_version + (%(content_changed)s OR %(new_version)s)::integer,
    stored_bytes = greatest(0, stored_bytes + %(more_bytes)s),
    start_at = coalesce(%(start_at)s, start_at),
    latest_at = CASE WHEN %(set_latest_at)s THEN %(latest_at)s ELSE latest_at END,
    delay_ms = coalesce(%(delay_ms)s, delay_ms),
    jitter_percent = coalesce(%(jitter_percent)s, jitter_percent),
    calendar = CASE WHEN %(set_calendar)s THEN %(calendar)s ELSE calendar END,
    hourly_limit = CASE WHEN %(set_hourly_limit)s THEN %(hourly_limit)s ELSE hourly_limit END,
    share_percent = CASE WHEN %(set_share_percent)s THEN %(share_percent)s ELSE share_percent END,
    on_unknown = coalesce(%(on_unknown)s, on_unknown)
WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s;

-- name: update_streams
-- Copy to streams what they have of their campaign, once that was changed. A shorter delay counts from now on, and does not
-- wait for the end of a longer one.
UPDATE streams s
SET start_at = c.start_at,
    latest_at = c.latest_at,
    gap_ms = least_gap_ms(c.delay_ms, c.jitter_percent),
    content_version = c.content_version,
    copies = cardinality(c.cc || c.bcc),
    free_at = CASE WHEN s.free_at > now()
                   THEN least(s.free_at, now() + make_interval(secs => least_gap_ms(c.delay_ms, c.jitter_percent) / 1000.0))
                   ELSE s.free_at END
FROM campaigns c
WHERE s.workspace_id = %(workspace_id)s AND s.campaign_id = %(campaign_id)s
  AND c.workspace_id = s.workspace_id AND c.id = s.campaign_id;

-- name: end_slots_of_claims
-- Emails at a server had their slot by the calendar before: should one come back, the claim has it planned anew.
UPDATE emails e SET until = now()
FROM streams s
WHERE s.workspace_id = %(workspace_id)s AND s.campaign_id = %(campaign_id)s
  AND e.workspace_id = s.workspace_id AND e.stream_id = s.id AND e.status = 'SENDING';

-- name: senders_there
-- Those of the senders that exist.
SELECT id, email, retired_at FROM senders WHERE workspace_id = %(workspace_id)s AND id = ANY (%(sender_ids)s::bigint[]);

-- name: take_out_senders
-- All others send no more of the campaign, whose streams are locked. What they have begun goes on, and follow-ups are part of
-- that; before that, they give to the others what they have not.
UPDATE streams s
SET taken_out_at = now(), open = s.open AND NOT has_not_begun(s)
WHERE s.workspace_id = %(workspace_id)s AND s.campaign_id = %(campaign_id)s AND s.taken_out_at IS NULL
  AND s.sender_id <> ALL (%(sender_ids)s::bigint[]);

-- name: add_senders
-- Those of the senders that did not send the campaign do from now on; none has anything of it yet, unless it had before.
INSERT INTO streams AS s (workspace_id, campaign_id, sender_id, open, start_at, latest_at, gap_ms, content_version, copies,
                          stepped, total, scheduled)
SELECT c.workspace_id, c.id, n.sender_id, c.status IN ('ACTIVE', 'FINISHED'), c.start_at, c.latest_at,
       least_gap_ms(c.delay_ms, c.jitter_percent), c.content_version, cardinality(c.cc || c.bcc),
       EXISTS (SELECT FROM campaign_steps p WHERE p.workspace_id = c.workspace_id AND p.campaign_id = c.id), 0, 0
FROM campaigns c
CROSS JOIN unnest(%(sender_ids)s::bigint[]) WITH ORDINALITY AS n (sender_id, ordinal)
WHERE c.workspace_id = %(workspace_id)s AND c.id = %(campaign_id)s
ORDER BY n.ordinal
ON CONFLICT (workspace_id, sender_id, campaign_id) DO UPDATE SET taken_out_at = NULL, open = excluded.open
WHERE s.taken_out_at IS NOT NULL
RETURNING sender_id;

-- name: senders_that_follow
-- From which the campaign's follow-ups leave: with `anew`, of steps that it did not have before, which all owe that were sent.
SELECT sender_id FROM streams
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s
  AND (taken_out_at IS NULL OR scheduled + sending + unknown + following > 0 OR %(anew)s AND sent > 0)
ORDER BY id;

-- name: name_first_sender
-- `sender_id` is the first of those that send it.
UPDATE campaigns c
SET sender_id = (SELECT s.sender_id FROM streams s
                 WHERE s.workspace_id = c.workspace_id AND s.campaign_id = c.id AND s.taken_out_at IS NULL
                 ORDER BY s.id
                 LIMIT 1)
WHERE c.workspace_id = %(workspace_id)s AND c.id = %(campaign_id)s;

-- name: limit_hours
-- A campaign with a limit has a row for its hour, in which counts what was claimed before there was one.
INSERT INTO campaign_hours (workspace_id, campaign_id, allowed, window_start, used)
SELECT c.workspace_id, c.id, c.hourly_limit, this_hour(), n.used_this_hour
FROM campaigns c
CROSS JOIN LATERAL campaign_counts(c.workspace_id, c.id) n
WHERE c.workspace_id = %(workspace_id)s AND c.id = %(campaign_id)s AND c.hourly_limit IS NOT NULL
ON CONFLICT (workspace_id, campaign_id) DO UPDATE SET allowed = excluded.allowed;

-- name: unlimit_hours
-- One without has none.
DELETE FROM campaign_hours o USING campaigns c
WHERE o.workspace_id = %(workspace_id)s AND o.campaign_id = %(campaign_id)s
  AND c.workspace_id = o.workspace_id AND c.id = o.campaign_id AND c.hourly_limit IS NULL;
