-- name: insert_variant
-- A variant of a step; the first has the step's own text.
INSERT INTO step_variants (workspace_id, campaign_id, step_id, position, weight, subject, body, body_html, body_made, html_made)
VALUES (%(workspace_id)s, %(campaign_id)s, step_or_first(%(workspace_id)s, %(campaign_id)s, %(step_id)s), %(position)s,
        %(weight)s, %(subject)s, %(body)s, %(body_html)s,
        %(body_made)s, %(html_made)s);

-- name: take_variant
-- An email that is being sent is made from this variant. No row: it is claimed anew. It moves nothing, so nobody need hold
-- its stream.
UPDATE emails e SET variant_id = variant_to_send(e)
WHERE e.workspace_id = %(workspace_id)s AND e.id = %(email_id)s AND e.status = 'SENDING' AND e.claimed_at = %(claimed_at)s
RETURNING e.variant_id AS id,
          (SELECT v.position = 1 FROM step_variants v
           WHERE v.workspace_id = e.workspace_id AND v.id = e.variant_id) AS is_own;

-- name: variants_of_campaign
-- The variants of a campaign, step by step, with what became of the emails that were claimed since it has its text, and how
-- many were sent before; none of removed steps. Of a campaign that has none, no email is looked at.
WITH variant AS (
    SELECT v.*, coalesce(s.position, 1)::integer AS step,
           CASE WHEN v.position > 1 THEN v.subject WHEN coalesce(s.position, 1) = 1 THEN c.subject ELSE s.subject END AS says,
           CASE WHEN v.position > 1 THEN v.body WHEN coalesce(s.position, 1) = 1 THEN c.body ELSE s.body END AS text,
           CASE WHEN v.position > 1 THEN v.body_html WHEN coalesce(s.position, 1) = 1 THEN c.body_html
                ELSE s.body_html END AS html
    FROM step_variants v
    JOIN campaigns c ON c.workspace_id = v.workspace_id AND c.id = v.campaign_id
    LEFT JOIN campaign_steps s ON s.workspace_id = v.workspace_id AND s.id = v.step_id
    WHERE v.workspace_id = %(workspace_id)s AND v.campaign_id = %(campaign_id)s AND s.removed_at IS NULL
),
email AS (
    SELECT e.variant_id, count(*) FILTER (WHERE e.claimed_at < v.text_since) AS before,
           count(*) FILTER (WHERE (e.claimed_at < v.text_since) IS NOT TRUE) AS sent
    FROM campaigns c
    JOIN emails e ON e.workspace_id = c.workspace_id AND e.id BETWEEN c.first_email_id AND c.last_email_id
        AND e.campaign_id = c.id AND e.status = 'SENT'
    JOIN variant v ON v.id = e.variant_id
    WHERE c.workspace_id = %(workspace_id)s AND c.id = %(campaign_id)s AND (SELECT EXISTS (SELECT FROM variant))
    GROUP BY 1
),
response AS (
    SELECT e.variant_id, count(DISTINCT e.id) FILTER (WHERE k.kind = 'REPLY') AS answered,
           count(DISTINCT e.id) FILTER (WHERE k.kind = 'BOUNCE') AS bounced,
           count(DISTINCT e.id) FILTER (WHERE k.kind IN ('UNSUBSCRIBE', 'COMPLAINT')) AS opted_out
    FROM came_to(%(workspace_id)s, %(campaign_id)s) k
    JOIN emails e ON e.workspace_id = %(workspace_id)s AND e.id = k.email_id AND e.status = 'SENT'
    JOIN variant v ON v.id = e.variant_id AND (e.claimed_at < v.text_since) IS NOT TRUE
    WHERE (SELECT EXISTS (SELECT FROM variant))
    GROUP BY 1
)
SELECT v.id, v.step, chr(64 + v.position) AS letter, v.weight, v.says AS subject, v.text AS body, v.html AS body_html,
       v.stopped_at, v.text_since, coalesce(n.before, 0) AS sent_before, coalesce(n.sent, 0) AS sent,
       coalesce(r.answered, 0) AS answered, coalesce(r.bounced, 0) AS bounced,
       coalesce(r.opted_out, 0) AS opted_out
FROM variant v
LEFT JOIN email n ON n.variant_id = v.id
LEFT JOIN response r ON r.variant_id = v.id
ORDER BY v.step, v.position;

-- name: lock_variants_beside
-- A campaign's variants of the step that one is of, held: two that are stopped at once leave one.
SELECT o.id, o.stopped_at FROM step_variants v
JOIN step_variants o ON o.workspace_id = v.workspace_id AND o.campaign_id = v.campaign_id
    AND o.step_id IS NOT DISTINCT FROM v.step_id
WHERE v.workspace_id = %(workspace_id)s AND v.campaign_id = %(campaign_id)s AND v.id = %(variant_id)s
ORDER BY o.id
FOR UPDATE OF o;

-- name: stop_variant
-- Nothing is made from it any more.
UPDATE step_variants SET stopped_at = now()
WHERE workspace_id = %(workspace_id)s AND id = %(variant_id)s;

-- name: is_varied
-- Whether a step, the first where none is named, has variants.
SELECT EXISTS (SELECT FROM step_variants
               WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s
                 AND step_id IS NOT DISTINCT FROM step_or_first(workspace_id, campaign_id, %(step_id)s)) AS is_varied;
