-- Direct mail is claimed ahead of what is planned, however much of that is due.
CREATE INDEX IF NOT EXISTS streams_direct_due ON streams (workspace_id, sender_id, next_due_at)
    WHERE direct AND open AND next_due_at IS NOT NULL;
