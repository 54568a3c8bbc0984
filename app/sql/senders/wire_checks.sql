-- name: readers
-- The sender to check, and the one whose mailbox the mail goes to: of the address given, or the sender itself.
SELECT s.id, s.email, r.id AS reader_id, r.imap_host IS NOT NULL AS is_read
FROM senders s
LEFT JOIN LATERAL (
    SELECT o.id, o.imap_host FROM senders o
    WHERE o.workspace_id = s.workspace_id
      AND CASE WHEN %(to)s::text IS NULL THEN o.id = s.id
               ELSE address_key(o.email) = address_key(%(to)s::text) END
    ORDER BY o.imap_host IS NULL, o.id
    LIMIT 1
) r ON true
WHERE s.workspace_id = %(workspace_id)s AND s.id = %(sender_id)s
FOR NO KEY UPDATE OF s;

-- name: request_check
-- Have it made anew. No row: one is being made, and not for so long that its worker must have died.
INSERT INTO wire_checks AS w (workspace_id, sender_id, reader_id)
VALUES (%(workspace_id)s, %(sender_id)s, %(reader_id)s)
ON CONFLICT (workspace_id, sender_id) DO UPDATE
SET reader_id = excluded.reader_id, requested_at = now(), started_at = NULL, done_at = NULL, findings = '[]',
    one_click_signed = NULL, message_id_kept = NULL, sent_copy = NULL, dmarc_aligned = NULL, inbox_read = NULL,
    latency_ms = NULL, used_message_id = NULL
WHERE w.done_at IS NOT NULL OR w.requested_at < now() - make_interval(secs => %(given_up_s)s)
RETURNING requested_at;

-- name: read_check
-- The findings of a sender's last check.
SELECT r.email AS to, w.requested_at, w.done_at, w.findings, w.one_click_signed, w.message_id_kept, w.sent_copy,
       w.dmarc_aligned, w.inbox_read, w.latency_ms, w.used_message_id,
       w.done_at IS NULL AND w.requested_at < now() - make_interval(secs => %(given_up_s)s) AS is_given_up
FROM wire_checks w
LEFT JOIN senders r ON r.workspace_id = w.workspace_id AND r.id = w.reader_id
WHERE w.workspace_id = %(workspace_id)s AND w.sender_id = %(sender_id)s;

-- name: begin_check
-- A worker takes the check on, once: to begin anew would send another mail.
UPDATE wire_checks SET started_at = now()
WHERE workspace_id = %(workspace_id)s AND sender_id = %(sender_id)s AND started_at IS NULL
RETURNING reader_id, requested_at;

-- name: hold_window
-- Hold the current window of the sender's login, which is made if need be.
SELECT lock_window(%(workspace_id)s::bigint, %(sender_id)s::bigint) AS login_id;

-- name: take_allowance
-- One handover of the window that is held. No row: its limit has nothing left.
UPDATE login_windows w SET used = w.used + 1
WHERE w.workspace_id = %(workspace_id)s AND w.login_id = %(login_id)s AND w.window_start = this_hour()
  AND w.used < w.allowed
RETURNING w.used;

-- name: end_check
-- Keep what a worker found by the check that was asked for then. A habit lasts until a check tells another.
UPDATE wire_checks
SET done_at = now(), findings = %(findings)s::jsonb, one_click_signed = %(one_click_signed)s,
    message_id_kept = %(message_id_kept)s, sent_copy = %(sent_copy)s, dmarc_aligned = %(dmarc_aligned)s,
    inbox_read = %(inbox_read)s, latency_ms = %(latency_ms)s, used_message_id = %(used_message_id)s,
    habit_word = CASE WHEN %(message_id_kept)s::boolean IS NULL THEN habit_word ELSE %(habit_word)s END,
    habit_domain = CASE WHEN %(message_id_kept)s::boolean IS NULL THEN habit_domain ELSE %(habit_domain)s END,
    habit_kept = coalesce(%(message_id_kept)s, habit_kept)
WHERE workspace_id = %(workspace_id)s AND sender_id = %(sender_id)s AND requested_at = %(requested_at)s
  AND done_at IS NULL;

-- name: note_selectors
-- By which DKIM selectors the sender's mail is signed for its domain: the DNS check looks for these from now on.
INSERT INTO sender_dns AS d (workspace_id, sender_id, domain, selectors)
VALUES (%(workspace_id)s, %(sender_id)s, %(domain)s, %(selectors)s)
ON CONFLICT (workspace_id, sender_id) DO UPDATE
SET selectors = excluded.selectors, domain = excluded.domain,
    checked_at = least(d.checked_at, now() - interval '2 days')
WHERE d.domain <> excluded.domain OR d.selectors <> excluded.selectors;
