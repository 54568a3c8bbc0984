-- name: put_ahead
-- Since when a person wants the campaign first; NULL: nobody does. Its row is locked.
UPDATE campaigns SET ahead_at = CASE WHEN %(ahead)s THEN now() END
WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s;

-- name: senders_of_campaign
-- Those with something of it that waits, in the order in which everybody plans.
SELECT DISTINCT sender_id FROM streams
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s AND scheduled > 0
ORDER BY sender_id;
