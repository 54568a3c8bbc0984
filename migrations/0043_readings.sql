-- transactional: false
-- Emails in doubt that lie in no Sent: what is known of that, and campaigns that send them again for it. And the Message-ID
-- that Amazon SES puts in the place of ours.

ALTER TYPE unknown_policy ADD VALUE IF NOT EXISTS 'resend_if_not_in_sent';  -- UNKNOWN until Sent was read: `to_send_again`

COMMENT ON FUNCTION doubt_becomes IS
    'What an email becomes that may have been accepted, by its campaign''s onUnknown: UNKNOWN is for a person to decide, or'
    ' for who reads Sent. Nothing of a cancelled campaign is sent again, nor what was tried max_attempts times (five, if'
    ' that is open); `attempts` counts this one';

-- How often an email in doubt was looked for in the whole of Sent, and was not there, since the attempt that left it so.
CREATE TABLE IF NOT EXISTS sent_readings (
    workspace_id   bigint NOT NULL,
    email_id       bigint NOT NULL,
    attempt        integer NOT NULL,
    readings       integer NOT NULL DEFAULT 1,
    last_at        timestamptz NOT NULL,  -- when the latest began
    PRIMARY KEY (workspace_id, email_id),
    FOREIGN KEY (workspace_id, email_id) REFERENCES emails (workspace_id, id) ON DELETE CASCADE
);
GRANT SELECT, INSERT, UPDATE, DELETE ON sent_readings TO reachinbox_tenant;
DO $$
BEGIN
    PERFORM keep_tenants_apart('sent_readings');
END $$;

CREATE OR REPLACE FUNCTION keeps_copies(of_workspace bigint, of_sender bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN NOT w.sent_copy THEN false WHEN w.message_id_kept THEN true END
    FROM wire_checks w
    WHERE w.workspace_id = of_workspace AND w.sender_id = of_sender AND w.sent_copy IS NOT NULL
      AND w.done_at > now() - interval '30 days'
$$;
COMMENT ON FUNCTION keeps_copies IS
    'Whether a sender''s server puts what it sends into Sent, under our Message-ID, as the wire check of the last 30 days'
    ' showed; NULL: nobody knows';
GRANT EXECUTE ON FUNCTION keeps_copies TO reachinbox_tenant;

-- Amazon SES says in its reply which Message-ID it has given: answers name that one.
CREATE OR REPLACE FUNCTION keep_id_of_ses() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    given constant text := substring(NEW.reply FROM '^Ok ([0-9A-Za-z.-]{20,100})$');
    region constant text := substring(NEW.server FROM 'email-smtp(?:-fips)?\.([a-z0-9-]+)\.');
BEGIN
    UPDATE emails SET provider_message_id =
        given || '@' || CASE region WHEN 'us-east-1' THEN 'email' ELSE region END || '.amazonses.com'
    WHERE workspace_id = NEW.workspace_id AND id = NEW.email_id AND given IS NOT NULL AND region IS NOT NULL;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION keep_id_of_ses IS 'For the trigger attempts_at_ses: the Message-ID that an email has from there on';
CREATE OR REPLACE TRIGGER attempts_at_ses AFTER INSERT ON attempts FOR EACH ROW
    WHEN (NEW.server LIKE '%email-smtp%.amazonaws.com:%' AND NEW.outcome = 'ACCEPTED')
    EXECUTE FUNCTION keep_id_of_ses();

-- Where a server puts nothing into Sent, who reads the mailbox does: `copy_to_sent` false, not. Which emails have been dealt
-- with, of the last days.
ALTER TABLE senders ADD COLUMN IF NOT EXISTS copy_to_sent boolean NOT NULL DEFAULT true;
CREATE TABLE IF NOT EXISTS sent_copies (
    workspace_id   bigint NOT NULL,
    email_id       bigint NOT NULL,
    done_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, email_id),
    FOREIGN KEY (workspace_id, email_id) REFERENCES emails (workspace_id, id) ON DELETE CASCADE
);
GRANT SELECT, INSERT, UPDATE, DELETE ON sent_copies TO reachinbox_tenant;
DO $$
BEGIN
    PERFORM keep_tenants_apart('sent_copies');
END $$;
