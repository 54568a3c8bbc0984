-- transactional: false
-- Answers to what came back, and who may read that.

-- An answer is direct mail in the thread of an email: `thread` has the Message-IDs that came before it in there, the one it
-- answers last.
ALTER TABLE campaigns
    ADD COLUMN IF NOT EXISTS thread_email_id bigint,
    ADD COLUMN IF NOT EXISTS thread text[];
ALTER TABLE campaigns DROP CONSTRAINT IF EXISTS campaigns_thread;
ALTER TABLE campaigns ADD CONSTRAINT campaigns_thread CHECK (thread_email_id IS NULL OR kind = 'DIRECT' AND thread IS NOT NULL);
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('campaigns_of_thread') AND NOT indisvalid) THEN
        DROP INDEX campaigns_of_thread;
    END IF;
END $$;
CREATE INDEX CONCURRENTLY IF NOT EXISTS campaigns_of_thread ON campaigns (workspace_id, thread_email_id)
    WHERE thread_email_id IS NOT NULL;

ALTER TABLE responses ADD COLUMN IF NOT EXISTS answered_at timestamptz;
CREATE INDEX IF NOT EXISTS responses_labelled ON responses (workspace_id, label) WHERE label IS NOT NULL;
CREATE INDEX IF NOT EXISTS responses_unread ON responses (workspace_id) WHERE read_at IS NULL AND forgotten_at IS NULL;

-- What came back is private to people: from which role on one reads it.
ALTER TABLE workspaces ADD COLUMN IF NOT EXISTS responses_for text NOT NULL DEFAULT 'viewer';
ALTER TABLE workspaces DROP CONSTRAINT IF EXISTS workspaces_responses_for;
ALTER TABLE workspaces ADD CONSTRAINT workspaces_responses_for CHECK (responses_for IN ('owner', 'member', 'viewer'));
