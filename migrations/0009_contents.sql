-- transactional: false
-- Who was told what: a campaign's text can change while it is being sent, so each try notes which text it had, and a
-- text that was replaced is kept.

ALTER TABLE attempts
    ADD COLUMN IF NOT EXISTS content_version integer;  -- NULL: none was written, or whoever knew is lost

CREATE TABLE IF NOT EXISTS campaign_contents (
    user_id      bigint NOT NULL,
    campaign_id  bigint NOT NULL,
    version      integer NOT NULL,
    subject      text NOT NULL,
    body         text NOT NULL,
    body_html    text,
    replaced_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, campaign_id, version),
    FOREIGN KEY (user_id, campaign_id) REFERENCES campaigns (user_id, id) ON DELETE CASCADE
);

GRANT SELECT, INSERT, UPDATE, DELETE ON campaign_contents TO reachinbox_tenant;
ALTER TABLE campaign_contents ENABLE ROW LEVEL SECURITY;
ALTER TABLE campaign_contents FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_rows ON campaign_contents;
CREATE POLICY own_rows ON campaign_contents TO reachinbox_tenant
    USING (user_id = (SELECT nullif(current_setting('reachinbox.user_id', true), '')::bigint));
DROP POLICY IF EXISTS service ON campaign_contents;
CREATE POLICY service ON campaign_contents TO CURRENT_USER USING (true);
