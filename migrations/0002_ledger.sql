-- The ledger: who sends, what is owed to whom, what was tried, and how much of each hour is used up.
--
-- Every tenant table carries user_id, first in its key: rows of one user stay together, a foreign key cannot
-- reach into another user's rows, and the tables can be distributed by user. Row-level security holds the
-- tenants apart even where a query forgets to: the API works as reachinbox_tenant, which sees one user's rows.
--
-- The database refuses impossible states by itself: a campaign whose counts do not add up, a SENT email
-- without a time, a claim without an owner.

DO $$
BEGIN
    CREATE TYPE campaign_status AS ENUM (
        'ACTIVE',     -- its due emails may be claimed
        'PAUSED',     -- nothing is claimed until it is resumed
        'CANCELLED',  -- nothing will be claimed; what waited is cancelled
        'FINISHED'    -- nothing waits and nothing is being sent
    );

    CREATE TYPE email_status AS ENUM (
        'SCHEDULED',  -- waits for scheduled_at
        'SENDING',    -- claimed by a worker, at or on its way to an SMTP server
        'SENT',       -- an SMTP server answered 2xx
        'FAILED',     -- refused for good, or retries used up; a person may retry
        'UNKNOWN',    -- may have been accepted, no answer reached us; a person or onUnknown decides
        'CANCELLED'   -- the campaign was cancelled before its turn
    );

    CREATE TYPE unknown_policy AS ENUM (
        'hold',         -- leave it UNKNOWN for a person
        'resend',       -- schedule it again: rather twice than not at all
        'assume_sent'   -- count it as SENT: rather not at all than twice
    );

    CREATE TYPE attempt_outcome AS ENUM (
        'ACCEPTED',  -- 2xx after the final dot
        'REJECTED',  -- 5xx for this email
        'DEFERRED',  -- 4xx for this email
        'RELEASED',  -- the sender's or the connection's trouble before the final dot; costs the email nothing
        'UNKNOWN'    -- the connection or the worker was lost when the email may have been accepted
    );

    CREATE TYPE smtp_security AS ENUM (
        'none',      -- plain text
        'starttls',  -- plain connect, TLS before anything of value
        'tls'        -- TLS from the first byte
    );
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- run before, and killed before it was marked as done
END $$;

CREATE TABLE IF NOT EXISTS users (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email          text NOT NULL,
    password_hash  text,
    created_at     timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX IF NOT EXISTS users_email ON users (lower(email));

CREATE TABLE IF NOT EXISTS api_keys (
    user_id       bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    id            bigint GENERATED ALWAYS AS IDENTITY,
    key_sha256    bytea NOT NULL CHECK (length(key_sha256) = 32),
    name          text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, id)
);
CREATE UNIQUE INDEX IF NOT EXISTS api_keys_sha256 ON api_keys (key_sha256);

CREATE TABLE IF NOT EXISTS senders (
    user_id             bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    id                  bigint GENERATED ALWAYS AS IDENTITY,
    email               text NOT NULL,
    display_name        text NOT NULL DEFAULT '',
    host                text,  -- NULL: the fallback server of the installation
    port                integer CHECK (port BETWEEN 1 AND 65535),
    security            smtp_security,
    username            text,
    password_encrypted  bytea,
    hourly_limit        integer NOT NULL CHECK (hourly_limit BETWEEN 1 AND 10000000),
    max_connections     integer NOT NULL CHECK (max_connections BETWEEN 1 AND 1000),
    is_default          boolean NOT NULL DEFAULT false,
    -- The sender's trouble: a server that is down or refuses us costs no email anything.
    blocked_until       timestamptz,
    block_reason        text,
    failures            integer NOT NULL DEFAULT 0,  -- in a row; sets the next back-off
    verify_requested_at timestamptz,
    verified_at         timestamptz,  -- when the last request was answered
    verify_error        text,         -- NULL: the server let us in
    created_at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, id),
    CHECK ((host IS NULL) = (port IS NULL) AND (host IS NULL) = (security IS NULL)),
    CHECK ((username IS NULL) = (password_encrypted IS NULL)),
    CHECK (host IS NOT NULL OR username IS NULL),
    CHECK (blocked_until IS NULL OR block_reason IS NOT NULL)
);
CREATE INDEX IF NOT EXISTS senders_id ON senders (id);
CREATE UNIQUE INDEX IF NOT EXISTS senders_default ON senders (user_id) WHERE is_default;

CREATE TABLE IF NOT EXISTS campaigns (
    user_id          bigint NOT NULL,
    id               bigint GENERATED ALWAYS AS IDENTITY,
    sender_id        bigint NOT NULL,
    name             text NOT NULL,
    subject          text NOT NULL,
    body             text NOT NULL,
    body_html        text,
    content_version  integer NOT NULL DEFAULT 1,  -- moves with subject, body and body_html
    fields           text[] NOT NULL DEFAULT '{}',  -- merge fields its recipients carry
    start_at         timestamptz NOT NULL,
    delay_ms         bigint NOT NULL DEFAULT 0 CHECK (delay_ms >= 0),
    hourly_limit     integer CHECK (hourly_limit BETWEEN 1 AND 10000000),
    on_unknown       unknown_policy NOT NULL DEFAULT 'hold',
    status           campaign_status NOT NULL DEFAULT 'ACTIVE',
    total            integer NOT NULL CHECK (total > 0),
    scheduled        integer NOT NULL CHECK (scheduled >= 0),
    sending          integer NOT NULL DEFAULT 0 CHECK (sending >= 0),
    sent             integer NOT NULL DEFAULT 0 CHECK (sent >= 0),
    failed           integer NOT NULL DEFAULT 0 CHECK (failed >= 0),
    unknown          integer NOT NULL DEFAULT 0 CHECK (unknown >= 0),
    cancelled        integer NOT NULL DEFAULT 0 CHECK (cancelled >= 0),
    -- Its use of the current window, for hourly_limit; of an earlier window: 0.
    window_start     timestamptz NOT NULL DEFAULT 'epoch',
    window_used      integer NOT NULL DEFAULT 0,
    created_at       timestamptz NOT NULL DEFAULT now(),
    finished_at      timestamptz,
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id, sender_id) REFERENCES senders (user_id, id),
    CONSTRAINT campaigns_conservation
        CHECK (scheduled + sending + sent + failed + unknown + cancelled = total),
    CONSTRAINT campaigns_finished CHECK (status <> 'FINISHED' OR scheduled + sending = 0),
    CHECK ((status = 'FINISHED') = (finished_at IS NOT NULL))
) WITH (fillfactor = 50);  -- counters change often: room for updates that touch no index
CREATE INDEX IF NOT EXISTS campaigns_of_sender ON campaigns (user_id, sender_id, status);

CREATE TABLE IF NOT EXISTS emails (
    user_id       bigint NOT NULL,
    id            bigint GENERATED ALWAYS AS IDENTITY,
    campaign_id   bigint NOT NULL,
    recipient     text NOT NULL,
    fields        jsonb NOT NULL DEFAULT '{}',
    status        email_status NOT NULL DEFAULT 'SCHEDULED',
    scheduled_at  timestamptz NOT NULL,
    retry_count   integer NOT NULL DEFAULT 0,  -- temporary failures (4xx) so far
    attempts      integer NOT NULL DEFAULT 0,  -- rows of this email in attempts
    claim_token   uuid,         -- of the worker that holds it
    claimed_at    timestamptz,  -- of the latest claim
    sent_at       timestamptz,
    message_id    text,
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id, campaign_id) REFERENCES campaigns (user_id, id) ON DELETE CASCADE,
    CHECK ((status = 'SENDING') = (claim_token IS NOT NULL)),
    CHECK ((status = 'SENT') = (sent_at IS NOT NULL)),
    CHECK (status <> 'SENDING' OR claimed_at IS NOT NULL)
);
-- One campaign never owes one address two emails. In ASCII case, whatever the database's locale: see addresses.key.
CREATE UNIQUE INDEX IF NOT EXISTS emails_recipient ON emails (user_id, lower(recipient COLLATE "C"), campaign_id);
-- The queue. By campaign, so that a paused million stands in nobody's way.
CREATE INDEX IF NOT EXISTS emails_due ON emails (user_id, campaign_id, scheduled_at, id) WHERE status = 'SCHEDULED';
-- What a dead worker held.
CREATE INDEX IF NOT EXISTS emails_claimed ON emails (claim_token) WHERE status = 'SENDING';
-- What a person must look at.
CREATE INDEX IF NOT EXISTS emails_trouble ON emails (user_id, status, id) WHERE status IN ('FAILED', 'UNKNOWN');

-- Append-only: one row for each try, and what came of it.
CREATE TABLE IF NOT EXISTS attempts (
    user_id        bigint NOT NULL,
    email_id       bigint NOT NULL,
    number         integer NOT NULL,
    outcome        attempt_outcome NOT NULL,
    claimed_at     timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL DEFAULT now(),
    duration_ms    integer,
    server         text,     -- host:port spoken to
    command        text,     -- MAIL, RCPT, DATA or . where it ended
    code           integer,  -- RFC 5321 reply code
    enhanced_code  text,     -- RFC 3463
    reply          text,
    PRIMARY KEY (user_id, email_id, number),
    FOREIGN KEY (user_id, email_id) REFERENCES emails (user_id, id) ON DELETE CASCADE
);

-- One clock hour (UTC) of one sender. Its row is the limit: every claim locks it first and adds to `used`.
CREATE TABLE IF NOT EXISTS sender_windows (
    user_id       bigint NOT NULL,
    sender_id     bigint NOT NULL,
    window_start  timestamptz NOT NULL,
    used          integer NOT NULL DEFAULT 0 CHECK (used >= 0),
    accepted      integer NOT NULL DEFAULT 0,
    rejected      integer NOT NULL DEFAULT 0,
    deferred      integer NOT NULL DEFAULT 0,
    released      integer NOT NULL DEFAULT 0,
    unknown       integer NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, sender_id, window_start),
    FOREIGN KEY (user_id, sender_id) REFERENCES senders (user_id, id) ON DELETE CASCADE
) WITH (fillfactor = 50);

-- Worker processes and how long each may still be believed alive.
CREATE TABLE IF NOT EXISTS workers (
    token        uuid PRIMARY KEY,
    name         text NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT now(),
    lease_until  timestamptz NOT NULL
);

-- Connections each worker holds open for a sender: their sum keeps to senders.max_connections.
CREATE TABLE IF NOT EXISTS lanes (
    user_id       bigint NOT NULL,
    sender_id     bigint NOT NULL,
    worker_token  uuid NOT NULL REFERENCES workers ON DELETE CASCADE,
    count         integer NOT NULL CHECK (count > 0),
    PRIMARY KEY (user_id, sender_id, worker_token),
    FOREIGN KEY (user_id, sender_id) REFERENCES senders (user_id, id) ON DELETE CASCADE
);

-- Answers already given, so that a repeated request gives the same and writes nothing.
CREATE TABLE IF NOT EXISTS idempotency_keys (
    user_id      bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    key          text NOT NULL,
    fingerprint  bytea NOT NULL,  -- SHA-256 of the request
    answer       jsonb,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);

-- What the sandbox mailbox received.
CREATE TABLE IF NOT EXISTS sandbox_messages (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id        bigint REFERENCES users ON DELETE CASCADE,  -- NULL: not from one of our campaigns
    received_at    timestamptz NOT NULL DEFAULT now(),
    envelope_from  text NOT NULL,
    envelope_to    text[] NOT NULL,
    content        bytea NOT NULL
);
CREATE INDEX IF NOT EXISTS sandbox_messages_of_user ON sandbox_messages (user_id, id);
