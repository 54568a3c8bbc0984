-- name: campaign_of
-- Of which campaign an email is.
SELECT campaign_id FROM emails WHERE workspace_id = %(workspace_id)s AND id = %(email_id)s;

-- name: to_mend
-- The facts that may keep an email from going to a corrected address, now that its campaign and streams are locked.
SELECT e.status, s.direct, e.erased_at IS NOT NULL AS erased, e.settled::text AS settled, e.mended_as, e.recipient,
       stop_of(e) AS why, is_of_removed_step(e) AS step_removed,
       EXISTS (SELECT FROM domain_stops d
               WHERE d.workspace_id = e.workspace_id AND d.campaign_id = e.campaign_id
                 AND d.domain = domain_of(%(address)s) AND NOT d.lifted) AS domain_answered,
       EXISTS (SELECT FROM emails_to(e.workspace_id, ARRAY[address_digest(%(address)s::text)],
                                     ARRAY[address_key(%(address)s::text)]) o
               WHERE o.campaign_id = e.campaign_id) AS is_there
FROM emails e
JOIN streams s ON s.workspace_id = e.workspace_id AND s.id = e.stream_id
WHERE e.workspace_id = %(workspace_id)s AND e.id = %(email_id)s;

-- name: mend_email
-- The email to the corrected address, which is due: of the same step, on the same stream, or where that sender is out of
-- the campaign on another of its streams. The counts move along; its campaign and streams are locked.
WITH failed AS MATERIALIZED (
    SELECT e.*, c.calendar, c.status = 'FINISHED' AS ended,
           coalesce((SELECT o.id FROM streams o
                     WHERE o.workspace_id = e.workspace_id AND o.campaign_id = e.campaign_id AND o.taken_out_at IS NULL
                     ORDER BY o.id <> e.stream_id, o.id
                     LIMIT 1), e.stream_id) AS to_stream
    FROM emails e
    JOIN campaigns c ON c.workspace_id = e.workspace_id AND c.id = e.campaign_id
    WHERE e.workspace_id = %(workspace_id)s AND e.id = %(email_id)s AND e.status = 'FAILED'
),
made AS (
    INSERT INTO emails (workspace_id, campaign_id, stream_id, recipient, recipient_key, fields, zone, scheduled_at, until,
                        step_id, follows_id, after_at, variant_id)
    SELECT workspace_id, campaign_id, to_stream, %(address)s, address_digest(%(address)s), fields, zone, now(),
           CASE WHEN calendar IS NOT NULL THEN now() END, step_id, follows_id, after_at, variant_id
    FROM failed
    RETURNING id
),
settled AS (
    UPDATE emails e SET settled = 'MENDED', mended_as = m.id
    FROM made m
    WHERE e.workspace_id = %(workspace_id)s AND e.id = %(email_id)s
),
spanned AS (
    UPDATE campaigns c SET last_email_id = greatest(c.last_email_id, m.id)
    FROM made m, failed f
    WHERE c.workspace_id = %(workspace_id)s AND c.id = f.campaign_id
),
counted AS (
    UPDATE streams s
    SET settled = s.settled + (s.id = f.stream_id AND f.settled IS NULL)::integer,
        total = s.total + (s.id = f.to_stream)::integer,
        scheduled = s.scheduled + (s.id = f.to_stream)::integer,
        followed = s.followed + (s.id = f.to_stream AND f.follows_id IS NOT NULL)::integer,
        open = s.open OR s.id = f.to_stream AND f.ended
    FROM failed f, made m
    WHERE s.workspace_id = %(workspace_id)s AND s.id IN (f.stream_id, f.to_stream)
    RETURNING s.id, s.sender_id
)
SELECT m.id, (SELECT n.sender_id FROM counted n WHERE n.id = f.to_stream) AS sender_id FROM made m, failed f;
