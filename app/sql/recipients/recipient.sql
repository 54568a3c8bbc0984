-- name: emails_of_recipient
-- A page of what was and will be sent to an address, latest first, of the `most` that were scheduled last, in whatever ASCII
-- case it was written: by the index of digests, and by that of the addresses that have none yet. Each at the time that it
-- was or is to be handed over, with how many they are, which is next, which owe a later step, and which campaigns ended. Asked
-- as the service: row-level security would keep lower() from using an index.
WITH theirs AS MATERIALIZED (
    SELECT id, workspace_id, campaign_id, status, follow_at, stopped,
           coalesce(sent_at, CASE WHEN status IN ('SENDING', 'FAILED', 'UNKNOWN') THEN claimed_at END,
                                scheduled_at) AS at
    FROM (
        (SELECT e.*
         FROM addressed a JOIN emails e ON e.workspace_id = a.workspace_id AND e.id = a.email_id
         WHERE a.workspace_id = %(workspace_id)s AND a.recipient_key = address_digest(%(email)s)
         ORDER BY a.campaign_id DESC
         LIMIT %(most)s)
        UNION ALL
        (SELECT * FROM emails
         WHERE workspace_id = %(workspace_id)s AND recipient_key IS NULL
           AND lower(recipient COLLATE "C") = lower(%(email)s::text COLLATE "C")
         ORDER BY campaign_id DESC
         LIMIT %(most)s)
    ) e
    ORDER BY campaign_id DESC
    LIMIT %(most)s
)
SELECT id, at, (SELECT count(*) FROM theirs) AS emails,
       (SELECT id FROM theirs WHERE status = 'SCHEDULED' ORDER BY at, id LIMIT 1) AS next_id,
       (SELECT array_agg(o.id)
        FROM (SELECT id FROM theirs WHERE follow_at IS NOT NULL ORDER BY follow_at LIMIT 20) o) AS owing,
       (SELECT jsonb_agg(jsonb_build_object('campaign_id', o.campaign_id, 'campaign_name', c.name, 'reason', o.stopped)
                         ORDER BY o.campaign_id DESC)
        FROM (SELECT DISTINCT ON (campaign_id) workspace_id, campaign_id, stopped FROM theirs
              WHERE stopped IS NOT NULL ORDER BY campaign_id DESC, id DESC LIMIT 20) o
        JOIN campaigns c ON c.workspace_id = o.workspace_id AND c.id = o.campaign_id) AS ended
FROM theirs
WHERE %(before_at)s::timestamptz IS NULL OR (at, id) < (%(before_at)s::timestamptz, %(before_id)s::bigint)
ORDER BY at DESC, id DESC
LIMIT %(limit)s;
