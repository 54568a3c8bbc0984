-- Recipient lists that a workspace has uploaded: named by previews and campaigns instead of being sent with each.

CREATE TABLE IF NOT EXISTS recipient_lists (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id  bigint NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    kind          text NOT NULL CHECK (kind IN ('csv', 'json')),  -- json: a recipient a line
    name          text,  -- of the file
    size          bigint NOT NULL CHECK (size > 0),  -- bytes, over all of its chunks
    rows          integer NOT NULL CHECK (rows > 0),  -- with content, a header among them
    csv           jsonb CHECK ((kind = 'csv') = (csv IS NOT NULL)),  -- its columns, and how its first rows read
    created_at    timestamptz NOT NULL DEFAULT now(),
    used_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS recipient_lists_of_workspace ON recipient_lists (workspace_id, id);
CREATE INDEX IF NOT EXISTS recipient_lists_unused ON recipient_lists (used_at);

-- Whole lines of UTF-8, so that a recipient's address is never parted.
CREATE TABLE IF NOT EXISTS recipient_list_chunks (
    workspace_id  bigint NOT NULL,
    list_id       bigint NOT NULL REFERENCES recipient_lists ON DELETE CASCADE,
    number        integer NOT NULL,
    content       bytea NOT NULL,
    PRIMARY KEY (list_id, number)
);
ALTER TABLE recipient_list_chunks ALTER COLUMN content SET STORAGE EXTERNAL;  -- compressing costs more than it spares

GRANT SELECT, INSERT, UPDATE, DELETE ON recipient_lists, recipient_list_chunks TO reachinbox_tenant;
DO $$
BEGIN
    PERFORM keep_tenants_apart('recipient_lists');
    PERFORM keep_tenants_apart('recipient_list_chunks');
END $$;
