-- name: is_recorded
-- Whether the message was recorded before, by whichever mailbox it came in.
SELECT EXISTS (SELECT FROM responses WHERE workspace_id = %(workspace_id)s AND message_id = %(message_id)s) AS there;

-- name: hear_stop
-- Remember a message that answers an email which was removed and says stop. No row: it was heard before.
INSERT INTO heard_stops (workspace_id, message)
VALUES (%(workspace_id)s, sha256(convert_to(%(message_id)s, 'UTF8')))
ON CONFLICT DO NOTHING
RETURNING heard_at;

-- name: insert_response
-- A response. No row: it is there already.
INSERT INTO responses (
    workspace_id, kind, email_id, campaign_id, stream_id, sender_id, recipient, writer, writer_name, weak, message_id,
    folder, uid_validity, uid, received_at, subject, text, html, attachments, severity, reason, code, enhanced_code,
    diagnostic, of_sender, back_on)
VALUES (
    %(workspace_id)s, %(kind)s, %(email_id)s, %(campaign_id)s, %(stream_id)s, %(sender_id)s, %(recipient)s, %(writer)s,
    %(writer_name)s, %(weak)s, %(message_id)s, %(folder)s, %(uid_validity)s, %(uid)s,
    least(%(received_at)s::timestamptz, now()), %(subject)s, %(text)s, %(html)s, %(attachments)s, %(severity)s,
    %(reason)s, %(code)s, %(enhanced_code)s, %(diagnostic)s, %(of_sender)s, %(back_on)s)
ON CONFLICT (workspace_id, message_id) DO NOTHING
RETURNING id;

-- name: about
-- The email that what comes back for this one is about: of a person's answer, the one that its thread began with.
SELECT coalesce(c.thread_email_id, e.id) AS id
FROM emails e
JOIN campaigns c ON c.workspace_id = e.workspace_id AND c.id = e.campaign_id
WHERE e.workspace_id = %(workspace_id)s AND e.id = %(email_id)s;

-- name: email_now
-- The status of an email, once its stream is held, and whether the campaign that it is `about` has later steps. No row: it is
-- gone, or was erased.
SELECT e.status, coalesce(o.step_id IS NOT NULL, false) AS stepped, coalesce(c.stop_on_auto_reply, false) AS stop_on_auto_reply
FROM emails e
LEFT JOIN emails o ON o.workspace_id = e.workspace_id AND o.id = %(about)s
LEFT JOIN campaigns c ON c.workspace_id = o.workspace_id AND c.id = o.campaign_id
WHERE e.workspace_id = %(workspace_id)s AND e.id = %(email_id)s AND e.erased_at IS NULL;

-- name: tally
-- The counts of the stream, once a response to one of its emails is new or is something else: of each kind an email counts
-- once. `seen` says what it counted for before; the stream is locked. A recipient who did not exist as it was handed over is
-- counted for the brake by that.
WITH after AS (
    SELECT t.replied, t.auto_replied, t.bounced, t.complained, t.unsubscribed
    FROM response_kinds(%(workspace_id)s::bigint, %(email_id)s::bigint) t
)
UPDATE streams s
SET replied = s.replied + a.replied::integer - %(replied)s::boolean::integer,
    auto_replied = s.auto_replied + a.auto_replied::integer - %(auto_replied)s::boolean::integer,
    bounced = s.bounced + CASE WHEN EXISTS (SELECT FROM emails e
                                            JOIN attempts t ON t.workspace_id = e.workspace_id AND t.email_id = e.id
                                                               AND t.number = e.attempts
                                            WHERE e.workspace_id = %(workspace_id)s AND e.id = %(email_id)s
                                              AND e.status = 'FAILED' AND t.dead)
                               THEN 0 ELSE a.bounced::integer - %(bounced)s::boolean::integer END,
    complained = s.complained + a.complained::integer - %(complained)s::boolean::integer,
    unsubscribed = s.unsubscribed + a.unsubscribed::integer - %(unsubscribed)s::boolean::integer
FROM after a
WHERE s.workspace_id = %(workspace_id)s AND s.id = %(stream_id)s
  AND (a.replied, a.auto_replied, a.bounced, a.complained, a.unsubscribed)
      IS DISTINCT FROM (%(replied)s::boolean, %(auto_replied)s::boolean, %(bounced)s::boolean, %(complained)s::boolean,
                        %(unsubscribed)s::boolean);

-- name: kinds
-- For what the responses to an email count.
SELECT replied, auto_replied, bounced, complained, unsubscribed
FROM response_kinds(%(workspace_id)s::bigint, %(email_id)s::bigint);
