-- Another mailbox has other places; where a person has mended something, nobody waits for the end of a back-off; and who
-- watches ends it with the login by which it began.
CREATE OR REPLACE FUNCTION inbox_changes() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF (OLD.imap_host, OLD.imap_port, OLD.imap_username, OLD.login_id, OLD.username)
       IS DISTINCT FROM (NEW.imap_host, NEW.imap_port, NEW.imap_username, NEW.login_id, NEW.username) THEN
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
