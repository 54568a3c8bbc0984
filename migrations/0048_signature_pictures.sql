-- Signatures show pictures: which, as they are kept for a sender and for its campaigns.
ALTER TABLE signatures ADD COLUMN IF NOT EXISTS images bigint[] NOT NULL DEFAULT '{}';
ALTER TABLE campaign_signatures ADD COLUMN IF NOT EXISTS images bigint[] NOT NULL DEFAULT '{}';

-- For whoever looks for what names a file, as of texts.
CREATE INDEX IF NOT EXISTS signatures_files ON signatures USING gin (images) WHERE images <> '{}';
CREATE INDEX IF NOT EXISTS campaign_signatures_files ON campaign_signatures USING gin (images) WHERE images <> '{}';
