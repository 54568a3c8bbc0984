-- Recipient lists that a workspace has uploaded: named by previews and campaigns instead of being sent with each.

CREATE TABLE IF NOT EXISTS recipient_lists (
    workspace_id  bigint NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    id            bigint GENERATED ALWAYS AS IDENTITY,
    kind          text NOT NULL CHECK (kind IN ('csv', 'json')),  -- json: a recipient a line
    name          text,  -- of the file
    size          bigint NOT NULL CHECK (size > 0),  -- bytes, over all of its chunks
    rows          integer NOT NULL CHECK (rows > 0),  -- with content, a header among them
    csv           jsonb CHECK ((kind = 'csv') = (csv IS NOT NULL)),  -- its columns, and how its first rows read
    created_at    timestamptz NOT NULL DEFAULT now(),
    used_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX IF NOT EXISTS recipient_lists_unused ON recipient_lists (used_at);

-- Whole lines of UTF-8, so that a recipient's address is never parted.
CREATE TABLE IF NOT EXISTS recipient_list_chunks (
    workspace_id  bigint NOT NULL,
    list_id       bigint NOT NULL,
    number        integer NOT NULL,
    content       bytea NOT NULL,
    PRIMARY KEY (workspace_id, list_id, number),
    FOREIGN KEY (workspace_id, list_id) REFERENCES recipient_lists (workspace_id, id) ON DELETE CASCADE
);
ALTER TABLE recipient_list_chunks ALTER COLUMN content SET STORAGE EXTERNAL;  -- compressing costs more than it spares

GRANT SELECT, INSERT, UPDATE, DELETE ON recipient_lists, recipient_list_chunks TO reachinbox_tenant;
DO $$
BEGIN
    PERFORM keep_tenants_apart('recipient_lists');
    PERFORM keep_tenants_apart('recipient_list_chunks');
END $$;
