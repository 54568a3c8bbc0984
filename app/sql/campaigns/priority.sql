-- name: put_ahead
-- Since when a person wants the campaign first; NULL: nobody does. Its row is locked.
UPDATE campaigns SET ahead_at = CASE WHEN %(ahead)s THEN now() END
WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s;

-- name: senders_of_its_logins
-- All that log in as one of those with something of it that waits, in the order in which everybody plans.
SELECT DISTINCT o.id AS sender_id
FROM streams t
JOIN senders s ON s.workspace_id = t.workspace_id AND s.id = t.sender_id
JOIN senders o ON o.workspace_id = s.workspace_id AND o.login_id = s.login_id
WHERE t.workspace_id = %(workspace_id)s AND t.campaign_id = %(campaign_id)s AND t.scheduled > 0
ORDER BY o.id;
