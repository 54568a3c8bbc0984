-- Which installation a database belongs to: its first worker writes it down, and every later one compares, so that a
-- restored or cloned database does not send by itself (`app.domain.operations.installation`).
--
-- One row, and no right for the tenants' role. Its `id` stays NULL until a worker has started.
CREATE TABLE IF NOT EXISTS installation (
    only_row           boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    id                 uuid,     -- another one after each `reachinbox take-over`
    system_identifier  bigint,   -- of the server, made by initdb; NULL where it does not tell
    timeline           integer,  -- of the server; each promotion and restore begins another. NULL where it does not tell
    database_oid       oid,      -- a copy within the same server has another
    host               text,     -- of BASE_URL; NULL: this very machine, which is a name for any
    generation         bigint NOT NULL DEFAULT 0,  -- raised by each lease that workers take and renew
    behind_since       timestamptz,                -- a worker has seen a later generation than this database has
    CONSTRAINT installation_is_known CHECK ((id IS NULL) = (database_oid IS NULL))
) WITH (fillfactor = 50);

-- The control file would say the old timeline for minutes after a promotion. A managed server may keep to itself what
-- it is (Amazon Aurora has no positions in a log): then the rest has to do.
CREATE OR REPLACE FUNCTION installation_here(
    OUT system_identifier bigint, OUT timeline integer, OUT database_oid oid
) LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT oid INTO database_oid FROM pg_database WHERE datname = current_database();
    BEGIN
        SELECT c.system_identifier INTO system_identifier FROM pg_control_system() c;
    EXCEPTION
        WHEN insufficient_privilege OR feature_not_supported THEN NULL;
    END;
    BEGIN
        timeline := ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer;
    EXCEPTION
        WHEN insufficient_privilege OR feature_not_supported THEN NULL;
    END;
END $$;
COMMENT ON FUNCTION installation_here IS
    'What tells the database of this session from others: its server, the server''s timeline, the database in it';
