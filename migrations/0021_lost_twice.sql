-- Which attempts ended with their worker: an email that two workers in a row did not survive may be what they died of,
-- so no policy sends it again (`recover` in app/sql/ledger/recovery.sql).

ALTER TABLE attempts
    ADD COLUMN IF NOT EXISTS worker_lost boolean;  -- NULL: the worker lived to tell
