-- The exchange as a function of several statements (app/sql/ledger/exchange.sql), and what it needs.

-- Behind this place, (scheduled_at, id), stands all of a stream that waits: what was claimed leaves dead entries at the
-- head of the index, which an exchange would walk past again and again until the next vacuum.
ALTER TABLE streams
    ADD COLUMN IF NOT EXISTS passed_at timestamptz NOT NULL DEFAULT '-infinity',
    ADD COLUMN IF NOT EXISTS passed_id bigint NOT NULL DEFAULT 0;

DO $body$
BEGIN
    IF to_regprocedure('lock_window(bigint, bigint)') IS NULL THEN  -- a later migration has it anew
        CREATE FUNCTION lock_window(of_workspace bigint, of_sender bigint) RETURNS bigint LANGUAGE sql AS $$
            INSERT INTO login_windows AS w (workspace_id, login_id, window_start, allowed)
            SELECT l.workspace_id, l.id, this_hour(), l.hourly_limit
            FROM senders s
            JOIN logins l ON l.workspace_id = s.workspace_id AND l.id = s.login_id
            WHERE s.workspace_id = of_workspace AND s.id = of_sender
            FOR SHARE OF l  -- whoever changes the limit meanwhile waits for us, or we for them
            ON CONFLICT (workspace_id, login_id, window_start) DO UPDATE SET used = w.used
            RETURNING w.login_id
        $$;
    END IF;
END $body$;
COMMENT ON FUNCTION lock_window IS
    'Hold the current window of a sender''s login against its exchanges; the login, or NULL where there is no such sender';
GRANT EXECUTE ON FUNCTION lock_window TO reachinbox_tenant;

-- Attempts go with their emails. A reference would do that one email at a time; and it would look up and lock the email
-- of each attempt that an exchange records, which holds it already.
ALTER TABLE attempts DROP CONSTRAINT IF EXISTS attempts_user_id_email_id_fkey;
CREATE OR REPLACE FUNCTION attempts_go_with_emails() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    DELETE FROM attempts a USING gone WHERE a.workspace_id = gone.workspace_id AND a.email_id = gone.id;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION attempts_go_with_emails IS 'For the trigger emails_gone: attempts are removed with their emails';
REVOKE EXECUTE ON FUNCTION attempts_go_with_emails FROM PUBLIC;
CREATE OR REPLACE TRIGGER emails_gone AFTER DELETE ON emails REFERENCING OLD TABLE AS gone FOR EACH STATEMENT
    EXECUTE FUNCTION attempts_go_with_emails();

-- Said at once: an exchange reads the text of each constraint anew.
ALTER TABLE streams
    DROP CONSTRAINT IF EXISTS streams_scheduled_check, DROP CONSTRAINT IF EXISTS streams_sending_check,
    DROP CONSTRAINT IF EXISTS streams_sent_check, DROP CONSTRAINT IF EXISTS streams_failed_check,
    DROP CONSTRAINT IF EXISTS streams_unknown_check, DROP CONSTRAINT IF EXISTS streams_cancelled_check,
    DROP CONSTRAINT IF EXISTS streams_counts,
    ADD CONSTRAINT streams_counts CHECK (least(scheduled, sending, sent, failed, unknown, cancelled) >= 0);
