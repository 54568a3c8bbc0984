-- Scheduling in bulk, and what it planned: kept beside what came of it.

-- An email belongs to a stream of its campaign. A foreign key asks so for each row, which took as long as all else that
-- inserting a million rows takes together; a statement's rows name a stream or a few, so they are asked for once each.
CREATE OR REPLACE FUNCTION emails_have_streams() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    named record;
BEGIN
    FOR named IN SELECT DISTINCT workspace_id, stream_id, campaign_id FROM made ORDER BY 1, 2 LOOP
        PERFORM FROM streams
        WHERE workspace_id = named.workspace_id AND campaign_id = named.campaign_id AND id = named.stream_id
        FOR KEY SHARE;  -- it stays until the commit
        IF NOT FOUND THEN
            RAISE EXCEPTION 'campaign % has no stream %', named.campaign_id, named.stream_id
                USING ERRCODE = 'foreign_key_violation', TABLE = 'emails', CONSTRAINT = 'emails_stream';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION emails_have_streams IS
    'For the trigger emails_stream: refuses new emails of a stream that is not there, or not of their campaign';

CREATE OR REPLACE FUNCTION email_has_stream() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM FROM streams
    WHERE workspace_id = NEW.workspace_id AND campaign_id = NEW.campaign_id AND id = NEW.stream_id
    FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'campaign % has no stream %', NEW.campaign_id, NEW.stream_id
            USING ERRCODE = 'foreign_key_violation', TABLE = 'emails', CONSTRAINT = 'emails_stream';
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION email_has_stream IS 'For the trigger emails_stream_changed: the same for an email that is moved';

CREATE OR REPLACE FUNCTION emails_follow_stream() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM emails
    WHERE workspace_id = OLD.workspace_id AND campaign_id = OLD.campaign_id AND stream_id = OLD.id;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION emails_follow_stream IS 'For the trigger streams_gone: a stream that is deleted takes its emails along';

ALTER TABLE emails DROP CONSTRAINT IF EXISTS emails_stream;
CREATE OR REPLACE TRIGGER emails_stream AFTER INSERT ON emails REFERENCING NEW TABLE AS made FOR EACH STATEMENT
    EXECUTE FUNCTION emails_have_streams();
CREATE OR REPLACE TRIGGER emails_stream_changed AFTER UPDATE OF workspace_id, campaign_id, stream_id ON emails
    FOR EACH ROW WHEN ((OLD.workspace_id, OLD.campaign_id, OLD.stream_id)
                       IS DISTINCT FROM (NEW.workspace_id, NEW.campaign_id, NEW.stream_id))
    EXECUTE FUNCTION email_has_stream();
CREATE OR REPLACE TRIGGER streams_gone AFTER DELETE ON streams FOR EACH ROW
    EXECUTE FUNCTION emails_follow_stream();

-- The first plan of a campaign, as runs: `counts` emails from `ats` on, `gaps_ms` apart. It says nothing of anybody.
CREATE TABLE IF NOT EXISTS campaign_forecasts (
    workspace_id  bigint NOT NULL,
    campaign_id   bigint NOT NULL,
    ats           timestamptz[] NOT NULL,
    counts        integer[] NOT NULL,
    gaps_ms       bigint[] NOT NULL,
    -- What came of it, measured once the campaign is over, since its emails go before it does.
    measured_at   timestamptz,
    sent_hours    timestamptz[],
    sent_counts   integer[],  -- in each of these hours
    median_ms     bigint,     -- of how late emails were, negative: early; NULL: nothing was sent
    worst_ms      bigint,
    PRIMARY KEY (workspace_id, campaign_id),
    FOREIGN KEY (workspace_id, campaign_id) REFERENCES campaigns (workspace_id, id) ON DELETE CASCADE,
    CHECK (cardinality(ats) = cardinality(counts) AND cardinality(ats) = cardinality(gaps_ms))
);
DO $$ BEGIN PERFORM keep_tenants_apart('campaign_forecasts'); END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON campaign_forecasts TO reachinbox_tenant;
-- What is to be measured.
CREATE INDEX IF NOT EXISTS campaign_forecasts_open ON campaign_forecasts (workspace_id, campaign_id)
    WHERE measured_at IS NULL;
