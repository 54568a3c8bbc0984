-- Accounts: who may log in and how, for how long, and what they did.
--
-- Tokens that open something (sessions, invitations, resets, login states) are kept as SHA-256 only: whoever reads
-- the database cannot use them.

ALTER TABLE users
    ADD COLUMN IF NOT EXISTS is_admin boolean NOT NULL DEFAULT false;

-- Accounts at OpenID Connect providers: a subject is unique within its issuer, and an address proves nothing.
CREATE TABLE IF NOT EXISTS identities (
    issuer      text NOT NULL,
    subject     text NOT NULL,
    user_id     bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX IF NOT EXISTS identities_of_user ON identities (user_id);

CREATE TABLE IF NOT EXISTS sessions (
    token_sha256  bytea PRIMARY KEY CHECK (length(token_sha256) = 32),
    id            bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    user_id       bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at    timestamptz NOT NULL DEFAULT now(),
    last_seen_at  timestamptz NOT NULL DEFAULT now(),  -- idle expiry; moved forward once a minute at most
    expires_at    timestamptz NOT NULL,                -- absolute expiry
    address       text NOT NULL,
    user_agent    text NOT NULL
);
CREATE INDEX IF NOT EXISTS sessions_of_user ON sessions (user_id);

-- A login at a provider that has begun: taken (deleted) by the first callback that names its state.
CREATE TABLE IF NOT EXISTS oidc_logins (
    state_sha256    bytea PRIMARY KEY CHECK (length(state_sha256) = 32),
    browser_sha256  bytea NOT NULL CHECK (length(browser_sha256) = 32),  -- of the cookie of the browser that began it
    nonce           text NOT NULL,
    code_verifier   text NOT NULL,
    invitation      text,  -- as the person brought it; checked again at the callback
    created_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS invitations (
    token_sha256  bytea PRIMARY KEY CHECK (length(token_sha256) = 32),
    id            bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    invited_by    bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    email         text,  -- NULL: whoever has the link
    created_at    timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL,
    used_at       timestamptz
);

-- The link itself is signed and not kept; the row makes it work once.
CREATE TABLE IF NOT EXISTS password_resets (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id     bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz
);

-- Failed logins by account and by address, in windows of fifteen minutes; the row is locked to be counted.
CREATE TABLE IF NOT EXISTS login_attempts (
    subject       text NOT NULL,  -- account:… or address:…
    window_start  timestamptz NOT NULL,
    count         integer NOT NULL,
    PRIMARY KEY (subject, window_start)
);

ALTER TABLE api_keys
    ADD COLUMN IF NOT EXISTS prefix text NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS scopes text[] NOT NULL DEFAULT '{read,send,admin}'
        CHECK (scopes <@ '{read,send,admin}' AND cardinality(scopes) > 0),
    ADD COLUMN IF NOT EXISTS expires_at timestamptz,
    ADD COLUMN IF NOT EXISTS last_used_at timestamptz,
    ADD COLUMN IF NOT EXISTS revoked_at timestamptz;

-- Who did what, when, from where. Append-only.
CREATE TABLE IF NOT EXISTS audit_log (
    user_id     bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    id          bigint GENERATED ALWAYS AS IDENTITY,
    at          timestamptz NOT NULL DEFAULT now(),
    action      text NOT NULL,
    subject     text NOT NULL DEFAULT '',  -- what it was done to, such as senders/7
    address     text NOT NULL,
    user_agent  text NOT NULL,
    PRIMARY KEY (user_id, id)
);

-- The tenants' role writes the log of its user and reads it, and changes nothing in it.
GRANT SELECT, INSERT ON audit_log TO reachinbox_tenant;
ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_log FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_rows ON audit_log;
CREATE POLICY own_rows ON audit_log TO reachinbox_tenant
    USING (user_id = (SELECT nullif(current_setting('reachinbox.user_id', true), '')::bigint));
DROP POLICY IF EXISTS service ON audit_log;
CREATE POLICY service ON audit_log TO CURRENT_USER USING (true);
