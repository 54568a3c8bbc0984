-- name: insert_direct
-- A campaign of kind DIRECT with its stream and its one email, which is due, or is `after` so long.
WITH campaign AS (
    INSERT INTO campaigns (workspace_id, sender_id, kind, name, subject, body, body_html, language, unsubscribe, reply_to,
                           headers, cc, bcc, attachments, images, body_made, html_made, postal_address, fields, start_at,
                           stored_bytes, thread_email_id, thread)
    VALUES (%(workspace_id)s, %(sender_id)s, 'DIRECT', %(name)s, %(subject)s, %(body)s, %(body_html)s, %(language)s,
            %(unsubscribe)s, %(reply_to)s, %(headers)s, %(cc)s, %(bcc)s, %(attachments)s, %(images)s, %(body_made)s,
            %(html_made)s,
            CASE WHEN %(thread_email_id)s::bigint IS NULL THEN own_postal_address() END,  -- no advertisement
            %(field_names)s, now(), %(stored_bytes)s, %(thread_email_id)s, %(thread)s)
    RETURNING workspace_id, id, sender_id, start_at, cardinality(cc || bcc) AS copies
),
stream AS (
    INSERT INTO streams (workspace_id, campaign_id, sender_id, direct, insists, start_at, gap_ms, copies, next_due_at,
                         total, scheduled)
    SELECT workspace_id, id, sender_id, true, %(insists)s, start_at, 0, copies, start_at + %(after)s::interval, 1, 1
    FROM campaign
    RETURNING workspace_id, campaign_id, id, next_due_at
)
INSERT INTO emails (workspace_id, campaign_id, stream_id, recipient, recipient_key, fields, scheduled_at)
SELECT workspace_id, campaign_id, id, %(recipient)s, address_digest(%(recipient)s), %(fields)s, next_due_at FROM stream
RETURNING campaign_id, id AS email_id, scheduled_at AS due_at;

-- name: note_email
-- Between which ids the campaign's emails lie.
UPDATE campaigns SET first_email_id = %(email_id)s, last_email_id = %(email_id)s
WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s;

-- name: mark_answered
-- Somebody has answered a response, and read it.
UPDATE responses SET answered_at = now(), read_at = coalesce(read_at, now())
WHERE workspace_id = %(workspace_id)s AND id = %(response_id)s;

-- name: sender_of
-- The sender that was named, or the default one.
SELECT id, email, retired_at FROM senders
WHERE workspace_id = %(workspace_id)s
  AND CASE WHEN %(sender_id)s::bigint IS NULL THEN is_default ELSE id = %(sender_id)s END;

-- name: posted
-- Direct mail that was asked for before.
SELECT campaign_id, recipient FROM emails WHERE workspace_id = %(workspace_id)s AND id = %(email_id)s;
