-- Who says stop to an email that was removed has no response of theirs kept, and the message may be read again: in another
-- folder, or once the server numbers anew. It is remembered that it was heard, so that it does not undo what a member said since.
CREATE TABLE IF NOT EXISTS heard_stops (
    workspace_id  bigint NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    message       bytea NOT NULL,  -- a digest of its Message-ID
    heard_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, message)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON heard_stops TO reachinbox_tenant;
DO $$ BEGIN PERFORM keep_tenants_apart('heard_stops'); END $$;
CREATE INDEX IF NOT EXISTS heard_stops_by_age ON heard_stops (heard_at);
