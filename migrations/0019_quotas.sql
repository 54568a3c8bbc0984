-- Quotas: what a campaign stores, counted when it is written, so that a workspace's use is a sum over its campaigns and not
-- over its emails.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_attribute
                   WHERE attrelid = 'campaigns'::regclass AND attname = 'stored_bytes' AND NOT attisdropped) THEN
        -- All emails are read before anybody is kept from their campaigns.
        CREATE TEMPORARY TABLE bytes_of_emails ON COMMIT DROP AS
            SELECT workspace_id, campaign_id, sum(octet_length(recipient) + octet_length(fields::text)) AS bytes
            FROM emails GROUP BY workspace_id, campaign_id;
        -- Recipients and their fields as text, and all versions of what the messages say.
        ALTER TABLE campaigns ADD COLUMN stored_bytes bigint NOT NULL DEFAULT 0
            CONSTRAINT campaigns_stored_bytes CHECK (stored_bytes >= 0);
        UPDATE campaigns c
        SET stored_bytes = octet_length(c.subject) + octet_length(c.body) + coalesce(octet_length(c.body_html), 0) + e.bytes
        FROM bytes_of_emails e
        WHERE e.workspace_id = c.workspace_id AND e.campaign_id = c.id;
    END IF;
END $$;
