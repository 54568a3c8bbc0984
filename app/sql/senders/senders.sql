-- name: insert_sender
-- A mailbox to send from.
INSERT INTO senders (workspace_id, login_id, email, display_name, reply_to, host, port, security, username, is_default,
                     copy_to_sent)
VALUES (%(workspace_id)s, %(login_id)s, %(email)s, %(display_name)s, %(reply_to)s, %(host)s, %(port)s, %(security)s,
        %(username)s, %(is_default)s, %(copy_to_sent)s)
RETURNING id;

-- name: set_sender_password
-- The password alone: it is encrypted for its row, whose id is known only once it is there.
UPDATE senders SET password_encrypted = %(password_encrypted)s
WHERE workspace_id = %(workspace_id)s AND id = %(sender_id)s;

-- name: list_senders
-- A page of senders, oldest first, with what is left of their logins' limits.
SELECT s.id, s.email, s.display_name, s.reply_to, s.host, s.port, s.security, s.username, s.password_encrypted,
       l.credential AS kind, l.provider, l.grant_ended_at, l.grant_error, s.imap_host, s.imap_port, s.imap_security,
       s.imap_username, s.copy_to_sent, s.verify_imap_error, i.whole_at AS imap_whole_at, i.error AS imap_error,
       i.failing_since AS imap_failing_since, w.one_click_signed, w.message_id_kept, w.sent_copy, w.dmarc_aligned,
       w.inbox_read, w.done_at AS checked_at, l.hourly_limit,
       l.max_connections, l.daily_limit, nullif(l.least_gap_ms, 0) / 1000 AS least_gap_seconds, l.ramp_from,
       l.ramp_per_day, l.timezone, s.is_default, s.blocked_until, s.block_reason, s.verified_at, s.verify_error,
       s.created_at, s.retired_at, nullif(s.sandbox_until, s.created_at) AS sandbox_until, r.used AS used_this_hour,
       r.used_today, r.left_today, r.ramp_today,
       greatest(least(r.allowed - r.used, g.fit), 0) AS left_this_hour,
       ARRAY (SELECT o.id FROM senders o
              WHERE o.workspace_id = s.workspace_id AND o.login_id = s.login_id AND o.id <> s.id
              ORDER BY o.id) AS shares_login_with
FROM senders s
JOIN logins l ON l.workspace_id = s.workspace_id AND l.id = s.login_id
LEFT JOIN read_senders d ON d.workspace_id = s.workspace_id AND d.sender_id = s.id
LEFT JOIN inboxes i ON i.workspace_id = d.workspace_id AND i.sender_id = d.inbox_id
LEFT JOIN wire_checks w ON w.workspace_id = s.workspace_id AND w.sender_id = s.id AND w.done_at IS NOT NULL
CROSS JOIN LATERAL login_room(s.workspace_id, s.login_id, this_hour()) r
-- By the least gap, so many begin in the rest of the hour.
CROSS JOIN LATERAL (
    SELECT ceil(extract(epoch FROM this_hour() + interval '1 hour' - greatest(now(), (
               SELECT w.free_at FROM login_windows w
               WHERE w.workspace_id = s.workspace_id AND w.login_id = s.login_id
               ORDER BY w.window_start DESC LIMIT 1))) * 1000 / nullif(l.least_gap_ms, 0))::integer AS fit
) g
WHERE s.workspace_id = %(workspace_id)s
  AND (%(sender_id)s::bigint IS NULL OR s.id = %(sender_id)s)
  AND (%(after)s::bigint IS NULL OR s.id > %(after)s)
ORDER BY s.id
LIMIT %(limit)s;

-- name: update_sender
-- Change a mailbox; NULL leaves a column alone. A changed server or login may mend what blocked the sender.
UPDATE senders
SET email = coalesce(%(email)s, email),
    display_name = coalesce(%(display_name)s, display_name),
    copy_to_sent = coalesce(%(copy_to_sent)s, copy_to_sent),
    reply_to = CASE WHEN %(set_reply_to)s THEN %(reply_to)s ELSE reply_to END,
    host = CASE WHEN %(set_server)s THEN %(host)s ELSE host END,
    port = CASE WHEN %(set_server)s THEN %(port)s ELSE port END,
    security = CASE WHEN %(set_server)s THEN %(security)s ELSE security END,
    username = CASE WHEN %(set_server)s THEN %(username)s ELSE username END,
    password_encrypted = CASE WHEN %(set_server)s AND NOT %(keep_password)s OR %(password)s::bytea IS NOT NULL
                              THEN %(password)s ELSE password_encrypted END,
    blocked_until = CASE WHEN %(set_server)s THEN NULL ELSE blocked_until END,
    block_reason = CASE WHEN %(set_server)s THEN NULL ELSE block_reason END,
    failures = CASE WHEN %(set_server)s THEN 0 ELSE failures END,
    -- Once: of what it sent when a server of its own was there before, nothing lies in the sandbox, and it has had
    -- none "until it was made", which is read as never.
    sandbox_until = CASE WHEN %(set_server)s AND sandbox_until IS NULL THEN
                             CASE WHEN host IS NOT NULL THEN created_at
                                  WHEN %(host)s::text IS NOT NULL AND %(sandboxed)s THEN now() END
                         ELSE sandbox_until END
WHERE workspace_id = %(workspace_id)s AND id = %(sender_id)s;

-- name: leave_campaigns
-- The sender's parts in campaigns that it was taken out of, where it has sent nothing and waits for nothing.
DELETE FROM streams
WHERE workspace_id = %(workspace_id)s AND sender_id = %(sender_id)s AND total = 0 AND taken_out_at IS NOT NULL;

-- name: delete_sender
-- Only a sender without campaigns goes; the foreign key says so otherwise.
DELETE FROM senders WHERE workspace_id = %(workspace_id)s AND id = %(sender_id)s RETURNING login_id;

-- name: delete_login
-- With the last of its senders goes a login.
DELETE FROM logins l
WHERE l.workspace_id = %(workspace_id)s AND l.id = %(login_id)s
  AND NOT EXISTS (SELECT FROM senders s WHERE s.workspace_id = l.workspace_id AND s.login_id = l.id);
