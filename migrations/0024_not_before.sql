-- A retry's own time is said of its email, and told apart from a time that a plan gave.

-- Until when a retry is not tried again: its back-off's. NULL: at any time.
ALTER TABLE emails ADD COLUMN IF NOT EXISTS not_before timestamptz;
DO $$
BEGIN
    IF to_regprocedure('keeps_its_time(timestamptz, timestamptz)') IS NULL THEN
        UPDATE emails SET not_before = scheduled_at WHERE status = 'SCHEDULED' AND attempts > 0 AND scheduled_at > now();
    END IF;
END $$;
DROP FUNCTION IF EXISTS keeps_its_time(integer, timestamptz, timestamptz);
CREATE OR REPLACE FUNCTION keeps_its_time(not_before timestamptz, planned_from timestamptz)
RETURNS boolean LANGUAGE sql IMMUTABLE
    RETURN coalesce(not_before > planned_from, false);
COMMENT ON FUNCTION keeps_its_time IS
    'Whether an email that waits is a retry whose time has not come when a new plan begins: that time is its back-off''s,'
    ' and no plan takes it away';
GRANT EXECUTE ON FUNCTION keeps_its_time TO reachinbox_tenant;
