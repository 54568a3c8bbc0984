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

-- name: use_invitation
-- Use it, once, for the address it names if it names one.
UPDATE invitations SET used_at = now()
WHERE token_sha256 = %(token_sha256)s AND used_at IS NULL AND expires_at > now()
  AND (email IS NULL OR lower(email) = lower(%(email)s))
RETURNING id;
