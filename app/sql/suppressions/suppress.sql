-- name: owe_nothing_new
-- Nobody adds emails of the workspace until the commit, and one that is about to looks after it: see `owe_something`.
SELECT pg_advisory_xact_lock(hashtextextended('reachinbox owed', %(workspace_id)s));

-- name: digests
-- The digests of addresses, those included of which nothing else is known.
SELECT ARRAY(SELECT address_digest(e) FROM unnest(%(emails)s::text[]) AS e
             UNION SELECT k FROM unnest(%(keys)s::bytea[]) AS k) AS keys;

-- name: insert_suppressions
-- Suppress addresses and domains. One that is there stays as it is, unless somebody says now themselves what was only said
-- of them, or clicks after they asked in an answer; what no response says stands behind that. Rows: what is new or has
-- another reason.
WITH wanted AS (
    SELECT DISTINCT ON (key) key, kind, name
    FROM (
        SELECT address_digest(e) AS key, 'ADDRESS'::suppression_kind AS kind, e AS name FROM unnest(%(emails)s::text[]) AS e
        UNION ALL
        SELECT address_digest('@' || d), 'DOMAIN', d FROM unnest(%(domains)s::text[]) AS d
        UNION ALL
        SELECT k, 'ADDRESS', NULL FROM unnest(%(keys)s::bytea[]) AS k
    ) w
    ORDER BY key, name
)
INSERT INTO suppressions AS s (workspace_id, key, kind, name, reason, email_id, campaign_id, made_by, note, walked_to)
SELECT %(workspace_id)s, w.key, w.kind, w.name, %(reason)s::suppression_reason, %(email_id)s::bigint,
       (SELECT e.campaign_id FROM emails e WHERE e.workspace_id = %(workspace_id)s AND e.id = %(email_id)s::bigint),
       %(made_by)s::bigint, %(note)s, CASE w.kind WHEN 'DOMAIN' THEN 0 END
FROM wanted w
ORDER BY w.key
ON CONFLICT (workspace_id, key) DO UPDATE
SET reason = excluded.reason, reason_before = CASE WHEN is_of_response(s) THEN s.reason_before ELSE s.reason END,
    email_id = excluded.email_id, campaign_id = excluded.campaign_id, made_by = excluded.made_by, created_at = now()
WHERE is_own_wish(excluded.reason)
  AND (strength(excluded.reason) > strength(s.reason) OR excluded.reason = 'UNSUBSCRIBED' AND is_of_response(s))
RETURNING id, xmax = 0 AS is_new;  -- an update locks the row first, by its xmax

-- name: stand_behind
-- What no response says stands behind a reason that may be taken back, for then: the strongest of it.
UPDATE suppressions s SET reason_before = %(reason)s::suppression_reason
WHERE s.workspace_id = %(workspace_id)s AND s.key = ANY (%(known)s::bytea[])
  AND (%(reason)s::suppression_reason = 'MANUAL' OR %(email_id)s::bigint IS NULL)
  AND (s.reason = 'UNSUBSCRIBED' OR is_of_response(s)) AND %(reason)s::suppression_reason <> 'UNSUBSCRIBED'
  AND (NOT is_own_wish(%(reason)s::suppression_reason) OR strength(%(reason)s::suppression_reason) <= strength(s.reason))
  AND (s.reason_before IS NULL OR strength(%(reason)s::suppression_reason) > strength(s.reason_before));

-- name: lock_streams_owing
-- Streams in which something waits for one of the addresses, and those of some emails, held in their order.
SELECT s.id FROM streams s
WHERE s.workspace_id = %(workspace_id)s
  AND s.id IN (SELECT e.stream_id
               FROM emails_to(%(workspace_id)s::bigint, %(keys)s::bytea[], %(mailboxes)s::text[]) e
               WHERE e.status = 'SCHEDULED' OR e.follow_at IS NOT NULL
               UNION ALL
               SELECT e.stream_id FROM emails e WHERE e.workspace_id = %(workspace_id)s AND e.id = ANY (%(ids)s::bigint[]))
ORDER BY s.id
FOR NO KEY UPDATE;

-- name: lock_campaigns_owing
-- Their campaigns, of which some may end: an exchange that has one may wait for a suppression that we are about to write.
SELECT c.id FROM campaigns c
WHERE c.workspace_id = %(workspace_id)s
  AND c.id IN (SELECT s.campaign_id FROM streams s
               WHERE s.workspace_id = %(workspace_id)s AND s.id = ANY (%(stream_ids)s::bigint[]))
ORDER BY c.id
FOR NO KEY UPDATE;

-- name: cancel_owed
-- Cancel what waits in these streams, which are locked, for the addresses; and nothing follows for them. Campaigns that end
-- are locked in their order.
WITH stopped AS (
    UPDATE emails e SET follow_at = NULL, stopped = 'SUPPRESSED'
    FROM emails_to(%(workspace_id)s::bigint, %(keys)s::bytea[], %(mailboxes)s::text[]) o
    WHERE e.workspace_id = %(workspace_id)s AND e.id = o.id AND o.follow_at IS NOT NULL
      AND o.stream_id = ANY (%(stream_ids)s::bigint[])
),
waiting AS (
    SELECT e.id, e.stream_id, e.campaign_id
    FROM emails_to(%(workspace_id)s::bigint, %(keys)s::bytea[], %(mailboxes)s::text[]) e
    WHERE e.status = 'SCHEDULED' AND e.stream_id = ANY (%(stream_ids)s::bigint[])
),
ending AS MATERIALIZED (
    SELECT id FROM campaigns
    WHERE workspace_id = %(workspace_id)s AND id IN (SELECT campaign_id FROM waiting)
    ORDER BY id
    FOR NO KEY UPDATE
),
cancelled AS (
    UPDATE emails e SET status = 'CANCELLED', cancel_reason = 'SUPPRESSED'
    FROM waiting w
    WHERE e.workspace_id = %(workspace_id)s AND e.id = w.id AND (SELECT count(*) FROM ending) > 0
    RETURNING e.stream_id
),
tallied AS (
    UPDATE streams s
    SET scheduled = s.scheduled - n.n, cancelled = s.cancelled + n.n
    FROM (SELECT stream_id, count(*) AS n FROM cancelled GROUP BY stream_id) n
    WHERE s.workspace_id = %(workspace_id)s AND s.id = n.stream_id
)
SELECT count(*) AS n FROM cancelled;

-- name: cancel_emails
-- The same for emails by their ids: what waits of them, and of other steps for their recipients; nothing follows.
WITH its AS MATERIALIZED (
    SELECT e.id FROM emails e WHERE e.workspace_id = %(workspace_id)s AND e.id = ANY (%(ids)s::bigint[])
    UNION
    SELECT o.id
    FROM emails e
    CROSS JOIN LATERAL emails_beside(e.workspace_id, e.id) o
    WHERE e.workspace_id = %(workspace_id)s AND e.id = ANY (%(ids)s::bigint[]) AND e.step_id IS NOT NULL
),
stopped AS (
    UPDATE emails e SET follow_at = NULL, stopped = %(why)s::cancel_reason
    FROM its
    WHERE e.workspace_id = %(workspace_id)s AND e.id = its.id AND e.stream_id = ANY (%(stream_ids)s::bigint[])
      AND e.step_id IS NOT NULL AND e.stopped IS NULL AND e.status NOT IN ('SCHEDULED', 'CANCELLED')
    RETURNING 1
),
waiting AS (
    SELECT e.id, e.stream_id, e.campaign_id
    FROM its
    JOIN emails e ON e.workspace_id = %(workspace_id)s AND e.id = its.id
    WHERE e.status = 'SCHEDULED' AND e.stream_id = ANY (%(stream_ids)s::bigint[])
),
ending AS MATERIALIZED (
    SELECT id FROM campaigns
    WHERE workspace_id = %(workspace_id)s AND id IN (SELECT campaign_id FROM waiting)
    ORDER BY id
    FOR NO KEY UPDATE
),
cancelled AS (
    UPDATE emails e SET status = 'CANCELLED', cancel_reason = %(why)s::cancel_reason
    FROM waiting w
    WHERE e.workspace_id = %(workspace_id)s AND e.id = w.id AND (SELECT count(*) FROM ending) > 0
    RETURNING e.stream_id
),
tallied AS (
    UPDATE streams s
    SET scheduled = s.scheduled - n.n, cancelled = s.cancelled + n.n
    FROM (SELECT stream_id, count(*) AS n FROM cancelled GROUP BY stream_id) n
    WHERE s.workspace_id = %(workspace_id)s AND s.id = n.stream_id
)
SELECT count(*) AS n, (SELECT count(*) FROM stopped) AS stopped FROM cancelled;

-- name: withdraw
-- End an unsubscription that one email led to, within a day, and tell webhooks; what else is said of the address stands again.
-- No row: there is none.
WITH its AS MATERIALIZED (
    SELECT s AS it, s.workspace_id, s.key FROM suppressions s
    WHERE s.workspace_id = %(workspace_id)s AND s.key = %(key)s AND s.email_id = %(email_id)s AND s.reason = 'UNSUBSCRIBED'
      AND s.created_at > now() - interval '1 day'
    FOR UPDATE
),
stands AS MATERIALIZED (
    SELECT i.workspace_id, i.key, b.* FROM its i CROSS JOIN LATERAL stands_besides(i.it, false) b
),
stands_again AS (
    UPDATE suppressions s
    SET reason = n.reason, email_id = n.email_id, campaign_id = n.campaign_id, reason_before = n.reason_before
    FROM stands n WHERE s.workspace_id = n.workspace_id AND s.key = n.key
),
gone AS (
    DELETE FROM suppressions s USING its i
    WHERE s.workspace_id = i.workspace_id AND s.key = i.key AND NOT EXISTS (SELECT FROM stands)
)
SELECT tell(i.workspace_id, 'recipient.resubscribed', jsonb_build_object(
    'suppressionId', (i.it).id, 'reason', n.reason, 'emailId', (i.it).email_id, 'campaignId', (i.it).campaign_id,
    'recipient', (i.it).name))
FROM its i LEFT JOIN stands n ON n.workspace_id = i.workspace_id AND n.key = i.key;
