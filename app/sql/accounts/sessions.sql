-- name: insert_session
-- A new login from here on.
INSERT INTO sessions (token_sha256, user_id, workspace_id, expires_at, address, user_agent)
VALUES (%(token_sha256)s, %(user_id)s, %(workspace_id)s, now() + make_interval(secs => %(absolute_s)s), %(address)s,
        %(user_agent)s);

-- name: touch_session
-- The user of a session that is neither idle for too long nor too old. Its use is written once a minute at most.
WITH live AS (
    SELECT s.token_sha256, s.id, s.user_id, s.workspace_id, s.last_seen_at
    FROM sessions s
    WHERE s.token_sha256 = %(token_sha256)s AND s.expires_at > now()
      AND s.last_seen_at > now() - make_interval(secs => %(idle_s)s)
),
touched AS (
    UPDATE sessions s SET last_seen_at = now()
    FROM live
    WHERE s.token_sha256 = live.token_sha256 AND live.last_seen_at < now() - interval '1 minute'
)
SELECT live.id AS session_id, u.id, u.email, u.is_admin, w.*
FROM live
JOIN users u ON u.id = live.user_id AND u.disabled_at IS NULL
LEFT JOIN LATERAL workspace_of(u.id, live.workspace_id) w ON true;

-- name: select_workspace
-- From now on the session is about this workspace. No row: its person is no member.
UPDATE sessions s SET workspace_id = m.workspace_id
FROM members m
WHERE s.id = %(session_id)s AND s.user_id = %(user_id)s
  AND m.user_id = s.user_id AND m.workspace_id = %(workspace_id)s
RETURNING m.workspace_id, (SELECT name FROM workspaces w WHERE w.id = m.workspace_id) AS workspace_name, m.role;

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
DELETE FROM sessions WHERE user_id = %(user_id)s AND id IS DISTINCT FROM %(but_session_id)s RETURNING id;

-- name: end_surplus_sessions
-- More than anybody uses: those of the user that were used last stay.
DELETE FROM sessions WHERE id = ANY (ARRAY(
    SELECT id FROM sessions WHERE user_id = %(user_id)s
    ORDER BY last_seen_at DESC, id DESC OFFSET %(most)s));

-- name: end_old_sessions
-- Remove sessions that nobody can use any more.
DELETE FROM sessions WHERE expires_at < now() OR last_seen_at < now() - make_interval(secs => %(idle_s)s);
