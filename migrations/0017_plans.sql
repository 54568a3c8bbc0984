-- Plans: what of a campaign is given new times when it is planned again.

CREATE OR REPLACE FUNCTION keeps_its_time(attempts integer, scheduled_at timestamptz, planned_from timestamptz)
RETURNS boolean LANGUAGE sql IMMUTABLE
    RETURN attempts > 0 AND scheduled_at > planned_from;
COMMENT ON FUNCTION keeps_its_time IS
    'Whether an email that waits is a retry whose time has not come when a new plan begins: that time is its back-off''s,'
    ' and no plan takes it away';
GRANT EXECUTE ON FUNCTION keeps_its_time TO reachinbox_tenant;

-- Which campaigns are to be planned again. Whoever changes what a plan depends on asks in the same transaction; the plan
-- is written afterwards, a batch at a time, by whoever takes the sender's changes. One who dies leaves times that are all
-- right to send at, and the row, so that the next one plans from the beginning. No reference to the campaign: askers hold
-- one and would wait for another.
CREATE TABLE IF NOT EXISTS plan_changes (
    workspace_id  bigint NOT NULL,
    campaign_id   bigint NOT NULL,
    sender_id     bigint NOT NULL,
    asked_at      timestamptz NOT NULL DEFAULT clock_timestamp(),  -- another one: what is being written is out of date
    taken_by      uuid,                                            -- who plans all that was asked for this sender
    taken_until   timestamptz NOT NULL DEFAULT '-infinity',        -- and until when nobody else does, unless renewed
    PRIMARY KEY (workspace_id, campaign_id),
    FOREIGN KEY (workspace_id, sender_id) REFERENCES senders (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS plan_changes_of_sender ON plan_changes (workspace_id, sender_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON plan_changes TO reachinbox_tenant;
DO $$
BEGIN
    PERFORM keep_tenants_apart('plan_changes');
END $$;
