-- name: bouncing
-- Campaigns at work of which too many recipients do not exist, by `bounce_rate`: also where the sender that found so has
-- nothing left, and others go on.
SELECT s.workspace_id, s.campaign_id
FROM (SELECT DISTINCT workspace_id, campaign_id FROM streams WHERE bounced > 0 AND open) s
CROSS JOIN LATERAL bounce_rate(s.workspace_id, s.campaign_id) r
WHERE EXISTS (SELECT FROM streams o
              WHERE o.workspace_id = s.workspace_id AND o.campaign_id = s.campaign_id AND o.open
                AND o.next_due_at IS NOT NULL)
  AND r.gone >= %(first)s AND 100 * r.bounced > r.bounce_limit * r.gone
ORDER BY s.workspace_id, s.campaign_id;

-- name: bounces_of
-- The same for one, whose streams are locked. No row: not too many any more.
SELECT r.bounced, r.gone, r.bounce_limit
FROM bounce_rate(%(workspace_id)s::bigint, %(campaign_id)s::bigint) r
WHERE r.gone >= %(first)s AND 100 * r.bounced > r.bounce_limit * r.gone;

-- name: note_brake
-- Why it paused itself, and when, from where it counts anew.
UPDATE campaigns c
SET brake = %(why)s, braked_at = now(), braked_gone = c.braked_gone + r.gone, braked_bounced = c.braked_bounced + r.bounced
FROM bounce_rate(%(workspace_id)s::bigint, %(campaign_id)s::bigint) r
WHERE c.workspace_id = %(workspace_id)s AND c.id = %(campaign_id)s;
