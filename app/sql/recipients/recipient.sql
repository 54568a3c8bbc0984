-- name: emails_of_recipient
-- A page of what was and will be sent to an address, latest first, of the `most` that were scheduled last: by the ledger's
-- index by recipient, in whatever ASCII case the address was written. Each at the time that it was or is to be handed
-- over, with how many they are and which is next. Asked as the service: row-level security would keep lower() from using
-- that index.
WITH theirs AS MATERIALIZED (
    SELECT e.id, e.status, coalesce(e.sent_at, CASE WHEN e.status IN ('SENDING', 'FAILED', 'UNKNOWN') THEN e.claimed_at END,
                                    e.scheduled_at) AS at
    FROM emails e
    WHERE e.workspace_id = %(workspace_id)s
      AND lower(e.recipient COLLATE "C") = lower(%(email)s::text COLLATE "C")
    ORDER BY e.campaign_id DESC
    LIMIT %(most)s
)
SELECT id, at, (SELECT count(*) FROM theirs) AS emails,
       (SELECT id FROM theirs WHERE status = 'SCHEDULED' ORDER BY at, id LIMIT 1) AS next_id
FROM theirs
WHERE %(before_at)s::timestamptz IS NULL OR (at, id) < (%(before_at)s::timestamptz, %(before_id)s::bigint)
ORDER BY at DESC, id DESC
LIMIT %(limit)s;
