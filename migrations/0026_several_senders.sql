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

CREATE OR REPLACE FUNCTION jittered(place timestamptz, recipient text, jitter_us bigint) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN jitter_us > 0 THEN place + make_interval(secs => floor(jitter_of(recipient) * jitter_us) / 1000000.0)
                ELSE place END;
COMMENT ON FUNCTION jittered IS
    'When an email leaves whose place in the plan this is, and that leaves at most so many microseconds later';

CREATE OR REPLACE FUNCTION least_gap_ms(delay_ms bigint, jitter_percent smallint) RETURNS bigint LANGUAGE sql IMMUTABLE
    RETURN delay_ms * (100 - jitter_percent) / 100;
COMMENT ON FUNCTION least_gap_ms IS
    'The least gap that a plan with this delay can contain between two emails of a stream: what claims hold';

GRANT EXECUTE ON FUNCTION jittered, least_gap_ms TO reachinbox_tenant;

CREATE OR REPLACE FUNCTION zone_brought(fields jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN coalesce(nullif(btrim(fields ->> 'timezone'), ''), nullif(btrim(fields ->> 'time_zone'), ''),
                    nullif(btrim(fields ->> 'tz'), ''));
COMMENT ON FUNCTION zone_brought IS
    'What a recipient''s merge fields say of their zone, in whatever case; `campaign_calendar.ZONE_FIELDS` has the names';
GRANT EXECUTE ON FUNCTION zone_brought TO reachinbox_tenant;

CREATE OR REPLACE FUNCTION at_microsecond(since_1970 bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN timestamptz '1970-01-01 00:00:00+00' + since_1970 * interval '1 microsecond';
COMMENT ON FUNCTION at_microsecond IS 'An instant from microseconds, which plans reckon in';
GRANT EXECUTE ON FUNCTION at_microsecond TO reachinbox_tenant;

-- For the sweep: which streams have an end. Not where something waits: that changes with every claim.
CREATE INDEX IF NOT EXISTS streams_to_end ON streams (latest_at) WHERE latest_at IS NOT NULL;
