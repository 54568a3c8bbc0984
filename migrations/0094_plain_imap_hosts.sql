-- A server for reading is the same in whatever spelling, as plain_host compares it: what was read there stays read.
CREATE OR REPLACE FUNCTION inbox_changes() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF (plain_host(OLD.imap_host), OLD.imap_port, OLD.imap_username, OLD.login_id, OLD.username)
       IS DISTINCT FROM (plain_host(NEW.imap_host), NEW.imap_port, NEW.imap_username, NEW.login_id, NEW.username) THEN
        DELETE FROM inboxes WHERE workspace_id = NEW.workspace_id AND sender_id = NEW.id;
    ELSE
        UPDATE inboxes SET next_at = least(next_at, now())
        WHERE workspace_id = NEW.workspace_id AND sender_id = NEW.id AND failures > 0;
        IF (OLD.imap_security, OLD.imap_password_encrypted, OLD.password_encrypted)
           IS DISTINCT FROM (NEW.imap_security, NEW.imap_password_encrypted, NEW.password_encrypted) THEN
            UPDATE inboxes SET watch_token = NULL, watched_until = NULL
            WHERE workspace_id = NEW.workspace_id AND sender_id = NEW.id AND watch_token IS NOT NULL;
        END IF;
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE VIEW read_senders WITH (security_invoker = true) AS
    SELECT workspace_id, id AS sender_id, login_id,
           min(id) OVER (PARTITION BY workspace_id, plain_host(imap_host), imap_port, imap_username,
                                      CASE WHEN imap_username IS NULL THEN login_id END) AS inbox_id
    FROM senders s
    WHERE imap_host IS NOT NULL AND (retired_at IS NULL OR awaits_answers(s));
