-- name: campaign_again
-- The name of a campaign to a list, and the merge fields of its recipients; whether retention removes its emails, and
-- whether it may have removed what came back, which is kept for so many days, 0: for good.
SELECT name, fields, emails_removed_at IS NOT NULL AS emails_removed,
       %(kept_days)s > 0 AND greatest(start_at, created_at) < now() - make_interval(days => %(kept_days)s) AS answers_removed
FROM campaigns
WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s AND kind = 'LIST' AND deleted_at IS NULL;

-- name: recipients_again
-- The next emails of a campaign, or of one of its steps, the first to each address: whether its recipient is one of those,
-- and may be written to. In the place of whoever was corrected there is the corrected address, whose first email may be one
-- of a later step.
SELECT e.id, e.recipient, e.fields,
       e.erased_at IS NULL
       AND b.mended IS NOT TRUE
       AND CASE %(who)s
               WHEN 'FAILED' THEN e.status = 'FAILED'
               WHEN 'ANSWERED' THEN a.answered
               WHEN 'NOT_ANSWERED' THEN e.status = 'SENT' AND NOT a.answered
               ELSE true
           END
       AND NOT EXISTS (SELECT FROM suppression_of(e.workspace_id, e.recipient)) AS fits
FROM (
    SELECT o.* FROM emails o
    JOIN campaigns c ON c.workspace_id = o.workspace_id AND c.id = o.campaign_id
    WHERE o.workspace_id = %(workspace_id)s AND o.campaign_id = %(campaign_id)s AND o.id > %(after)s
      AND o.id BETWEEN coalesce(c.first_email_id, 0) AND coalesce(c.last_email_id, 9223372036854775807)
      AND CASE WHEN %(step)s::integer IS NOT NULL THEN step_number(o) = %(step)s
               ELSE o.follows_id IS NULL
                    OR EXISTS (SELECT FROM emails f
                               WHERE f.workspace_id = o.workspace_id AND f.id = o.follows_id
                                 AND f.recipient_key IS DISTINCT FROM o.recipient_key) END
    ORDER BY o.id
    LIMIT %(limit)s
) e
CROSS JOIN LATERAL (
    SELECT array_agg(o.id) AS ids,
           bool_or(o.settled = 'MENDED' AND (%(step)s::integer IS NULL OR o.id = e.id)) AS mended
    FROM emails_beside(e.workspace_id, e.id) o
) b
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM came_for(e.workspace_id, ARRAY(
            SELECT t.id FROM with_threads(
                e.workspace_id, CASE WHEN %(step)s::integer IS NOT NULL AND %(who)s = 'ANSWERED' THEN ARRAY[e.id] ELSE b.ids END) t)) k
        WHERE k.kind = 'REPLY'
    ) AS answered
) a
ORDER BY e.id;
