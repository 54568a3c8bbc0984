-- name: take_time
-- For the rest of the transaction: a million recipients take longer than other requests may, and what a trigger or a
-- foreign key asks for each of them is planned once and not each time, as all else is for the API.
SELECT set_config('lock_timeout', '30s', true), set_config('statement_timeout', '15min', true),
       set_config('plan_cache_mode', 'auto', true);

-- name: stage_recipients
-- Where COPY puts the recipients of a request: row-level security allows COPY into no tenant table.
CREATE TEMPORARY TABLE staged (number integer NOT NULL, recipient text NOT NULL, fields jsonb NOT NULL) ON COMMIT DROP;

-- name: copy_recipients
-- Fill the stage, one line a recipient.
COPY staged (number, recipient, fields) FROM STDIN;

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
