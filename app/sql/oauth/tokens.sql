-- name: read_tokens
-- The tokens of a login and how things stand with them, by the clock that they were written by.
SELECT provider, access_token_encrypted, grant_version, grant_error,
       grant_ended_at IS NOT NULL AS has_ended,
       access_expires_at > now() AS is_good,
       access_expires_at > now() + make_interval(secs => %(margin_s)s) AS is_fresh,
       refreshed_at > now() - make_interval(secs => %(new_s)s) AS is_new,
       refresh_after > now() IS TRUE AS is_waiting
FROM logins
WHERE workspace_id = %(workspace_id)s AND id = %(login_id)s AND credential = 'OAUTH';

-- name: lease_refresh
-- It is our turn to refresh these tokens. No row: it is somebody else's, or nobody's yet, or they are others already.
UPDATE logins SET refresh_lease = %(lease)s, refresh_lease_until = now() + make_interval(secs => %(lease_s)s)
WHERE workspace_id = %(workspace_id)s AND id = %(login_id)s AND credential = 'OAUTH' AND grant_ended_at IS NULL
  AND grant_version = %(version)s
  AND (refresh_lease_until IS NULL OR refresh_lease_until <= now() OR refresh_lease = %(lease)s)
  AND (refresh_after IS NULL OR refresh_after <= now())
RETURNING refresh_token_encrypted;

-- name: keep_tokens
-- Keep what the provider gave for the tokens of this version, with or without the lease: they are good whoever holds it. The
-- next refresh comes after half of their life and before nine tenths of it, each login's at another time.
UPDATE logins l
SET refresh_token_encrypted = coalesce(%(refresh_token_encrypted)s, l.refresh_token_encrypted),
    access_token_encrypted = %(access_token_encrypted)s,
    access_expires_at = now() + make_interval(secs => %(lives_s)s),
    refresh_at = now() + make_interval(secs => %(lives_s)s * (0.5 + 0.4 * random())),
    refreshed_at = now(), grant_version = l.grant_version + 1, refresh_lease = NULL, refresh_lease_until = NULL,
    refresh_failures = 0, refresh_after = NULL, grant_error = NULL, grant_ended_at = NULL
FROM (SELECT workspace_id, id, grant_ended_at IS NOT NULL AS had_ended FROM logins
      WHERE workspace_id = %(workspace_id)s AND id = %(login_id)s FOR NO KEY UPDATE) before
WHERE l.workspace_id = before.workspace_id AND l.id = before.id
  AND l.credential = 'OAUTH' AND l.grant_version = %(version)s
RETURNING before.had_ended;

-- name: note_failed_refresh
-- The provider gave nothing: not asked again for a while, longer each time in a row, or for as long as it wants.
UPDATE logins
SET refresh_failures = refresh_failures + 1, refresh_lease = NULL, refresh_lease_until = NULL, grant_error = %(error)s,
    refresh_after = now() + make_interval(secs => greatest(
        least(%(first_s)s * power(2, least(refresh_failures, 20)), %(longest_s)s),
        least(coalesce(%(retry_s)s::double precision, 0), 86400)) * (0.9 + 0.2 * random()))
WHERE workspace_id = %(workspace_id)s AND id = %(login_id)s AND refresh_lease = %(lease)s;

-- name: end_grant
-- The provider knows the refresh token no more, and nobody has brought another since it was asked.
UPDATE logins
SET grant_ended_at = now(), grant_error = %(error)s, refresh_lease = NULL, refresh_lease_until = NULL
WHERE workspace_id = %(workspace_id)s AND id = %(login_id)s AND grant_version = %(version)s AND grant_ended_at IS NULL
RETURNING id;

-- name: block_senders_of_login
-- A person has to connect the mailbox again: until then nothing of it is claimed. Webhooks hear of it by the trigger
-- senders_told, and of a sender that was backed off already, for something else, from here.
WITH before AS (
    SELECT s.workspace_id, s.id, s.failures > 0 AS was_blocked FROM senders s
    WHERE s.workspace_id = %(workspace_id)s AND s.login_id = %(login_id)s
    ORDER BY s.id FOR NO KEY UPDATE
), blocked AS (
    UPDATE senders s
    SET failures = greatest(s.failures, 1), block_reason = %(reason)s,
        blocked_since = CASE WHEN s.failures = 0 THEN now() ELSE s.blocked_since END,
        blocked_until = now() + interval '1 hour', block_kind = 'LOGIN'
    FROM before b WHERE s.workspace_id = b.workspace_id AND s.id = b.id
    RETURNING s.workspace_id, s.id, s.email, s.block_reason, s.blocked_until, b.was_blocked
)
SELECT tell(workspace_id, 'sender.blocked', jsonb_build_object(
    'senderId', id, 'email', email, 'reason', block_reason, 'blockedUntil', blocked_until))
FROM blocked WHERE was_blocked;

-- name: unblock_senders_of_login
-- Unblock the login's senders, whose trouble is mended; each is looked at again, and what is read by the grant is read at
-- once, whatever its back-off: a follow-up waits for that.
WITH unblocked AS (
    UPDATE senders SET failures = 0, blocked_until = NULL, block_reason = NULL
    WHERE workspace_id = %(workspace_id)s AND login_id = %(login_id)s
    RETURNING id, imap_username
), looked_at AS (
    UPDATE inboxes SET next_at = least(next_at, now())
    WHERE workspace_id = %(workspace_id)s AND sender_id IN (SELECT id FROM unblocked WHERE imap_username IS NULL)
)
SELECT id FROM unblocked ORDER BY id;

-- name: due_for_refresh
-- A provider's logins to refresh ahead of need: those in use, by a worker's connections or because their mailbox is read
-- with them, and, as refresh tokens die of disuse, any that was not refreshed for a day since it was due.
SELECT l.workspace_id, l.id FROM logins l
WHERE l.credential = 'OAUTH' AND l.provider = %(provider)s AND l.grant_ended_at IS NULL AND l.refresh_at <= now()
  AND (l.refresh_lease_until IS NULL OR l.refresh_lease_until <= now())
  AND (l.refresh_after IS NULL OR l.refresh_after <= now())
  AND (l.refresh_at <= now() - interval '1 day'
       OR EXISTS (SELECT FROM senders s JOIN lanes c ON c.workspace_id = s.workspace_id AND c.sender_id = s.id
                  WHERE s.workspace_id = l.workspace_id AND s.login_id = l.id)
       OR EXISTS (SELECT FROM senders s JOIN inboxes i ON i.workspace_id = s.workspace_id AND i.sender_id = s.id
                  WHERE s.workspace_id = l.workspace_id AND s.login_id = l.id AND s.imap_username IS NULL))
ORDER BY l.refresh_at
LIMIT %(most)s;
