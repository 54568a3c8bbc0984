-- name: lock_accounts
-- New accounts are made one at a time: the first becomes the administrator, and there must be one first.
SELECT pg_advisory_xact_lock(hashtextextended('reachinbox accounts', 0));

-- name: any_admin
-- Whether there is an administrator already.
SELECT EXISTS (SELECT FROM users WHERE is_admin) AS any;

-- name: user_by_id
-- An account by its id.
SELECT id, email, is_admin, password_hash FROM users WHERE id = %(user_id)s;

-- name: list_users
-- All accounts, for the administrator, oldest first.
SELECT id, email, is_admin, created_at FROM users
WHERE %(after)s::bigint IS NULL OR id > %(after)s
ORDER BY id LIMIT %(limit)s;

-- name: hold_password
-- Keep a password as it is until the end of the transaction; no row: it is another already.
SELECT id FROM users
WHERE id = %(user_id)s AND password_hash IS NOT DISTINCT FROM %(password_hash)s
FOR NO KEY UPDATE;

-- name: set_password
-- A new password for an account.
UPDATE users SET password_hash = %(password_hash)s WHERE id = %(user_id)s;

-- name: prove_address
-- Mail to the account's address reaches its user.
UPDATE users SET email_proven_at = now() WHERE id = %(user_id)s AND email_proven_at IS NULL RETURNING id;

-- name: hand_over
-- What somebody else may have set up goes on by itself no more: campaigns wait, webhooks are told nothing, senders lose
-- the servers of others. Campaigns first, or their mail would leave by the fallback server.
WITH paused AS (
    UPDATE campaigns SET status = 'PAUSED' WHERE user_id = %(user_id)s AND status = 'ACTIVE'
),
hushed AS (
    UPDATE webhooks
    SET disabled_at = coalesce(disabled_at, now()), disabled_reason = 'made before the account was given to its owner'
    WHERE user_id = %(user_id)s
)
UPDATE senders SET host = NULL, port = NULL, security = NULL, username = NULL, password_encrypted = NULL
WHERE user_id = %(user_id)s AND host IS NOT NULL;

-- name: count_login_attempt
-- Count one more attempt before the password is looked at, and tell how many that makes in this window. One statement:
-- attempts in parallel are counted one after the other.
INSERT INTO login_attempts AS a (subject, window_start, count)
VALUES (%(subject)s, date_bin('15 minutes', now(), 'epoch'), 1)
ON CONFLICT (subject, window_start) DO UPDATE SET count = a.count + 1
RETURNING count, extract(epoch FROM window_start + interval '15 minutes' - now())::integer AS retry_s;

-- name: forget_login_attempts
-- A login that worked starts the account's count anew; old windows go at the same time.
DELETE FROM login_attempts WHERE subject = %(subject)s OR window_start < now() - interval '1 hour';

-- name: insert_session
-- A new login from here on.
INSERT INTO sessions (token_sha256, user_id, expires_at, address, user_agent)
VALUES (%(token_sha256)s, %(user_id)s, now() + make_interval(secs => %(absolute_s)s), %(address)s, %(user_agent)s);

-- name: touch_session
-- Whose session this is, if it is neither idle for too long nor too old. Written once a minute at most.
WITH live AS (
    SELECT s.token_sha256, s.id, s.user_id, s.last_seen_at
    FROM sessions s
    WHERE s.token_sha256 = %(token_sha256)s AND s.expires_at > now()
      AND s.last_seen_at > now() - make_interval(secs => %(idle_s)s)
),
touched AS (
    UPDATE sessions s SET last_seen_at = now()
    FROM live
    WHERE s.token_sha256 = live.token_sha256 AND live.last_seen_at < now() - interval '1 minute'
)
SELECT live.id AS session_id, u.id, u.email, u.is_admin FROM live JOIN users u ON u.id = live.user_id;

-- name: list_sessions
-- A user's sessions that still work, latest used first.
SELECT id, created_at, last_seen_at, expires_at, address, user_agent FROM sessions
WHERE user_id = %(user_id)s AND expires_at > now()
  AND last_seen_at > now() - make_interval(secs => %(idle_s)s)
ORDER BY last_seen_at DESC, id DESC;

-- name: end_session
-- Log out one session of the user.
DELETE FROM sessions WHERE user_id = %(user_id)s AND id = %(session_id)s RETURNING id;

-- name: end_sessions
-- Log the user out everywhere, but for the session that asks.
DELETE FROM sessions WHERE user_id = %(user_id)s AND id IS DISTINCT FROM %(but_session_id)s;

-- name: end_old_sessions
-- What nobody can use any more.
DELETE FROM sessions WHERE expires_at < now() OR last_seen_at < now() - make_interval(secs => %(idle_s)s);

-- name: insert_invitation
-- An invitation by the administrator.
INSERT INTO invitations (token_sha256, invited_by, email, expires_at)
VALUES (%(token_sha256)s, %(user_id)s, %(email)s, now() + make_interval(secs => %(for_s)s))
RETURNING id, email, created_at, expires_at, used_at;

-- name: list_invitations
-- All invitations, newest first.
SELECT id, email, created_at, expires_at, used_at FROM invitations ORDER BY id DESC LIMIT %(limit)s;

-- name: revoke_invitation
-- An invitation that should not be used any more.
DELETE FROM invitations WHERE id = %(invitation_id)s AND used_at IS NULL RETURNING id;

-- name: use_invitation
-- Use it, once, for the address it names if it names one.
UPDATE invitations SET used_at = now()
WHERE token_sha256 = %(token_sha256)s AND used_at IS NULL AND expires_at > now()
  AND (email IS NULL OR lower(email) = lower(%(email)s))
RETURNING id;

-- name: insert_password_reset
-- A reset somebody asked for; the link to it is signed and sent by the worker.
INSERT INTO password_resets (user_id, expires_at)
SELECT id, now() + make_interval(secs => %(for_s)s) FROM users WHERE lower(email) = lower(%(email)s)
RETURNING id;

-- name: password_reset_for_mail
-- Where the mail with the link goes.
SELECT u.email FROM password_resets r JOIN users u ON u.id = r.user_id
WHERE r.id = %(reset_id)s AND r.used_at IS NULL AND r.expires_at > now();

-- name: use_password_reset
-- Use the link, once; all others of the account stop working with it.
UPDATE password_resets SET used_at = now()
WHERE user_id = (SELECT r.user_id FROM password_resets r
                 WHERE r.id = %(reset_id)s AND r.used_at IS NULL AND r.expires_at > now() FOR UPDATE)
  AND used_at IS NULL
RETURNING user_id;

-- name: insert_oidc_login
-- A login at a provider begins; those never finished go at the same time.
WITH stale AS (DELETE FROM oidc_logins WHERE created_at < now() - interval '1 day')
INSERT INTO oidc_logins (state_sha256, browser_sha256, nonce, code_verifier, invitation)
VALUES (%(state_sha256)s, %(browser_sha256)s, %(nonce)s, %(code_verifier)s, %(invitation)s);

-- name: take_oidc_login
-- The login this state began, once, within ten minutes.
DELETE FROM oidc_logins WHERE state_sha256 = %(state_sha256)s
RETURNING browser_sha256, nonce, code_verifier, invitation, created_at > now() - interval '10 minutes' AS fresh;

-- name: user_of_identity
-- Whose account at the provider this is.
SELECT u.id, u.email, u.is_admin FROM identities i JOIN users u ON u.id = i.user_id
WHERE i.issuer = %(issuer)s AND i.subject = %(subject)s;

-- name: insert_identity
-- From now on this account at the provider logs the user in.
INSERT INTO identities (issuer, subject, user_id) VALUES (%(issuer)s, %(subject)s, %(user_id)s);

-- name: insert_audit
-- What somebody did, when, from where.
INSERT INTO audit_log (user_id, action, subject, address, user_agent)
VALUES (%(user_id)s, %(action)s, %(subject)s, %(address)s, %(user_agent)s);

-- name: list_audit
-- A page of the user's log, newest first.
SELECT id, at, action, subject, address, user_agent FROM audit_log
WHERE user_id = %(user_id)s AND (%(before)s::bigint IS NULL OR id < %(before)s)
ORDER BY id DESC LIMIT %(limit)s;
