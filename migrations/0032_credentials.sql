-- Credentials: how a login proves itself to its server, by a password or by an OAuth grant of a provider.
--
-- A password stays at its sender. A grant is the login's, for SMTP and IMAP alike: tokens are sealed, and all that is said
-- of time is by this database's clock, whatever the workers' say.

DO $$
BEGIN
    CREATE TYPE credential_kind AS ENUM (
        'PASSWORD',  -- or none, where the server asks for no login
        'OAUTH'      -- a grant of the provider
    );
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- run before, and killed before it was marked as done
END $$;

ALTER TABLE logins
    ADD COLUMN IF NOT EXISTS credential credential_kind NOT NULL DEFAULT 'PASSWORD',
    ADD COLUMN IF NOT EXISTS provider text,
    ADD COLUMN IF NOT EXISTS refresh_token_encrypted bytea,
    ADD COLUMN IF NOT EXISTS access_token_encrypted bytea,
    ADD COLUMN IF NOT EXISTS access_expires_at timestamptz,
    -- Which tokens these are: one more with each refresh and each new grant. Who refreshes writes over the version that it
    -- read, and no other.
    ADD COLUMN IF NOT EXISTS grant_version integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS refreshed_at timestamptz,
    ADD COLUMN IF NOT EXISTS refresh_at timestamptz,  -- when a sweep refreshes it: some time before it expires
    ADD COLUMN IF NOT EXISTS refresh_lease uuid,  -- who talks to the provider, until then at the latest
    ADD COLUMN IF NOT EXISTS refresh_lease_until timestamptz,
    ADD COLUMN IF NOT EXISTS refresh_failures integer NOT NULL DEFAULT 0,  -- in a row
    ADD COLUMN IF NOT EXISTS refresh_after timestamptz,  -- not asked again before: the provider is away, or wants us to wait
    ADD COLUMN IF NOT EXISTS grant_error text,  -- why the latest refresh failed
    ADD COLUMN IF NOT EXISTS grant_ended_at timestamptz;  -- no refresh helps: a person has to connect again

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'logins'::regclass AND conname = 'logins_grant') THEN
        ALTER TABLE logins ADD CONSTRAINT logins_grant CHECK (CASE credential
            WHEN 'OAUTH' THEN provider IS NOT NULL AND refresh_token_encrypted IS NOT NULL
                AND access_token_encrypted IS NOT NULL AND access_expires_at IS NOT NULL
            ELSE provider IS NULL AND refresh_token_encrypted IS NULL AND access_token_encrypted IS NULL
        END);
    END IF;
END $$;
CREATE INDEX IF NOT EXISTS logins_refresh ON logins (refresh_at)
    WHERE credential = 'OAUTH' AND grant_ended_at IS NULL;

-- A username comes without a password where a grant proves it. The constraint from before welded the two.
DO $$
DECLARE
    welded text;
BEGIN
    SELECT conname INTO welded FROM pg_constraint
    WHERE conrelid = 'senders'::regclass AND contype = 'c'
      AND pg_get_constraintdef(oid) LIKE '%((username IS NULL) = (password_encrypted IS NULL))%';
    IF welded IS NOT NULL THEN
        EXECUTE format('ALTER TABLE senders DROP CONSTRAINT %I', welded);
    END IF;
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'senders'::regclass AND conname = 'senders_password') THEN
        ALTER TABLE senders ADD CONSTRAINT senders_password CHECK (password_encrypted IS NULL OR username IS NOT NULL);
    END IF;
END $$;

-- Whoever gives a sender another server, another username or a password means no grant any more: it is for one mailbox of
-- one provider, and no other host is shown its tokens. A rule of the rows, so nobody who changes senders can forget it.
-- While another sender logs in by it still, the grant is that one's: who leaves takes none along.
CREATE OR REPLACE FUNCTION grant_follows_sender() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE logins
    SET credential = 'PASSWORD', provider = NULL, refresh_token_encrypted = NULL, access_token_encrypted = NULL,
        access_expires_at = NULL, grant_version = grant_version + 1, refresh_lease = NULL, refresh_lease_until = NULL,
        refresh_at = NULL, refresh_after = NULL, refresh_failures = 0, grant_error = NULL, grant_ended_at = NULL
    WHERE workspace_id = OLD.workspace_id AND id = OLD.login_id AND credential = 'OAUTH'
      AND NOT EXISTS (SELECT FROM senders s
                      WHERE s.workspace_id = OLD.workspace_id AND s.login_id = OLD.login_id AND s.id <> OLD.id
                        AND lower(s.host COLLATE "C") = lower(OLD.host COLLATE "C")
                        AND lower(s.username COLLATE "C") = lower(OLD.username COLLATE "C"));
    RETURN NULL;
END $$;
COMMENT ON FUNCTION grant_follows_sender IS
    'For the trigger senders_keep_grant: a grant ends where its last sender gets another server, username or a password';
CREATE OR REPLACE TRIGGER senders_keep_grant AFTER UPDATE OF host, username, password_encrypted ON senders FOR EACH ROW
    WHEN (NEW.login_id = OLD.login_id
          AND (lower(OLD.host COLLATE "C") IS DISTINCT FROM lower(NEW.host COLLATE "C")
               OR lower(OLD.username COLLATE "C") IS DISTINCT FROM lower(NEW.username COLLATE "C")
               OR OLD.password_encrypted IS NULL AND NEW.password_encrypted IS NOT NULL))
    EXECUTE FUNCTION grant_follows_sender();

-- Mailboxes are connected as people log in: what the login that began was for. NULL: to ReachInbox itself.
ALTER TABLE oidc_logins
    ADD COLUMN IF NOT EXISTS provider text,
    ADD COLUMN IF NOT EXISTS session_id bigint,
    ADD COLUMN IF NOT EXISTS user_id bigint,
    ADD COLUMN IF NOT EXISTS workspace_id bigint,
    ADD COLUMN IF NOT EXISTS sender_id bigint;  -- the mailbox to connect again; NULL: a new one
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'oidc_logins'::regclass AND conname = 'oidc_logins_for') THEN
        ALTER TABLE oidc_logins ADD CONSTRAINT oidc_logins_for CHECK (
            num_nulls(provider, session_id, user_id, workspace_id) IN (0, 4)
            AND (sender_id IS NULL OR provider IS NOT NULL));
    END IF;
END $$;

-- What DNS says of a sender's domain, as it was last asked.
CREATE TABLE IF NOT EXISTS sender_dns (
    workspace_id  bigint NOT NULL,
    sender_id     bigint NOT NULL,
    domain        text NOT NULL,
    selectors     text[] NOT NULL DEFAULT '{}',  -- of DKIM, as mail of the sender was seen to be signed by
    findings      jsonb,  -- NULL: not asked yet
    checked_at    timestamptz,
    PRIMARY KEY (workspace_id, sender_id),
    FOREIGN KEY (workspace_id, sender_id) REFERENCES senders (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS sender_dns_age ON sender_dns (checked_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON sender_dns TO reachinbox_tenant;
DO $$
BEGIN
    PERFORM keep_tenants_apart('sender_dns');
END $$;
