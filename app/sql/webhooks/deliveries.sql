-- name: lease_webhook
-- Lease the webhook, so that this run alone delivers to it. No row: another one does, or it is disabled or has a pause.
UPDATE webhooks w
SET lease_token = %(token)s, lease_until = now() + make_interval(secs => %(lease_s)s)
FROM (SELECT workspace_id, id FROM webhooks
      WHERE id = %(webhook_id)s AND disabled_at IS NULL AND (retry_at IS NULL OR retry_at <= now())
        AND (lease_until IS NULL OR lease_until <= now())
      FOR NO KEY UPDATE SKIP LOCKED) free
WHERE w.workspace_id = free.workspace_id AND w.id = free.id
RETURNING w.workspace_id, w.id, w.url, w.secret_encrypted;

-- name: due_deliveries
-- The webhook's next deliveries, in order.
SELECT id, message_id, event, data, created_at, attempts
FROM webhook_deliveries
WHERE workspace_id = %(workspace_id)s AND webhook_id = %(webhook_id)s AND status = 'PENDING' AND next_attempt_at <= now()
ORDER BY next_attempt_at, id
LIMIT %(limit)s;

-- name: hold_webhook
-- Hold the webhook whose lease is ours, before its deliveries, as everywhere: an erasure is over, or has not begun. No row: the
-- lease is another's.
SELECT id FROM webhooks
WHERE workspace_id = %(workspace_id)s AND id = %(webhook_id)s AND lease_token = %(token)s
FOR NO KEY UPDATE;

-- name: record_delivery
-- Record a try in the log and on the webhook, which is held: `again_in_s` NULL, there is no other; `gone`, the receiver wants
-- no more of anything. Only while the lease is ours, and it is renewed; no row: it is not, and the worker that has it sends
-- this again. One that fails for days is disabled. `error` NULL: it was a success. Where the delivery says no longer what was
-- `told`, the answer is not kept. `failures` is 0 again once nothing is left to try: the next failure begins anew.
WITH its AS (
    SELECT CASE WHEN %(error)s::text IS NULL OR d.data = %(told)s THEN %(error)s::text ELSE %(unsaid)s END AS error,
           %(again_in_s)s::float8 IS NULL AND NOT EXISTS (
               SELECT FROM webhook_deliveries o
               WHERE o.workspace_id = %(workspace_id)s AND o.webhook_id = %(webhook_id)s AND o.status = 'PENDING'
                 AND o.id <> %(delivery_id)s) AS is_last
    FROM (VALUES (%(workspace_id)s::bigint, %(delivery_id)s::bigint)) AS t (workspace_id, id)
    LEFT JOIN webhook_deliveries d ON d.workspace_id = t.workspace_id AND d.id = t.id
),
hook AS (
    UPDATE webhooks w
    SET failures = CASE WHEN its.error IS NULL OR its.is_last THEN 0 ELSE w.failures + 1 END,
        failing_since = CASE WHEN its.error IS NULL THEN NULL WHEN w.failures = 0 THEN now() ELSE w.failing_since END,
        last_error = its.error,
        retry_at = CASE WHEN its.error IS NOT NULL
                        THEN now() + make_interval(secs => least(power(2, least(w.failures, 20)), %(longest_pause_s)s)) END,
        disabled_at = CASE WHEN %(gone)s OR its.error IS NOT NULL AND w.failures > 0
                                            AND w.failing_since < now() - make_interval(days => %(patience_days)s)
                           THEN coalesce(w.disabled_at, now()) ELSE w.disabled_at END,
        disabled_reason = CASE WHEN w.disabled_at IS NOT NULL THEN w.disabled_reason
                               WHEN %(gone)s THEN 'the receiver answered 410 Gone'
                               WHEN its.error IS NOT NULL AND w.failures > 0
                                    AND w.failing_since < now() - make_interval(days => %(patience_days)s)
                               THEN format('every try failed for %%s days; the last: %%s',
                                           %(patience_days)s::integer, its.error)
                          END,
        lease_until = now() + make_interval(secs => %(lease_s)s)
    FROM its
    WHERE w.workspace_id = %(workspace_id)s AND w.id = %(webhook_id)s AND w.lease_token = %(token)s
    RETURNING w.workspace_id, w.id, w.disabled_at, w.retry_at, its.error
),
told AS (
    UPDATE webhook_deliveries d
    SET attempts = d.attempts + 1,
        attempted_at = now(),
        status_code = %(status_code)s,
        error = hook.error,
        status = CASE WHEN hook.error IS NULL THEN 'DELIVERED'
                      WHEN %(again_in_s)s::float8 IS NULL THEN 'FAILED'
                      ELSE 'PENDING' END::delivery_status,
        next_attempt_at = CASE WHEN hook.error IS NOT NULL THEN now() + make_interval(secs => %(again_in_s)s::float8) END
    FROM hook
    WHERE d.workspace_id = hook.workspace_id AND d.webhook_id = hook.id AND d.id = %(delivery_id)s AND d.status = 'PENDING'
)
SELECT disabled_at, retry_at FROM hook;

-- name: release_webhook
-- End the lease. `more`: something is due all the same.
UPDATE webhooks w
SET lease_token = NULL, lease_until = NULL
WHERE w.workspace_id = %(workspace_id)s AND w.id = %(webhook_id)s AND w.lease_token = %(token)s
RETURNING w.disabled_at IS NULL AND w.retry_at IS NULL AND EXISTS (
    SELECT FROM webhook_deliveries d
    WHERE d.workspace_id = w.workspace_id AND d.webhook_id = w.id AND d.status = 'PENDING' AND d.next_attempt_at <= now()
) AS more;

-- name: neglected_webhooks
-- Webhooks to which something is due that nobody delivers: a pause is over, or a wake-up was lost.
SELECT w.id AS webhook_id
FROM webhooks w
WHERE w.disabled_at IS NULL AND (w.retry_at IS NULL OR w.retry_at <= now())
  AND (w.lease_until IS NULL OR w.lease_until <= now())
  AND EXISTS (
      SELECT FROM webhook_deliveries d
      WHERE d.workspace_id = w.workspace_id AND d.webhook_id = w.id AND d.status = 'PENDING' AND d.next_attempt_at <= now()
  )
ORDER BY w.id;
