-- name: first_unsorted
-- The first of what is to be sorted; NULL: nothing is.
SELECT min(id) AS id FROM emails WHERE workspace_id = %(workspace_id)s AND status = 'FAILED' AND failed_for IS NULL;

-- name: undecided
-- A batch of what waits for a person's word, in the order of ids, within a span of them: for a reason, of a campaign.
SELECT d.id
FROM unnest(failure_reasons()) AS r (reason)
CROSS JOIN LATERAL (
    SELECT id FROM emails
    WHERE workspace_id = %(workspace_id)s AND failed_for = r.reason AND status = 'FAILED' AND settled IS NULL
      AND id BETWEEN %(first_id)s AND %(last_id)s
      AND (%(campaign_id)s::bigint IS NULL OR campaign_id = %(campaign_id)s)
      AND campaign_id <> ALL (ARRAY(SELECT l.id FROM losing_emails(%(workspace_id)s::bigint) l))
    ORDER BY id
    LIMIT %(limit)s
) d
WHERE r.reason = coalesce(%(reason)s::text, r.reason)
ORDER BY d.id
LIMIT %(limit)s;

-- name: failed_since
-- Those of the emails that failed only after a time: nobody has seen that they did.
SELECT e.id FROM emails e
JOIN attempts a ON a.workspace_id = e.workspace_id AND a.email_id = e.id AND a.number = e.attempts
WHERE e.workspace_id = %(workspace_id)s AND e.id = ANY (%(ids)s::bigint[]) AND a.recorded_at > %(created_at)s;

-- name: insert_decision
-- Begin a decision on many.
INSERT INTO failure_decisions (workspace_id, verb, reason, campaign_id, total, made_by)
VALUES (%(workspace_id)s, %(verb)s, %(reason)s::text, %(campaign_id)s::bigint, %(total)s, %(made_by)s::bigint)
RETURNING workspace_id, id;

-- name: decision
-- One decision, with how far it came.
SELECT id, verb, reason, campaign_id, total, changed, left_out, created_at, finished_at, error
FROM failure_decisions
WHERE workspace_id = %(workspace_id)s AND id = %(id)s;

-- name: recent_decisions
-- Those that are being carried out, and the latest that were, newest first.
SELECT id, verb, reason, campaign_id, total, changed, left_out, created_at, finished_at, error
FROM failure_decisions
WHERE workspace_id = %(workspace_id)s AND (finished_at IS NULL OR finished_at > now() - interval '10 minutes')
ORDER BY id DESC
LIMIT %(limit)s;

-- name: decisions_going
-- Decisions that are to be carried out, oldest first.
SELECT workspace_id, id FROM failure_decisions WHERE finished_at IS NULL ORDER BY workspace_id, id LIMIT %(limit)s;

-- name: take_decision
-- A decision, held by us alone. No row: it is over, or somebody else is at it.
SELECT workspace_id, id, verb, reason, campaign_id, changed, walked_to, ahead, made_by, created_at
FROM failure_decisions
WHERE workspace_id = %(workspace_id)s AND id = %(id)s AND finished_at IS NULL
FOR NO KEY UPDATE SKIP LOCKED;

-- name: note_progress
-- How far a decision has come.
UPDATE failure_decisions
SET changed = changed + %(changed)s, left_out = left_out + %(left_out)s, walked_to = %(walked_to)s,
    ahead = %(ahead)s
WHERE workspace_id = %(workspace_id)s AND id = %(id)s;

-- name: finish_decision
-- It is carried out, or cannot be.
UPDATE failure_decisions SET finished_at = now(), error = %(error)s, ahead = '{}'
WHERE workspace_id = %(workspace_id)s AND id = %(id)s AND finished_at IS NULL;
