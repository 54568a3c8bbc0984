-- name: campaign_progress
-- How far campaigns to lists are that move or may move: those that run or are paused, newest first, and those in `ids`, which
-- did when they were last looked at.
SELECT c.id, c.status, n.total, n.scheduled, n.sending, n.sent, n.failed, n.unknown, n.cancelled, c.finished_at,
       n.used_this_hour, waiting.next_at, waiting.last_at,
       (SELECT coalesce(sum(s.failed - s.settled), 0)::bigint FROM streams s
        WHERE s.workspace_id = c.workspace_id AND s.campaign_id = c.id) AS undecided
FROM (
    (SELECT id FROM campaigns WHERE workspace_id = %(workspace_id)s AND status IN ('ACTIVE', 'PAUSED') AND kind = 'LIST'
     ORDER BY id DESC LIMIT %(limit)s)
    UNION
    SELECT id FROM campaigns WHERE workspace_id = %(workspace_id)s AND id = ANY (%(ids)s::bigint[])
) k
JOIN campaigns c ON c.workspace_id = %(workspace_id)s AND c.id = k.id
CROSS JOIN LATERAL campaign_counts(c.workspace_id, c.id) n
CROSS JOIN LATERAL waiting_of(c.workspace_id, c.id) waiting
ORDER BY c.id;

-- name: sender_states
-- The troubles of senders that are blocked, held, or in `ids`, which were when they were last looked at.
SELECT s.id, s.blocked_until, s.block_reason
FROM senders s
WHERE s.workspace_id = %(workspace_id)s
  AND (s.blocked_until > now() OR s.id = ANY (%(ids)s::bigint[])
       OR EXISTS (SELECT FROM holds h
                  WHERE h.workspace_id = s.workspace_id AND h.login_id = s.login_id AND h.stream_id IS NULL))
ORDER BY s.id
LIMIT %(limit)s;

-- name: latest_response
-- The latest of what came back.
SELECT max(id) AS latest_id FROM responses WHERE workspace_id = %(workspace_id)s;
