-- Lists of recipients that a workspace keeps by name, and adds to.

CREATE TABLE IF NOT EXISTS saved_lists (
    workspace_id  bigint NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    id            bigint GENERATED ALWAYS AS IDENTITY,
    name          text NOT NULL,
    purpose       text,  -- what the addresses are kept for (GDPR, articles 5 and 13)
    source        text,  -- where they come from (article 14)
    fields        text[] NOT NULL DEFAULT '{}',  -- the merge fields that some of its recipients have
    recipients    integer NOT NULL DEFAULT 0 CHECK (recipients >= 0),
    size          bigint NOT NULL DEFAULT 0 CHECK (size >= 0),  -- bytes of addresses and fields together
    created_at    timestamptz NOT NULL DEFAULT now(),
    changed_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, name)
);

CREATE TABLE IF NOT EXISTS saved_recipients (
    workspace_id  bigint NOT NULL,
    list_id       bigint NOT NULL,
    id            bigint GENERATED ALWAYS AS IDENTITY,
    mailbox       text NOT NULL,  -- address_key(address)
    address       text NOT NULL,
    fields        jsonb NOT NULL,
    added_at      timestamptz NOT NULL DEFAULT now(),
    changed_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, list_id, id),
    UNIQUE (workspace_id, mailbox, list_id),  -- in this order an address is found over all lists
    FOREIGN KEY (workspace_id, list_id) REFERENCES saved_lists (workspace_id, id) ON DELETE CASCADE
);

CREATE OR REPLACE FUNCTION saved_recipient_fits(address text, fields jsonb, conditions jsonb) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN NOT EXISTS (
    SELECT FROM jsonb_to_recordset(conditions) AS c (field text, "is" text, "values" jsonb)
    CROSS JOIN LATERAL (
        SELECT lower(btrim(CASE c.field WHEN 'email' THEN address ELSE coalesce(fields ->> c.field, '') END)) AS value
    ) had
    WHERE NOT CASE c."is"
        WHEN 'empty' THEN had.value = ''
        WHEN 'filled' THEN had.value <> ''
        WHEN 'contains' THEN EXISTS (SELECT FROM jsonb_array_elements_text(c."values") AS v (wanted)
                                     WHERE position(lower(btrim(v.wanted)) IN had.value) > 0)
        ELSE (c."is" = 'not') <> EXISTS (SELECT FROM jsonb_array_elements_text(c."values") AS v (wanted)
                                         WHERE lower(btrim(v.wanted)) = had.value)
    END
);
COMMENT ON FUNCTION saved_recipient_fits IS
    'Whether a recipient fits every condition: a field that is one of some values, is not, contains one, is empty or'
    ' filled; case and blanks around are no difference';

GRANT SELECT, INSERT, UPDATE, DELETE ON saved_lists, saved_recipients TO reachinbox_tenant;
DO $$
BEGIN
    PERFORM keep_tenants_apart('saved_lists');
    PERFORM keep_tenants_apart('saved_recipients');
END $$;
