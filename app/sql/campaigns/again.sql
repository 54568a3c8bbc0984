-- name: campaign_again
-- The name of a campaign to a list, and the merge fields of its recipients.
SELECT name, fields FROM campaigns
WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s AND kind = 'LIST' AND deleted_at IS NULL;

-- name: recipients_again
-- The next emails of a campaign, or of one of its steps: whether its recipient is one of those, and may be written to.
SELECT e.id, e.recipient, e.fields,
       e.erased_at IS NULL
       AND CASE %(who)s
               WHEN 'FAILED' THEN e.status = 'FAILED' AND e.settled IS DISTINCT FROM 'MENDED'
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
      AND CASE WHEN %(step)s::integer IS NULL THEN o.follows_id IS NULL ELSE step_number(o) = %(step)s END
    ORDER BY o.id
    LIMIT %(limit)s
) e
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM emails_beside(e.workspace_id, e.id) b
        JOIN responses r ON r.workspace_id = b.workspace_id AND r.email_id = b.id
        WHERE r.forgotten_at IS NULL AND effective_kind(r) = 'REPLY'
          AND (%(step)s::integer IS NULL OR %(who)s <> 'ANSWERED' OR b.id = e.id)
    ) AS answered
) a
ORDER BY e.id;
