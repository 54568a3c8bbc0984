-- transactional: false
-- Steps at a time of day, that quote what they follow, and in variants; answers that stop a whole domain.

ALTER TABLE campaign_steps
    ADD COLUMN IF NOT EXISTS time_of_day time,                       -- it leaves then, by the calendar's clock
    ADD COLUMN IF NOT EXISTS quotes boolean NOT NULL DEFAULT false;  -- below it stands what it follows
ALTER TABLE campaigns ADD COLUMN IF NOT EXISTS stop_on_domain boolean NOT NULL DEFAULT false;

-- Domains of which somebody has answered a campaign that stops for all of them then. `walked_to`: up to which email that is
-- done, NULL: with all; `lifted`: it was no answer after all, so they go on.
CREATE TABLE IF NOT EXISTS domain_stops (
    workspace_id  bigint NOT NULL,
    campaign_id   bigint NOT NULL,
    domain        text NOT NULL,  -- as address_key has it
    walked_to     bigint DEFAULT 0,
    lifted        boolean NOT NULL DEFAULT false,
    PRIMARY KEY (workspace_id, campaign_id, domain),
    FOREIGN KEY (workspace_id, campaign_id) REFERENCES campaigns (workspace_id, id) ON DELETE CASCADE
);
GRANT SELECT, INSERT, UPDATE, DELETE ON domain_stops TO reachinbox_tenant;
DO $$ BEGIN PERFORM keep_tenants_apart('domain_stops'); END $$;
CREATE INDEX IF NOT EXISTS domain_stops_walking ON domain_stops (workspace_id, campaign_id) WHERE walked_to IS NOT NULL;

CREATE OR REPLACE FUNCTION domain_of(address text) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN split_part(address_key(address), '@', 2);
COMMENT ON FUNCTION domain_of IS 'The domain of an address, by which it is compared with others';

CREATE OR REPLACE FUNCTION has_stopped(of_workspace bigint, of_email bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    WITH beside AS MATERIALIZED (SELECT o.id, o.campaign_id, o.recipient FROM emails_beside(of_workspace, of_email) o)
    SELECT EXISTS (
        SELECT FROM (
            SELECT b.id FROM beside b
            UNION ALL
            SELECT a.first_email_id FROM campaigns a
            WHERE a.workspace_id = of_workspace AND a.thread_email_id IN (SELECT b.id FROM beside b)
        ) its
        JOIN responses r ON r.workspace_id = of_workspace AND r.email_id = its.id
        WHERE r.forgotten_at IS NULL
          AND (effective_kind(r) = 'REPLY' OR is_hard(r)
               OR effective_kind(r) = 'AUTO_REPLY'
                  AND (SELECT c.stop_on_auto_reply FROM campaigns c
                       WHERE c.workspace_id = of_workspace AND c.id = (SELECT min(b.campaign_id) FROM beside b))))
        OR EXISTS (
            SELECT FROM beside b
            JOIN domain_stops d ON d.workspace_id = of_workspace AND d.campaign_id = b.campaign_id
                AND d.domain = domain_of(b.recipient)
            WHERE NOT d.lifted)
$$;
COMMENT ON FUNCTION has_stopped IS
    'Whether anything that came back from an email''s recipient stops its campaign: for an email of it, or for what people'
    ' answered in its threads; or from somebody of their domain, where that stops all of it';
GRANT EXECUTE ON FUNCTION domain_of, has_stopped TO reachinbox_tenant;
