-- name: same_sender
-- A sender of this address that logs in alike.
SELECT id FROM senders
WHERE workspace_id = %(workspace_id)s AND address_key(email) = address_key(%(email)s::text)
  AND plain_host(host) = plain_host(%(host)s::text)
  AND lower(username COLLATE "C") IS NOT DISTINCT FROM lower(%(username)s::text COLLATE "C")
LIMIT 1;
