-- name: unsorted
-- A batch of emails that failed and are not sorted yet, with what the last attempt says.
SELECT e.workspace_id, e.id, e.stream_id, e.attempts, s.direct, a.command, a.code, a.enhanced_code, left(a.reply, 500) AS reply,
       coalesce(a.dead, false) AS dead
FROM (SELECT * FROM emails WHERE status = 'FAILED' AND failed_for IS NULL ORDER BY workspace_id, id LIMIT %(limit)s) e
JOIN streams s ON s.workspace_id = e.workspace_id AND s.id = e.stream_id
LEFT JOIN attempts a ON a.workspace_id = e.workspace_id AND a.email_id = e.id AND a.number = e.attempts;

-- name: sort_emails
-- Note why they failed, unless somebody is at them now or they were tried since. Nobody is asked about direct mail, whose
-- streams are locked.
WITH told AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(tried)s::integer[], %(reasons)s::text[], %(directs)s::boolean[])
        AS t (id, attempts, reason, direct)
),
free AS (
    SELECT e.id FROM emails e
    JOIN told t ON t.id = e.id AND t.attempts = e.attempts
    WHERE e.workspace_id = %(workspace_id)s AND e.status = 'FAILED' AND e.failed_for IS NULL
    ORDER BY e.id
    FOR NO KEY UPDATE OF e SKIP LOCKED
),
sorted AS (
    UPDATE emails e
    SET failed_for = t.reason, settled = CASE WHEN t.direct AND e.settled IS NULL THEN 'DIRECT' ELSE e.settled END
    FROM free f JOIN told t ON t.id = f.id
    WHERE e.workspace_id = %(workspace_id)s AND e.id = f.id
    RETURNING e.stream_id, e.settled IS NOT DISTINCT FROM 'DIRECT' AS of_nobody
),
counted AS (
    UPDATE streams s SET settled = least(s.failed, s.settled + n.n)
    FROM (SELECT stream_id, count(*) AS n FROM sorted WHERE of_nobody GROUP BY stream_id) n
    WHERE s.workspace_id = %(workspace_id)s AND s.id = n.stream_id
)
SELECT count(*) AS n FROM sorted;

-- name: groups
-- How many wait for a person's word for each reason, of all or of one campaign, and the newest of each.
SELECT r.reason, n.n, n.newest_id, a.server, a.code, a.reply
FROM unnest(failure_reasons()) AS r (reason)
CROSS JOIN LATERAL (
    SELECT count(*) AS n, max(id) AS newest_id FROM emails
    WHERE workspace_id = %(workspace_id)s AND failed_for = r.reason AND status = 'FAILED' AND settled IS NULL
      AND id BETWEEN %(first_id)s AND %(last_id)s
      AND (%(campaign_id)s::bigint IS NULL OR campaign_id = %(campaign_id)s)
      AND campaign_id <> ALL (ARRAY(SELECT l.id FROM losing_emails(%(workspace_id)s::bigint) l))
) n
LEFT JOIN emails e ON e.workspace_id = %(workspace_id)s AND e.id = n.newest_id
LEFT JOIN attempts a ON a.workspace_id = e.workspace_id AND a.email_id = e.id AND a.number = e.attempts
WHERE n.n > 0
ORDER BY n.n DESC, r.reason;

-- name: count_unsorted
-- How many are still to be sorted.
SELECT count(*) AS n FROM emails
WHERE workspace_id = %(workspace_id)s AND status = 'FAILED' AND failed_for IS NULL
  AND id BETWEEN %(first_id)s AND %(last_id)s
  AND (%(campaign_id)s::bigint IS NULL OR campaign_id = %(campaign_id)s)
  AND campaign_id <> ALL (ARRAY(SELECT l.id FROM losing_emails(%(workspace_id)s::bigint) l));

-- name: failed_addresses
-- To whom FAILED emails that wait for a word are, erased ones left out.
SELECT id, recipient FROM emails
WHERE workspace_id = %(workspace_id)s AND id = ANY (%(ids)s::bigint[]) AND status = 'FAILED' AND settled IS NULL
  AND erased_at IS NULL AND campaign_id <> ALL (ARRAY(SELECT l.id FROM losing_emails(%(workspace_id)s::bigint) l));

-- name: settle_emails
-- A person's word on FAILED emails, after which they wait for none. Their streams are locked, and count it,
-- unless they count all as settled, since their emails are being removed.
WITH settled AS (
    UPDATE emails e SET settled = %(settled)s::failure_settled
    WHERE e.workspace_id = %(workspace_id)s AND e.id = ANY (%(ids)s::bigint[]) AND e.status = 'FAILED' AND e.settled IS NULL
      AND e.campaign_id <> ALL (ARRAY(SELECT l.id FROM losing_emails(%(workspace_id)s::bigint) l))
    RETURNING e.stream_id
),
counted AS (
    UPDATE streams s SET settled = least(s.failed, s.settled + n.n)
    FROM (SELECT stream_id, count(*) AS n FROM settled GROUP BY stream_id) n
    WHERE s.workspace_id = %(workspace_id)s AND s.id = n.stream_id
)
SELECT count(*) AS n FROM settled;
