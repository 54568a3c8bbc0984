-- Of a campaign of several steps the first plan is kept with all that follows "if nobody answers", beside what came of it.

ALTER TABLE campaign_forecasts
    ADD COLUMN IF NOT EXISTS later_steps   bigint[] NOT NULL DEFAULT '{}',       -- of which later step each of these runs is
    ADD COLUMN IF NOT EXISTS later_ats     timestamptz[] NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS later_counts  integer[] NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS later_gaps_ms bigint[] NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS steps         jsonb;  -- of each step what was measured with the rest; NULL: nothing yet
ALTER TABLE campaign_forecasts DROP CONSTRAINT IF EXISTS campaign_forecasts_later;
ALTER TABLE campaign_forecasts ADD CONSTRAINT campaign_forecasts_later
    CHECK (cardinality(later_steps) = cardinality(later_ats) AND cardinality(later_steps) = cardinality(later_counts)
           AND cardinality(later_steps) = cardinality(later_gaps_ms));
