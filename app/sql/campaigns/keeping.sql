-- name: set_archived
-- Put a campaign out of the list, or back into it.
WITH changed AS (
    UPDATE campaigns SET archived_at = CASE WHEN %(archived)s THEN now() END
    WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s AND (archived_at IS NOT NULL) <> %(archived)s
    RETURNING 1
)
SELECT count(*) AS n FROM changed;

-- name: still_moves
-- Whether anything of a campaign, whose streams are locked, waits, is being sent or follows.
SELECT coalesce(bool_or(scheduled + sending + following > 0), false) AS moves FROM streams
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s;

-- name: delete_campaign
-- Its texts go, its counts stay; from here on nothing of it is sent again, and nobody is asked about what failed.
WITH settled AS (
    UPDATE streams SET settled = failed
    WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s AND settled < failed
)
UPDATE campaigns
SET deleted_at = now(), emails_removed_at = coalesce(emails_removed_at, now()),
    first_email_id = coalesce(first_email_id, 1),  -- of what a version wrote which did not note it
    last_email_id = coalesce(last_email_id, (SELECT coalesce(max(e.id), 0) FROM emails e
                                             WHERE e.workspace_id = campaigns.workspace_id
                                               AND e.campaign_id = campaigns.id)),
    subject = '', body = '', body_html = NULL,
    body_made = NULL, html_made = NULL, reply_to = NULL, headers = '{}', cc = '{}', bcc = '{}', attachments = '{}',
    images = '{}', fields = '{}', thread = CASE WHEN thread_email_id IS NOT NULL THEN '{}'::text[] END, owes_anew_from = NULL
WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s;

-- name: forget_contents
-- Remove the texts that the campaign had before it was changed.
DELETE FROM campaign_contents WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s;

-- name: forget_step_contents
-- Remove those that its later steps had.
DELETE FROM step_contents t USING campaign_steps s
WHERE t.workspace_id = %(workspace_id)s AND s.workspace_id = t.workspace_id AND s.id = t.step_id
  AND s.campaign_id = %(campaign_id)s;

-- name: forget_steps
-- Empty the texts of its later steps.
UPDATE campaign_steps SET subject = NULL, body = '', body_html = NULL, body_made = NULL, html_made = NULL
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s AND body IS NOT NULL;

-- name: forget_variants
-- Empty the texts of its variants.
UPDATE step_variants SET subject = NULL, body = '', body_html = NULL, body_made = NULL, html_made = NULL
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s AND body IS NOT NULL;

-- name: forget_variant_contents
-- Remove the texts that its variants had before they were changed.
DELETE FROM variant_contents t USING step_variants v
WHERE t.workspace_id = %(workspace_id)s AND v.workspace_id = t.workspace_id AND v.id = t.variant_id
  AND v.campaign_id = %(campaign_id)s;

-- name: forget_domain_stops
-- The domains of which somebody has answered it: one may be a person's alone.
DELETE FROM domain_stops WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s;

-- name: forget_signatures
-- The signatures that its senders' emails had.
DELETE FROM campaign_signatures WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s;

-- name: remove_emails_of_deleted_campaign
-- A batch of the emails, and of their attempts, of a campaign that was deleted. No row: none has any.
WITH deleted AS MATERIALIZED (
    SELECT c.workspace_id, c.id, c.first_email_id, c.last_email_id FROM campaigns c
    WHERE c.deleted_at IS NOT NULL AND c.first_email_id <= c.last_email_id
    LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
),
batch AS MATERIALIZED (
    SELECT e.* FROM deleted d
    CROSS JOIN LATERAL emails_within(d.workspace_id, d.id, d.first_email_id, d.last_email_id, %(batch)s) e
),
removed AS (
    DELETE FROM emails e USING batch b WHERE e.workspace_id = b.workspace_id AND e.id = b.id RETURNING e.id
),
n AS (SELECT count(*) AS n, max(id) AS last_id FROM removed)
UPDATE campaigns c
SET first_email_id = CASE WHEN n.n = %(batch)s THEN n.last_id ELSE c.last_email_id END + 1
FROM deleted d, n
WHERE c.workspace_id = d.workspace_id AND c.id = d.id
RETURNING n.n AS removed;
