-- The ledger of the older design: the columns of ours that it has a use for, and only the indexes that it needs.
CREATE TABLE senders (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email         text NOT NULL,
    hourly_limit  integer NOT NULL
);
CREATE TABLE campaigns (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sender_id     bigint NOT NULL REFERENCES senders,
    subject       text NOT NULL,
    body          text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE emails (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id   bigint NOT NULL REFERENCES campaigns,
    recipient     text NOT NULL,
    fields        jsonb NOT NULL,
    status        text NOT NULL DEFAULT 'SCHEDULED',
    scheduled_at  timestamptz NOT NULL,
    sent_at       timestamptz,
    message_id    text,
    retry_count   integer NOT NULL DEFAULT 0
);
CREATE INDEX ON emails (campaign_id, status);
-- Not part of the older design: for the run that keeps a record of every attempt, as ours does.
CREATE TABLE attempts (
    email_id      bigint NOT NULL REFERENCES emails,
    number        integer NOT NULL,
    outcome       text NOT NULL,
    claimed_at    timestamptz NOT NULL,
    recorded_at   timestamptz NOT NULL DEFAULT now(),
    reply         text,
    PRIMARY KEY (email_id, number)
);
