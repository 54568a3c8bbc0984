-- Planning like a person: calendars, limits by the day, gaps, campaigns over several senders, mail that goes at once.

-- Limits of a login beside its hour's. A day is a clock hour and the 23 before it; the ramp counts days of the zone, each
-- beginning with the first clock hour that begins on it.
ALTER TABLE logins
    ADD COLUMN IF NOT EXISTS daily_limit integer,  -- NULL: none
    ADD COLUMN IF NOT EXISTS least_gap_ms bigint NOT NULL DEFAULT 0,  -- between two emails, whatever campaign
    ADD COLUMN IF NOT EXISTS ramp_from integer,  -- emails on the first day; NULL: no ramp
    ADD COLUMN IF NOT EXISTS ramp_per_day integer,  -- more for each day on which it sent
    ADD COLUMN IF NOT EXISTS timezone text NOT NULL DEFAULT 'UTC';
-- No email of the login is claimed earlier, by its least gap. A window takes it over from the one before.
ALTER TABLE login_windows ADD COLUMN IF NOT EXISTS free_at timestamptz;

DO $$
BEGIN
    IF to_regtype('campaign_kind') IS NULL THEN
        -- DIRECT: one written by hand to one person, ahead of every plan.
        CREATE TYPE campaign_kind AS ENUM ('LIST', 'DIRECT');
    END IF;
    IF to_regtype('cancel_reason') IS NULL THEN
        CREATE TYPE cancel_reason AS ENUM (
            'CAMPAIGN', 'SUPPRESSED', 'UNSUBSCRIBED', 'REPLIED', 'BOUNCED', 'STOPPED', 'LATE', 'ERASED');
    END IF;
END $$;

-- `calendar`: {zone, recipientZones, days (0 Monday), from, to ("HH:MM"), holidays (country) or null}; NULL: always open.
ALTER TABLE campaigns
    ADD COLUMN IF NOT EXISTS kind campaign_kind NOT NULL DEFAULT 'LIST',
    ADD COLUMN IF NOT EXISTS calendar jsonb,
    ADD COLUMN IF NOT EXISTS latest_at timestamptz,  -- what has not gone by then is cancelled
    ADD COLUMN IF NOT EXISTS jitter_percent smallint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS ahead_at timestamptz,  -- since when a person wants it first; of several, the latest
    ADD COLUMN IF NOT EXISTS share_percent smallint;  -- of its senders' room, at most; NULL: all that is left

-- `gap_ms`: the least gap that a plan of it can contain. `direct`: its campaign's kind is DIRECT.
ALTER TABLE streams
    ADD COLUMN IF NOT EXISTS latest_at timestamptz,
    ADD COLUMN IF NOT EXISTS direct boolean NOT NULL DEFAULT false;

-- `until`: the end of the slot it was planned in: later it needs another. `zone`: of the recipient, where the calendar asks.
ALTER TABLE emails
    ADD COLUMN IF NOT EXISTS until timestamptz,
    ADD COLUMN IF NOT EXISTS zone text,
    ADD COLUMN IF NOT EXISTS cancel_reason cancel_reason;

DO $$
DECLARE
    it record;
BEGIN
    FOR it IN SELECT * FROM (VALUES
        ('logins', 'logins_daily_limit', 'CHECK (daily_limit BETWEEN 1 AND 10000000)'),
        ('logins', 'logins_least_gap', 'CHECK (least_gap_ms BETWEEN 0 AND 86400000)'),
        ('logins', 'logins_ramp', 'CHECK (ramp_from BETWEEN 1 AND 10000000 AND ramp_per_day BETWEEN 0 AND 10000000'
                                  ' OR ramp_from IS NULL AND ramp_per_day IS NULL)'),
        ('campaigns', 'campaigns_jitter', 'CHECK (jitter_percent BETWEEN 0 AND 100)'),
        ('campaigns', 'campaigns_share', 'CHECK (share_percent BETWEEN 1 AND 100)')
    ) AS c (of_table, name, text) LOOP
        IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = it.of_table::regclass AND conname = it.name) THEN
            EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I %s', it.of_table, it.name, it.text);
        END IF;
    END LOOP;
END $$;
