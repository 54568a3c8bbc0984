-- transactional: false
-- Steps at a time of day, that quote what they follow, and in variants; answers that stop a whole domain.

ALTER TABLE campaign_steps
    ADD COLUMN IF NOT EXISTS time_of_day time,                       -- it leaves then, by the calendar's clock
    ADD COLUMN IF NOT EXISTS quotes boolean NOT NULL DEFAULT false;  -- below it stands what it follows
ALTER TABLE campaigns ADD COLUMN IF NOT EXISTS stop_on_domain boolean NOT NULL DEFAULT false;

-- Domains of which somebody has answered a campaign that stops for all of them then. `walked_to`: up to which email that is
-- done, NULL: with all; `lifted`: it was no answer after all, so they go on.
CREATE TABLE IF NOT EXISTS domain_stops (
    workspace_id  bigint NOT NULL,
    campaign_id   bigint NOT NULL,
    domain        text NOT NULL,  -- as address_key has it
    walked_to     bigint DEFAULT 0,
    lifted        boolean NOT NULL DEFAULT false,
    PRIMARY KEY (workspace_id, campaign_id, domain),
    FOREIGN KEY (workspace_id, campaign_id) REFERENCES campaigns (workspace_id, id) ON DELETE CASCADE
);
GRANT SELECT, INSERT, UPDATE, DELETE ON domain_stops TO reachinbox_tenant;
DO $$ BEGIN PERFORM keep_tenants_apart('domain_stops'); END $$;
CREATE INDEX IF NOT EXISTS domain_stops_walking ON domain_stops (workspace_id, campaign_id) WHERE walked_to IS NOT NULL;

CREATE OR REPLACE FUNCTION domain_of(address text) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN split_part(address_key(address), '@', 2);
COMMENT ON FUNCTION domain_of IS 'The domain of an address, by which it is compared with others';

CREATE OR REPLACE FUNCTION has_stopped(of_workspace bigint, of_email bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    WITH beside AS MATERIALIZED (SELECT o.id, o.campaign_id, o.recipient FROM emails_beside(of_workspace, of_email) o)
    SELECT EXISTS (
        SELECT FROM (
            SELECT b.id FROM beside b
            UNION ALL
            SELECT a.first_email_id FROM campaigns a
            WHERE a.workspace_id = of_workspace AND a.thread_email_id IN (SELECT b.id FROM beside b)
        ) its
        JOIN responses r ON r.workspace_id = of_workspace AND r.email_id = its.id
        WHERE r.forgotten_at IS NULL
          AND (effective_kind(r) = 'REPLY' OR is_hard(r)
               OR effective_kind(r) = 'AUTO_REPLY'
                  AND (SELECT c.stop_on_auto_reply FROM campaigns c
                       WHERE c.workspace_id = of_workspace AND c.id = (SELECT min(b.campaign_id) FROM beside b))))
        OR EXISTS (
            SELECT FROM beside b
            JOIN domain_stops d ON d.workspace_id = of_workspace AND d.campaign_id = b.campaign_id
                AND d.domain = domain_of(b.recipient)
            WHERE NOT d.lifted)
$$;
COMMENT ON FUNCTION has_stopped IS
    'Whether anything that came back from an email''s recipient stops its campaign: for an email of it, or for what people'
    ' answered in its threads; or from somebody of their domain, where that stops all of it';
GRANT EXECUTE ON FUNCTION domain_of, has_stopped TO reachinbox_tenant;

-- Texts that a step is tried with: position 1 is its own, which stands where it did. A step that is not varied has no row.
-- A text is never changed, so figures are of one text; what has gone of one that is `stopped_at` stays its.
CREATE TABLE IF NOT EXISTS step_variants (
    workspace_id  bigint NOT NULL,
    id            bigint GENERATED ALWAYS AS IDENTITY,
    campaign_id   bigint NOT NULL,
    step_id       bigint,  -- NULL: its campaign has one step
    position      smallint NOT NULL CHECK (position BETWEEN 1 AND 5),
    weight        integer NOT NULL CHECK (weight BETWEEN 1 AND 100),
    subject       text,
    body          text,
    body_html     text,
    body_made     text,
    html_made     text,
    stopped_at    timestamptz,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT step_variants_place UNIQUE NULLS NOT DISTINCT (workspace_id, campaign_id, step_id, position),
    FOREIGN KEY (workspace_id, campaign_id) REFERENCES campaigns (workspace_id, id) ON DELETE CASCADE,
    CONSTRAINT step_variants_text CHECK ((position = 1) = (body IS NULL))
);
GRANT SELECT, INSERT, UPDATE, DELETE ON step_variants TO reachinbox_tenant;
DO $$ BEGIN PERFORM keep_tenants_apart('step_variants'); END $$;
ALTER TABLE emails ADD COLUMN IF NOT EXISTS variant_id bigint;  -- which it was made from last; NULL: its step is not varied

CREATE OR REPLACE FUNCTION variant_to_send(e emails) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (SELECT v.id FROM step_variants v
         WHERE v.workspace_id = e.workspace_id AND v.id = e.variant_id AND v.stopped_at IS NULL),
        (SELECT w.id
         FROM (SELECT v.id, sum(v.weight) OVER (ORDER BY v.position) AS upto, sum(v.weight) OVER () AS total
               FROM step_variants v
               WHERE v.workspace_id = e.workspace_id AND v.campaign_id = e.campaign_id
                 AND v.step_id IS NOT DISTINCT FROM e.step_id AND v.stopped_at IS NULL) w
         WHERE w.upto > mod(mod(hashint8extended(e.id, 62), w.total) + w.total, w.total)
         ORDER BY w.upto
         LIMIT 1))
$$;
COMMENT ON FUNCTION variant_to_send IS
    'The variant that an email is made from next: the one that it was before, unless that is stopped, or what its id says by'
    ' the weights; NULL: its step is not varied';

CREATE OR REPLACE FUNCTION variant_of(e emails) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN e.status = 'SCHEDULED' THEN variant_to_send(e) ELSE e.variant_id END
$$;
COMMENT ON FUNCTION variant_of IS 'The variant that an email was made from, or would be';

CREATE OR REPLACE FUNCTION variant_letter(e emails) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN e.variant_id IS NOT NULL THEN
        (SELECT chr(64 + v.position) FROM step_variants v WHERE v.workspace_id = e.workspace_id AND v.id = e.variant_id) END
$$;
COMMENT ON FUNCTION variant_letter IS 'What people call the variant that an email was made from: A, B …';
GRANT EXECUTE ON FUNCTION variant_to_send, variant_of, variant_letter TO reachinbox_tenant;

CREATE OR REPLACE FUNCTION tell_of_email() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM tell(NEW.workspace_id, 'email.' || lower(NEW.status::text), jsonb_build_object(
        'emailId', NEW.id, 'campaignId', NEW.campaign_id, 'senderId', s.sender_id, 'recipient', NEW.recipient,
        'step', step_number(NEW), 'variant', variant_letter(NEW), 'code', a.code, 'enhancedCode', a.enhanced_code,
        'reply', left(a.reply, 500)))
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
            'recipient', NEW.recipient, 'receivedAt', NEW.received_at)
        || coalesce((SELECT jsonb_build_object('step', step_number(e), 'variant', variant_letter(e)) FROM emails e
                     WHERE e.workspace_id = NEW.workspace_id AND e.id = NEW.email_id), '{}')
        || CASE NEW.kind WHEN 'BOUNCE' THEN jsonb_build_object(
            'severity', NEW.severity, 'code', NEW.code, 'enhancedCode', NEW.enhanced_code,
            'reply', left(NEW.diagnostic, 500), 'ofSender', NEW.of_sender) ELSE '{}' END);
    RETURN NULL;
END $$;

-- Of how many emails that owed a next step it was stopped, by reason; NULL: of none.
ALTER TABLE streams ADD COLUMN IF NOT EXISTS stops jsonb;

CREATE OR REPLACE FUNCTION emails_stopped_counted() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE streams s
    SET stops = coalesce(s.stops, '{}') || jsonb_build_object(
        NEW.stopped, coalesce((s.stops ->> NEW.stopped::text)::integer, 0) + 1)
    WHERE s.workspace_id = NEW.workspace_id AND s.id = NEW.stream_id;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION emails_stopped_counted IS
    'For the trigger emails_stopped_told: the stream counts what owed a next step and is stopped; whoever does that holds it';
CREATE OR REPLACE TRIGGER emails_stopped_told AFTER UPDATE OF stopped ON emails FOR EACH ROW
    WHEN (OLD.follow_at IS NOT NULL AND OLD.stopped IS NULL AND NEW.stopped IS NOT NULL)
    EXECUTE FUNCTION emails_stopped_counted();
