-- name: count_webhooks
-- How many the workspace has: there is a limit.
SELECT count(*) AS n FROM webhooks WHERE workspace_id = %(workspace_id)s;

-- name: insert_webhook
-- A webhook; its secret follows in the same transaction, sealed for the id.
INSERT INTO webhooks (workspace_id, url, description, events)
VALUES (%(workspace_id)s, %(url)s, %(description)s, %(events)s)
RETURNING id;

-- name: list_webhooks
-- A page of webhooks, oldest first.
SELECT id, url, description, events, created_at, disabled_at, disabled_reason, failing_since, last_error, retry_at
FROM webhooks
WHERE workspace_id = %(workspace_id)s
  AND (%(webhook_id)s::bigint IS NULL OR id = %(webhook_id)s)
  AND (%(after)s::bigint IS NULL OR id > %(after)s)
ORDER BY id
LIMIT %(limit)s;

-- name: update_webhook
-- Change it; NULL leaves a column alone. A new address, or being enabled, is a new start. A run to the address of before loses
-- its lease: what it tries now is not recorded, and told to the new one.
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
    retry_at = CASE WHEN %(starts_anew)s THEN NULL ELSE retry_at END,
    lease_token = CASE WHEN %(moved)s THEN NULL ELSE lease_token END,
    lease_until = CASE WHEN %(moved)s THEN NULL ELSE lease_until END
WHERE workspace_id = %(workspace_id)s AND id = %(webhook_id)s;

-- name: delete_webhook
-- It goes with its log and with what was still to be told.
DELETE FROM webhooks WHERE workspace_id = %(workspace_id)s AND id = %(webhook_id)s RETURNING id;

-- name: try_webhook_now
-- A person asks for a try: it does not wait for a pause to end. Locks the webhook before its deliveries, as everywhere.
UPDATE webhooks SET retry_at = NULL
WHERE workspace_id = %(workspace_id)s AND id = %(webhook_id)s
RETURNING disabled_at;

-- name: insert_test_delivery
-- A delivery of `webhook.test`, which tells of nothing that happened.
INSERT INTO webhook_deliveries (workspace_id, webhook_id, event, data)
VALUES (%(workspace_id)s, %(webhook_id)s, 'webhook.test', jsonb_build_object('webhookId', %(webhook_id)s::bigint))
RETURNING id, message_id, event, created_at, status, attempts, attempted_at, status_code, error, next_attempt_at;

-- name: list_deliveries
-- A page of a webhook's log, newest first.
SELECT id, message_id, event, created_at, status, attempts, attempted_at, status_code, error, next_attempt_at
FROM webhook_deliveries
WHERE workspace_id = %(workspace_id)s AND webhook_id = %(webhook_id)s AND (%(before)s::bigint IS NULL OR id < %(before)s)
ORDER BY id DESC
LIMIT %(limit)s;

-- name: replay_delivery
-- Send it once more, whatever came of it, with all its tries before it.
UPDATE webhook_deliveries
SET status = 'PENDING', attempts = 0, status_code = NULL, error = NULL, next_attempt_at = now()
WHERE workspace_id = %(workspace_id)s AND webhook_id = %(webhook_id)s AND id = %(delivery_id)s
RETURNING id, message_id, event, created_at, status, attempts, attempted_at, status_code, error, next_attempt_at;

-- name: set_webhook_secret
-- The secret that its deliveries are signed with from now on. A run that signs with the one before loses its lease, as for a
-- new address.
UPDATE webhooks SET secret_encrypted = %(secret_encrypted)s, lease_token = NULL, lease_until = NULL
WHERE workspace_id = %(workspace_id)s AND id = %(webhook_id)s
RETURNING id;
