-- transactional: false
-- Suppressions: addresses and domains that a workspace writes to no more, found by a keyed digest, so that the wish of
-- somebody who was erased outlives the plain text. Sending goes on meanwhile: whoever of the version before inserts emails
-- without a digest does nothing wrong.

-- Keys of this installation, made once and kept whatever becomes of SECRET_KEY: of Message-IDs, of links to unsubscribe, of
-- digests of addresses. `gen_random_uuid` draws from the strong source; three of them have 366 random bits.
CREATE OR REPLACE FUNCTION new_installation_key() RETURNS bytea LANGUAGE sql VOLATILE
    RETURN sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
COMMENT ON FUNCTION new_installation_key IS '32 random bytes, for a column of `installation`';
REVOKE EXECUTE ON FUNCTION new_installation_key FROM PUBLIC;

ALTER TABLE installation
    ADD COLUMN IF NOT EXISTS message_key bytea NOT NULL DEFAULT new_installation_key(),
    ADD COLUMN IF NOT EXISTS link_key bytea NOT NULL DEFAULT new_installation_key(),
    ADD COLUMN IF NOT EXISTS address_key bytea NOT NULL DEFAULT new_installation_key();
ALTER TABLE installation DROP CONSTRAINT IF EXISTS installation_keys;
ALTER TABLE installation ADD CONSTRAINT installation_keys
    CHECK (length(message_key) = 32 AND length(link_key) = 32 AND length(address_key) = 32);
-- Of no worker yet: the first one writes down where it is.
INSERT INTO installation DEFAULT VALUES ON CONFLICT DO NOTHING;

-- The tenants' role has no right on the key. Names in a body of this form are bound when the function is made, so no
-- caller's search path leads it elsewhere, and none has to be set for each call.
CREATE OR REPLACE FUNCTION address_digest(address text) RETURNS bytea LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE
    RETURN (SELECT substr(sha256(i.address_key || convert_to(address_key(address), 'UTF8')), 1, 16) FROM installation i);
COMMENT ON FUNCTION address_digest IS
    'What an address, or a domain behind its @ (`@example.com`), is known by among suppressions, also once it was erased.'
    ' app.domain.suppressions.digests has the same';

CREATE OR REPLACE FUNCTION domain_digests(address text) RETURNS bytea[] LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE
    RETURN (
        SELECT array_agg(substr(sha256(i.address_key || convert_to('@' || array_to_string(d.labels[n:], '.'), 'UTF8')), 1, 16))
        FROM installation i,
             (SELECT string_to_array(split_part(address_key(address), '@', 2), '.') AS labels) d,
             generate_subscripts(d.labels, 1) AS n
    );
COMMENT ON FUNCTION domain_digests IS 'What the domain of an address and each one above it are known by among suppressions';
REVOKE EXECUTE ON FUNCTION address_digest, domain_digests FROM PUBLIC;
GRANT EXECUTE ON FUNCTION address_digest, domain_digests TO reachinbox_tenant;

DO $$
BEGIN
    IF to_regtype('suppression_kind') IS NULL THEN
        CREATE TYPE suppression_kind AS ENUM (
            'ADDRESS',
            'DOMAIN'  -- with all below it
        );
    END IF;
    IF to_regtype('suppression_reason') IS NULL THEN
        CREATE TYPE suppression_reason AS ENUM (
            'UNSUBSCRIBED',  -- by the link, the button or the mail that unsubscribes
            'BOUNCED',       -- a server says that there is no such mailbox
            'COMPLAINED',    -- reported as unwanted
            'REPLIED_STOP',  -- answered that they want no more
            'MANUAL'         -- a member, a program or a file said so
        );
    END IF;
    IF to_regtype('unsubscribe_way') IS NULL THEN
        CREATE TYPE unsubscribe_way AS ENUM (
            'link',    -- a link in the text, and headers
            'header',  -- headers alone
            'none'
        );
    END IF;
END $$;

CREATE OR REPLACE FUNCTION is_own_wish(reason suppression_reason) RETURNS boolean LANGUAGE sql IMMUTABLE
    RETURN reason IN ('UNSUBSCRIBED', 'COMPLAINED', 'REPLIED_STOP');
COMMENT ON FUNCTION is_own_wish IS 'Whether somebody said themselves that they want no more';
GRANT EXECUTE ON FUNCTION is_own_wish TO reachinbox_tenant;

CREATE TABLE IF NOT EXISTS suppressions (
    workspace_id   bigint NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    key            bytea NOT NULL CHECK (length(key) = 16),  -- address_digest of the address, or of @ and the domain
    id             bigint GENERATED ALWAYS AS IDENTITY,
    kind           suppression_kind NOT NULL,
    name           text,  -- the address or domain; NULL: erased
    reason         suppression_reason NOT NULL,
    reason_before  suppression_reason,  -- that a person's own wish took the place of
    email_id       bigint,  -- which it came from; NULL: from none. Both may be gone, by retention
    campaign_id    bigint,
    made_by        bigint REFERENCES users ON DELETE SET NULL,
    note           text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    -- What waits is still to be cancelled, by a walk through emails from this id on; of an address at once. NULL: it is.
    walked_to      bigint,
    PRIMARY KEY (workspace_id, key),
    CONSTRAINT suppressions_id UNIQUE (workspace_id, id)
);
CREATE INDEX IF NOT EXISTS suppressions_domains ON suppressions (workspace_id) WHERE kind = 'DOMAIN';
CREATE INDEX IF NOT EXISTS suppressions_walks ON suppressions (workspace_id, id) WHERE walked_to IS NOT NULL;
CREATE INDEX IF NOT EXISTS suppressions_of_maker ON suppressions (made_by) WHERE made_by IS NOT NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON suppressions TO reachinbox_tenant;
DO $$ BEGIN PERFORM keep_tenants_apart('suppressions'); END $$;

CREATE OR REPLACE FUNCTION suppression_of(of_workspace bigint, address text) RETURNS SETOF suppressions
LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT * FROM suppressions
    WHERE workspace_id = of_workspace AND key = ANY (address_digest(address) || domain_digests(address))
    ORDER BY kind, id
    LIMIT 1
$$;
COMMENT ON FUNCTION suppression_of IS
    'Why an address is written to no more, by itself or with its domain; no row: it is. An exchange has the same, for speed';
GRANT EXECUTE ON FUNCTION suppression_of TO reachinbox_tenant;

-- NULL: of the version before, or erased. Those are found by the plain text, and an exchange makes their digest itself; no
-- table of millions is written anew for it. Whoever is new has an entry in one of the two indexes.
ALTER TABLE emails ADD COLUMN IF NOT EXISTS recipient_key bytea;
DO $$
DECLARE
    broken_off text;
BEGIN
    FOR broken_off IN SELECT indexrelid::regclass FROM pg_index
                      WHERE indrelid = 'emails'::regclass AND NOT indisvalid
                        AND indexrelid::regclass::text IN ('emails_recipient_key', 'emails_recipient_plain') LOOP
        EXECUTE 'DROP INDEX ' || broken_off;
    END LOOP;
END $$;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS emails_recipient_key ON emails (workspace_id, recipient_key, campaign_id)
    WHERE recipient_key IS NOT NULL;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS emails_recipient_plain
    ON emails (workspace_id, lower(recipient COLLATE "C"), campaign_id) WHERE recipient_key IS NULL;
DROP INDEX CONCURRENTLY IF EXISTS emails_recipient;

CREATE OR REPLACE FUNCTION emails_to(of_workspace bigint, keys bytea[], mailboxes text[]) RETURNS SETOF emails
LANGUAGE sql STABLE AS $$
    SELECT * FROM emails WHERE workspace_id = of_workspace AND recipient_key = ANY (keys)
    UNION ALL
    SELECT * FROM emails
    WHERE workspace_id = of_workspace AND recipient_key IS NULL AND lower(recipient COLLATE "C") = ANY (mailboxes)
$$;
COMMENT ON FUNCTION emails_to IS
    'Every email to some addresses, by their digests, and as far as emails have none, by their address_key';
GRANT EXECUTE ON FUNCTION emails_to TO reachinbox_tenant;

-- `insists`: a person has confirmed to write to somebody who is suppressed. `bounced`: of `failed`, because there is no such
-- mailbox.
ALTER TABLE streams
    ADD COLUMN IF NOT EXISTS insists boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS bounced integer NOT NULL DEFAULT 0;
ALTER TABLE streams DROP CONSTRAINT IF EXISTS streams_insists, DROP CONSTRAINT IF EXISTS streams_bounced;
ALTER TABLE streams ADD CONSTRAINT streams_insists CHECK (direct OR NOT insists),
    ADD CONSTRAINT streams_bounced CHECK (bounced >= 0);
-- For the brake.
CREATE INDEX IF NOT EXISTS streams_bouncing ON streams (workspace_id, campaign_id)
    WHERE bounced > 0 AND open AND next_due_at IS NOT NULL;

-- `brake`: what the brake said when it paused the campaign; NULL: it did not, or somebody resumed it. From `braked_*`, how
-- many had gone and bounced by then, it counts anew.
ALTER TABLE campaigns
    ADD COLUMN IF NOT EXISTS unsubscribe unsubscribe_way NOT NULL DEFAULT 'none',
    ADD COLUMN IF NOT EXISTS brake text,
    ADD COLUMN IF NOT EXISTS braked_gone bigint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS braked_bounced bigint NOT NULL DEFAULT 0;

ALTER TABLE workspaces
    ADD COLUMN IF NOT EXISTS bounce_limit smallint DEFAULT 5,  -- percent of what has gone; NULL: no brake
    ADD COLUMN IF NOT EXISTS postal_address text;
ALTER TABLE workspaces DROP CONSTRAINT IF EXISTS workspaces_bounce_limit;
ALTER TABLE workspaces ADD CONSTRAINT workspaces_bounce_limit CHECK (bounce_limit BETWEEN 1 AND 100);

CREATE OR REPLACE FUNCTION bounce_rate(of_workspace bigint, of_campaign bigint) RETURNS TABLE (
    gone bigint, bounced bigint, bounce_limit smallint
) LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT n.gone - c.braked_gone, n.bounced - c.braked_bounced, w.bounce_limit
    FROM campaigns c
    JOIN workspaces w ON w.id = c.workspace_id
    CROSS JOIN LATERAL (SELECT coalesce(sum(s.sent + s.failed), 0)::bigint AS gone,
                               coalesce(sum(s.bounced), 0)::bigint AS bounced
                        FROM streams s WHERE s.workspace_id = c.workspace_id AND s.campaign_id = c.id) n
    WHERE c.workspace_id = of_workspace AND c.id = of_campaign AND c.kind = 'LIST'
$$;
COMMENT ON FUNCTION bounce_rate IS
    'How many emails of a campaign have gone, or failed, since its brake paused it, how many of their recipients do not'
    ' exist, and how many percent are allowed (NULL: any)';
REVOKE EXECUTE ON FUNCTION bounce_rate FROM PUBLIC;

-- Webhooks.
ALTER TABLE webhooks DROP CONSTRAINT IF EXISTS webhooks_events_check;
ALTER TABLE webhooks ADD CONSTRAINT webhooks_events_check CHECK (
    cardinality(events) > 0
    AND events <@ '{email.failed,email.unknown,sender.blocked,campaign.held,campaign.paused,campaign.finished,recipient.suppressed,recipient.unsubscribed}');

CREATE OR REPLACE FUNCTION tell_of_suppression(s suppressions) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    facts constant jsonb := jsonb_build_object(
        'suppressionId', s.id, 'reason', s.reason, 'emailId', s.email_id, 'campaignId', s.campaign_id,
        CASE s.kind WHEN 'DOMAIN' THEN 'domain' ELSE 'recipient' END, s.name);
BEGIN
    PERFORM tell(s.workspace_id, 'recipient.suppressed', facts);
    IF s.reason = 'UNSUBSCRIBED' THEN
        PERFORM tell(s.workspace_id, 'recipient.unsubscribed', facts);
    END IF;
END $$;
COMMENT ON FUNCTION tell_of_suppression IS 'A suppression is new, or has another reason than before';
GRANT EXECUTE ON FUNCTION tell_of_suppression TO reachinbox_tenant;

CREATE OR REPLACE FUNCTION suppressions_are_told() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM tell_of_suppression(m) FROM made m
    WHERE EXISTS (SELECT FROM webhooks w WHERE w.workspace_id = m.workspace_id AND w.disabled_at IS NULL
                    AND w.events && '{recipient.suppressed,recipient.unsubscribed}')
    ORDER BY m.id;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION suppressions_are_told IS 'For the trigger suppressions_told: a statement''s, since there may be thousands';

CREATE OR REPLACE FUNCTION suppression_is_told() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM tell_of_suppression(NEW);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION suppression_is_told IS 'For the trigger suppressions_told_again: somebody said it themselves';

CREATE OR REPLACE TRIGGER suppressions_told AFTER INSERT ON suppressions REFERENCING NEW TABLE AS made FOR EACH STATEMENT
    EXECUTE FUNCTION suppressions_are_told();
CREATE OR REPLACE TRIGGER suppressions_told_again AFTER UPDATE OF reason ON suppressions FOR EACH ROW
    WHEN (NEW.reason <> OLD.reason AND NEW.reason_before IS NOT NULL)
    EXECUTE FUNCTION suppression_is_told();

CREATE OR REPLACE FUNCTION tell_of_brake() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM tell(NEW.workspace_id, 'campaign.paused', jsonb_build_object(
        'campaignId', NEW.id, 'name', NEW.name, 'reason', NEW.brake));
    RETURN NULL;
END $$;
COMMENT ON FUNCTION tell_of_brake IS 'For the trigger campaigns_braked: too many of a campaign''s recipients do not exist';
CREATE OR REPLACE TRIGGER campaigns_braked AFTER UPDATE OF brake ON campaigns FOR EACH ROW
    WHEN (NEW.brake IS NOT NULL AND OLD.brake IS NULL)
    EXECUTE FUNCTION tell_of_brake();
