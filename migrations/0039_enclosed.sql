-- What messages have beside their text: headers of one's own, who gets copies, files.

-- Of a text, and kept with it: an email shows the headers and files that it was sent with. `attachments` and `images`
-- name rows of `files`, images those that `body_html` shows.
DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['campaigns', 'campaign_contents', 'templates'] LOOP
        EXECUTE format(
            'ALTER TABLE %I
                 ADD COLUMN IF NOT EXISTS reply_to text,
                 ADD COLUMN IF NOT EXISTS headers jsonb NOT NULL DEFAULT ''{}'',
                 ADD COLUMN IF NOT EXISTS cc text[] NOT NULL DEFAULT ''{}'',
                 ADD COLUMN IF NOT EXISTS bcc text[] NOT NULL DEFAULT ''{}'',
                 ADD COLUMN IF NOT EXISTS attachments bigint[] NOT NULL DEFAULT ''{}'',
                 ADD COLUMN IF NOT EXISTS images bigint[] NOT NULL DEFAULT ''{}''', one);
        -- Few have any: who looks for whoever names a file, or copies an address, looks at these alone.
        EXECUTE format(
            'CREATE INDEX IF NOT EXISTS %I ON %I USING gin ((attachments || images))
             WHERE attachments <> ''{}'' OR images <> ''{}''', one || '_files', one);
        EXECUTE format(
            'CREATE INDEX IF NOT EXISTS %I ON %I (workspace_id) WHERE cc <> ''{}'' OR bcc <> ''{}'' OR reply_to IS NOT NULL',
            one || '_addressed', one);
    END LOOP;
END $$;

-- Where answers go that are not to come to the mailbox itself; a campaign may say otherwise.
ALTER TABLE senders ADD COLUMN IF NOT EXISTS reply_to text;

-- How many recipients each email has beside its own: they count toward limits.
ALTER TABLE streams ADD COLUMN IF NOT EXISTS copies smallint NOT NULL DEFAULT 0;
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'streams_copies') THEN
        ALTER TABLE streams ADD CONSTRAINT streams_copies CHECK (copies BETWEEN 0 AND 5);
    END IF;
END $$;

-- What goes along with messages: never changed, and gone once nothing names it any more.
CREATE TABLE IF NOT EXISTS files (
    workspace_id  bigint NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    id            bigint GENERATED ALWAYS AS IDENTITY,
    name          text NOT NULL CONSTRAINT files_name CHECK (name <> ''),
    type          text NOT NULL,  -- its media type, by its name and first bytes
    is_image      boolean NOT NULL,  -- that mail programs show: looked at whole
    size          bigint NOT NULL CONSTRAINT files_size CHECK (size > 0),  -- bytes, over all of its pieces
    warning       text,  -- why receivers may refuse it
    created_at    timestamptz NOT NULL DEFAULT now(),
    used_at       timestamptz NOT NULL DEFAULT now(),  -- when something last came to name it
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX IF NOT EXISTS files_used ON files (used_at);

-- Each but the last of as many bytes as `app.mail.enclosed` says: whole lines of base64.
CREATE TABLE IF NOT EXISTS file_pieces (
    workspace_id  bigint NOT NULL,
    file_id       bigint NOT NULL,
    number        integer NOT NULL,
    content       bytea NOT NULL,
    PRIMARY KEY (workspace_id, file_id, number),
    FOREIGN KEY (workspace_id, file_id) REFERENCES files (workspace_id, id) ON DELETE CASCADE
);
ALTER TABLE file_pieces ALTER COLUMN content SET STORAGE EXTERNAL;  -- most of what people attach is compressed already

GRANT SELECT, INSERT, UPDATE, DELETE ON files, file_pieces TO reachinbox_tenant;
DO $$ BEGIN
    PERFORM keep_tenants_apart('files');
    PERFORM keep_tenants_apart('file_pieces');
END $$;

-- Addresses are the same in whatever ASCII case they are written.
CREATE OR REPLACE FUNCTION names_any(named text[], addresses text[]) RETURNS boolean LANGUAGE sql IMMUTABLE AS
$$ SELECT EXISTS (SELECT FROM unnest(named) AS n (address) WHERE lower(n.address COLLATE "C") = ANY (addresses)) $$;
COMMENT ON FUNCTION names_any IS 'Whether one of the addresses, which are in lower case, is among those that are named.';

CREATE OR REPLACE FUNCTION without_any(named text[], addresses text[]) RETURNS text[] LANGUAGE sql IMMUTABLE AS
$$ SELECT coalesce(array_agg(n.address ORDER BY n.number) FILTER (WHERE lower(n.address COLLATE "C") <> ALL (addresses)), '{}')
   FROM unnest(named) WITH ORDINALITY AS n (address, number) $$;
COMMENT ON FUNCTION without_any IS 'Those that are named, in their order, without the addresses, which are in lower case.';
GRANT EXECUTE ON FUNCTION names_any, without_any TO reachinbox_tenant;
