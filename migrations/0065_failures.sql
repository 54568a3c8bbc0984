-- transactional: false
-- Failed is work that ends: what failed is sorted by its reason, and a person's word on it is kept, so that what is left
-- to decide is a figure that goes down. Campaigns are kept: put away, or deleted once they are over.

CREATE OR REPLACE FUNCTION failure_reasons() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ARRAY['UNKNOWN_ADDRESS', 'UNKNOWN_DOMAIN', 'MAILBOX_FULL', 'MAILBOX_CLOSED', 'SPAM', 'OUR_LOGIN', 'TOO_FAST',
                 'TOO_LARGE', 'NOT_REACHED', 'NOT_WRITTEN', 'OTHER'];
COMMENT ON FUNCTION failure_reasons IS
    'Why emails fail, in a word. Text, for row-level security would keep an index from the values of an enum';
GRANT EXECUTE ON FUNCTION failure_reasons TO reachinbox_tenant;
DO $$
BEGIN
    CREATE TYPE failure_settled AS ENUM (
        'PUT_ASIDE',   -- nothing more is done
        'SUPPRESSED',  -- the recipient is written to no more
        'MENDED',      -- it went to a corrected address, as an email of its own
        'DIRECT'       -- written by hand to one recipient: it stands in no list that would ask for a word on it
    );
EXCEPTION
    WHEN duplicate_object THEN NULL;
END $$;

-- Of a FAILED email: why, once a worker has sorted it, and what a person decided; NULL: nothing yet. `mended_as`: the email
-- to the corrected address.
ALTER TABLE emails
    ADD COLUMN IF NOT EXISTS failed_for text,
    ADD COLUMN IF NOT EXISTS settled failure_settled,
    ADD COLUMN IF NOT EXISTS mended_as bigint;
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'emails'::regclass AND conname = 'emails_settled') THEN
        ALTER TABLE emails ADD CONSTRAINT emails_settled
            CHECK (CASE WHEN status = 'FAILED' THEN coalesce(failed_for = ANY (failure_reasons()), true)
                        ELSE failed_for IS NULL AND settled IS NULL END) NOT VALID;
    END IF;
END $$;
ALTER TABLE emails VALIDATE CONSTRAINT emails_settled;

-- How many of `failed` a person has decided on.
ALTER TABLE streams ADD COLUMN IF NOT EXISTS settled integer NOT NULL DEFAULT 0;
ALTER TABLE streams DROP CONSTRAINT IF EXISTS streams_settled;
ALTER TABLE streams ADD CONSTRAINT streams_settled CHECK (settled BETWEEN 0 AND failed) NOT VALID;
ALTER TABLE streams VALIDATE CONSTRAINT streams_settled;
UPDATE streams s SET settled = failed
FROM campaigns c
WHERE c.workspace_id = s.workspace_id AND c.id = s.campaign_id AND c.emails_removed_at IS NOT NULL AND s.settled < s.failed;

DO $$
DECLARE
    broken_off text;
BEGIN
    FOR broken_off IN SELECT indexrelid::regclass FROM pg_index
                      WHERE NOT indisvalid
                        AND indexrelid::regclass::text IN ('emails_undecided', 'emails_unsorted', 'campaigns_by_name',
                                                           'campaigns_deleted') LOOP
        EXECUTE 'DROP INDEX ' || broken_off;
    END LOOP;
END $$;
-- What a person is asked for a word on, by its reason; and what is still to be sorted.
CREATE INDEX CONCURRENTLY IF NOT EXISTS emails_undecided ON emails (workspace_id, failed_for, id) INCLUDE (campaign_id)
    WHERE status = 'FAILED' AND settled IS NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS emails_unsorted ON emails (workspace_id, id)
    WHERE status = 'FAILED' AND failed_for IS NULL;

-- `archived_at`: out of the list, once it is over. `deleted_at`: its emails and texts are removed; its counts stay.
ALTER TABLE campaigns
    ADD COLUMN IF NOT EXISTS archived_at timestamptz,
    ADD COLUMN IF NOT EXISTS deleted_at timestamptz,
    -- By which they are sorted: row-level security would keep an index from a function of the name.
    ADD COLUMN IF NOT EXISTS name_key text COLLATE "C" GENERATED ALWAYS AS (lower(name COLLATE "C")) STORED;
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'campaigns'::regclass AND conname = 'campaigns_deleted') THEN
        ALTER TABLE campaigns ADD CONSTRAINT campaigns_deleted
            CHECK (deleted_at IS NULL OR emails_removed_at IS NOT NULL AND status IN ('FINISHED', 'CANCELLED'));
    END IF;
END $$;
CREATE OR REPLACE FUNCTION campaign_fits(
    c campaigns, archived boolean, of_status campaign_status, of_sender bigint, called text
) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT (c.archived_at IS NOT NULL AND c.status IN ('FINISHED', 'CANCELLED')) = archived
       AND (of_status IS NULL OR c.status = of_status)
       AND (called IS NULL OR c.name ILIKE called)
       AND (of_sender IS NULL
            OR EXISTS (SELECT FROM streams s
                       WHERE s.workspace_id = c.workspace_id AND s.sender_id = of_sender AND s.campaign_id = c.id))
$$;
COMMENT ON FUNCTION campaign_fits IS
    'Whether a campaign is one of those that are asked for: archived, since it is over, or not; in a state, from a sender,'
    ' with a name like that, each where it is given';
GRANT EXECUTE ON FUNCTION campaign_fits TO reachinbox_tenant;
CREATE INDEX CONCURRENTLY IF NOT EXISTS campaigns_by_name ON campaigns (workspace_id, name_key, id)
    WHERE kind = 'LIST' AND deleted_at IS NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS campaigns_deleted ON campaigns (workspace_id, id) WHERE deleted_at IS NOT NULL;

-- A person's word on many at once, which a worker carries out: all that had failed by then of a campaign, for a reason, or
-- both. `walked_to`: the last email that it was carried out on.
CREATE TABLE IF NOT EXISTS failure_decisions (
    workspace_id  bigint NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    id            bigint GENERATED ALWAYS AS IDENTITY,
    verb          text NOT NULL CHECK (verb IN ('RETRY', 'PUT_ASIDE', 'SUPPRESS')),
    reason        text CHECK (reason = ANY (failure_reasons())),
    campaign_id   bigint,
    total         integer NOT NULL,
    changed       integer NOT NULL DEFAULT 0,
    left_out      integer NOT NULL DEFAULT 0,
    walked_to     bigint NOT NULL DEFAULT 0,
    made_by       bigint,
    created_at    timestamptz NOT NULL DEFAULT now(),
    finished_at   timestamptz,
    error         text,
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX IF NOT EXISTS failure_decisions_going ON failure_decisions (workspace_id, id) WHERE finished_at IS NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON failure_decisions TO reachinbox_tenant;
DO $$ BEGIN PERFORM keep_tenants_apart('failure_decisions'); END $$;

-- Drafts of campaigns that a workspace shares, as the composer has them; `lists` of recipients, and `files`, stay meanwhile.
CREATE TABLE IF NOT EXISTS drafts (
    workspace_id  bigint NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    id            bigint GENERATED ALWAYS AS IDENTITY,
    name          text NOT NULL,
    content       jsonb NOT NULL,
    lists         bigint[] NOT NULL DEFAULT '{}',
    files         bigint[] NOT NULL DEFAULT '{}',
    size          bigint NOT NULL,  -- bytes of `content`
    version       integer NOT NULL DEFAULT 1,
    changed_by    bigint,
    created_at    timestamptz NOT NULL DEFAULT now(),
    changed_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON drafts TO reachinbox_tenant;
DO $$ BEGIN PERFORM keep_tenants_apart('drafts'); END $$;
