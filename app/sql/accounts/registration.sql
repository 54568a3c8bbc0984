-- name: insert_invitation
-- An invitation by the administrator.
INSERT INTO invitations (token_sha256, invited_by, email, expires_at)
VALUES (%(token_sha256)s, %(user_id)s, %(email)s, now() + make_interval(secs => %(for_s)s))
RETURNING id, email, created_at, expires_at, used_at;

-- name: list_invitations
-- A page of invitations, newest first.
SELECT id, email, created_at, expires_at, used_at FROM invitations
WHERE %(before)s::bigint IS NULL OR id < %(before)s
ORDER BY id DESC LIMIT %(limit)s;

-- name: revoke_invitation
-- An invitation that should not be used any more.
DELETE FROM invitations WHERE id = %(invitation_id)s AND used_at IS NULL RETURNING id;

-- name: revoke_invitations_by
-- None of those that somebody made lets anybody in any more.
DELETE FROM invitations WHERE invited_by = %(user_id)s AND used_at IS NULL RETURNING id;

-- name: open_invitation
-- An invitation that this address may use: any, or the one that it names. A disabled account invites nobody.
SELECT i.id FROM invitations i JOIN users u ON u.id = i.invited_by
WHERE i.token_sha256 = %(token_sha256)s AND i.used_at IS NULL AND i.expires_at > now() AND u.disabled_at IS NULL
  AND (i.email IS NULL OR address_key(i.email) = address_key(%(email)s));

-- name: use_invitation
-- Use it, once. No row: it has just been used, or taken back.
UPDATE invitations SET used_at = now() WHERE id = %(invitation_id)s AND used_at IS NULL RETURNING id;
