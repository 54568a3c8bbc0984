-- name: lock_sender
-- Nobody schedules from it meanwhile: a new stream waits for this row.
SELECT id, email, is_default, retired_at FROM senders
WHERE workspace_id = %(workspace_id)s AND id = %(sender_id)s
FOR UPDATE;

-- name: campaigns_of
-- Its campaigns that are not over, and who else sends each of them.
SELECT c.id, c.name,
       ARRAY (SELECT o.sender_id FROM streams o
              JOIN senders s ON s.workspace_id = o.workspace_id AND s.id = o.sender_id
              WHERE o.workspace_id = c.workspace_id AND o.campaign_id = c.id AND o.taken_out_at IS NULL
                AND o.sender_id <> %(sender_id)s AND s.retired_at IS NULL
              ORDER BY o.id) AS others
FROM streams t
JOIN campaigns c ON c.workspace_id = t.workspace_id AND c.id = t.campaign_id
WHERE t.workspace_id = %(workspace_id)s AND t.sender_id = %(sender_id)s AND t.taken_out_at IS NULL
  AND c.kind <> 'DIRECT' AND c.status IN ('ACTIVE', 'PAUSED')
ORDER BY c.id;

-- name: set_retired
-- NULL: it is one of the senders again.
UPDATE senders SET retired_at = CASE WHEN %(is_retired)s THEN coalesce(retired_at, now()) END
WHERE workspace_id = %(workspace_id)s AND id = %(sender_id)s;
