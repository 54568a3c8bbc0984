-- name: register_worker
-- A worker process and its first lease.
INSERT INTO workers (token, name, lease_until)
VALUES (%(token)s, %(name)s, now() + make_interval(secs => %(lease_s)s));

-- name: renew_lease
-- Still alive. No row: the lease ran out and others took what we held for lost.
UPDATE workers SET lease_until = now() + make_interval(secs => %(lease_s)s)
WHERE token = %(token)s
RETURNING token;

-- name: unregister_worker
-- A clean end; it holds nothing any more.
DELETE FROM workers WHERE token = %(token)s;

-- name: recover
-- What workers whose lease ran out were sending may have been accepted: it is in doubt, and the campaign's policy or
-- a person decides. The emails of a worker without a row count as lost too. Only a worker that could itself renew all
-- through the last lease asks: after Postgres was away, leases have run out of workers that are well.
WITH lost AS (
    UPDATE emails e
    SET status = v.status,
        claim_token = NULL,
        attempts = e.attempts + 1,
        sent_at = CASE WHEN v.status = 'SENT' THEN now() END
    FROM emails held
         JOIN campaigns c ON c.user_id = held.user_id AND c.id = held.campaign_id,
         LATERAL (
             SELECT CASE
                        WHEN c.on_unknown = 'assume_sent' THEN 'SENT'
                        WHEN c.on_unknown = 'hold' OR c.status = 'CANCELLED'
                             OR held.attempts + 1 >= %(max_attempts)s::integer THEN 'UNKNOWN'
                        ELSE 'SCHEDULED'
                    END::email_status AS status
         ) v
    WHERE held.status = 'SENDING'
      AND NOT EXISTS (SELECT FROM workers k WHERE k.token = held.claim_token AND k.lease_until > now())
      -- By its key: with the status said again, it would be looked for among all that is being sent.
      AND e.user_id = held.user_id AND e.id = held.id AND e.claim_token = held.claim_token
    RETURNING e.user_id, e.id, e.campaign_id, c.sender_id, e.recipient, e.attempts, e.claimed_at, e.status
),
audit AS (
    INSERT INTO attempts (user_id, email_id, number, outcome, claimed_at, reply)
    SELECT user_id, id, attempts, 'UNKNOWN', claimed_at, 'the worker that was sending it was lost' FROM lost
),
moved AS (
    SELECT user_id, campaign_id, count(*) AS n,
           count(*) FILTER (WHERE status = 'SCHEDULED') AS scheduled,
           count(*) FILTER (WHERE status = 'SENT') AS sent,
           count(*) FILTER (WHERE status = 'UNKNOWN') AS unknown
    FROM lost
    GROUP BY user_id, campaign_id
),
tallied AS (
    UPDATE campaigns c
    SET sending = c.sending - m.n,
        scheduled = c.scheduled + m.scheduled,
        sent = c.sent + m.sent,
        unknown = c.unknown + m.unknown,
        status = CASE WHEN c.status IN ('ACTIVE', 'PAUSED') AND c.scheduled + m.scheduled + c.sending - m.n = 0
                      THEN 'FINISHED' ELSE c.status END,
        finished_at = CASE WHEN c.status IN ('ACTIVE', 'PAUSED') AND c.scheduled + m.scheduled + c.sending - m.n = 0
                           THEN now() ELSE c.finished_at END
    FROM moved m
    WHERE c.user_id = m.user_id AND c.id = m.campaign_id
    RETURNING c.user_id, c.id, c.name, c.status, c.total, c.sent, c.failed, c.unknown
),
happened AS MATERIALIZED (
    SELECT 1 AS place, l.user_id, 'email.unknown' AS event,
           jsonb_build_object('emailId', l.id, 'campaignId', l.campaign_id, 'senderId', l.sender_id,
                              'recipient', l.recipient, 'code', NULL, 'enhancedCode', NULL,
                              'reply', 'the worker that was sending it was lost') AS data
    FROM lost l
    WHERE l.status = 'UNKNOWN'
    UNION ALL
    SELECT 2, user_id, 'campaign.finished',
           jsonb_build_object('campaignId', id, 'name', name, 'total', total, 'sent', sent, 'failed', failed,
                              'unknown', unknown)
    FROM tallied
    WHERE status = 'FINISHED'
    ORDER BY place, user_id
),
-- As in `exchange`.
told AS (
    INSERT INTO webhook_deliveries (user_id, webhook_id, event, data)
    SELECT h.user_id, w.id, h.event, h.data
    FROM happened h
    CROSS JOIN LATERAL (
        SELECT id FROM webhooks
        WHERE user_id = h.user_id AND disabled_at IS NULL AND h.event = ANY (events)
        ORDER BY id
        FOR KEY SHARE
    ) w
    RETURNING webhook_id
),
woken AS (
    INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args)
    SELECT 'webhooks', 'deliver_webhooks', 'deliver_webhooks:' || webhook_id, jsonb_build_object('webhook_id', webhook_id)
    FROM (SELECT DISTINCT webhook_id FROM told ORDER BY webhook_id) t
    ON CONFLICT DO NOTHING
)
SELECT id AS email_id, campaign_id, sender_id FROM lost;

-- name: forget_dead_workers
-- Drop workers whose lease ran out, and with them the lanes they held.
DELETE FROM workers
WHERE lease_until < now();

-- name: neglected_senders
-- Senders with something due by now or within seconds that are neither blocked nor looked after by a live worker.
SELECT DISTINCT s.user_id, s.id AS sender_id
FROM campaigns c
JOIN senders s ON s.user_id = c.user_id AND s.id = c.sender_id
CROSS JOIN LATERAL (
    SELECT e.scheduled_at FROM emails e
    WHERE e.user_id = c.user_id AND e.campaign_id = c.id AND e.status = 'SCHEDULED'
    ORDER BY e.scheduled_at, e.id
    LIMIT 1
) d
WHERE c.status = 'ACTIVE' AND c.scheduled > 0
  AND d.scheduled_at <= now() + make_interval(secs => %(within_s)s)
  AND (s.blocked_until IS NULL OR s.blocked_until <= now())
  AND NOT EXISTS (SELECT FROM lanes l WHERE l.user_id = s.user_id AND l.sender_id = s.id);

-- name: lock_sender
-- Lock a sender's row, so that what follows in the transaction sees what others committed about it.
SELECT id FROM senders WHERE user_id = %(user_id)s AND id = %(sender_id)s FOR NO KEY UPDATE;

-- name: reserve_lanes
-- Ask for connections to a sender's server: as many as wanted, as far as its max_connections allows over all
-- workers. No row: none to be had. Comes after lock_sender, or two workers could both take the last one.
INSERT INTO lanes AS l (user_id, sender_id, worker_token, count)
SELECT g.user_id, g.id, %(token)s, g.count
FROM (
    SELECT s.user_id, s.id, least(
        %(wanted)s::integer,
        s.max_connections - coalesce((
            SELECT sum(o.count) FROM lanes o
            WHERE o.user_id = s.user_id AND o.sender_id = s.id AND o.worker_token <> %(token)s
        ), 0)
    ) AS count
    FROM senders s
    JOIN workers k ON k.token = %(token)s  -- gone when its lease ran out
    WHERE s.user_id = %(user_id)s AND s.id = %(sender_id)s
) g
WHERE g.count > 0
ON CONFLICT (user_id, sender_id, worker_token) DO UPDATE SET count = excluded.count
RETURNING count;

-- name: release_lanes
-- This worker has no connection open for the sender any more.
DELETE FROM lanes WHERE user_id = %(user_id)s AND sender_id = %(sender_id)s AND worker_token = %(token)s;

-- name: other_workers
-- Whether a worker besides this one is alive.
SELECT EXISTS (SELECT FROM workers WHERE token <> %(token)s AND lease_until > now()) AS any;
