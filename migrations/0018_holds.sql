-- Whose failure it is: what servers refused lately, what their words hold back, and how long a retry waits.
--
-- Both tables are small: what refused is forgotten after a day, and a hold ends with the first email that gets through.

-- A server refused emails of a sender in the same words (`signature`): what the judge of the next refusal goes by.
CREATE TABLE IF NOT EXISTS refusals (
    workspace_id       bigint NOT NULL,
    sender_id          bigint NOT NULL,
    campaign_id        bigint NOT NULL,
    signature          text NOT NULL,
    last_at            timestamptz NOT NULL,
    emails             integer NOT NULL,  -- in a row and each for the first time: none was accepted in between
    domains            jsonb NOT NULL DEFAULT '{}',  -- of recipients: how many emails failed of each
    passed_at          timestamptz,  -- one that had met it was accepted when it was tried again
    greylisting_until  timestamptz,  -- fresh emails meet it, and pass when they are tried again: each email's own
    PRIMARY KEY (workspace_id, sender_id, signature, campaign_id),
    FOREIGN KEY (workspace_id, sender_id) REFERENCES senders (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, campaign_id) REFERENCES campaigns (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS refusals_age ON refusals (last_at);

DO $$
BEGIN
    CREATE TYPE hold_reason AS ENUM (
        'REFUSED',     -- the server refuses one email after the other in words that nobody has taken for the emails' own
        'SERVER_SLOW'  -- it takes no more at present
    );
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- run before, and killed before it was marked as done
END $$;

-- What is held back for a server's words: a campaign on its sender, or all of the sender. Nothing is claimed but, from
-- probe_at on, one email.
CREATE TABLE IF NOT EXISTS holds (
    workspace_id  bigint NOT NULL,
    id            bigint GENERATED ALWAYS AS IDENTITY,
    sender_id     bigint NOT NULL,
    campaign_id   bigint,  -- NULL: all of the sender
    reason        hold_reason NOT NULL,
    signature     text NOT NULL,
    words         text NOT NULL,  -- the server's, code included
    since         timestamptz NOT NULL,
    probe_at      timestamptz NOT NULL,
    probes        integer NOT NULL DEFAULT 0,  -- that were refused
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, sender_id) REFERENCES senders (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, campaign_id) REFERENCES campaigns (workspace_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX IF NOT EXISTS holds_of_sender ON holds (workspace_id, sender_id, campaign_id) NULLS NOT DISTINCT;

GRANT SELECT, INSERT, UPDATE, DELETE ON refusals, holds TO reachinbox_tenant;
DO $$
BEGIN
    PERFORM keep_tenants_apart('refusals');
    PERFORM keep_tenants_apart('holds');
END $$;

-- When the last email was accepted, by when its reply came: the witness of a refusal. `free_at`: no email of the
-- campaign is claimed earlier (its delay counts from the one before, not from the plan).
ALTER TABLE sender_windows ADD COLUMN IF NOT EXISTS accepted_at timestamptz;
ALTER TABLE campaigns ADD COLUMN IF NOT EXISTS accepted_at timestamptz;
ALTER TABLE campaigns ADD COLUMN IF NOT EXISTS free_at timestamptz;

CREATE OR REPLACE FUNCTION retry_waits(tried integer) RETURNS interval LANGUAGE sql IMMUTABLE
    RETURN make_interval(secs => (ARRAY[300, 1800, 7200, 21600, 28800])[least(tried, 5)]);
COMMENT ON FUNCTION retry_waits IS
    'How long an email waits, more or less, that was refused for now for the `tried`th time: 5 min, 30 min, 2 h, 6 h, 8 h';

CREATE OR REPLACE FUNCTION retry_wait(tried integer, email_id bigint) RETURNS interval LANGUAGE sql IMMUTABLE
    RETURN retry_waits(tried) * (0.9 + 0.2 * abs(hashint8(email_id + tried) % 1000) / 1000.0);
COMMENT ON FUNCTION retry_wait IS
    'How long this email waits before it is sent again, after a refusal or in doubt: a tenth more or less than others, so'
    ' that not all of a campaign comes back in one minute';

CREATE OR REPLACE FUNCTION retries_take(tried integer) RETURNS interval LANGUAGE sql IMMUTABLE
    RETURN (SELECT sum(retry_waits(n)) FROM generate_series(1, tried) AS n);
COMMENT ON FUNCTION retries_take IS 'How long so many retries take together';

CREATE OR REPLACE FUNCTION doubt_becomes(
    policy unknown_policy, campaign campaign_status, attempts integer, max_attempts integer
) RETURNS email_status LANGUAGE sql IMMUTABLE
    RETURN CASE
        WHEN policy = 'assume_sent' THEN 'SENT'::email_status
        WHEN policy = 'resend' AND campaign <> 'CANCELLED' AND attempts < coalesce(max_attempts, 5) THEN 'SCHEDULED'
        ELSE 'UNKNOWN'
    END;
COMMENT ON FUNCTION doubt_becomes IS
    'What an email becomes that may have been accepted, by its campaign''s onUnknown: UNKNOWN is for a person to decide.'
    ' Nothing of a cancelled campaign is sent again, nor what was tried max_attempts times (five, if that is open);'
    ' `attempts` counts this one';

-- The first allowance that a campaign's delay gives (GCRA): a claim may come 100 ms early where the delay is below a
-- second, so that workers that are late once do not stay late.
CREATE OR REPLACE FUNCTION spaced_from(free_at timestamptz, delay_ms bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE
    RETURN free_at - CASE WHEN delay_ms < 1000 THEN interval '100 milliseconds' ELSE interval '0' END;
COMMENT ON FUNCTION spaced_from IS 'From when on the campaign''s delay lets an email be claimed; NULL: at any time';

CREATE OR REPLACE FUNCTION spaced_room(free_at timestamptz, delay_ms bigint) RETURNS bigint LANGUAGE sql STABLE
    RETURN CASE
        WHEN delay_ms = 0 THEN 1000000
        WHEN spaced_from(free_at, delay_ms) > now() THEN 0
        ELSE 1 + floor(extract(epoch FROM now() - spaced_from(greatest(free_at, now()), delay_ms)) * 1000 / delay_ms)
    END;
COMMENT ON FUNCTION spaced_room IS 'How many emails of a campaign its delay lets be claimed now';

CREATE OR REPLACE FUNCTION tell_of_hold() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NEW.campaign_id IS NULL THEN
        PERFORM tell(NEW.workspace_id, 'sender.blocked', jsonb_build_object(
            'senderId', s.id, 'email', s.email, 'reason', NEW.words, 'blockedUntil', NEW.probe_at))
        FROM senders s WHERE s.workspace_id = NEW.workspace_id AND s.id = NEW.sender_id;
    ELSE
        PERFORM tell(NEW.workspace_id, 'campaign.held', jsonb_build_object(
            'campaignId', c.id, 'name', c.name, 'senderId', NEW.sender_id, 'reason', NEW.words,
            'heldUntil', NEW.probe_at))
        FROM campaigns c WHERE c.workspace_id = NEW.workspace_id AND c.id = NEW.campaign_id;
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION tell_of_hold IS 'For the trigger holds_told: a server''s words hold back a campaign or a sender';
CREATE OR REPLACE TRIGGER holds_told AFTER INSERT ON holds FOR EACH ROW
    WHEN (NEW.reason = 'REFUSED')
    EXECUTE FUNCTION tell_of_hold();

ALTER TABLE webhooks DROP CONSTRAINT IF EXISTS webhooks_events_check;
ALTER TABLE webhooks ADD CONSTRAINT webhooks_events_check CHECK (
    cardinality(events) > 0
    AND events <@ '{email.failed,email.unknown,sender.blocked,campaign.held,campaign.finished}');

GRANT EXECUTE ON FUNCTION retry_waits, retry_wait, retries_take, spaced_from, spaced_room TO reachinbox_tenant;
