-- name: count_webhooks
-- How many the user has: there is a limit.
SELECT count(*) AS n FROM webhooks WHERE user_id = %(user_id)s;

-- name: insert_webhook
-- Somebody to tell; the secret follows in the same transaction, sealed for the id.
INSERT INTO webhooks (user_id, url, description, events)
VALUES (%(user_id)s, %(url)s, %(description)s, %(events)s)
RETURNING id;

-- name: set_webhook_secret
-- The secret that its deliveries are signed with from now on.
UPDATE webhooks SET secret_encrypted = %(secret_encrypted)s
WHERE user_id = %(user_id)s AND id = %(webhook_id)s
RETURNING id;

-- name: list_webhooks
-- A page of webhooks, oldest first.
SELECT id, url, description, events, created_at, disabled_at, disabled_reason, failing_since, last_error, retry_at
FROM webhooks
WHERE user_id = %(user_id)s
  AND (%(webhook_id)s::bigint IS NULL OR id = %(webhook_id)s)
  AND (%(after)s::bigint IS NULL OR id > %(after)s)
ORDER BY id
LIMIT %(limit)s;

-- name: update_webhook
-- Change it; NULL leaves a column alone. A new address, or being enabled, is a new start.
UPDATE webhooks
SET url = coalesce(%(url)s, url),
    description = coalesce(%(description)s, description),
    events = coalesce(%(events)s::text[], events),
    disabled_at = CASE WHEN %(enabled)s::boolean THEN NULL
                       WHEN NOT %(enabled)s::boolean THEN coalesce(disabled_at, now())
                       ELSE disabled_at END,
    disabled_reason = CASE WHEN %(enabled)s::boolean IS NULL THEN disabled_reason END,
    failures = CASE WHEN %(starts_anew)s THEN 0 ELSE failures END,
    failing_since = CASE WHEN %(starts_anew)s THEN NULL ELSE failing_since END,
    last_error = CASE WHEN %(starts_anew)s THEN NULL ELSE last_error END,
    retry_at = CASE WHEN %(starts_anew)s THEN NULL ELSE retry_at END
WHERE user_id = %(user_id)s AND id = %(webhook_id)s;

-- name: delete_webhook
-- It goes with its log and with what was still to be told.
DELETE FROM webhooks WHERE user_id = %(user_id)s AND id = %(webhook_id)s RETURNING id;

-- name: try_webhook_now
-- A person asks for a try: it does not wait for a pause to end. Locks the webhook before its deliveries, as everywhere.
UPDATE webhooks SET retry_at = NULL
WHERE user_id = %(user_id)s AND id = %(webhook_id)s
RETURNING disabled_at;

-- name: insert_test_delivery
-- Something to tell that did not happen.
INSERT INTO webhook_deliveries (user_id, webhook_id, event, data)
VALUES (%(user_id)s, %(webhook_id)s, 'webhook.test', jsonb_build_object('webhookId', %(webhook_id)s::bigint))
RETURNING id, message_id, event, created_at, status, attempts, attempted_at, status_code, error, next_attempt_at;

-- name: list_deliveries
-- A page of a webhook's log, newest first.
SELECT id, message_id, event, created_at, status, attempts, attempted_at, status_code, error, next_attempt_at
FROM webhook_deliveries
WHERE user_id = %(user_id)s AND webhook_id = %(webhook_id)s AND (%(before)s::bigint IS NULL OR id < %(before)s)
ORDER BY id DESC
LIMIT %(limit)s;

-- name: replay_delivery
-- Send it once more, whatever came of it, with all its tries before it.
UPDATE webhook_deliveries
SET status = 'PENDING', attempts = 0, status_code = NULL, error = NULL, next_attempt_at = now()
WHERE user_id = %(user_id)s AND webhook_id = %(webhook_id)s AND id = %(delivery_id)s
RETURNING id, message_id, event, created_at, status, attempts, attempted_at, status_code, error, next_attempt_at;

-- name: lease_webhook
-- Be the one who delivers to this webhook, for a while. No row: somebody is, or it is disabled or has a pause.
UPDATE webhooks w
SET lease_token = %(token)s, lease_until = now() + make_interval(secs => %(lease_s)s)
FROM (SELECT user_id, id FROM webhooks
      WHERE id = %(webhook_id)s AND disabled_at IS NULL AND (retry_at IS NULL OR retry_at <= now())
        AND (lease_until IS NULL OR lease_until <= now())
      FOR NO KEY UPDATE SKIP LOCKED) free
WHERE w.user_id = free.user_id AND w.id = free.id
RETURNING w.user_id, w.id, w.url, w.secret_encrypted;

-- name: due_deliveries
-- What is to be told next, in order.
SELECT id, message_id, event, data, created_at, attempts
FROM webhook_deliveries
WHERE user_id = %(user_id)s AND webhook_id = %(webhook_id)s AND status = 'PENDING' AND next_attempt_at <= now()
ORDER BY next_attempt_at, id
LIMIT %(limit)s;

-- name: record_delivery
-- What came of a try, for the log and for the webhook: `again_in_s` NULL, there is no other; `gone`, the receiver wants
-- no more of anything. Only while the lease is ours, and it is renewed; no row: it is not, and whoever has it sends this
-- again. One that fails for days is disabled. `error` NULL: it was a success.
WITH hook AS (
    UPDATE webhooks
    SET failures = CASE WHEN %(error)s::text IS NULL THEN 0 ELSE failures + 1 END,
        failing_since = CASE WHEN %(error)s::text IS NOT NULL THEN coalesce(failing_since, now()) END,
        last_error = %(error)s,
        retry_at = CASE WHEN %(error)s::text IS NOT NULL
                        THEN now() + make_interval(secs => least(power(2, least(failures, 20)), %(longest_pause_s)s)) END,
        disabled_at = CASE WHEN %(gone)s
                                OR %(error)s::text IS NOT NULL
                                   AND failing_since < now() - make_interval(days => %(patience_days)s)
                           THEN coalesce(disabled_at, now()) ELSE disabled_at END,
        disabled_reason = CASE WHEN disabled_at IS NOT NULL THEN disabled_reason
                               WHEN %(gone)s THEN 'the receiver answered 410 Gone'
                               WHEN %(error)s::text IS NOT NULL
                                    AND failing_since < now() - make_interval(days => %(patience_days)s)
                               THEN format('every try failed for %%s days; the last: %%s',
                                           %(patience_days)s::integer, %(error)s::text)
                          END,
        lease_until = now() + make_interval(secs => %(lease_s)s)
    WHERE user_id = %(user_id)s AND id = %(webhook_id)s AND lease_token = %(token)s
    RETURNING user_id, id, disabled_at, retry_at
),
told AS (
    UPDATE webhook_deliveries d
    SET attempts = d.attempts + 1,
        attempted_at = now(),
        status_code = %(status_code)s,
        error = %(error)s,
        status = CASE WHEN %(error)s::text IS NULL THEN 'DELIVERED'
                      WHEN %(again_in_s)s::float8 IS NULL THEN 'FAILED'
                      ELSE 'PENDING' END::delivery_status,
        next_attempt_at = CASE WHEN %(error)s::text IS NOT NULL
                               THEN now() + make_interval(secs => %(again_in_s)s::float8) END
    FROM hook
    WHERE d.user_id = hook.user_id AND d.webhook_id = hook.id AND d.id = %(delivery_id)s AND d.status = 'PENDING'
)
SELECT disabled_at, retry_at FROM hook;

-- name: release_webhook
-- Done with it for now. `more`: something is due all the same.
UPDATE webhooks w
SET lease_token = NULL, lease_until = NULL
WHERE w.user_id = %(user_id)s AND w.id = %(webhook_id)s AND w.lease_token = %(token)s
RETURNING w.disabled_at IS NULL AND w.retry_at IS NULL AND EXISTS (
    SELECT FROM webhook_deliveries d
    WHERE d.user_id = w.user_id AND d.webhook_id = w.id AND d.status = 'PENDING' AND d.next_attempt_at <= now()
) AS more;

-- name: neglected_webhooks
-- Webhooks to which something is due that nobody delivers: a pause is over, or a wake-up was lost.
SELECT w.id AS webhook_id
FROM webhooks w
WHERE w.disabled_at IS NULL AND (w.retry_at IS NULL OR w.retry_at <= now())
  AND (w.lease_until IS NULL OR w.lease_until <= now())
  AND EXISTS (
      SELECT FROM webhook_deliveries d
      WHERE d.user_id = w.user_id AND d.webhook_id = w.id AND d.status = 'PENDING' AND d.next_attempt_at <= now()
  )
ORDER BY w.id;

-- name: webhook_secrets_to_reseal
-- As `passwords_to_reseal`, of webhooks' secrets.
SELECT user_id, id, secret_encrypted FROM webhooks
WHERE id > %(after)s AND substr(secret_encrypted, 1, length(%(header)s::bytea)) <> %(header)s::bytea
ORDER BY id
LIMIT %(limit)s
FOR NO KEY UPDATE;
