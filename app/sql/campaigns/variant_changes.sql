-- name: lock_variants_of_step
-- The variants of a step, the first where none is named, held: none is stopped meanwhile.
SELECT id, position, subject, body, body_html, stopped_at FROM step_variants
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s
  AND step_id IS NOT DISTINCT FROM step_or_first(workspace_id, campaign_id, %(step_id)s)
ORDER BY position
FOR UPDATE;

-- name: weigh_own
-- The weight of a step's own text among its variants.
UPDATE step_variants SET weight = %(weight)s
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s AND position = 1
  AND step_id IS NOT DISTINCT FROM step_or_first(workspace_id, campaign_id, %(step_id)s);

-- name: keep_variant_content
-- The text of a variant that is about to be replaced, if any email can have been made from it.
INSERT INTO variant_contents (workspace_id, variant_id, version, subject, body, body_html, body_made, html_made, replaced_at)
SELECT v.workspace_id, v.id, c.content_version, v.subject, v.body, v.body_html, v.body_made, v.html_made, clock_timestamp()
FROM step_variants v
JOIN campaigns c ON c.workspace_id = v.workspace_id AND c.id = v.campaign_id
WHERE v.workspace_id = %(workspace_id)s AND v.id = %(variant_id)s
  AND EXISTS (SELECT FROM streams t
              WHERE t.workspace_id = c.workspace_id AND t.campaign_id = c.id AND t.free_at IS NOT NULL);

-- name: update_variant
-- A variant as it is from now on; the streams are locked, so what was claimed before has an earlier time than its text.
UPDATE step_variants
SET weight = %(weight)s, subject = %(subject)s, body = %(body)s, body_html = %(body_html)s, body_made = %(body_made)s,
    html_made = %(html_made)s, text_since = CASE WHEN %(is_another)s THEN clock_timestamp() ELSE text_since END
WHERE workspace_id = %(workspace_id)s AND id = %(variant_id)s;

-- name: own_is_another
-- The own text of a step, the first where none is named, is another from now on; nothing where it has no variants.
UPDATE step_variants SET text_since = clock_timestamp()
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s AND position = 1
  AND step_id IS NOT DISTINCT FROM step_or_first(workspace_id, campaign_id, %(step_id)s);
