-- name: lock_to_move_up
-- A campaign, held until the commit, and whether later steps follow its first.
SELECT c.status, EXISTS (SELECT FROM streams s WHERE s.workspace_id = c.workspace_id AND s.campaign_id = c.id AND s.stepped) AS stepped
FROM campaigns c
WHERE c.workspace_id = %(workspace_id)s AND c.id = %(campaign_id)s
FOR NO KEY UPDATE OF c;

-- name: note_move
-- Its new recipients are about to move up, from where the last of them is planned for.
UPDATE campaigns c SET moved_up_at = now(), moved_up_by_person = %(by_person)s, last_before = l.at
FROM (SELECT max(n.at) AS at
      FROM streams s
      CROSS JOIN LATERAL (
          SELECT e.scheduled_at AS at FROM emails e
          WHERE e.workspace_id = s.workspace_id AND e.stream_id = s.id AND e.status = 'SCHEDULED' AND e.follows_id IS NULL
          ORDER BY e.scheduled_at DESC
          LIMIT 1
      ) n
      WHERE s.workspace_id = %(workspace_id)s AND s.campaign_id = %(campaign_id)s AND s.scheduled > 0) l
WHERE c.workspace_id = %(workspace_id)s AND c.id = %(campaign_id)s;

-- name: campaign_there
-- A campaign of the workspace.
SELECT id FROM campaigns WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s;

-- name: moved_up
-- When that was, and when the last new recipient is planned for now.
SELECT c.moved_up_at AS at, c.moved_up_by_person AS by_person, c.last_before,
       (SELECT max(n.at)
        FROM streams s
        CROSS JOIN LATERAL (
            SELECT e.scheduled_at AS at FROM emails e
            WHERE e.workspace_id = s.workspace_id AND e.stream_id = s.id AND e.status = 'SCHEDULED' AND e.follows_id IS NULL
            ORDER BY e.scheduled_at DESC
            LIMIT 1
        ) n
        WHERE s.workspace_id = c.workspace_id AND s.campaign_id = c.id AND s.scheduled > 0) AS last_now,
       EXISTS (SELECT FROM plan_changes p WHERE p.workspace_id = c.workspace_id AND p.campaign_id = c.id) AS planning
FROM campaigns c
WHERE c.workspace_id = %(workspace_id)s AND c.id = %(campaign_id)s;

-- name: not_moved_for_a_day
-- Active campaigns with steps in which something waits, and which last moved up a day ago or more.
SELECT c.workspace_id, c.id AS campaign_id
FROM (SELECT DISTINCT workspace_id, campaign_id FROM streams WHERE stepped AND open AND scheduled > 0) s
JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
WHERE c.status = 'ACTIVE' AND coalesce(c.moved_up_at, c.created_at) < now() - interval '1 day'
ORDER BY c.workspace_id, c.id
LIMIT %(limit)s
FOR NO KEY UPDATE OF c SKIP LOCKED;
