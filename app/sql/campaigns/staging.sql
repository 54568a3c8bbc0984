-- name: take_time
-- For the rest of the transaction: a million recipients take longer than other requests may, and what a trigger or a
-- foreign key asks for each of them is planned once and not each time, as all else is for the API.
SELECT set_config('lock_timeout', '30s', true), set_config('statement_timeout', '15min', true),
       set_config('idle_in_transaction_session_timeout', '5min', true),
       set_config('plan_cache_mode', 'auto', true);

-- name: stage_recipients
-- Where COPY puts the recipients of a request: row-level security allows COPY into no tenant table.
CREATE TEMPORARY TABLE staged (
    number integer NOT NULL, row integer NOT NULL, recipient text NOT NULL, key bytea NOT NULL, fields jsonb NOT NULL
) ON COMMIT DROP;

-- name: copy_recipients
-- Fill the stage, one line a recipient.
COPY staged (number, row, recipient, key, fields) FROM STDIN;

-- name: close_ranks
-- Number the stage anew, from 0 and without gaps, after some were taken out.
UPDATE staged SET number = number - width_bucket(number, %(numbers)s::integer[]) WHERE number > %(first)s;

-- name: join_at_once
-- For the rest of the transaction: two lists are never gone through once for each entry of the other, however short
-- Postgres takes one of them for. It has not counted the stage, and cannot foresee how many numbers the runs have.
SELECT set_config('enable_nestloop', 'off', true);

-- name: addresses_of
-- The addresses of some of the staged.
SELECT number, recipient FROM staged WHERE number = ANY (%(numbers)s::integer[]);

-- name: staged_of
-- Some of the staged, whole, in the order of their numbers here.
SELECT number, s.row, s.recipient, s.fields
FROM unnest(%(numbers)s::integer[]) WITH ORDINALITY AS n (number, place)
JOIN staged s USING (number)
ORDER BY n.place;

-- name: empty_stage
-- Nobody is staged any more.
TRUNCATE staged;

-- name: insert_emails
-- Turn the stage into emails, each at its place in the plan's runs, and note between which ids they lie. Where the
-- campaign is `divided` over several streams, whose emails are numbered as their places lie in time.
WITH run AS (
    SELECT * FROM unnest(%(streams)s::bigint[], %(firsts)s::integer[], %(counts)s::integer[], %(ats)s::timestamptz[],
                         %(gaps)s::bigint[], %(jitters)s::bigint[], %(ends)s::timestamptz[], %(untils)s::timestamptz[])
        WITH ORDINALITY AS r (stream_id, first, count, at, gap, jitter, ends, until, ordinal)
),
place AS (
    SELECT r.stream_id, r.first, r.ordinal, r.jitter, r.ends, r.until, k.k,
           r.at + make_interval(secs => k.k * r.gap / 1000000.0) AS at
    FROM run r CROSS JOIN LATERAL generate_series(0, r.count - 1) AS k (k)
),
numbered AS (
    SELECT p.*, p.first + p.k AS number FROM place p WHERE NOT %(divided)s
    UNION ALL
    SELECT p.*, (row_number() OVER (ORDER BY p.first, p.at, p.k, p.ordinal) - 1)::integer FROM place p WHERE %(divided)s
),
made AS (
    INSERT INTO emails (workspace_id, campaign_id, stream_id, recipient, recipient_key, fields, step_id, scheduled_at, until)
    SELECT %(workspace_id)s, %(campaign_id)s, n.stream_id, s.recipient, s.key, s.fields, %(step_id)s::bigint,
           CASE WHEN n.jitter = 0 THEN n.at
                ELSE jittered(n.at, s.recipient, least(n.jitter, (extract(epoch FROM n.ends - n.at) * 1000000)::bigint)) END,
           n.until
    FROM staged s
    JOIN numbered n USING (number)
    ORDER BY s.number
    RETURNING id
)
UPDATE campaigns
SET (first_email_id, last_email_id) = (SELECT min(id), max(id) FROM made)
WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s;

-- name: stage_places
-- Where COPY puts each recipient's place, of a plan over several zones.
CREATE TEMPORARY TABLE placed (
    number integer NOT NULL, stream_id bigint NOT NULL, at bigint NOT NULL, jitter bigint NOT NULL, until bigint, zone text
) ON COMMIT DROP;

-- name: copy_places
-- Fill it, one line a recipient; times are microseconds since 1970.
COPY placed (number, stream_id, at, jitter, until, zone) FROM STDIN;

-- name: insert_placed_emails
-- Turn the stage into emails, each at the place that it has.
WITH made AS (
    INSERT INTO emails (workspace_id, campaign_id, stream_id, recipient, recipient_key, fields, step_id, scheduled_at, until, zone)
    SELECT %(workspace_id)s, %(campaign_id)s, p.stream_id, s.recipient, s.key, s.fields, %(step_id)s::bigint,
           jittered(at_microsecond(p.at), s.recipient, p.jitter), at_microsecond(p.until), p.zone
    FROM staged s
    JOIN placed p USING (number)
    ORDER BY s.number
    RETURNING id
)
UPDATE campaigns
SET (first_email_id, last_email_id) = (SELECT min(id), max(id) FROM made)
WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s;
