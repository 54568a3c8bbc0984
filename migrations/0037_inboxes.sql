-- The reading side of a sender: where its mailbox is read, and how it is logged in to there.
--
-- Without a username of its own it is read by the sender's own credential: the same password, or the grant's tokens.

ALTER TABLE senders
    ADD COLUMN IF NOT EXISTS imap_host text,
    ADD COLUMN IF NOT EXISTS imap_port integer,
    ADD COLUMN IF NOT EXISTS imap_security smtp_security,
    ADD COLUMN IF NOT EXISTS imap_username text,
    ADD COLUMN IF NOT EXISTS imap_password_encrypted bytea,
    ADD COLUMN IF NOT EXISTS verify_imap_error text;  -- as verify_error, of reading
ALTER TABLE senders DROP CONSTRAINT IF EXISTS senders_imap;
ALTER TABLE senders ADD CONSTRAINT senders_imap CHECK (
    num_nulls(imap_host, imap_port, imap_security) IN (0, 3)
    AND imap_port BETWEEN 1 AND 65535
    AND imap_security <> 'none'  -- a login goes over it
    AND (imap_username IS NULL) = (imap_password_encrypted IS NULL)
    AND (imap_username IS NULL OR imap_host IS NOT NULL));

-- What a mail on the wire showed: the last one that a sender sent to see what becomes of it.
CREATE TABLE IF NOT EXISTS wire_checks (
    workspace_id      bigint NOT NULL,
    sender_id         bigint NOT NULL,
    reader_id         bigint NOT NULL,  -- the sender whose mailbox it goes to, and is looked for in
    requested_at      timestamptz NOT NULL DEFAULT now(),
    started_at        timestamptz,  -- when a worker began
    done_at           timestamptz,
    findings          jsonb NOT NULL DEFAULT '[]',
    -- NULL: not told, or not asked yet
    one_click_signed  boolean,
    message_id_kept   boolean,
    sent_copy         boolean,
    dmarc_aligned     boolean,
    inbox_read        boolean,
    latency_ms        integer,
    used_message_id   text,
    PRIMARY KEY (workspace_id, sender_id),
    FOREIGN KEY (workspace_id, sender_id) REFERENCES senders (workspace_id, id) ON DELETE CASCADE,
    CHECK (done_at IS NULL OR started_at IS NOT NULL)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON wire_checks TO reachinbox_tenant;
DO $$
BEGIN
    PERFORM keep_tenants_apart('wire_checks');
END $$;

-- What was seen of one mailbox says nothing of another. A rule of the rows, so nobody who changes senders can forget it.
CREATE OR REPLACE FUNCTION wire_check_follows_sender() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM wire_checks WHERE workspace_id = NEW.workspace_id AND sender_id = NEW.id;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION wire_check_follows_sender IS
    'For the trigger senders_keep_wire_check: a check is of the address and the servers that it was made with';
CREATE OR REPLACE TRIGGER senders_keep_wire_check
    AFTER UPDATE OF email, host, username, imap_host, imap_username ON senders FOR EACH ROW
    WHEN ((OLD.email, OLD.host, OLD.username, OLD.imap_host, OLD.imap_username)
          IS DISTINCT FROM (NEW.email, NEW.host, NEW.username, NEW.imap_host, NEW.imap_username))
    EXECUTE FUNCTION wire_check_follows_sender();
