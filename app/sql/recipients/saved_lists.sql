-- name: lock_saved
-- One at a time adds a list in a workspace, so that two together do not pass how many it may have.
SELECT pg_advisory_xact_lock(hashtextextended('saved_lists', %(workspace_id)s));

-- name: count_saved
-- How many lists a workspace keeps.
SELECT count(*) AS n FROM saved_lists WHERE workspace_id = %(workspace_id)s;

-- name: insert_saved
-- A list without recipients. No row: there is one of this name.
INSERT INTO saved_lists (workspace_id, name, purpose, source)
VALUES (%(workspace_id)s, %(name)s, %(purpose)s, %(source)s)
ON CONFLICT DO NOTHING
RETURNING id, name, purpose, source, fields, recipients, size, created_at, changed_at;

-- name: page_of_saved
-- Lists, newest first.
SELECT id, name, purpose, source, fields, recipients, size, created_at, changed_at FROM saved_lists
WHERE workspace_id = %(workspace_id)s AND id < coalesce(%(before)s::bigint, 9223372036854775807)
ORDER BY id DESC
LIMIT %(limit)s;

-- name: saved_list
-- A list without its recipients.
SELECT id, name, purpose, source, fields, recipients, size, created_at, changed_at FROM saved_lists
WHERE workspace_id = %(workspace_id)s AND id = %(id)s;

-- name: lock_list
-- A list that is about to change.
SELECT id, name, purpose, source, fields, recipients, size, created_at, changed_at FROM saved_lists
WHERE workspace_id = %(workspace_id)s AND id = %(id)s
FOR UPDATE;

-- name: name_taken
-- Whether another list has the name.
SELECT EXISTS (SELECT FROM saved_lists WHERE workspace_id = %(workspace_id)s AND name = %(name)s AND id <> %(id)s) AS taken;

-- name: change_saved
-- Change what a list is called, what it is for and where it comes from.
UPDATE saved_lists SET name = %(name)s, purpose = %(purpose)s, source = %(source)s, changed_at = now()
WHERE workspace_id = %(workspace_id)s AND id = %(id)s
RETURNING id, name, purpose, source, fields, recipients, size, created_at, changed_at;

-- name: remove_saved
-- A list, its recipients with it. Campaigns that were made of it stay.
WITH removed AS (DELETE FROM saved_lists WHERE workspace_id = %(workspace_id)s AND id = %(id)s RETURNING 1)
SELECT count(*) AS n FROM removed;

-- name: take_time_to_save
-- For the rest of the transaction: a million recipients take longer than other requests may.
SELECT set_config('lock_timeout', '30s', true), set_config('statement_timeout', '15min', true);

-- name: stage_saved
-- Where COPY puts recipients that are added: row-level security allows COPY into no tenant table.
CREATE TEMPORARY TABLE staged (recipient text NOT NULL, fields jsonb NOT NULL) ON COMMIT DROP;

-- name: copy_saved
-- Fill the stage, one line a recipient, each mailbox once.
COPY staged (recipient, fields) FROM STDIN;

-- name: merge_staged
-- Turn the stage into recipients of a list: new ones, and for those who were there already their fields anew. A field
-- that comes without text changes nothing.
WITH merged AS (
    INSERT INTO saved_recipients AS r (workspace_id, list_id, mailbox, address, fields)
    SELECT %(workspace_id)s, %(id)s, address_key(recipient), recipient,
           (SELECT coalesce(jsonb_object_agg(f.key, f.value), '{}') FROM jsonb_each(s.fields) f WHERE f.value <> '""')
    FROM staged s
    ON CONFLICT (workspace_id, mailbox, list_id) DO UPDATE SET fields = r.fields || EXCLUDED.fields, changed_at = now()
    WHERE r.fields || EXCLUDED.fields <> r.fields
    RETURNING (r.added_at = r.changed_at AND r.added_at = now()) AS added
)
SELECT count(*) FILTER (WHERE added) AS added, count(*) FILTER (WHERE NOT added) AS updated FROM merged;

-- name: count_anew
-- Count what a list holds after a change.
UPDATE saved_lists l
SET recipients = n.recipients, size = n.size, changed_at = now(),
    fields = ARRAY(SELECT DISTINCT f FROM unnest(l.fields || %(fields)s::text[]) AS f ORDER BY f)
FROM (SELECT count(*) AS recipients, coalesce(sum(octet_length(address) + octet_length(fields::text)), 0) AS size
      FROM saved_recipients WHERE workspace_id = %(workspace_id)s AND list_id = %(id)s) n
WHERE l.workspace_id = %(workspace_id)s AND l.id = %(id)s
RETURNING l.id, l.name, l.purpose, l.source, l.fields, l.recipients, l.size, l.created_at, l.changed_at;

-- name: page_of_recipients
-- Recipients of a list that fit, in the order in which they came.
SELECT id, address, fields, added_at, changed_at FROM saved_recipients
WHERE workspace_id = %(workspace_id)s AND list_id = %(id)s AND id > coalesce(%(after)s::bigint, 0)
  AND (%(q)s::text IS NULL OR address COLLATE "C" ILIKE %(q)s)
  AND (%(filter)s::jsonb = '[]' OR saved_recipient_fits(address, fields, %(filter)s::jsonb))
ORDER BY id
LIMIT %(limit)s;

-- name: count_fitting
-- How many recipients of a list fit.
SELECT count(*) AS n FROM saved_recipients
WHERE workspace_id = %(workspace_id)s AND list_id = %(id)s
  AND (%(filter)s::jsonb = '[]' OR saved_recipient_fits(address, fields, %(filter)s::jsonb));

-- name: recipients_that_fit
-- Recipients of a list as a campaign takes them, each as JSON.
SELECT (fields || jsonb_build_object('email', address))::text AS item FROM saved_recipients
WHERE workspace_id = %(workspace_id)s AND list_id = %(id)s
  AND (%(filter)s::jsonb = '[]' OR saved_recipient_fits(address, fields, %(filter)s::jsonb))
ORDER BY id;

-- name: remove_recipient
-- One recipient of a list, by any of the spellings of the address.
DELETE FROM saved_recipients
WHERE workspace_id = %(workspace_id)s AND list_id = %(id)s AND mailbox = ANY (%(addresses)s::text[])
RETURNING octet_length(address) + octet_length(fields::text) AS size;

-- name: lock_every_list
-- All lists of a workspace, in one order, before an address is looked for in them: a transaction that adds to one holds it, so
-- an address that is being added is found, and nobody waits for the other's recipients while holding what that one needs.
SELECT id FROM saved_lists WHERE workspace_id = %(workspace_id)s ORDER BY id FOR UPDATE;

-- name: erase_saved
-- An address in all lists of a workspace.
WITH gone AS (
    DELETE FROM saved_recipients WHERE workspace_id = %(workspace_id)s AND mailbox = ANY (%(addresses)s::text[])
    RETURNING list_id, octet_length(address) + octet_length(fields::text) AS size
),
counted AS (
    UPDATE saved_lists l SET recipients = l.recipients - n.n, size = greatest(l.size - n.size, 0), changed_at = now()
    FROM (SELECT list_id, count(*) AS n, sum(size) AS size FROM gone GROUP BY list_id) n
    WHERE l.workspace_id = %(workspace_id)s AND l.id = n.list_id
)
SELECT count(*) AS n FROM gone;

-- name: personal_saved
-- Where an address is kept, what for and where it came from.
SELECT l.id, l.name, l.purpose, l.source, r.address, r.fields, r.added_at, r.changed_at
FROM saved_recipients r
JOIN saved_lists l ON l.workspace_id = r.workspace_id AND l.id = r.list_id
WHERE r.workspace_id = %(workspace_id)s AND r.mailbox = ANY (%(addresses)s::text[])
ORDER BY l.id;
