-- Campaigns over several senders, with a jitter: what is planned again is planned by the stream.

-- One row for each stream that is to be planned again: its plan is its sender's.
DO $$
BEGIN
    IF (SELECT cardinality(conkey) FROM pg_constraint
        WHERE conrelid = 'plan_changes'::regclass AND conname = 'plan_changes_pkey') = 2 THEN
        ALTER TABLE plan_changes
            DROP CONSTRAINT plan_changes_pkey,
            ADD CONSTRAINT plan_changes_pkey PRIMARY KEY (workspace_id, campaign_id, sender_id);
    END IF;
END $$;

-- A sender that is added to a campaign has nothing of it yet, and one that gave all away has nothing any more.
ALTER TABLE streams DROP CONSTRAINT IF EXISTS streams_total_check;
ALTER TABLE streams ADD CONSTRAINT streams_total_check CHECK (total >= 0);
-- Since when the sender is out of the campaign: nothing is claimed, and what was not begun goes to the other senders.
ALTER TABLE streams ADD COLUMN IF NOT EXISTS taken_out_at timestamptz;
-- Whose emails are to be divided anew over the campaign's senders, and since when.
ALTER TABLE campaigns ADD COLUMN IF NOT EXISTS divide_at timestamptz;
CREATE INDEX IF NOT EXISTS campaigns_to_divide ON campaigns (divide_at) WHERE divide_at IS NOT NULL;

CREATE OR REPLACE FUNCTION jitter_of(recipient text) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ('x' || left(md5(recipient), 8))::bit(32)::bigint / 4294967296.0;
COMMENT ON FUNCTION jitter_of IS
    'How much of its jitter an email takes, from 0 to below 1. It follows from the address, which a preview knows as well'
    ' as every later plan: app.domain.planning.plan has the same';
GRANT EXECUTE ON FUNCTION jitter_of TO reachinbox_tenant;

-- Answers that are kept for repeated requests have what such an answer has now.
UPDATE idempotency_keys
SET answer = '{"heldBackBy": {}, "hourly": [], "timezone": "UTC", "days": [], "senders": [], "late": 0}'::jsonb
    || jsonb_set(answer, '{campaign}',
                 '{"senders": [], "latestAt": null, "jitterPercent": 0, "calendar": null}'::jsonb
                 || jsonb_build_object('senderIds', jsonb_build_array(answer -> 'campaign' -> 'senderId'))
                 || (answer -> 'campaign'))
WHERE answer ? 'campaign' AND NOT answer ? 'late';
