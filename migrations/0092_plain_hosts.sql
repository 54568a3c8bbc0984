-- "smtp.example.com." is the host "smtp.example.com": new rows have no dot in the end, and those that have one are compared
-- without it. They stay as they are, and so do their logins: to make one of two would change what others may send.
CREATE OR REPLACE FUNCTION plain_host(host text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT lower(regexp_replace(host, '\.$', '') COLLATE "C")
$$;
COMMENT ON FUNCTION plain_host IS 'What two spellings of one host have in common';
GRANT EXECUTE ON FUNCTION plain_host TO reachinbox_tenant;

CREATE OR REPLACE FUNCTION logs_in_as(s senders, of_host text, of_username text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT plain_host(s.host) = plain_host(of_host)
       AND lower(s.username COLLATE "C") = lower(of_username COLLATE "C")
$$;

-- A host that is only spelled otherwise is no other mailbox: its grant stays.
CREATE OR REPLACE TRIGGER senders_keep_grant AFTER UPDATE OF host, username, password_encrypted ON senders FOR EACH ROW
    WHEN (NEW.login_id = OLD.login_id
          AND (plain_host(OLD.host) IS DISTINCT FROM plain_host(NEW.host)
               OR lower(OLD.username COLLATE "C") IS DISTINCT FROM lower(NEW.username COLLATE "C")
               OR OLD.password_encrypted IS NULL AND NEW.password_encrypted IS NOT NULL))
    EXECUTE FUNCTION grant_follows_sender();
