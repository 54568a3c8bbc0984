-- Plans: what of a campaign is given new times when it is planned again.

CREATE OR REPLACE FUNCTION keeps_its_time(attempts integer, scheduled_at timestamptz, planned_from timestamptz)
RETURNS boolean LANGUAGE sql IMMUTABLE
    RETURN attempts > 0 AND scheduled_at > planned_from;
COMMENT ON FUNCTION keeps_its_time IS
    'Whether an email that waits is a retry whose time has not come when a new plan begins: that time is its back-off''s,'
    ' and no plan takes it away';
GRANT EXECUTE ON FUNCTION keeps_its_time TO reachinbox_tenant;
