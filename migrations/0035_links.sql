-- Links to unsubscribe, postal addresses, and Message-IDs that tell nobody anything.

-- Message-IDs from before told the ids of email and campaign, so anybody can write one: they are believed of emails that
-- were first tried before this moment.
ALTER TABLE installation ADD COLUMN IF NOT EXISTS opaque_since timestamptz NOT NULL DEFAULT now();

-- What a workspace's messages end with when a campaign is scheduled: what was sent is told by it, whatever it becomes.
ALTER TABLE campaigns ADD COLUMN IF NOT EXISTS postal_address text;
-- How recipients of this version of the text could unsubscribe.
ALTER TABLE campaign_contents ADD COLUMN IF NOT EXISTS unsubscribe unsubscribe_way NOT NULL DEFAULT 'none';

-- The tenants' role has no right on workspaces; this one column of its own it may know.
CREATE OR REPLACE FUNCTION own_postal_address() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
    RETURN (SELECT w.postal_address FROM workspaces w
            WHERE w.id = nullif(current_setting('reachinbox.workspace_id', true), '')::bigint);
COMMENT ON FUNCTION own_postal_address IS 'What the messages of the tenant''s workspace end with';
REVOKE EXECUTE ON FUNCTION own_postal_address FROM PUBLIC;
GRANT EXECUTE ON FUNCTION own_postal_address TO reachinbox_tenant;
