-- name: lock_streams_of_lost
-- The streams of what workers whose lease ran out were sending, over all workspaces.
SELECT s.id, s.campaign_id FROM streams s
WHERE (s.workspace_id, s.id) IN (
    SELECT e.workspace_id, e.stream_id FROM emails e
    WHERE e.status = 'SENDING'
      AND NOT EXISTS (SELECT FROM workers k WHERE k.token = e.claim_token AND k.lease_until > now()))
ORDER BY s.id
FOR NO KEY UPDATE;

-- name: recover
-- Emails that workers were sending whose lease ran out may have been accepted: they are in doubt, and the campaign's policy or
-- a person decides. The emails of a worker without a row count as lost too. Only a worker that could itself renew all through
-- the last lease asks: after Postgres was away, leases have run out of workers that are well. An email that a worker was lost
-- with before may be what they die of: no policy sends it a third time. Of the streams that are locked; campaigns that end are
-- locked in their order.
WITH lost AS (
    UPDATE emails e
    SET status = v.status,
        claim_token = NULL,
        attempts = e.attempts + 1,
        scheduled_at = CASE WHEN v.status = 'SCHEDULED' THEN now() + retry_wait(e.attempts + 1, e.id) ELSE e.scheduled_at END,
        not_before = CASE WHEN v.status = 'SCHEDULED' THEN now() + retry_wait(e.attempts + 1, e.id) END,
        sent_at = CASE WHEN v.status = 'SENT' THEN now() END,
        follow_at = CASE WHEN v.status = 'SENT' AND e.step_id IS NOT NULL THEN follows_at(e.workspace_id, e.id, now()) END
    FROM emails held
         JOIN campaigns c ON c.workspace_id = held.workspace_id AND c.id = held.campaign_id
         LEFT JOIN LATERAL (
             SELECT true AS before FROM attempts a
             WHERE a.workspace_id = held.workspace_id AND a.email_id = held.id AND a.worker_lost
             LIMIT 1
         ) lost ON true,
         LATERAL (
             SELECT doubt_becomes(
                 CASE WHEN (lost.before OR held.stopped IS NOT NULL) AND c.on_unknown = 'resend' THEN 'hold'
                 ELSE c.on_unknown END,
                 c.status, held.attempts + 1, %(max_attempts)s::integer) AS status
         ) v
    WHERE held.status = 'SENDING' AND held.stream_id = ANY (%(stream_ids)s::bigint[])
      AND NOT EXISTS (SELECT FROM workers k WHERE k.token = held.claim_token AND k.lease_until > now())
      -- By its key: with the status said again, it would be looked for among all that is being sent.
      AND e.workspace_id = held.workspace_id AND e.id = held.id AND e.claim_token = held.claim_token
    RETURNING e.workspace_id, e.id, e.campaign_id, e.stream_id, e.attempts, e.claimed_at, e.status, e.scheduled_at,
              lost.before
),
audit AS (
    INSERT INTO attempts (workspace_id, email_id, number, outcome, claimed_at, worker_lost, reply)
    SELECT workspace_id, id, attempts, 'UNKNOWN', claimed_at, true,
           'the worker that was sending it was lost'
           || CASE WHEN before THEN ', as one was before: it is not sent again by itself' ELSE '' END
    FROM lost
),
moved AS (
    SELECT workspace_id, stream_id, count(*) AS n,
           count(*) FILTER (WHERE status = 'SCHEDULED') AS scheduled,
           count(*) FILTER (WHERE status = 'SENT') AS sent,
           count(*) FILTER (WHERE status = 'UNKNOWN') AS unknown,
           min(scheduled_at) FILTER (WHERE status = 'SCHEDULED') AS back_at
    FROM lost
    GROUP BY workspace_id, stream_id
),
ending AS MATERIALIZED (
    SELECT c.id FROM campaigns c
    WHERE (c.workspace_id, c.id) IN (SELECT workspace_id, campaign_id FROM lost)
    ORDER BY c.id
    FOR NO KEY UPDATE
),
tallied AS (
    UPDATE streams s
    SET sending = s.sending - m.n,
        scheduled = s.scheduled + m.scheduled,
        sent = s.sent + m.sent,
        unknown = s.unknown + m.unknown,
        next_due_at = least(s.next_due_at, m.back_at)
    FROM moved m
    WHERE s.workspace_id = m.workspace_id AND s.id = m.stream_id AND (SELECT count(*) FROM ending) > 0
    RETURNING s.id, s.sender_id
)
SELECT l.id AS email_id, l.campaign_id, t.sender_id FROM lost l JOIN tallied t ON t.id = l.stream_id;

-- name: forget_dead_workers
-- Drop workers whose lease ran out, and with them the lanes they held; mailboxes that they read or watched are anybody's.
WITH dropped AS (
    DELETE FROM workers WHERE lease_until < now()
    RETURNING token
),
dead AS (
    SELECT array_agg(token) AS tokens FROM dropped
)
UPDATE inboxes i
SET lease_token = CASE WHEN i.lease_token <> ALL (d.tokens) THEN i.lease_token END,
    lease_until = CASE WHEN i.lease_token <> ALL (d.tokens) THEN i.lease_until END,
    next_at = CASE WHEN i.lease_token = ANY (d.tokens) THEN least(i.next_at, now()) ELSE i.next_at END,
    watch_token = CASE WHEN i.watch_token <> ALL (d.tokens) THEN i.watch_token END,
    watched_until = CASE WHEN i.watch_token <> ALL (d.tokens) THEN i.watched_until END
FROM dead d
WHERE i.lease_token = ANY (d.tokens) OR i.watch_token = ANY (d.tokens);
