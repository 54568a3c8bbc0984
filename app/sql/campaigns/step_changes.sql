-- name: all_steps
-- The steps of a campaign, which is locked: the first, and all that it ever had behind that.
SELECT id, position, wait, business_days, time_of_day, quotes, subject, body, body_html, removed_at IS NOT NULL AS removed
FROM campaign_steps
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s
ORDER BY position, removed_at NULLS FIRST, id;

-- name: keep_step_content
-- The text of a step that is about to be replaced, if any email can have been made from it.
INSERT INTO step_contents (workspace_id, step_id, version, subject, body, body_html, body_made, html_made, replaced_at)
SELECT s.workspace_id, s.id, c.content_version, s.subject, s.body, s.body_html, s.body_made, s.html_made, clock_timestamp()
FROM campaign_steps s
JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
WHERE s.workspace_id = %(workspace_id)s AND s.id = %(id)s
  AND EXISTS (SELECT FROM streams t
              WHERE t.workspace_id = c.workspace_id AND t.campaign_id = c.id AND t.free_at IS NOT NULL);

-- name: update_step
-- A step as it is from now on.
UPDATE campaign_steps
SET wait = %(wait)s, business_days = %(business_days)s, time_of_day = %(time_of_day)s, quotes = %(quotes)s,
    subject = %(subject)s, body = %(body)s, body_html = %(body_html)s, body_made = %(body_made)s, html_made = %(html_made)s
WHERE workspace_id = %(workspace_id)s AND id = %(id)s;

-- name: place_steps
-- The new places of steps; those that are `removed` stay out from now on.
UPDATE campaign_steps s
SET position = p.position, removed_at = CASE WHEN p.removed THEN coalesce(s.removed_at, now()) END
FROM unnest(%(ids)s::bigint[], %(positions)s::smallint[], %(removed)s::boolean[]) AS p (id, position, removed)
WHERE s.workspace_id = %(workspace_id)s AND s.id = p.id;

-- name: note_change
-- Have what the campaign's emails owe follow the steps as they are now.
UPDATE campaigns SET owes_anew_from = first_email_id
WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s;

-- name: without_field
-- A recipient who may still get the steps of a campaign and has nothing for a field, or blanks, if there is one.
SELECT e.id FROM campaigns c
JOIN emails e ON e.workspace_id = c.workspace_id AND e.id BETWEEN c.first_email_id AND c.last_email_id AND e.campaign_id = c.id
WHERE c.workspace_id = %(workspace_id)s AND c.id = %(campaign_id)s
  AND e.follows_id IS NULL AND e.stopped IS NULL AND e.status <> 'CANCELLED' AND e.erased_at IS NULL
  AND coalesce(e.fields ->> %(field)s, '') ~ '^\s*$'
LIMIT 1;

-- name: owe_instead
-- Emails whose waiting follow-up is of a removed step, so many of them or all, owe what follows without that. Their streams are
-- locked.
UPDATE emails e SET follow_at = f.at
FROM (
    SELECT o.workspace_id, o.follows_id FROM emails o
    WHERE o.workspace_id = %(workspace_id)s AND o.stream_id = ANY (%(stream_ids)s::bigint[]) AND o.status = 'SCHEDULED'
      AND o.follows_id IS NOT NULL AND is_of_removed_step(o)
    LIMIT %(limit)s
) o
JOIN emails b ON b.workspace_id = o.workspace_id AND b.id = o.follows_id
CROSS JOIN LATERAL (SELECT owes_at(b) AS at) f
WHERE e.workspace_id = b.workspace_id AND e.id = b.id AND e.follow_at IS DISTINCT FROM f.at;

-- name: cancel_removed
-- Cancel emails of removed steps that wait; the streams' counts move along.
WITH cancelled AS (
    UPDATE emails e SET status = 'CANCELLED', cancel_reason = 'STOPPED'
    WHERE e.workspace_id = %(workspace_id)s AND e.stream_id = ANY (%(stream_ids)s::bigint[]) AND e.status = 'SCHEDULED'
      AND e.follows_id IS NOT NULL AND is_of_removed_step(e)
    RETURNING e.stream_id
)
UPDATE streams s SET scheduled = s.scheduled - n.n, cancelled = s.cancelled + n.n
FROM (SELECT stream_id, count(*) AS n FROM cancelled GROUP BY stream_id) n
WHERE s.workspace_id = %(workspace_id)s AND s.id = n.stream_id;

-- name: owing_anew
-- Campaigns of which not all owe what follows their changed steps.
SELECT workspace_id, id AS campaign_id FROM campaigns WHERE owes_anew_from IS NOT NULL
ORDER BY workspace_id, id;

-- name: owe_anew
-- The next emails of the workspace, from where the campaign's begin: up to which id they go, NULL where these were its
-- last; those of the campaign owe what follows the steps as they are. The streams are locked and count it.
WITH batch AS MATERIALIZED (
    SELECT e.id, e.campaign_id FROM campaigns c
    JOIN emails e ON e.workspace_id = c.workspace_id AND e.id BETWEEN c.owes_anew_from AND c.last_email_id
    WHERE c.workspace_id = %(workspace_id)s AND c.id = %(campaign_id)s
    ORDER BY e.id
    LIMIT %(limit)s
),
anew AS (
    UPDATE emails e SET follow_at = o.at
    FROM batch b, emails f, LATERAL (SELECT owes_at(f) AS at) o
    WHERE b.campaign_id = %(campaign_id)s AND f.workspace_id = %(workspace_id)s AND f.id = b.id AND f.status = 'SENT'
      AND e.workspace_id = f.workspace_id AND e.id = f.id AND e.follow_at IS DISTINCT FROM o.at
)
SELECT CASE WHEN count(*) = %(limit)s THEN max(id) + 1 END AS next FROM batch;

-- name: note_place
-- Note from where to go on; at the end, that all of it is done, unless something of a removed step is being sent: it may come
-- back to wait, or fail, and then what it followed owes what comes behind.
UPDATE campaigns c
SET owes_anew_from = coalesce(
    %(next)s::bigint,
    (SELECT min(e.follows_id) FROM emails e
     JOIN streams s ON s.workspace_id = e.workspace_id AND s.id = e.stream_id
     WHERE s.workspace_id = c.workspace_id AND s.campaign_id = c.id AND s.sending > 0
       AND e.id BETWEEN c.first_email_id AND c.last_email_id AND e.status = 'SENDING' AND is_of_removed_step(e)))
WHERE c.workspace_id = %(workspace_id)s AND c.id = %(campaign_id)s AND c.owes_anew_from IS NOT NULL;
