-- transactional: false
-- Webhooks: whom to tell what happened, and the outbox of what is to be told.
--
-- A delivery is written in the transaction of the change that it tells of, one for each webhook that wants to know.
-- A worker takes one webhook at a time by a lease on its row, so what is told to it goes in order.

DO $$
BEGIN
    CREATE TYPE delivery_status AS ENUM (
        'PENDING',    -- is to be sent, or sent again, at next_attempt_at
        'DELIVERED',  -- the receiver answered 2xx
        'FAILED'      -- every try was used up
    );
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- run before, and killed before it was marked as done
END $$;

CREATE TABLE IF NOT EXISTS webhooks (
    user_id           bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    id                bigint GENERATED ALWAYS AS IDENTITY,
    url               text NOT NULL,
    description       text NOT NULL DEFAULT '',
    events            text[] NOT NULL CHECK (cardinality(events) > 0 AND events
                          <@ '{email.failed,email.unknown,sender.blocked,campaign.finished}'),
    secret_encrypted  bytea,  -- NULL only until the transaction that makes the row has sealed it for its id
    created_at        timestamptz NOT NULL DEFAULT now(),
    disabled_at       timestamptz,  -- nothing more is written for it, and what is PENDING stays so
    disabled_reason   text,         -- NULL: by its user
    failures          integer NOT NULL DEFAULT 0,  -- in a row; sets the next pause
    failing_since     timestamptz,  -- NULL: the last try was a success
    last_error        text,
    retry_at          timestamptz,  -- nothing is tried before
    lease_token       uuid,         -- of the run that delivers to it now
    lease_until       timestamptz,
    PRIMARY KEY (user_id, id),
    CHECK (disabled_at IS NOT NULL OR disabled_reason IS NULL),
    CHECK ((failures = 0) = (failing_since IS NULL) AND (failures = 0) = (last_error IS NULL)),
    CHECK ((lease_token IS NULL) = (lease_until IS NULL))
);
CREATE INDEX IF NOT EXISTS webhooks_id ON webhooks (id);

CREATE TABLE IF NOT EXISTS webhook_deliveries (
    user_id          bigint NOT NULL,
    id               bigint GENERATED ALWAYS AS IDENTITY,
    webhook_id       bigint NOT NULL,
    message_id       text NOT NULL DEFAULT 'msg_' || replace(gen_random_uuid()::text, '-', ''),  -- header webhook-id
    event            text NOT NULL,
    data             jsonb NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    status           delivery_status NOT NULL DEFAULT 'PENDING',
    attempts         integer NOT NULL DEFAULT 0,
    attempted_at     timestamptz,  -- the latest try
    status_code      integer,      -- what came of it: the answer's,
    error            text,         -- or why it was a failure
    next_attempt_at  timestamptz DEFAULT now(),
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id, webhook_id) REFERENCES webhooks (user_id, id) ON DELETE CASCADE,
    CHECK ((status = 'PENDING') = (next_attempt_at IS NOT NULL)),
    CHECK (status <> 'FAILED' OR error IS NOT NULL)
);
-- The outbox.
CREATE INDEX IF NOT EXISTS webhook_deliveries_pending
    ON webhook_deliveries (user_id, webhook_id, next_attempt_at, id) WHERE status = 'PENDING';
-- The log of a webhook, and what is too old for it.
CREATE INDEX IF NOT EXISTS webhook_deliveries_of_webhook ON webhook_deliveries (user_id, webhook_id, id);
CREATE INDEX IF NOT EXISTS webhook_deliveries_created ON webhook_deliveries (created_at);

-- Since when, for whoever looks at a blocked sender: blocked_until moves with each failure.
ALTER TABLE senders ADD COLUMN IF NOT EXISTS blocked_since timestamptz;

GRANT SELECT, INSERT, UPDATE, DELETE ON webhooks, webhook_deliveries TO reachinbox_tenant;
ALTER TABLE webhooks ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhooks FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_rows ON webhooks;
CREATE POLICY own_rows ON webhooks TO reachinbox_tenant
    USING (user_id = (SELECT nullif(current_setting('reachinbox.user_id', true), '')::bigint));
DROP POLICY IF EXISTS service ON webhooks;
CREATE POLICY service ON webhooks TO CURRENT_USER USING (true);
ALTER TABLE webhook_deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_deliveries FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_rows ON webhook_deliveries;
CREATE POLICY own_rows ON webhook_deliveries TO reachinbox_tenant
    USING (user_id = (SELECT nullif(current_setting('reachinbox.user_id', true), '')::bigint));
DROP POLICY IF EXISTS service ON webhook_deliveries;
CREATE POLICY service ON webhook_deliveries TO CURRENT_USER USING (true);
