-- A retired sender's mailbox is read as long as a campaign that has something to do has answers there: a follow-up waits until it was.

CREATE INDEX IF NOT EXISTS campaigns_answered_elsewhere ON campaigns (workspace_id, address_key(reply_to))
    WHERE reply_to IS NOT NULL;
CREATE INDEX IF NOT EXISTS senders_answered_elsewhere ON senders (workspace_id, address_key(reply_to))
    WHERE reply_to IS NOT NULL;

CREATE OR REPLACE FUNCTION awaits_answers(p senders) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM streams t
                   WHERE t.workspace_id = p.workspace_id AND t.sender_id = p.id
                     AND t.scheduled + t.sending + t.unknown + t.following > 0)
        OR EXISTS (SELECT FROM earlier_mailboxes m
                   JOIN streams t ON t.workspace_id = m.workspace_id AND t.id = m.stream_id
                   WHERE m.workspace_id = p.workspace_id AND m.sender_id = p.id
                     AND t.scheduled + t.sending + t.unknown + t.following > 0)
        OR EXISTS (SELECT FROM campaigns c
                   JOIN streams t ON t.workspace_id = c.workspace_id AND t.campaign_id = c.id
                   WHERE c.workspace_id = p.workspace_id AND c.reply_to IS NOT NULL
                     AND address_key(c.reply_to) = address_key(p.email)
                     AND t.scheduled + t.sending + t.unknown + t.following > 0)
        OR EXISTS (SELECT FROM senders s
                   JOIN streams t ON t.workspace_id = s.workspace_id AND t.sender_id = s.id
                   JOIN campaigns c ON c.workspace_id = t.workspace_id AND c.id = t.campaign_id
                   WHERE s.workspace_id = p.workspace_id AND s.reply_to IS NOT NULL
                     AND address_key(s.reply_to) = address_key(p.email) AND c.reply_to IS NULL
                     AND t.scheduled + t.sending + t.unknown + t.following > 0)
$$;
COMMENT ON FUNCTION awaits_answers IS
    'Whether something that waits, is sent, is in doubt or follows has answers in a sender''s mailbox: of its own, or of what names'
    ' it, or named it, for answers';
GRANT EXECUTE ON FUNCTION awaits_answers TO reachinbox_tenant;

CREATE OR REPLACE VIEW read_senders WITH (security_invoker = true) AS
    SELECT workspace_id, id AS sender_id, login_id,
           min(id) OVER (PARTITION BY workspace_id, imap_host, imap_port, imap_username,
                                      CASE WHEN imap_username IS NULL THEN login_id END) AS inbox_id
    FROM senders s
    WHERE imap_host IS NOT NULL AND (retired_at IS NULL OR awaits_answers(s));
