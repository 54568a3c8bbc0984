-- Every email that is CANCELLED says why. Until now those did not whose claim came back to a cancelled campaign, nor any
-- of before there were reasons.
UPDATE emails e
SET cancel_reason = CASE WHEN e.erased_at IS NOT NULL AND c.status <> 'CANCELLED' THEN 'ERASED'::cancel_reason
                         ELSE 'CAMPAIGN' END
FROM campaigns c
WHERE e.status = 'CANCELLED' AND e.cancel_reason IS NULL AND c.workspace_id = e.workspace_id AND c.id = e.campaign_id;

-- From when on nothing of the campaign is claimed, since what is due then has its time from a calendar that is no more.
-- NULL: never, for limits and delays hold where emails are claimed.
ALTER TABLE plan_changes ADD COLUMN IF NOT EXISTS holds_from timestamptz;

-- What is no zone but what a machine was set to was taken for one of a login.
UPDATE logins SET timezone = 'UTC' WHERE timezone IN ('localtime', 'Factory', 'posixrules');
