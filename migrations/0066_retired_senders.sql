-- A sender that is retired keeps its history. No campaign can choose it, and what it has begun it ends.
ALTER TABLE senders ADD COLUMN IF NOT EXISTS retired_at timestamptz;
ALTER TABLE senders ADD COLUMN IF NOT EXISTS sandbox_until timestamptz;
COMMENT ON COLUMN senders.sandbox_until IS 'When it got a server of its own: what it sent before lies in the sandbox; NULL: it never got one';
COMMENT ON COLUMN senders.retired_at IS 'Since when no campaign can choose it; NULL: it can';

-- As before, without who is retired and owes nothing any more: nobody waits for an answer to them.
CREATE OR REPLACE VIEW read_senders WITH (security_invoker = true) AS
    SELECT workspace_id, id AS sender_id, login_id,
           min(id) OVER (PARTITION BY workspace_id, imap_host, imap_port, imap_username,
                                      CASE WHEN imap_username IS NULL THEN login_id END) AS inbox_id
    FROM senders s
    WHERE imap_host IS NOT NULL
      AND (retired_at IS NULL
           OR EXISTS (SELECT FROM streams t
                      WHERE t.workspace_id = s.workspace_id AND t.sender_id = s.id
                        AND t.scheduled + t.sending + t.unknown + t.following > 0));
