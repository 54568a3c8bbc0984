-- Mailboxes that are watched (IDLE, RFC 2177) beside being polled.

-- `watch_token`: the worker that watches it, until `watched_until`, by the database's clock.
ALTER TABLE inboxes ADD COLUMN IF NOT EXISTS watch_token uuid;
ALTER TABLE inboxes ADD COLUMN IF NOT EXISTS watched_until timestamptz;
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'inboxes_watched') THEN
        ALTER TABLE inboxes ADD CONSTRAINT inboxes_watched CHECK ((watch_token IS NULL) = (watched_until IS NULL));
    END IF;
END $$;
