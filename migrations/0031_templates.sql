-- Messages: what is made of a text once for all recipients is kept beside it, and so are texts for the next campaign.

-- NULL: emails have it as it was written. They are made of `html_made` rather than `body_html`, and so on.
ALTER TABLE campaigns
    ADD COLUMN IF NOT EXISTS language text,
    ADD COLUMN IF NOT EXISTS body_made text,
    ADD COLUMN IF NOT EXISTS html_made text;
ALTER TABLE campaign_contents
    ADD COLUMN IF NOT EXISTS language text,
    ADD COLUMN IF NOT EXISTS body_made text,
    ADD COLUMN IF NOT EXISTS html_made text;

CREATE TABLE IF NOT EXISTS templates (
    workspace_id  bigint NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    id            bigint GENERATED ALWAYS AS IDENTITY,
    name          text NOT NULL CONSTRAINT templates_name CHECK (name <> ''),
    subject       text NOT NULL,
    body          text NOT NULL,
    body_html     text,
    language      text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT templates_name_once UNIQUE (workspace_id, name)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON templates TO reachinbox_tenant;

-- What a sender's messages end with.
CREATE TABLE IF NOT EXISTS signatures (
    workspace_id  bigint NOT NULL,
    sender_id     bigint NOT NULL,
    text          text NOT NULL,  -- '': nothing
    html          text,
    PRIMARY KEY (workspace_id, sender_id),
    FOREIGN KEY (workspace_id, sender_id) REFERENCES senders (workspace_id, id) ON DELETE CASCADE
);

-- The same, as it was when a campaign was scheduled.
CREATE TABLE IF NOT EXISTS campaign_signatures (
    workspace_id  bigint NOT NULL,
    campaign_id   bigint NOT NULL,
    sender_id     bigint NOT NULL,
    text          text NOT NULL,
    html          text,
    PRIMARY KEY (workspace_id, campaign_id, sender_id),
    FOREIGN KEY (workspace_id, campaign_id) REFERENCES campaigns (workspace_id, id) ON DELETE CASCADE
);
GRANT SELECT, INSERT, UPDATE, DELETE ON signatures, campaign_signatures TO reachinbox_tenant;
DO $$ BEGIN
    PERFORM keep_tenants_apart('templates');
    PERFORM keep_tenants_apart('signatures');
    PERFORM keep_tenants_apart('campaign_signatures');
END $$;
