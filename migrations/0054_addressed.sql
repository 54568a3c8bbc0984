-- transactional: false
-- Who emails are addressed to, in a table of its own. An index of emails gets a new entry with each change of their status:
-- one at a random place, twice for every email sent.

CREATE TABLE IF NOT EXISTS addressed (
    workspace_id   bigint NOT NULL,
    recipient_key  bytea NOT NULL,  -- as in emails, where each has one
    campaign_id    bigint NOT NULL,
    step_id        bigint,
    email_id       bigint NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON addressed TO reachinbox_tenant;
DO $$ BEGIN PERFORM keep_tenants_apart('addressed'); END $$;

CREATE OR REPLACE FUNCTION addressed_of_new_emails() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    -- In the index's order, which takes a third of the time.
    INSERT INTO addressed (workspace_id, recipient_key, campaign_id, step_id, email_id)
    SELECT workspace_id, recipient_key, campaign_id, step_id, id FROM made
    WHERE recipient_key IS NOT NULL
    ORDER BY workspace_id, recipient_key;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION addressed_of_new_emails IS 'For the trigger emails_addressed: who new emails are addressed to';

CREATE OR REPLACE FUNCTION addressed_of_changed_email() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM addressed
    WHERE workspace_id = OLD.workspace_id AND recipient_key = OLD.recipient_key AND email_id = OLD.id;
    INSERT INTO addressed (workspace_id, recipient_key, campaign_id, step_id, email_id)
    SELECT NEW.workspace_id, NEW.recipient_key, NEW.campaign_id, NEW.step_id, NEW.id WHERE NEW.recipient_key IS NOT NULL;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION addressed_of_changed_email IS
    'For the trigger emails_addressed_anew: the same for an email whose recipient is erased, or that is moved';

CREATE OR REPLACE FUNCTION attempts_go_with_emails() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    DELETE FROM attempts a USING gone WHERE a.workspace_id = gone.workspace_id AND a.email_id = gone.id;
    DELETE FROM addressed a USING gone
    WHERE a.workspace_id = gone.workspace_id AND a.recipient_key = gone.recipient_key AND a.email_id = gone.id;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION attempts_go_with_emails IS
    'For the trigger emails_gone: attempts, and who emails were addressed to, are removed with the emails';
REVOKE EXECUTE ON FUNCTION addressed_of_new_emails, addressed_of_changed_email FROM PUBLIC;

-- Emails that are made or change from here on are noted by the triggers, those of before below.
CREATE OR REPLACE TRIGGER emails_addressed AFTER INSERT ON emails REFERENCING NEW TABLE AS made FOR EACH STATEMENT
    EXECUTE FUNCTION addressed_of_new_emails();
CREATE OR REPLACE TRIGGER emails_addressed_anew AFTER UPDATE OF workspace_id, campaign_id, step_id, recipient_key ON emails
    FOR EACH ROW WHEN ((OLD.workspace_id, OLD.campaign_id, OLD.step_id, OLD.recipient_key)
                       IS DISTINCT FROM (NEW.workspace_id, NEW.campaign_id, NEW.step_id, NEW.recipient_key))
    EXECUTE FUNCTION addressed_of_changed_email();

-- Nobody gets a step twice, whatever crashes.
CREATE UNIQUE INDEX IF NOT EXISTS addressed_once
    ON addressed (workspace_id, recipient_key, campaign_id, step_id) NULLS NOT DISTINCT;
INSERT INTO addressed (workspace_id, recipient_key, campaign_id, step_id, email_id)
SELECT workspace_id, recipient_key, campaign_id, step_id, id FROM emails
WHERE recipient_key IS NOT NULL
ORDER BY workspace_id, recipient_key
ON CONFLICT DO NOTHING;

CREATE OR REPLACE FUNCTION emails_to(of_workspace bigint, keys bytea[], mailboxes text[]) RETURNS SETOF emails
LANGUAGE sql STABLE AS $$
    SELECT e.* FROM addressed a JOIN emails e ON e.workspace_id = a.workspace_id AND e.id = a.email_id
    WHERE a.workspace_id = of_workspace AND a.recipient_key = ANY (keys)
    UNION ALL
    SELECT * FROM emails
    WHERE workspace_id = of_workspace AND recipient_key IS NULL AND lower(recipient COLLATE "C") = ANY (mailboxes)
$$;

CREATE OR REPLACE FUNCTION emails_beside(of_workspace bigint, of_email bigint) RETURNS SETOF emails
LANGUAGE sql STABLE AS $$
    SELECT o.*
    FROM emails e
    JOIN addressed a ON a.workspace_id = e.workspace_id AND a.recipient_key = e.recipient_key AND a.campaign_id = e.campaign_id
    JOIN emails o ON o.workspace_id = a.workspace_id AND o.id = a.email_id
    WHERE e.workspace_id = of_workspace AND e.id = of_email
    UNION ALL
    SELECT * FROM emails WHERE workspace_id = of_workspace AND id = of_email AND recipient_key IS NULL
$$;
COMMENT ON FUNCTION emails_beside IS 'An email and those of its campaign''s other steps to the same recipient';
GRANT EXECUTE ON FUNCTION emails_beside TO reachinbox_tenant;

CREATE OR REPLACE FUNCTION next_step(of_workspace bigint, of_email bigint) RETURNS SETOF campaign_steps
LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT n.*
    FROM emails e
    JOIN campaign_steps s ON s.workspace_id = e.workspace_id AND s.id = e.step_id
    JOIN campaign_steps n ON n.workspace_id = s.workspace_id AND n.campaign_id = s.campaign_id AND n.position > s.position
    WHERE e.workspace_id = of_workspace AND e.id = of_email
      AND NOT EXISTS (SELECT FROM emails_beside(e.workspace_id, e.id) o WHERE o.step_id = n.id OR o.follows_id = e.id)
    ORDER BY n.position
    LIMIT 1
$$;

CREATE OR REPLACE FUNCTION follows_at(of_workspace bigint, of_email bigint, sent timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT sent + n.wait
    FROM emails e
    CROSS JOIN LATERAL next_step(e.workspace_id, e.id) n
    JOIN campaigns c ON c.workspace_id = n.workspace_id AND c.id = n.campaign_id
    WHERE e.workspace_id = of_workspace AND e.id = of_email AND c.status <> 'CANCELLED' AND e.erased_at IS NULL
      AND NOT EXISTS (SELECT FROM emails_beside(e.workspace_id, e.id) o WHERE o.stopped IS NOT NULL)
      AND NOT EXISTS (SELECT FROM suppression_of(e.workspace_id, e.recipient))
$$;

CREATE OR REPLACE FUNCTION written_to_before(addresses text[], keys bytea[], since timestamptz, campaign_ids bigint[])
RETURNS TABLE (place bigint, campaign_id bigint, at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
    SELECT a.place, e.campaign_id, e.at
    FROM unnest(addresses, keys) WITH ORDINALITY AS a (address, key, place)
    CROSS JOIN LATERAL (
        SELECT t.campaign_id, t.at
        FROM (
            (SELECT o.campaign_id, handed_over_at(o) AS at
             FROM addressed d JOIN emails o ON o.workspace_id = d.workspace_id AND o.id = d.email_id
             WHERE d.workspace_id = nullif(current_setting('reachinbox.workspace_id', true), '')::bigint
               AND d.recipient_key = a.key
             ORDER BY d.campaign_id DESC)
            UNION ALL
            (SELECT campaign_id, handed_over_at(emails) FROM emails
             WHERE workspace_id = nullif(current_setting('reachinbox.workspace_id', true), '')::bigint
               AND recipient_key IS NULL AND lower(recipient COLLATE "C") = lower(a.address COLLATE "C")
             ORDER BY campaign_id DESC)
        ) t
        WHERE t.campaign_id = ANY (campaign_ids) OR t.at >= since
        LIMIT 1
    ) e
$$;

DROP INDEX CONCURRENTLY IF EXISTS emails_recipient_key;
