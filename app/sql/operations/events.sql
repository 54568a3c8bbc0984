-- name: campaign_progress
-- How far campaigns are that move or may move: those that run or are paused, newest first, and those in `ids`, which
-- did when they were last looked at.
SELECT c.id, c.status, c.total, c.scheduled, c.sending, c.sent, c.failed, c.unknown, c.cancelled, c.finished_at,
       used_this_hour(c.window_start, c.window_used) AS used_this_hour,
       waiting.next_at, waiting.last_at
FROM (
    (SELECT id FROM campaigns WHERE workspace_id = %(workspace_id)s AND status IN ('ACTIVE', 'PAUSED')
     ORDER BY id DESC LIMIT %(limit)s)
    UNION
    SELECT id FROM campaigns WHERE workspace_id = %(workspace_id)s AND id = ANY (%(ids)s::bigint[])
) k
JOIN campaigns c ON c.workspace_id = %(workspace_id)s AND c.id = k.id
CROSS JOIN LATERAL (
    SELECT min(e.scheduled_at) AS next_at, max(e.scheduled_at) AS last_at
    FROM emails e
    WHERE e.workspace_id = c.workspace_id AND e.campaign_id = c.id AND e.status = 'SCHEDULED'
) waiting
ORDER BY c.id;

-- name: sender_states
-- What holds senders back, of those that are blocked, held, or in `ids`, which were when they were last looked at.
SELECT s.id, s.blocked_until, s.block_reason
FROM senders s
WHERE s.workspace_id = %(workspace_id)s
  AND (s.blocked_until > now() OR s.id = ANY (%(ids)s::bigint[])
       OR EXISTS (SELECT FROM holds h
                  WHERE h.workspace_id = s.workspace_id AND h.sender_id = s.id AND h.campaign_id IS NULL))
ORDER BY s.id
LIMIT %(limit)s;
