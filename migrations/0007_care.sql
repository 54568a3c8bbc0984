-- transactional: false
-- Care of data: what retention has removed, and whose data was erased at their wish.
--
-- A campaign outlives its emails: its counters stay as the record of what became of them. The database refuses that
-- anything is owed where emails were removed, or to an address that was erased.

ALTER TABLE campaigns
    ADD COLUMN IF NOT EXISTS cancelled_at timestamptz,         -- when a worker first saw it cancelled
    ADD COLUMN IF NOT EXISTS attempts_removed_to bigint NOT NULL DEFAULT 0,  -- attempts at emails up to this id
    ADD COLUMN IF NOT EXISTS emails_removed_at timestamptz;    -- when the first of its emails were removed

ALTER TABLE emails
    ADD COLUMN IF NOT EXISTS erased_at timestamptz;  -- recipient and fields were replaced by a placeholder

DO $$
BEGIN
    ALTER TABLE campaigns ADD CONSTRAINT campaigns_removed
        CHECK (emails_removed_at IS NULL OR status IN ('FINISHED', 'CANCELLED'));
EXCEPTION
    WHEN duplicate_object THEN NULL;
END $$;

DO $$
BEGIN
    -- NOT VALID: in rows from before the column is NULL, so there is nothing to look for, and no lock while looking.
    ALTER TABLE emails ADD CONSTRAINT emails_erased
        CHECK (erased_at IS NULL OR status NOT IN ('SCHEDULED', 'SENDING')) NOT VALID;
EXCEPTION
    WHEN duplicate_object THEN NULL;
END $$;

-- What retention looks for. A campaign leaves these once it is done with, so that nothing due costs nothing.
CREATE INDEX IF NOT EXISTS campaigns_with_emails ON campaigns ((coalesce(finished_at, cancelled_at)))
    WHERE first_email_id <= last_email_id;
CREATE INDEX IF NOT EXISTS campaigns_with_attempts ON campaigns ((coalesce(finished_at, cancelled_at)))
    WHERE attempts_removed_to < last_email_id AND first_email_id <= last_email_id;
CREATE INDEX IF NOT EXISTS sender_windows_age ON sender_windows (window_start);
CREATE INDEX IF NOT EXISTS idempotency_keys_age ON idempotency_keys (created_at);
CREATE INDEX IF NOT EXISTS sandbox_messages_age ON sandbox_messages (received_at);

-- By default a fifth of a table must be dead before it is vacuumed, or new before it is analyzed: with a hundred
-- million emails that is weeks of work left lying about.
ALTER TABLE emails SET (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.02
);
ALTER TABLE attempts SET (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.02
);
