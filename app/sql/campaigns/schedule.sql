-- name: insert_campaign
-- A campaign, all of its emails still to be inserted in the same transaction.
INSERT INTO campaigns (workspace_id, sender_id, name, subject, body, body_html, language, unsubscribe, reply_to, headers,
                       cc, bcc, attachments, images, body_made, html_made, postal_address, fields, start_at, latest_at,
                       delay_ms, jitter_percent, hourly_limit, share_percent, calendar, on_unknown, stored_bytes,
                       stop_on_auto_reply, stop_on_domain, follow_up_without_reading)
VALUES (%(workspace_id)s, %(sender_id)s, %(name)s, %(subject)s, %(body)s, %(body_html)s, %(language)s, %(unsubscribe)s,
        %(reply_to)s, %(headers)s, %(cc)s, %(bcc)s, %(attachments)s, %(images)s, %(body_made)s, %(html_made)s,
        own_postal_address(), %(fields)s, %(start_at)s, %(latest_at)s, %(delay_ms)s, %(jitter_percent)s, %(hourly_limit)s,
        %(share_percent)s, %(calendar)s, %(on_unknown)s, %(stored_bytes)s, %(stop_on_auto_reply)s,
        %(stop_on_domain)s, %(follow_up_without_reading)s)
RETURNING id;

-- name: insert_streams
-- The campaign on each of its senders, with as many of its emails as the plan gives each.
INSERT INTO streams (workspace_id, campaign_id, sender_id, start_at, latest_at, gap_ms, copies, stepped, total, scheduled)
SELECT c.workspace_id, c.id, s.sender_id, c.start_at, c.latest_at, least_gap_ms(c.delay_ms, c.jitter_percent),
       cardinality(c.cc || c.bcc), %(stepped)s, s.total, s.total
FROM campaigns c
CROSS JOIN unnest(%(sender_ids)s::bigint[], %(totals)s::integer[]) WITH ORDINALITY AS s (sender_id, total, ordinal)
WHERE c.workspace_id = %(workspace_id)s AND c.id = %(campaign_id)s
ORDER BY s.ordinal
RETURNING id, sender_id;

-- name: insert_hours
-- The hour of a campaign that has a limit of its own.
INSERT INTO campaign_hours (workspace_id, campaign_id, allowed)
VALUES (%(workspace_id)s, %(campaign_id)s, %(hourly_limit)s);

-- name: retired_sender
-- One of the senders that is retired, if any is.
SELECT email FROM senders
WHERE workspace_id = %(workspace_id)s AND id = ANY (%(sender_ids)s::bigint[]) AND retired_at IS NOT NULL
LIMIT 1;

-- name: default_sender
-- The sender of a campaign that names none.
SELECT id FROM senders WHERE workspace_id = %(workspace_id)s AND is_default;
