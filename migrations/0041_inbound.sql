-- transactional: false
-- What comes back: where each mailbox was read to, and responses to emails.

DO $$
BEGIN
    IF to_regtype('response_kind') IS NULL THEN
        CREATE TYPE response_kind AS ENUM (
            'REPLY',          -- a person wrote it
            'AUTO_REPLY',     -- a program did, mostly for somebody who is away
            'BOUNCE',
            'COMPLAINT',      -- RFC 5965
            'UNSUBSCRIBE',    -- by mail, with a token of ours or with nothing but "stop"
            'FOUND_IN_SENT'   -- our own copy, which settled a doubt
        );
    END IF;
    IF to_regtype('bounce_severity') IS NULL THEN
        CREATE TYPE bounce_severity AS ENUM ('hard', 'soft', 'policy');
    END IF;
END $$;

-- Senders that are read at one place as one login share a mailbox. The first of them stands for all: `inbox_id`.
CREATE OR REPLACE VIEW read_senders WITH (security_invoker = true) AS
    SELECT workspace_id, id AS sender_id, login_id,
           min(id) OVER (PARTITION BY workspace_id, imap_host, imap_port, imap_username,
                                      CASE WHEN imap_username IS NULL THEN login_id END) AS inbox_id
    FROM senders
    WHERE imap_host IS NOT NULL;
COMMENT ON VIEW read_senders IS 'Senders whose mailbox is read, and under which of them';
GRANT SELECT ON read_senders TO reachinbox_tenant;

-- A mailbox that is read. A worker leases it for one pass; `lease_until` counts by the database's clock. `whole_at`: all that
-- had come by then was read, and recorded. `error` NULL: the latest pass ended well.
CREATE TABLE IF NOT EXISTS inboxes (
    workspace_id   bigint NOT NULL,
    sender_id      bigint NOT NULL,
    next_at        timestamptz NOT NULL DEFAULT now(),
    lease_token    uuid,
    lease_until    timestamptz,
    whole_at       timestamptz,
    failures       integer NOT NULL DEFAULT 0,  -- passes in a row
    failing_since  timestamptz,
    error          text,
    PRIMARY KEY (workspace_id, sender_id),
    FOREIGN KEY (workspace_id, sender_id) REFERENCES senders (workspace_id, id) ON DELETE CASCADE,
    CHECK ((lease_token IS NULL) = (lease_until IS NULL)),
    CHECK ((failures = 0) = (error IS NULL) AND (failures = 0) = (failing_since IS NULL))
);
CREATE INDEX IF NOT EXISTS inboxes_next ON inboxes (next_at);

-- All up to `uid` was looked at, as long as the folder has this UIDVALIDITY (RFC 3501, 2.3.1.1).
CREATE TABLE IF NOT EXISTS inbox_places (
    workspace_id   bigint NOT NULL,
    sender_id      bigint NOT NULL,
    folder         text NOT NULL,
    uid_validity   bigint NOT NULL,
    uid            bigint NOT NULL,
    PRIMARY KEY (workspace_id, sender_id, folder),
    FOREIGN KEY (workspace_id, sender_id) REFERENCES inboxes ON DELETE CASCADE
);

-- Append-only, but for what people say of it. The email that it answers may be removed before it.
CREATE TABLE IF NOT EXISTS responses (
    workspace_id    bigint NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    kind            response_kind NOT NULL,
    corrected_kind  response_kind,          -- a person's word
    email_id        bigint NOT NULL,
    campaign_id     bigint NOT NULL,
    stream_id       bigint NOT NULL,
    sender_id       bigint NOT NULL,
    recipient       text NOT NULL,          -- of the email
    writer          text,                   -- who it says it is from
    writer_name     text NOT NULL DEFAULT '',
    weak            boolean NOT NULL,       -- nothing but an address says whose answer it is: of a bounce nothing follows
    message_id      text NOT NULL,          -- of one that has none, its place
    folder          text NOT NULL,
    uid_validity    bigint NOT NULL,
    uid             bigint NOT NULL,
    received_at     timestamptz NOT NULL,   -- as the server says, and not in the future
    recorded_at     timestamptz NOT NULL DEFAULT now(),
    subject         text NOT NULL,
    text            text NOT NULL,          -- what is new in it
    html            text,                   -- cleaned
    attachments     text[] NOT NULL,        -- their names
    severity        bounce_severity,        -- of a bounce, and the four that follow
    reason          text,
    code            integer,
    enhanced_code   text,
    diagnostic      text,
    of_sender       boolean NOT NULL DEFAULT false,  -- a bounce that is the sender's fault
    back_on         date,                   -- the day that an absence note names
    label           text,
    read_at         timestamptz,
    forgotten_at    timestamptz,            -- a person: this is no answer; what it says is gone
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT responses_message UNIQUE (workspace_id, message_id),
    CHECK (octet_length(message_id) BETWEEN 1 AND 2000),
    CHECK (kind <> 'BOUNCE' OR severity IS NOT NULL)
);
CREATE INDEX IF NOT EXISTS responses_of_email ON responses (workspace_id, email_id);
CREATE INDEX IF NOT EXISTS responses_of_campaign ON responses (workspace_id, campaign_id, received_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS responses_by_time ON responses (workspace_id, received_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS responses_age ON responses (recorded_at);
CREATE OR REPLACE FUNCTION effective_kind(r responses) RETURNS response_kind LANGUAGE sql IMMUTABLE
    RETURN coalesce(r.corrected_kind, r.kind);
CREATE OR REPLACE FUNCTION is_hard(r responses) RETURNS boolean LANGUAGE sql IMMUTABLE
    RETURN effective_kind(r) = 'BOUNCE' AND coalesce(r.severity, 'hard') = 'hard' AND NOT r.weak AND NOT r.of_sender;
COMMENT ON FUNCTION is_hard IS 'Whether it says that the recipient does not exist';
GRANT EXECUTE ON FUNCTION is_hard TO reachinbox_tenant;
COMMENT ON FUNCTION effective_kind IS 'What a response is: what a person says of it, else what its reader made of it';
GRANT EXECUTE ON FUNCTION effective_kind TO reachinbox_tenant;

CREATE OR REPLACE FUNCTION response_kinds(of_workspace bigint, of_email bigint) RETURNS TABLE (
    replied boolean, auto_replied boolean, bounced boolean, complained boolean, unsubscribed boolean
) LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT coalesce(bool_or(effective_kind(r) = 'REPLY'), false),
           coalesce(bool_or(effective_kind(r) = 'AUTO_REPLY'), false),
           coalesce(bool_or(is_hard(r)), false),
           coalesce(bool_or(effective_kind(r) = 'COMPLAINT' AND NOT r.weak), false),
           coalesce(bool_or(effective_kind(r) = 'UNSUBSCRIBE'), false)
    FROM responses r
    WHERE r.workspace_id = of_workspace AND r.email_id = of_email AND r.forgotten_at IS NULL
$$;
COMMENT ON FUNCTION response_kinds IS 'For what the responses to an email count in its stream';
GRANT EXECUTE ON FUNCTION response_kinds TO reachinbox_tenant;

GRANT SELECT, INSERT, UPDATE, DELETE ON inboxes, inbox_places, responses TO reachinbox_tenant;
DO $$
BEGIN
    PERFORM keep_tenants_apart('inboxes');
    PERFORM keep_tenants_apart('inbox_places');
    PERFORM keep_tenants_apart('responses');
END $$;

-- How many emails of a stream have a response of each kind. `bounced`, which the brake looks at, has those whose recipients
-- do not exist.
ALTER TABLE streams
    ADD COLUMN IF NOT EXISTS replied integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS auto_replied integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS unsubscribed integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS complained integer NOT NULL DEFAULT 0;
ALTER TABLE streams DROP CONSTRAINT IF EXISTS streams_responses;
ALTER TABLE streams ADD CONSTRAINT streams_responses
    CHECK (replied >= 0 AND auto_replied >= 0 AND unsubscribed >= 0 AND complained >= 0);

CREATE OR REPLACE FUNCTION came_back(e emails) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM responses r
                   WHERE r.workspace_id = e.workspace_id AND r.email_id = e.id AND r.of_sender
                     AND effective_kind(r) = 'BOUNCE' AND r.recorded_at > e.sent_at)
$$;
COMMENT ON FUNCTION came_back IS 'Whether an email was returned since it was last sent, for a fault of its sender';
GRANT EXECUTE ON FUNCTION came_back TO reachinbox_tenant;

CREATE OR REPLACE FUNCTION response_counts(of_workspace bigint, of_campaign bigint) RETURNS TABLE (
    replied bigint, auto_replied bigint, bounced bigint, complained bigint, unsubscribed bigint
) LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT coalesce(sum(replied), 0)::bigint, coalesce(sum(auto_replied), 0)::bigint, coalesce(sum(bounced), 0)::bigint,
           coalesce(sum(complained), 0)::bigint, coalesce(sum(unsubscribed), 0)::bigint
    FROM streams WHERE workspace_id = of_workspace AND campaign_id = of_campaign
$$;
COMMENT ON FUNCTION response_counts IS 'How many emails of a campaign have a response of each kind';
GRANT EXECUTE ON FUNCTION response_counts TO reachinbox_tenant;

-- The Message-ID that a server put in the place of ours.
ALTER TABLE emails ADD COLUMN IF NOT EXISTS provider_message_id text;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('emails_provider_message_id') AND NOT indisvalid) THEN
        DROP INDEX emails_provider_message_id;
    END IF;
END $$;
CREATE INDEX CONCURRENTLY IF NOT EXISTS emails_provider_message_id ON emails (workspace_id, provider_message_id)
    WHERE provider_message_id IS NOT NULL;

-- Another mailbox has other places; and where a person has mended something, nobody waits for the end of a back-off.
CREATE OR REPLACE FUNCTION inbox_changes() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF (OLD.imap_host, OLD.imap_port, OLD.imap_username, OLD.login_id, OLD.username)
       IS DISTINCT FROM (NEW.imap_host, NEW.imap_port, NEW.imap_username, NEW.login_id, NEW.username) THEN
        DELETE FROM inboxes WHERE workspace_id = NEW.workspace_id AND sender_id = NEW.id;
    ELSE
        UPDATE inboxes SET next_at = least(next_at, now())
        WHERE workspace_id = NEW.workspace_id AND sender_id = NEW.id AND failures > 0;
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION inbox_changes IS 'For the trigger senders_inbox: how a mailbox is logged in to has changed, or was verified';
CREATE OR REPLACE TRIGGER senders_inbox
    AFTER UPDATE OF imap_host, imap_port, imap_security, imap_username, imap_password_encrypted, login_id, username,
                    password_encrypted, verified_at ON senders
    FOR EACH ROW WHEN (
        (OLD.imap_host, OLD.imap_port, OLD.imap_security, OLD.imap_username, OLD.imap_password_encrypted, OLD.login_id,
         OLD.username, OLD.password_encrypted)
        IS DISTINCT FROM
        (NEW.imap_host, NEW.imap_port, NEW.imap_security, NEW.imap_username, NEW.imap_password_encrypted, NEW.login_id,
         NEW.username, NEW.password_encrypted)
        OR NEW.verified_at IS DISTINCT FROM OLD.verified_at AND NEW.verify_imap_error IS NULL)
    EXECUTE FUNCTION inbox_changes();

-- A copy in Sent tells at once of most doubts. A mailbox that fails keeps its pause.
CREATE OR REPLACE FUNCTION doubt_is_looked_up() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE inboxes i SET next_at = now() + interval '3 seconds'
    FROM streams t
    JOIN read_senders r ON r.workspace_id = t.workspace_id AND r.sender_id = t.sender_id
    WHERE t.workspace_id = NEW.workspace_id AND t.id = NEW.stream_id
      AND i.workspace_id = r.workspace_id AND i.sender_id = r.inbox_id
      AND i.failures = 0 AND i.next_at > now() + interval '3 seconds';
    RETURN NULL;
END $$;
COMMENT ON FUNCTION doubt_is_looked_up IS 'For the trigger emails_doubted: whether an email in doubt was sent';
CREATE OR REPLACE TRIGGER emails_doubted AFTER UPDATE OF status ON emails FOR EACH ROW
    WHEN (NEW.status = 'UNKNOWN' AND OLD.status <> 'UNKNOWN')
    EXECUTE FUNCTION doubt_is_looked_up();

-- Webhooks.
ALTER TABLE webhooks DROP CONSTRAINT IF EXISTS webhooks_events_check;
ALTER TABLE webhooks ADD CONSTRAINT webhooks_events_check CHECK (
    cardinality(events) > 0
    AND events <@ '{email.failed,email.unknown,email.replied,email.bounced,sender.blocked,campaign.held,campaign.paused,campaign.finished,recipient.suppressed,recipient.unsubscribed}');

CREATE OR REPLACE FUNCTION tell_of_response() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM tell(NEW.workspace_id, CASE NEW.kind WHEN 'REPLY' THEN 'email.replied' ELSE 'email.bounced' END,
        jsonb_build_object(
            'responseId', NEW.id, 'emailId', NEW.email_id, 'campaignId', NEW.campaign_id, 'senderId', NEW.sender_id,
            'recipient', NEW.recipient, 'receivedAt', NEW.received_at)
        || CASE NEW.kind WHEN 'BOUNCE' THEN jsonb_build_object(
            'severity', NEW.severity, 'code', NEW.code, 'enhancedCode', NEW.enhanced_code,
            'reply', left(NEW.diagnostic, 500), 'ofSender', NEW.of_sender) ELSE '{}' END);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION tell_of_response IS 'For the trigger responses_told: a person answered, or a message came back';
CREATE OR REPLACE TRIGGER responses_told AFTER INSERT ON responses FOR EACH ROW
    WHEN (NEW.kind = 'REPLY' OR NEW.kind = 'BOUNCE' AND NOT NEW.weak)
    EXECUTE FUNCTION tell_of_response();
