-- transactional: false
-- Steps: a campaign's later messages, each a wait after the one before, to whoever did not answer.

-- Position 1 stands for the campaign's own text, so that all steps have an id; later ones bring theirs. A campaign of one
-- step has no row here.
CREATE TABLE IF NOT EXISTS campaign_steps (
    workspace_id   bigint NOT NULL,
    id             bigint GENERATED ALWAYS AS IDENTITY,
    campaign_id    bigint NOT NULL,
    position       smallint NOT NULL CHECK (position BETWEEN 1 AND 11),
    wait           interval NOT NULL CHECK (wait >= '0'),  -- after the one before
    business_days  boolean NOT NULL DEFAULT false,  -- the days of `wait` are those on which the campaign sends
    subject        text,                            -- NULL: in the thread of the first
    body           text,
    body_html      text,
    body_made      text,
    html_made      text,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT campaign_steps_order UNIQUE (workspace_id, campaign_id, position),
    FOREIGN KEY (workspace_id, campaign_id) REFERENCES campaigns (workspace_id, id) ON DELETE CASCADE,
    CONSTRAINT campaign_steps_text CHECK ((position = 1) = (body IS NULL))
);
GRANT SELECT, INSERT, UPDATE, DELETE ON campaign_steps TO reachinbox_tenant;
DO $$ BEGIN PERFORM keep_tenants_apart('campaign_steps'); END $$;

ALTER TABLE campaigns
    ADD COLUMN IF NOT EXISTS stop_on_auto_reply boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS follow_up_without_reading boolean NOT NULL DEFAULT false;

-- `step_id` NULL: its campaign has one step. `follow_at`: it owes the next step from then on; `stopped`: why it never will.
-- Of a later step: which email it follows, and when that was sent.
ALTER TABLE emails
    ADD COLUMN IF NOT EXISTS step_id bigint,
    ADD COLUMN IF NOT EXISTS follow_at timestamptz,
    ADD COLUMN IF NOT EXISTS stopped cancel_reason,
    ADD COLUMN IF NOT EXISTS follows_id bigint,
    ADD COLUMN IF NOT EXISTS after_at timestamptz;
DO $$
DECLARE
    it record;
BEGIN
    FOR it IN SELECT * FROM (VALUES
        ('emails_owing', 'CHECK (follow_at IS NULL OR status = ''SENT'' AND step_id IS NOT NULL AND stopped IS NULL)'),
        ('emails_following', 'CHECK ((follows_id IS NULL) = (after_at IS NULL) AND (follows_id IS NULL OR step_id IS NOT NULL))')
    ) AS c (name, text) LOOP
        IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'emails'::regclass AND conname = it.name) THEN
            EXECUTE format('ALTER TABLE emails ADD CONSTRAINT %I %s NOT VALID', it.name, it.text);
        END IF;
    END LOOP;
END $$;
ALTER TABLE emails VALIDATE CONSTRAINT emails_owing;
ALTER TABLE emails VALIDATE CONSTRAINT emails_following;

-- `stepped`: its campaign has later steps. `following`: how many emails owe one; `followed`: how many of `total` are of a
-- later step.
ALTER TABLE streams
    ADD COLUMN IF NOT EXISTS stepped boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS following integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS followed integer NOT NULL DEFAULT 0;
ALTER TABLE streams DROP CONSTRAINT IF EXISTS streams_following;
ALTER TABLE streams ADD CONSTRAINT streams_following
    CHECK (following >= 0 AND followed BETWEEN 0 AND total AND (stepped OR following + followed = 0)) NOT VALID;
ALTER TABLE streams VALIDATE CONSTRAINT streams_following;

DO $$
DECLARE
    broken_off text;
BEGIN
    FOR broken_off IN SELECT indexrelid::regclass FROM pg_index
                      WHERE indrelid IN ('emails'::regclass, 'streams'::regclass) AND NOT indisvalid
                        AND indexrelid::regclass::text IN ('emails_owing_next', 'streams_stepped') LOOP
        EXECUTE 'DROP INDEX ' || broken_off;
    END LOOP;
END $$;
CREATE INDEX CONCURRENTLY IF NOT EXISTS streams_stepped ON streams (workspace_id, id) WHERE stepped;
CREATE INDEX CONCURRENTLY IF NOT EXISTS emails_owing_next ON emails (workspace_id, stream_id, follow_at)
    WHERE follow_at IS NOT NULL;

CREATE OR REPLACE FUNCTION next_step(of_workspace bigint, of_email bigint) RETURNS SETOF campaign_steps
LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT n.*
    FROM emails e
    JOIN campaign_steps s ON s.workspace_id = e.workspace_id AND s.id = e.step_id
    JOIN campaign_steps n ON n.workspace_id = s.workspace_id AND n.campaign_id = s.campaign_id AND n.position > s.position
    WHERE e.workspace_id = of_workspace AND e.id = of_email
      AND NOT EXISTS (SELECT FROM emails o
                      WHERE o.workspace_id = e.workspace_id AND o.recipient_key = e.recipient_key
                        AND o.campaign_id = e.campaign_id AND (o.step_id = n.id OR o.follows_id = e.id))
    ORDER BY n.position
    LIMIT 1
$$;
COMMENT ON FUNCTION next_step IS
    'What follows an email, unless something does: the first step behind its own that its recipient has not had';

CREATE OR REPLACE FUNCTION follows_at(of_workspace bigint, of_email bigint, sent timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT sent + n.wait
    FROM emails e
    CROSS JOIN LATERAL next_step(e.workspace_id, e.id) n
    JOIN campaigns c ON c.workspace_id = n.workspace_id AND c.id = n.campaign_id
    WHERE e.workspace_id = of_workspace AND e.id = of_email AND c.status <> 'CANCELLED' AND e.erased_at IS NULL
      AND NOT EXISTS (SELECT FROM emails o
                      WHERE o.workspace_id = e.workspace_id AND o.recipient_key = e.recipient_key
                        AND o.campaign_id = e.campaign_id AND o.stopped IS NOT NULL)
      AND NOT EXISTS (SELECT FROM suppression_of(e.workspace_id, e.recipient))
$$;
COMMENT ON FUNCTION follows_at IS
    'The earliest instant of what follows an email that was sent then, for every way in which that becomes known; NULL:'
    ' nothing follows, since it is the last, or its recipient was stopped';
GRANT EXECUTE ON FUNCTION next_step, follows_at TO reachinbox_tenant;

CREATE OR REPLACE FUNCTION emails_owing_counted() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE streams SET following = following + CASE WHEN NEW.follow_at IS NULL THEN -1 ELSE 1 END
    WHERE workspace_id = NEW.workspace_id AND id = NEW.stream_id;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION emails_owing_counted IS
    'For the trigger emails_owing_told: the stream counts what owes a next step; whoever changes that holds it';
CREATE OR REPLACE TRIGGER emails_owing_told AFTER UPDATE OF follow_at ON emails FOR EACH ROW
    WHEN ((OLD.follow_at IS NULL) <> (NEW.follow_at IS NULL))
    EXECUTE FUNCTION emails_owing_counted();

CREATE OR REPLACE FUNCTION inbox_of_answers(of_workspace bigint, of_campaign bigint, of_sender bigint)
RETURNS SETOF inboxes LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT i.*
    FROM campaigns c
    JOIN senders s ON s.workspace_id = c.workspace_id AND s.id = of_sender
    JOIN senders p ON p.workspace_id = c.workspace_id
        AND CASE WHEN coalesce(c.reply_to, s.reply_to) IS NULL THEN p.id = s.id
                 ELSE address_key(p.email) = address_key(coalesce(c.reply_to, s.reply_to)) END
    JOIN read_senders r ON r.workspace_id = p.workspace_id AND r.sender_id = p.id
    JOIN inboxes i ON i.workspace_id = r.workspace_id AND i.sender_id = r.inbox_id
    WHERE c.workspace_id = of_workspace AND c.id = of_campaign
    ORDER BY i.whole_at DESC NULLS LAST
    LIMIT 1
$$;
COMMENT ON FUNCTION inbox_of_answers IS
    'The mailbox in which an answer to a campaign''s emails from a sender would lie: the sender''s, or the one that answers'
    ' go to';

CREATE OR REPLACE FUNCTION inbox_read_at(of_workspace bigint, of_campaign bigint, of_sender bigint, sandboxed boolean)
RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN c.follow_up_without_reading OR sandboxed AND s.host IS NULL THEN 'infinity'
                ELSE (SELECT i.whole_at FROM inbox_of_answers(of_workspace, of_campaign, of_sender) i) END
    FROM campaigns c
    JOIN senders s ON s.workspace_id = c.workspace_id AND s.id = of_sender
    WHERE c.workspace_id = of_workspace AND c.id = of_campaign
$$;
COMMENT ON FUNCTION inbox_read_at IS
    'Up to when that mailbox was read, whole; NULL: never. Where the campaign says that it need not be, and of what goes to'
    ' the sandbox, it counts as read';
GRANT EXECUTE ON FUNCTION inbox_of_answers, inbox_read_at TO reachinbox_tenant;

-- Whether what has no server of its own goes to the built-in sandbox mailbox, as far as this worker sends it.
ALTER TABLE workers ADD COLUMN IF NOT EXISTS sandboxed boolean NOT NULL DEFAULT false;

-- A campaign goes on while anything of it follows.
CREATE OR REPLACE FUNCTION campaign_follows_streams() RETURNS trigger
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM FROM campaigns WHERE workspace_id = NEW.workspace_id AND id = NEW.campaign_id FOR NO KEY UPDATE;
    UPDATE campaigns c
    SET status = CASE WHEN NOT n.going THEN 'FINISHED' WHEN NEW.open THEN 'ACTIVE' ELSE 'PAUSED' END::campaign_status,
        finished_at = CASE WHEN NOT n.going THEN now() END
    FROM (SELECT bool_or(s.scheduled + s.sending + s.following > 0) AS going FROM streams s
          WHERE s.workspace_id = NEW.workspace_id AND s.campaign_id = NEW.campaign_id) n
    WHERE c.workspace_id = NEW.workspace_id AND c.id = NEW.campaign_id
      AND (c.status IN ('ACTIVE', 'PAUSED') AND NOT n.going OR c.status = 'FINISHED' AND n.going);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION campaign_follows_streams IS
    'For the trigger streams_end: a campaign is FINISHED once nothing waits in any of its streams, nothing is being sent'
    ' and nothing follows, and goes on when something does again';

CREATE OR REPLACE FUNCTION campaign_has_ended() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM streams WHERE workspace_id = NEW.workspace_id AND campaign_id = NEW.id
                 AND scheduled + sending + following > 0) THEN
        RAISE EXCEPTION 'something of campaign % waits, is being sent or follows', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'campaigns_finished';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER streams_end AFTER UPDATE OF scheduled, sending, following ON streams FOR EACH ROW
    WHEN ((OLD.scheduled + OLD.sending + OLD.following = 0) <> (NEW.scheduled + NEW.sending + NEW.following = 0))
    EXECUTE FUNCTION campaign_follows_streams();

CREATE OR REPLACE FUNCTION in_thread(subject text) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN lower(subject COLLATE "C") ~ '^\s*re:' THEN subject ELSE 'Re: ' || subject END;
COMMENT ON FUNCTION in_thread IS 'The subject of what follows in the thread of a message with this one';
GRANT EXECUTE ON FUNCTION in_thread TO reachinbox_tenant;

CREATE OR REPLACE FUNCTION sent_on(sent timestamptz, calendar jsonb) RETURNS text LANGUAGE sql STABLE
    RETURN to_char(sent AT TIME ZONE coalesce(calendar ->> 'zone', 'UTC'), 'YYYY-MM-DD');
COMMENT ON FUNCTION sent_on IS 'The merge field sent_at of a later step: the day in the campaign''s zone';
GRANT EXECUTE ON FUNCTION sent_on TO reachinbox_tenant;

CREATE OR REPLACE FUNCTION step_number(e emails) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN e.step_id IS NULL THEN 1
                ELSE coalesce((SELECT s.position::integer FROM campaign_steps s
                               WHERE s.workspace_id = e.workspace_id AND s.id = e.step_id), 1) END
$$;
COMMENT ON FUNCTION step_number IS 'Which of its campaign''s steps an email is, from 1, in today''s order';
GRANT EXECUTE ON FUNCTION step_number TO reachinbox_tenant;

CREATE OR REPLACE FUNCTION tell_of_email() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM tell(NEW.workspace_id, 'email.' || lower(NEW.status::text), jsonb_build_object(
        'emailId', NEW.id, 'campaignId', NEW.campaign_id, 'senderId', s.sender_id, 'recipient', NEW.recipient,
        'step', step_number(NEW), 'code', a.code, 'enhancedCode', a.enhanced_code, 'reply', left(a.reply, 500)))
    FROM streams s
    LEFT JOIN attempts a ON a.workspace_id = NEW.workspace_id AND a.email_id = NEW.id AND a.number = NEW.attempts
    WHERE s.workspace_id = NEW.workspace_id AND s.id = NEW.stream_id;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION tell_of_response() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM tell(NEW.workspace_id, CASE NEW.kind WHEN 'REPLY' THEN 'email.replied' ELSE 'email.bounced' END,
        jsonb_build_object(
            'responseId', NEW.id, 'emailId', NEW.email_id, 'campaignId', NEW.campaign_id, 'senderId', NEW.sender_id,
            'recipient', NEW.recipient, 'receivedAt', NEW.received_at,
            'step', (SELECT step_number(e) FROM emails e
                     WHERE e.workspace_id = NEW.workspace_id AND e.id = NEW.email_id))
        || CASE NEW.kind WHEN 'BOUNCE' THEN jsonb_build_object(
            'severity', NEW.severity, 'code', NEW.code, 'enhancedCode', NEW.enhanced_code,
            'reply', left(NEW.diagnostic, 500), 'ofSender', NEW.of_sender) ELSE '{}' END);
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION campaign_recipients(of_workspace bigint, of_campaign bigint) RETURNS TABLE (
    recipients bigint, following bigint
) LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT coalesce(sum(total - followed), 0)::bigint, coalesce(sum(following), 0)::bigint
    FROM streams WHERE workspace_id = of_workspace AND campaign_id = of_campaign
$$;
COMMENT ON FUNCTION campaign_recipients IS 'How many a campaign writes to, and how many emails of it owe a next step';
GRANT EXECUTE ON FUNCTION campaign_recipients TO reachinbox_tenant;
