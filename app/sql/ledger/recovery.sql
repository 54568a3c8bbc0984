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
         JOIN campaigns c ON c.workspace_id = held.workspace_id AND c.id = held.campaign_id,
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
      AND e.workspace_id = held.workspace_id AND e.id = held.id AND e.claim_token = held.claim_token
    RETURNING e.workspace_id, e.id, e.campaign_id, c.sender_id, e.recipient, e.attempts, e.claimed_at, e.status
),
audit AS (
    INSERT INTO attempts (workspace_id, email_id, number, outcome, claimed_at, reply)
    SELECT workspace_id, id, attempts, 'UNKNOWN', claimed_at, 'the worker that was sending it was lost' FROM lost
),
moved AS (
    SELECT workspace_id, campaign_id, count(*) AS n,
           count(*) FILTER (WHERE status = 'SCHEDULED') AS scheduled,
           count(*) FILTER (WHERE status = 'SENT') AS sent,
           count(*) FILTER (WHERE status = 'UNKNOWN') AS unknown
    FROM lost
    GROUP BY workspace_id, campaign_id
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
    WHERE c.workspace_id = m.workspace_id AND c.id = m.campaign_id
    RETURNING c.workspace_id, c.id, c.name, c.status, c.total, c.sent, c.failed, c.unknown
),
happened AS MATERIALIZED (
    SELECT 1 AS place, l.workspace_id, 'email.unknown' AS event,
           jsonb_build_object('emailId', l.id, 'campaignId', l.campaign_id, 'senderId', l.sender_id,
                              'recipient', l.recipient, 'code', NULL, 'enhancedCode', NULL,
                              'reply', 'the worker that was sending it was lost') AS data
    FROM lost l
    WHERE l.status = 'UNKNOWN'
    UNION ALL
    SELECT 2, workspace_id, 'campaign.finished',
           jsonb_build_object('campaignId', id, 'name', name, 'total', total, 'sent', sent, 'failed', failed,
                              'unknown', unknown)
    FROM tallied
    WHERE status = 'FINISHED'
    ORDER BY place, workspace_id
),
-- As in `exchange`.
told AS (
    INSERT INTO webhook_deliveries (workspace_id, webhook_id, event, data)
    SELECT h.workspace_id, w.id, h.event, h.data
    FROM happened h
    CROSS JOIN LATERAL (
        SELECT id FROM webhooks
        WHERE workspace_id = h.workspace_id AND disabled_at IS NULL AND h.event = ANY (events)
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
