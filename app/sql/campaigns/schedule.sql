-- name: take_time
-- For the rest of the transaction: a million recipients take longer than other requests may.
SELECT set_config('lock_timeout', '30s', true), set_config('statement_timeout', '15min', true);

-- name: stage_recipients
-- Where COPY puts the recipients of a request: row-level security allows COPY into no tenant table.
CREATE TEMPORARY TABLE staged (number integer NOT NULL, recipient text NOT NULL, fields jsonb NOT NULL) ON COMMIT DROP;

-- name: copy_recipients
-- Fill the stage, one line a recipient.
COPY staged (number, recipient, fields) FROM STDIN;

-- name: insert_campaign
-- A campaign, all of its emails still to be inserted in the same transaction.
INSERT INTO campaigns (workspace_id, sender_id, name, subject, body, body_html, language, body_made, html_made, fields,
                       start_at, delay_ms, hourly_limit, on_unknown, stored_bytes)
VALUES (%(workspace_id)s, %(sender_id)s, %(name)s, %(subject)s, %(body)s, %(body_html)s, %(language)s, %(body_made)s,
        %(html_made)s, %(fields)s, %(start_at)s, %(delay_ms)s, %(hourly_limit)s, %(on_unknown)s, %(stored_bytes)s)
RETURNING id;

-- name: insert_stream
-- The campaign on its sender, with all of the campaign's emails.
INSERT INTO streams (workspace_id, campaign_id, sender_id, start_at, gap_ms, next_due_at, total, scheduled)
SELECT workspace_id, id, sender_id, start_at, delay_ms, %(first_at)s, %(total)s, %(total)s FROM campaigns
WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s
RETURNING id;

-- name: insert_hours
-- The hour of a campaign that has a limit of its own.
INSERT INTO campaign_hours (workspace_id, campaign_id, allowed)
VALUES (%(workspace_id)s, %(campaign_id)s, %(hourly_limit)s);

-- name: join_at_once
-- For the rest of the transaction: two lists are never gone through once for each entry of the other, however short
-- Postgres takes one of them for. It has not counted the stage, and cannot foresee how many numbers the runs have.
SELECT set_config('enable_nestloop', 'off', true);

-- name: insert_emails
-- Turn the stage into emails, each at its planned time, and note between which ids they lie.
WITH made AS (
    INSERT INTO emails (workspace_id, campaign_id, stream_id, recipient, fields, scheduled_at)
    SELECT %(workspace_id)s, %(campaign_id)s, %(stream_id)s, s.recipient, s.fields,
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
WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s;

-- name: default_sender
-- The sender of a campaign that names none.
SELECT id FROM senders WHERE workspace_id = %(workspace_id)s AND is_default;

-- name: try_idempotency_key
-- Whether nobody else is answering a request with the key this moment; then nobody else will until the commit. A lock
-- that is tried and not waited for: who waits for `take_idempotency_key` holds a connection.
SELECT pg_try_advisory_xact_lock(hashtextextended('reachinbox idempotency ' || %(key)s, %(workspace_id)s)) AS is_free;

-- name: take_idempotency_key
-- Be the first to use the key. No row: somebody was. Comes after `try_idempotency_key`.
INSERT INTO idempotency_keys (workspace_id, key, fingerprint) VALUES (%(workspace_id)s, %(key)s, %(fingerprint)s)
ON CONFLICT DO NOTHING
RETURNING key;

-- name: idempotent_answer
-- What was answered the first time, and to which request.
SELECT fingerprint, answer FROM idempotency_keys WHERE workspace_id = %(workspace_id)s AND key = %(key)s;

-- name: keep_idempotent_answer
-- Remember the answer together with what it did.
UPDATE idempotency_keys SET answer = %(answer)s WHERE workspace_id = %(workspace_id)s AND key = %(key)s;
