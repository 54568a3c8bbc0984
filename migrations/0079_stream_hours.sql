-- The emails of a stream in each hour before its current window: waits name by them the campaigns that used up a day. A row
-- is written once an hour and stream, as the next window begins.
CREATE TABLE IF NOT EXISTS stream_hours (
    workspace_id  bigint NOT NULL,
    stream_id     bigint NOT NULL,
    hour          timestamptz NOT NULL,
    used          integer NOT NULL CHECK (used > 0),
    PRIMARY KEY (workspace_id, stream_id, hour),
    FOREIGN KEY (workspace_id, stream_id) REFERENCES streams (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS stream_hours_age ON stream_hours (hour);
GRANT SELECT, INSERT, UPDATE, DELETE ON stream_hours TO reachinbox_tenant;
DO $$ BEGIN PERFORM keep_tenants_apart('stream_hours'); END $$;

CREATE OR REPLACE FUNCTION keep_stream_hour() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO stream_hours AS h (workspace_id, stream_id, hour, used)
    VALUES (OLD.workspace_id, OLD.id, OLD.window_start, OLD.window_used)
    ON CONFLICT (workspace_id, stream_id, hour) DO UPDATE SET used = EXCLUDED.used;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION keep_stream_hour IS 'Keeps the emails of a stream in an hour, as its next one begins';

CREATE OR REPLACE TRIGGER streams_hour AFTER UPDATE OF window_start ON streams
    FOR EACH ROW WHEN (NEW.window_start > OLD.window_start AND OLD.window_used > 0)
    EXECUTE FUNCTION keep_stream_hour();
