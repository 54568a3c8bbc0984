-- Direct mail is left out of lists of emails, and found when it is asked for.
CREATE INDEX IF NOT EXISTS streams_direct ON streams (workspace_id, id) WHERE direct;
